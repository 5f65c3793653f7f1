// Answers: which environment do the proxy's containers get, in which order. The order counts: `$(NAME)` in a value is
// expanded from the variables before it (Kubernetes, dependent environment variables).
import { fragment } from '../model/fragment.ts';
import type { JsonObject } from '../model/json.ts';
import { type ContainerPort, type EnvVar, variable } from '../model/pod.ts';
import { printProxyConfig } from '../proxy-config/proxy-config.ts';
import type { Effective } from '../settings/effective.ts';
import type { RenderContext } from './context.ts';
import { sharedMembers } from './shared.ts';

function frozen(name: string, valueFrom: JsonObject): EnvVar {
  return fragment({ name, valueFrom });
}

function fromField(name: string, fieldPath: string): EnvVar {
  return frozen(name, { fieldRef: { fieldPath } });
}

function fromLimit(name: string, resource: string): EnvVar {
  return frozen(name, { resourceFieldRef: { resource, divisor: '1' } });
}

export const podName = fromField('POD_NAME', 'metadata.name');
export const podNamespace = fromField('POD_NAMESPACE', 'metadata.namespace');
export const instanceIp = fromField('INSTANCE_IP', 'status.podIP');
const serviceAccount = fromField('SERVICE_ACCOUNT', 'spec.serviceAccountName');
const hostIp = fromField('HOST_IP', 'status.hostIP');
const cpuLimit = fromLimit('ISTIO_CPU_LIMIT', 'limits.cpu');
const nodeName = fromField('ISTIO_META_NODE_NAME', 'spec.nodeName');
const goLimits = [fromLimit('GOMEMLIMIT', 'limits.memory'), fromLimit('GOMAXPROCS', 'limits.cpu')];

/** Environment of the sidecar template. Most of it follows from the settings, so that it is made once (shared.ts). */
export function sidecarEnv(context: RenderContext): EnvVar[] {
  const { effective } = context;
  const shared = (name: string, make: (effective: Effective) => EnvVar[]): readonly EnvVar[] =>
    sharedMembers(context, `env: ${name}`, () => make(effective));
  return [
    ...shared('who and where', beforePorts),
    podPorts(context),
    appContainers(context),
    ...shared('limits and cluster', betweenPortsAndWorkload),
    ...sidecarWorkload(effective),
    ...owner(effective),
    ...shared('trust', (own) => [...bootstrapOverride(own), ...trust(own)]),
    ...datadog(effective),
    ...serviceAttributes(context),
    ...shared('metadata', proxyMetadata),
  ];
}

function beforePorts(effective: Effective): EnvVar[] {
  return [...legacyProbes(effective), ...identity(effective), cpuLimit, proxyConfigOf(effective)];
}

function betweenPortsAndWorkload(effective: Effective): EnvVar[] {
  const mode = variable('ISTIO_META_INTERCEPTION_MODE', effective.interceptionMode);
  return [...goLimits, ...compliance(effective), cluster(effective), nodeName, mode, ...network(effective)];
}

function sidecarWorkload({ labels, workload }: Effective): EnvVar[] {
  const name = labels['service.istio.io/workload-name'] || workload.name;
  return name === '' ? [] : [variable('ISTIO_META_WORKLOAD_NAME', name)];
}

function datadog({ annotations, facts }: Effective): EnvVar[] {
  if (facts.values.global.proxy.tracer !== 'datadog') return [];
  return sorted(annotations.datadogEnv ?? {}).map(([name, value]) => variable(name, value));
}

/** Environment of the gateway template. */
export function gatewayEnv(context: RenderContext): EnvVar[] {
  const { effective } = context;
  return [
    ...identity(effective),
    cpuLimit,
    ...configuration(context),
    ...goLimits,
    ...compliance(effective),
    appContainers(context),
    cluster(effective),
    nodeName,
    variable('ISTIO_META_INTERCEPTION_MODE', effective.proxyConfig.interceptionMode ?? 'REDIRECT'),
    ...network(effective),
    ...workloadName(effective),
    ...owner(effective),
    ...bootstrapOverride(effective),
    ...trust(effective),
    ...proxyMetadata(effective),
  ];
}

/** Environment of the agent in the grpc-agent template: it serves xDS to the application, without Envoy. */
export function grpcAgentEnv(context: RenderContext): EnvVar[] {
  const { effective } = context;
  return [
    variable('ISTIO_META_GENERATOR', 'grpc'),
    variable('OUTPUT_CERTS', '/var/lib/istio/data'),
    ...legacyProbes(effective),
    ...identity(effective),
    ...configuration(context),
    appContainers(context),
    cluster(effective),
    nodeName,
    ...network(effective),
    ...workloadName(effective),
    ...owner(effective),
    ...trust(effective),
    ...proxyMetadata(effective),
    variable('ISTIO_META_DNS_CAPTURE', 'false'), // xds:/// names are resolved without a virtual address
    variable('DISABLE_ENVOY', 'true'),
  ];
}

/** Every entry of proxyMetadata, sorted by name. */
export function proxyMetadata({ proxyConfig }: Effective): EnvVar[] {
  return sorted(proxyConfig.proxyMetadata ?? {}).map(([name, value]) => variable(name, value));
}

function sorted(map: { readonly [key: string]: string }): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

function legacyProbes({ facts }: Effective): EnvVar[] {
  if (facts.mesh.inboundTrafficPolicy !== 'LOCALHOST') return [];
  return [variable('REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION', 'true')];
}

