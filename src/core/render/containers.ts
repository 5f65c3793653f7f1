// Answers: what do the containers of the proxy look like in the template sidecar, and what do the other templates share
// with it.
import type { JsonObject } from '../model/json.ts';
import type { Container, Probe, SecurityContext } from '../model/pod.ts';
import { initContainerName, proxyContainerName, validationContainerName } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';
import { defaultProxyId } from '../settings/proxy-ids.ts';
import type { RenderContext } from './context.ts';
import { proxyMetadata, sidecarEnv } from './env.ts';
import { initImage, proxyImage } from './image.ts';
import { resourcesOf } from './resources.ts';
import { sharedMembers, sharedPart } from './shared.ts';
import { isTproxy, redirectionArgs } from './traffic.ts';
import { sidecarMounts } from './volumes.ts';

const metricsPort = Object.freeze({ containerPort: 15090, protocol: 'TCP', name: 'http-envoy-prom' });
const healthPort = 15021;

/** The container that redirects the pod's traffic, or with the CNI plugin checks that it is redirected. */
export function initContainer(context: RenderContext): Container {
  return sharedPart(context, 'init container', () => makeInitContainer(context.effective));
}

function makeInitContainer(effective: Effective): Container {
  const { values } = effective.facts;
  const { global } = values;
  const env = proxyMetadata(effective);
  const args = redirectionArgs(effective);
  args.push(`--log_output_level=${agentLogLevel(effective)}`);
  if (global.logAsJson) args.push('--log_as_json');
  if (values.cni.enabled) args.push('--run-validation', '--skip-rule-apply');
  else if (global.proxyInit.forceApplyIptables) args.push('--force-apply');
  if (global.nativeNftables) args.push('--native-nftables');
  return {
    name: values.cni.enabled ? validationContainerName : initContainerName,
    image: initImage(effective),
    ...pullPolicy(effective),
    args,
    ...(env.length > 0 && { env }),
    resources: resourcesOf(effective),
    securityContext: values.cni.enabled ? validationSecurity(effective) : redirectionSecurity(effective),
  };
}

function redirectionSecurity({ facts }: Effective): SecurityContext {
  const { privileged, seccompProfile } = facts.values.global.proxy;
  return {
    allowPrivilegeEscalation: privileged,
    privileged,
    capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
    readOnlyRootFilesystem: false,
    runAsGroup: 0,
    runAsNonRoot: false,
    runAsUser: 0,
    ...(seccompProfile && { seccompProfile }),
  };
}

function validationSecurity(effective: Effective): SecurityContext {
  const { privileged, seccompProfile } = effective.facts.values.global.proxy;
  const tproxy = isTproxy(effective);
  return {
    allowPrivilegeEscalation: privileged,
    privileged,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsGroup: tproxy ? defaultProxyId : effective.ids.group,
    runAsNonRoot: true,
    runAsUser: tproxy ? defaultProxyId : effective.ids.user,
    ...(seccompProfile && { seccompProfile }),
  };
}

/** The proxy as the template sidecar places it. */
export function sidecarContainer(context: RenderContext): Container {
  const name = context.effective.native ? 'native sidecar' : 'plain sidecar';
  return { ...sharedMembers(context, name, () => withoutEnv(context)), env: sidecarEnv(context) };
}

function withoutEnv(context: RenderContext): Container {
  const { effective } = context;
  const { outlierLogPath } = effective.facts.values.global.proxy;
  const lifecycle = sidecarLifecycle(effective);
  return {
    name: proxyContainerName,
    image: proxyImage(effective),
    ...pullPolicy(effective),
    ...(effective.native && { restartPolicy: 'Always' }),
    ports: [metricsPort],
    args: [
      ...agentArgs(effective, 'sidecar'),
      ...(outlierLogPath === '' ? [] : [`--outlierLogPath=${outlierLogPath}`]),
    ],
    ...(lifecycle && { lifecycle }),
    ...(effective.statusPort !== '0' && sidecarProbes(context)),
    securityContext: sidecarSecurity(effective),
    resources: resourcesOf(effective),
    volumeMounts: sidecarMounts(context),
  };
}

/** Arguments of `pilot-agent` for a proxy of the given kind. */
export function agentArgs(effective: Effective, kind: 'sidecar' | 'router'): string[] {
  const { annotations, facts } = effective;
  const { proxy, logAsJson, stsServicePort } = facts.values.global;
  return [
    'proxy',
    kind,
    '--domain',
    `$(POD_NAMESPACE).svc.${proxy.clusterDomain}`,
    `--proxyLogLevel=${annotations.logLevel ?? proxy.logLevel}`,
    `--proxyComponentLogLevel=${annotations.componentLogLevel ?? proxy.componentLogLevel}`,
    `--log_output_level=${agentLogLevel(effective)}`,
    ...(stsServicePort === 0 ? [] : [`--stsPort=${stsServicePort}`]),
    ...(logAsJson ? ['--log_as_json'] : []),
  ];
}

