// Answers: how do the kubelet's probes and hooks reach an application behind the proxy. With mutual TLS the kubelet
// cannot speak to the application, so its probes go to the agent, which asks the application on its behalf.

import { replaceContainers } from '../merge/reinject.ts';
import { isObject, type JsonObject, parseJson } from '../model/json.ts';
import {
  type Container,
  findProxy,
  type Handler,
  type Lifecycle,
  type Pod,
  type Probe,
  proxyContainerName,
} from '../model/pod.ts';
import { annotations as catalogue } from '../settings/catalogue.ts';
import type { Effective } from '../settings/effective.ts';
import { readBoolean } from '../settings/parsers.ts';

const probersVariable = 'ISTIO_KUBE_APP_PROBERS';

const probeNames = ['readinessProbe', 'livenessProbe', 'startupProbe'] as const;
const hookNames = ['preStop', 'postStart'] as const;
/** Where the agent answers for each probe and hook of a container. */
const agentPaths: Readonly<
  Record<(typeof probeNames)[number] | (typeof hookNames)[number], (container: string) => string>
> = {
  readinessProbe: (container) => `/app-health/${container}/readyz`,
  livenessProbe: (container) => `/app-health/${container}/livez`,
  startupProbe: (container) => `/app-health/${container}/startupz`,
  preStop: (container) => `/app-lifecycle/${container}/prestopz`,
  postStart: (container) => `/app-lifecycle/${container}/poststartz`,
};

/** Rewrites probes and hooks of every container but the proxy, and tells the agent what they were. */
export function rewriteProbes(pod: Pod, effective: Effective, injectedBefore: boolean): Pod {
  if (findProxy(pod) === undefined || !isWanted(pod, effective)) return pod;
  const agentPort = effective.facts.mesh.defaultConfig.statusPort ?? 0;
  const port = rewrittenPort(pod, agentPort);
  const probers = collectProbers(injectedBefore ? withoutRewritten(pod, port) : pod, agentPort);
  const registered = registerProbers(pod, probers, injectedBefore);
  return replaceContainers(registered, (container) =>
    container.name === proxyContainerName ? container : rewrite(container, port),
  );
}

function isWanted(pod: Pod, { facts }: Effective): boolean {
  const asked = readBoolean(pod.metadata.annotations?.[catalogue.rewriteAppHTTPProbers.key] ?? '');
  return asked ?? facts.values.rewriteAppHTTPProbe;
}

/** The annotation's port; one that is no plain number, spaces included, counts as 0, as at the peer. */
function rewrittenPort(pod: Pod, agentPort: number): number {
  const asked = pod.metadata.annotations?.[catalogue.statusPort.key];
  if (asked === undefined) return agentPort;
  return /^[0-9]+$/.test(asked) ? Number(asked) : 0;
}

/**
 * The pod without the probes and hooks that an earlier injection sent to the agent already: to register them would make
 * the agent ask itself.
 */
function withoutRewritten(pod: Pod, port: number): Pod {
  const isRewritten = ({ httpGet }: Handler, path: string): boolean =>
    httpGet?.['path'] === path && httpGet['port'] === port;
  return replaceContainers(pod, (container) => {
    const kept: { -readonly [Name in keyof Container]?: Container[Name] } = { ...container };
    for (const name of probeNames) {
      const probe = container[name];
      if (probe && isRewritten(probe, agentPaths[name](container.name))) delete kept[name];
    }
    const hooks = Object.entries(container.lifecycle ?? {}).filter(
      ([name, hook]) => !isRewritten(hook as Handler, agentPaths[name as (typeof hookNames)[number]](container.name)),
    );
    return { ...kept, name: container.name, ...(container.lifecycle && { lifecycle: Object.fromEntries(hooks) }) };
  });
}

/** What the agent has to know for one of its own paths. */
type Registered = readonly [path: string, prober: JsonObject];

/** What the agent has to know, by its own path, sorted. */
function collectProbers(pod: Pod, agentPort: number): readonly Registered[] {
  const probers: Registered[] = [];
  for (const container of [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])]) {
    if (container.name === proxyContainerName) continue;
    const add = (path: string, prober: JsonObject | undefined): void => {
      if (prober !== undefined) probers.push([path, prober]);
    };
    for (const name of probeNames) {
      const probe = container[name];
      if (probe) add(agentPaths[name](container.name), probeProber(probe, container, agentPort));
    }
    for (const name of hookNames) {
      const hook = container.lifecycle?.[name];
      if (hook) add(agentPaths[name](container.name), networkProber(hook, container, agentPort));
    }
  }
  return probers.sort(([a], [b]) => (a < b ? -1 : 1));
}