function identity({ facts: { values } }: Effective): EnvVar[] {
  const { global, revision } = values;
  const istiod = `istiod${revision === '' ? '' : `-${revision}`}.${global.istioNamespace}.svc:15012`;
  return [
    variable('PILOT_CERT_PROVIDER', global.pilotCertProvider),
    variable('CA_ADDR', global.caAddress || istiod),
    podName,
    podNamespace,
    instanceIp,
    serviceAccount,
    hostIp,
  ];
}

function configuration(context: RenderContext): EnvVar[] {
  return [proxyConfigOf(context.effective), podPorts(context)];
}

function proxyConfigOf({ proxyConfig }: Effective): EnvVar {
  return variable('PROXY_CONFIG', `${printProxyConfig(proxyConfig)}\n`);
}

function podPorts({ view }: RenderContext): EnvVar {
  const ports: string[] = [];
  for (const container of view.spec.containers ?? []) {
    for (const port of container.ports ?? []) ports.push(portJson(port));
  }
  const lines = ports.map((port, index) => `\n    ${index === 0 ? '' : ','}${port}`);
  return variable('ISTIO_META_POD_PORTS', `[${lines.join('')}\n]`);
}

/** A port as Kubernetes prints it: members in its order, empty ones left out. */
function portJson({ name, hostPort, containerPort = 0, protocol, hostIP }: ContainerPort): string {
  return JSON.stringify({
    ...(name && { name }),
    ...(hostPort && { hostPort }),
    containerPort,
    ...(protocol && { protocol }),
    ...(hostIP && { hostIP }),
  });
}

function appContainers({ apps }: RenderContext): EnvVar {
  return variable('ISTIO_META_APP_CONTAINERS', apps.join(','));
}

function compliance({ facts: { compliancePolicy } }: Effective): EnvVar[] {
  if (compliancePolicy === '') return [];
  const policy = variable('COMPLIANCE_POLICY', compliancePolicy);
  return compliancePolicy === 'fips-140-3' ? [policy, variable('GODEBUG', 'fips140=only')] : [policy];
}

function cluster({ facts }: Effective): EnvVar {
  return variable('ISTIO_META_CLUSTER_ID', facts.values.global.clusterName || 'Kubernetes');
}

function network({ facts }: Effective): EnvVar[] {
  const { network } = facts.values.global;
  return network === '' ? [] : [variable('ISTIO_META_NETWORK', network)];
}

function workloadName({ workload }: Effective): EnvVar[] {
  return workload.name === '' ? [] : [variable('ISTIO_META_WORKLOAD_NAME', workload.name)];
}

function owner({ workload: { apiVersion, kind, name, namespace } }: Effective): EnvVar[] {
  if (apiVersion === '' || name === '') return [];
  const path = `${apiVersion}/namespaces/${namespace || 'default'}/${kind.toLowerCase()}s/${name}`;
  return [variable('ISTIO_META_OWNER', `kubernetes://apis/${path}`)];
}

function bootstrapOverride({ annotations }: Effective): EnvVar[] {
  if (annotations.bootstrapOverride === undefined) return [];
  return [variable('ISTIO_BOOTSTRAP_OVERRIDE', '/etc/istio/custom-bootstrap/custom_bootstrap.json')];
}

function trust({ facts: { mesh, values } }: Effective): EnvVar[] {
  const trustDomain = mesh.trustDomain || values.global.trustDomain;
  const meshId = values.global.meshID || trustDomain;
  return [
    ...(meshId === '' ? [] : [variable('ISTIO_META_MESH_ID', meshId)]),
    ...(trustDomain === '' ? [] : [variable('TRUST_DOMAIN', trustDomain)]),
  ];
}

/** Attributes of the service in traces (OpenTelemetry, semantic conventions for Kubernetes), where the mesh asks for them. */
function serviceAttributes({ effective, view }: RenderContext): EnvVar[] {
  const { annotations, facts, labels, workload } = effective;
  if (!facts.mesh.enrichesServiceAttributes) return [];
  const containers = view.spec.containers ?? [];
  const [first] = containers;
  const namespace = annotations.otelServiceNamespace || workload.namespace;
  const image = containers.length === 1 ? imageVersion(first?.image ?? '') : '';
  const version = annotations.otelServiceVersion || labels['app.kubernetes.io/version'] || image;
  const instance = first === undefined ? '' : `${workload.namespace}.$(POD_NAME).${first.name}`;
  const id = annotations.otelServiceInstanceId || instance;
  const attributes = [
    ...(namespace === '' ? [] : [`service.namespace=${namespace}`]),
    ...(version === '' ? [] : [`service.version=${version}`]),
    ...(id === '' ? [] : [`service.instance.id=${id}`]),
  ];
  return attributes.length === 0 ? [] : [variable('OTEL_RESOURCE_ATTRIBUTES', attributes.join(','))];
}

/** Tag and digest of an image reference: `tag@digest`, either alone, or empty. */
function imageVersion(image: string): string {
  const at = image.indexOf('@');
  const digest = at < 0 ? '' : image.slice(at + 1);
  const name = at < 0 ? image : image.slice(0, at);
  const colon = name.lastIndexOf(':');
  const tag = colon > name.lastIndexOf('/') ? name.slice(colon + 1) : '';
  return [tag, digest].filter((part) => part !== '').join('@');
}