export function pullPolicy({ facts }: Effective): { imagePullPolicy?: string } {
  const { imagePullPolicy } = facts.values.global;
  return imagePullPolicy === '' ? {} : { imagePullPolicy };
}

export const proxyPorts = [metricsPort];

function agentLogLevel({ annotations, facts }: Effective): string {
  return annotations.agentLogLevel ?? facts.values.global.logLevel;
}

/**
 * A native sidecar begins to drain when the pod begins to end, and gets its SIGTERM only after the application has
 * ended (KEP-753). A plain one that the application waits for blocks the start of the containers behind it.
 */
function sidecarLifecycle(effective: Effective): JsonObject | undefined {
  const { lifecycle } = effective.facts.values.global.proxy;
  if (lifecycle !== undefined) return lifecycle;
  if (effective.native) {
    const command = ['pilot-agent', 'request', `--debug-port=${effective.statusPort}`, 'POST', 'drain'];
    return { preStop: { exec: { command } } };
  }
  return effective.holdApplication ? { postStart: { exec: { command: ['pilot-agent', 'wait'] } } } : undefined;
}

function sidecarProbes(context: RenderContext): { startupProbe?: Probe; readinessProbe: Probe } {
  const { startupProbe } = context.effective.facts.values.global.proxy;
  const startup: Probe = {
    httpGet: { path: '/healthz/ready', port: healthPort },
    ...numbers(context, { initialDelaySeconds: 0, periodSeconds: 1, failureThreshold: startupProbe.failureThreshold }),
    timeoutSeconds: 3,
  };
  return {
    ...(startupProbe.enabled && { startupProbe: startup }),
    readinessProbe: readinessProbe(context, healthPort),
  };
}

/** The readiness probe as annotations and values tune it. */
export function readinessProbe(context: RenderContext, port: number): Probe {
  const { annotations, facts } = context.effective;
  const { proxy } = facts.values.global;
  return {
    httpGet: { path: '/healthz/ready', port },
    ...numbers(context, {
      initialDelaySeconds: annotations.readinessInitialDelaySeconds ?? proxy.readinessInitialDelaySeconds,
      periodSeconds: annotations.readinessPeriodSeconds ?? proxy.readinessPeriodSeconds,
      failureThreshold: annotations.readinessFailureThreshold ?? proxy.readinessFailureThreshold,
    }),
    timeoutSeconds: 3,
  };
}

/** The readiness probe of a gateway, which annotations do not tune. */
export function gatewayReadinessProbe(context: RenderContext): Probe {
  return readinessProbe({ ...context, effective: { ...context.effective, annotations: {} } }, healthPort);
}

/** Kubernetes keeps no zero in the fields of a probe: a zero takes away what an earlier injection set. */
function numbers({ takesAway }: RenderContext, fields: { readonly [name: string]: number }): Probe {
  const kept: { [name: string]: number | null } = {};
  for (const name in fields) {
    const value = fields[name];
    if (value) kept[name] = value;
    else if (takesAway) kept[name] = null;
  }
  return kept;
}

function sidecarSecurity(effective: Effective): SecurityContext {
  const { annotations, facts, ids, proxyConfig } = effective;
  const { privileged, seccompProfile, capNetBindService } = facts.values.global.proxy;
  const profile = seccompProfile && { seccompProfile };
  if (proxyConfig.proxyMetadata?.['IPTABLES_TRACE_LOGGING'] === 'true') {
    return {
      allowPrivilegeEscalation: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      privileged: true,
      readOnlyRootFilesystem: true,
      runAsGroup: ids.group,
      runAsNonRoot: false,
      runAsUser: 0,
      ...profile,
    };
  }
  const add = [
    ...(isTproxy(effective) ? ['NET_ADMIN'] : []),
    ...((annotations.capNetBindService ?? capNetBindService) === 'true' ? ['NET_BIND_SERVICE'] : []),
  ];
  const root = add.length > 0;
  return {
    allowPrivilegeEscalation: privileged,
    capabilities: { ...(root && { add }), drop: ['ALL'] },
    privileged,
    readOnlyRootFilesystem: true,
    runAsGroup: root ? defaultProxyId : ids.group,
    runAsNonRoot: !root,
    runAsUser: root ? 0 : ids.user,
    ...profile,
  };
}
