// Answers: what do rollouts of Wasm extensions need around them: an API server with the kinds, Istio's as much of them as
// it keeps, the rights of an installation, a real registry, and nodes whose agents the test plays.
// Does not belong here: what is expected of it (wasm-rollout.test.ts).
import type { TestContext } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { pathOf, type Resource, resources } from '../../src/core/cluster/resources.ts';
import { accessObjects, agentOptionsAccess } from '../../src/core/install/access.ts';
import { agentAccess } from '../../src/core/install/agent.ts';
import type { EventDraft } from '../../src/core/model/event.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { ok, type Result } from '../../src/core/model/problem.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import { standingOf } from '../../src/core/wasm/declaration/standing.ts';
import type { ManifestDigest } from '../../src/core/wasm/digests.ts';
import type { Condition, Standing } from '../../src/core/wasm/extension.ts';
import { packModule } from '../../src/core/wasm/image/pack.ts';
import { usualLimits } from '../../src/core/wasm/limits.ts';
import { agentName, nodeNamespace } from '../../src/core/wasm/names.ts';
import type { Refusal } from '../../src/core/wasm/refusals.ts';
import { createControlTelemetry } from '../../src/edge/control-telemetry.ts';
import { callsOf } from '../../src/edge/kube/calls.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { createLog } from '../../src/edge/log.ts';
import { pushImage } from '../../src/edge/registry/push-image.ts';
import { createRegistry } from '../../src/edge/registry/registry.ts';
import type { HeldTrial } from '../../src/roles/wasm-moment.ts';
import { createWasmRollout, type RolloutTimes, type WasmRollout } from '../../src/roles/wasm-rollout.ts';
import { until } from '../until.ts';
import { type Distribution, startDistribution } from '../wasm/distribution.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { ensureNamespace, makeNode, writeSettings } from './live-server.ts';
import { enforcePolicies } from './policies-in-force.ts';
import { makeNamespace } from './webhook.ts';

export const namespace = 'shop';

export interface WasmWorld {
  readonly plane: ControlPlane;
  readonly registry: Distribution;
  readonly options: ClusterOptions;
  /** Trials that were held, and what the next ones say. */
  readonly trials: HeldTrial[];
  verdict: (trial: HeldTrial) => Result<void, Refusal>;
  readonly events: EventDraft[];
  /** What rollouts have written, by method and path. */
  readonly written: string[];
  /** What keeps rollouts from working. */
  readonly troubles: () => string | undefined;
  push(module: Uint8Array, tag: string, repository?: string): Promise<ManifestDigest>;
  declare(name: string, spec: JsonObject, annotations?: JsonObject): Promise<KubeObject>;
  extension(name: string): Promise<KubeObject>;
  standing(name: string): Promise<Standing>;
  /** Waits until the condition Ready says so; with a text, until its message has it. */
  untilReady(name: string, reason: Condition['reason'], text?: RegExp): Promise<Condition>;
  /** What the agent of a node would report. */
  report(node: string, digests: readonly string[], state?: string): Promise<void>;
  plugin(name: string, kind?: Resource): Promise<KubeObject | undefined>;
  /** GETs of blobs that are no configurations, as the registry logs them. */
  blobGets(digest: string): number;
  start(times?: Partial<RolloutTimes>): Promise<WasmRollout>;
}

export const patience = { timeoutMs: 60_000, pauseMs: 50 };