function probeProber(probe: Probe, container: Container, agentPort: number): JsonObject | undefined {
  const prober = networkProber(probe, container, agentPort) ?? grpcProber(probe);
  if (prober === undefined) return undefined;
  return { ...prober, ...(probe.timeoutSeconds && { timeoutSeconds: probe.timeoutSeconds }) };
}

function networkProber(
  { httpGet, tcpSocket }: Handler,
  container: Container,
  agentPort: number,
): JsonObject | undefined {
  const action = httpGet ?? tcpSocket;
  if (!action) return undefined;
  const port = resolvePort(action['port'], container, agentPort);
  if (port === undefined) return undefined;
  const { host, path, scheme, httpHeaders } = action as {
    host?: string;
    path?: string;
    scheme?: string;
    httpHeaders?: unknown[];
  };
  if (!httpGet) return { tcpSocket: { port, ...(host && { host }) } };
  return {
    httpGet: {
      ...(path && { path }),
      port,
      ...(host && { host }),
      ...(scheme && { scheme }),
      ...(httpHeaders && httpHeaders.length > 0 && { httpHeaders }),
    },
  };
}

function grpcProber({ httpGet, tcpSocket, grpc }: Handler): JsonObject | undefined {
  if (httpGet || tcpSocket || !grpc) return undefined;
  const { port = 0, service } = grpc as { port?: number; service?: string | null };
  return { grpc: { port, ...(service !== undefined && service !== null && { service }) } };
}

/** A name is looked up among the container's own ports, the last of that name counts; the agent's port was rewritten. */
function resolvePort(port: unknown, { ports }: Container, agentPort: number): number | undefined {
  if (typeof port === 'string') return ports?.findLast(({ name }) => name === port && port !== '')?.containerPort;
  const number = typeof port === 'number' ? port : 0;
  return number === agentPort ? undefined : number;
}

/** After an earlier injection the entries that it wrote are kept: the probes on the pod are the rewritten ones by now. */
function registerProbers(pod: Pod, probers: readonly Registered[], injectedBefore: boolean): Pod {
  const proxy = findProxy(pod);
  if (proxy === undefined || probers.length === 0) return pod;
  const env = proxy.env ?? [];
  const value = JSON.stringify(Object.fromEntries(probers));
  const at = injectedBefore ? env.findIndex(({ name }) => name === probersVariable) : -1;
  if (at < 0) return withEnv(pod, proxy, [...env, { name: probersVariable, value }]);
  const existing = parseJson(env[at]?.value ?? '');
  if (!isObject(existing)) return pod;
  const union = Object.entries({ ...Object.fromEntries(probers), ...existing }).sort(([a], [b]) => (a < b ? -1 : 1));
  return withEnv(pod, proxy, env.with(at, { name: probersVariable, value: JSON.stringify(Object.fromEntries(union)) }));
}

function withEnv(pod: Pod, proxy: Container, env: NonNullable<Container['env']>): Pod {
  return replaceContainers(pod, (container) => (container === proxy ? { ...proxy, env } : container));
}

function rewrite(container: Container, port: number): Container {
  const changed: { -readonly [Name in keyof Container]?: Container[Name] } = {};
  for (const name of probeNames) {
    const probe = container[name];
    if (probe && (probe.httpGet || probe.tcpSocket || probe.grpc)) {
      changed[name] = toAgent(probe, agentPaths[name](container.name), port);
    }
  }
  const lifecycle = rewriteHooks(container, port);
  if (lifecycle !== undefined) changed.lifecycle = lifecycle;
  return Object.keys(changed).length === 0 ? container : { ...container, ...changed };
}

function rewriteHooks({ name: containerName, lifecycle }: Container, port: number): Lifecycle | undefined {
  let changed: Lifecycle | undefined;
  for (const name of hookNames) {
    const hook = lifecycle?.[name];
    if (!hook || !(hook.httpGet || hook.tcpSocket)) continue;
    changed = { ...lifecycle, ...changed, [name]: toAgent(hook, agentPaths[name](containerName), port) };
  }
  return changed;
}

/** Host and headers of an HTTP request stay; the agent speaks HTTP to the kubelet, and what is needed behind. */
function toAgent<T extends Handler>(handler: T, path: string, port: number): T {
  const { httpGet, tcpSocket, grpc, ...rest } = handler;
  if (!httpGet) return { ...rest, httpGet: { path, port } } as unknown as T;
  const scheme = httpGet['scheme'] === 'HTTPS' ? { scheme: 'HTTP' } : {};
  return { ...handler, httpGet: { ...httpGet, path, port, ...scheme } };
}