export async function startWasmWorld(context: Pick<TestContext, 'after'>, wasm: JsonObject = {}): Promise<WasmWorld> {
  const [plane, registry] = await Promise.all([startControlPlane(context), startDistribution()]);
  context.after(registry.stop);
  const read = readOptions({ wasm: { enabled: true, plainHttpRegistries: [registry.host], ...wasm } });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const options = read.value;
  await prepare(plane, options);
  const agents = new Map<string, Promise<Kube>>();
  const agentOf = (node: string): Promise<Kube> => {
    const connected = async (): Promise<Kube> =>
      connect({ kubeconfig: await plane.kubeconfigOf(nodeNamespace, agentName, node) });
    const agent = agents.get(node) ?? connected();
    agents.set(node, agent);
    return agent;
  };
  const connection = connect({ kubeconfig: await plane.kubeconfigOf(ownNamespace, names.control) });
  const written: string[] = [];
  const called: Kube['call'] = (method, path, options) => {
    if (method !== 'GET') written.push(`${method} ${path}`);
    return connection.call(method, path, options);
  };
  const kube = { ...connection, ...callsOf(called) };
  const telemetry = createControlTelemetry(createLog('silent', { write: () => {} }), 'test');
  const defects: unknown[] = [];
  context.after(() => {
    if (defects.length > 0) throw new Error('there were defects', { cause: defects[0] });
  });
  let trouble: string | undefined;
  const get = async (name: string): Promise<KubeObject> => {
    const found = await plane.kube.get(resources.wasmExtensions, name, namespace);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const world: WasmWorld = {
    plane,
    registry,
    options,
    trials: [],
    verdict: () => ok(undefined),
    events: [],
    written,
    troubles: () => trouble,
    push: (module, tag, repository = 'team/filter') => push(registry.host, module, { tag, repository }),
    declare: (name, spec, annotations = {}) =>
      plane.kube.apply(
        { ...typeOf(resources.wasmExtensions), metadata: { name, namespace, annotations }, spec },
        { fieldManager: 'test' },
      ),
    extension: get,
    standing: async (name) => standingOf(await get(name)),
    untilReady: (name, reason, text = /^/) =>
      until(
        `${name} is ${reason}`,
        async () => {
          const object = await get(name);
          const { conditions = [] } = standingOf(object);
          const found = conditions.find(({ type }) => type === 'Ready');
          if (found?.reason === reason && text.test(found.message)) {
            if (found.observedGeneration === object.metadata.generation) return found;
          }
          throw new Error(`${JSON.stringify(conditions)} ${trouble ?? ''}`);
        },
        patience,
      ),
    report: async (node, digests, state = 'Ready') => report(await agentOf(node), node, digests, state),
    plugin: (name, kind = resources.wasmPlugins) => plane.kube.get(kind, name, namespace),
    blobGets: (digest) =>
      registry
        .log()
        .split('\n')
        .filter((line) => line.includes('"GET ') && line.includes(`/blobs/${digest}`)).length,
    start: async (times) => {
      const rollout = createWasmRollout({
        kube,
        telemetry: { wasm: telemetry.wasm, failed: (error) => void defects.push(error) },
        record: (event) => void world.events.push(event),
        trouble: (reason) => {
          trouble = reason;
        },
        holdTrial: async (trial) => {
          world.trials.push(trial);
          return world.verdict(trial);
        },
        times: { tagCheckMs: 3_600_000, mostWaitMs: 1_500, quietMs: 100, gatherMs: 20, compareMs: 500, ...times },
      });
      context.after(rollout.close);
      rollout.follow(options);
      return rollout;
    },
  };
  return world;
}

async function prepare(plane: ControlPlane, options: ClusterOptions): Promise<void> {
  const { kube } = plane;
  await ensureNamespace(kube, ownNamespace);
  await makeNamespace(plane, namespace);
  await writeSettings(kube, { options: {}, values: undefined, config: undefined, mesh: undefined });
  const apply = async (objects: readonly KubeObject[]): Promise<void> => {
    for (const object of objects) await kube.apply(object, { fieldManager: 'test' });
  };
  await apply([...customResources(options), openKind(resources.wasmPlugins), openKind(resources.envoyFilters)]);
  await apply([...agentAccess(options), ...accessObjects(options), ...agentOptionsAccess()]);
  const { wasmExtensions, wasmStores, wasmPlugins, envoyFilters } = resources;
  for (const kind of [wasmExtensions, wasmStores, wasmPlugins, envoyFilters]) {
    await until(`${kind.kind} is served`, async () => kube.list(kind), patience);
  }
  await enforcePolicies(plane, options);
  for (const node of ['one', 'two']) {
    await makeNode(kube, node, 'v1.34.0');
    await setReady(plane, node, true);
  }
}

/** A kind of Istio, as much of it as keeps the objects. */
export function openKind({ apiVersion, kind, plural }: Resource): KubeObject {
  const [group = '', version = ''] = apiVersion.split('/');
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    ...typeOf(resources.customResources),
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, listKind: `${kind}List`, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}

export function typeOf({ apiVersion, kind }: Resource): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion, kind };
}

/** Sets the level of the Pod Security Standards that the namespace enforces. */
export async function setPodSecurity({ kube }: ControlPlane, level: string | null): Promise<void> {
  await kube.call('PATCH', pathOf(resources.namespaces, undefined, namespace), {
    body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } },
    contentType: 'application/merge-patch+json',
  });
}

export async function setReady({ kube }: ControlPlane, node: string, isReady: boolean): Promise<void> {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: 'Test', message: '' }];
  await kube.call('PATCH', `${pathOf(resources.nodes, undefined, node)}/status`, {
    body: { status: { conditions } },
    contentType: 'application/merge-patch+json',
  });
}

async function report(kube: Kube, node: string, digests: readonly string[], state: string): Promise<void> {
  const failed = state === 'Failed' ? { reason: 'DiskFull', message: 'no room' } : {};
  const modules = digests.map((digest) => ({ digest, state, ...failed }));
  await kube.apply(
    {
      ...typeOf(resources.wasmStores),
      metadata: { name: node },
      status: { agentVersion: 'test', usedBytes: 1, modules },
    },
    { fieldManager: 'pillion-agent' },
  );
}

async function push(
  host: string,
  module: Uint8Array,
  { tag, repository }: { readonly tag: string; readonly repository: string },
): Promise<ManifestDigest> {
  const registry = createRegistry({ plainHttp: [host], limits: usualLimits });
  const pushed = await pushImage(registry, { registry: host, repository, tag }, packModule(module));
  registry.close();
  if (!pushed.ok) throw new Error(`${pushed.error.reason}: ${pushed.error.message}`);
  return pushed.value.manifestDigest;
}

/** A pod with a sidecar, on the node, with these labels; `started` where its proxy runs. */
export async function makePod(
  { kube }: ControlPlane,
  name: string,
  { node, labels, started }: { readonly node: string; readonly labels: JsonObject; readonly started: boolean },
): Promise<void> {
  const pod = await kube.create({
    ...typeOf(resources.pods),
    metadata: { name, namespace, labels: { 'security.istio.io/tlsMode': 'istio', ...labels } },
    spec: {
      nodeName: node,
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'app', image: 'example.com/app' },
        { name: 'istio-proxy', image: 'example.com/proxy' },
      ],
    },
  });
  if (!started) return;
  const containerStatuses = [{ ...proxyStatus, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }];
  await kube.call('PATCH', `${pathOf(resources.pods, namespace, pod.metadata.name)}/status`, {
    body: { status: { phase: 'Running', containerStatuses } },
    contentType: 'application/merge-patch+json',
  });
}

const proxyStatus = { name: 'istio-proxy', image: 'example.com/proxy', imageID: '', ready: true, restartCount: 0 };

export function specOf(object: KubeObject | undefined): JsonObject {
  if (object === undefined || !isObject(object['spec'])) throw new Error('there is no such object');
  return object['spec'];
}
