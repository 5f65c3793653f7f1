// Answers: what does a node agent need around it: an API server with its kinds and its rights, a registry, and the real
// program as its image runs it. Many agents can run against one such world, each as a node of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { build } from 'esbuild';
import { agentBundleOptions } from '../../scripts/build.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { agentAccess, agentEnvironment, agentNodeFlags } from '../../src/core/install/agent.ts';
import { isObject, type JsonObject, parseJson } from '../../src/core/model/json.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import type { ModuleDigest } from '../../src/core/wasm/digests.ts';
import type { Revision, Standing, StoredModule, StoreStatus } from '../../src/core/wasm/extension.ts';
import { packModule } from '../../src/core/wasm/image/pack.ts';
import { pinnedText } from '../../src/core/wasm/image/read-source.ts';
import { usualLimits } from '../../src/core/wasm/limits.ts';
import { agentName, nodeNamespace } from '../../src/core/wasm/names.ts';
import { agentOptionsMap } from '../../src/core/wasm/store/agent-options.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { pushImage } from '../../src/edge/registry/push-image.ts';
import { createRegistry } from '../../src/edge/registry/registry.ts';
import { type StorePaths, storePaths } from '../../src/edge/store/store-paths.ts';
import { until } from '../until.ts';
import { startDistribution } from '../wasm/distribution.ts';
import { moduleOf } from '../wasm/module-builder.ts';
import { startThrottlingProxy, type ThrottlingProxy } from '../wasm/throttling-proxy.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { ensureNamespace } from './live-server.ts';
import { enforcePolicies } from './policies-in-force.ts';

export type DeclaredStanding = Pick<Standing, 'active' | 'candidate' | 'previous'>;

export interface AgentWorld {
  readonly plane: ControlPlane;
  /** What agents take for the registry. */
  readonly proxy: ThrottlingProxy;
  /** Writes the options for agents, as control does. */
  setOptions(wasm: JsonObject): Promise<void>;
  /** Puts an image into the registry. */
  push(module: Uint8Array, repository?: string): Promise<Revision>;
  /** Writes an extension in namespace default, and its status, as control does. */
  declare(name: string, standing: DeclaredStanding, spec?: JsonObject): Promise<void>;
  remove(name: string): Promise<void>;
  /** Starts the real program as a node. */
  startAgent(context: Pick<TestContext, 'after'>, options?: AgentStart): Promise<AgentProcess>;
}

export interface AgentStart {
  readonly node?: string;
  readonly store?: string;
  readonly flags?: readonly string[];
  readonly nodeFlags?: readonly string[];
}

/** A module that does not get smaller when it is packed; each one is another. */
export function incompressible(sizeBytes: number): Uint8Array {
  return moduleOf({ custom: { fill: randomBytes(sizeBytes) } });
}

export interface AgentProcess {
  readonly child: ChildProcess;
  readonly node: string;
  readonly paths: StorePaths;
  log(): readonly JsonObject[];
  /** What its WasmStore says; undefined where there is none. */
  report(): Promise<StoreStatus | undefined>;
  /** Waits until the module is reported so. */
  untilState(digest: ModuleDigest, state: StoredModule['state']): Promise<StoredModule>;
  /** Megabytes (10^6 bytes) that were resident at most since it was started. */
  mostResidentMegabytes(): number;
  metrics(): Promise<string>;
  /** Resolves with the exit code, or the signal. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | string | null>;
}

/** Starts what all agents share; ended after the test. */
export async function startAgentWorld(context: Pick<TestContext, 'after'>): Promise<AgentWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-agent-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, 'pillion-agent.cjs');
  const [plane, distribution] = await Promise.all([
    startControlPlane(context),
    startDistribution(),
    build({ ...agentBundleOptions, outfile }),
  ]);
  context.after(distribution.stop);
  const proxy = await startThrottlingProxy(context, distribution.host);
  const setOptions = async (wasm: JsonObject): Promise<void> => {
    const options = readOptions({ wasm: { enabled: true, plainHttpRegistries: [proxy.host], ...wasm } });
    if (!options.ok) throw new Error(JSON.stringify(options.error));
    await plane.kube.apply(agentOptionsMap(options.value), { fieldManager: 'test' });
  };
  await makeKinds(plane);
  const control = connect({ kubeconfig: await plane.kubeconfigOf(ownNamespace, names.control) });
  await setOptions({});
  return {
    plane,
    proxy,
    setOptions,
    push: (module, repository = 'team/filter') => push(distribution.host, proxy.host, repository, module),
    declare: (name, standing, spec) => declare({ plane, control }, name, standing, spec),
    remove: async (name) => void (await plane.kube.remove(resources.wasmExtensions, name, 'default')),
    startAgent: async (ownContext, options = {}) => {
      const { node = nextNode() } = options;
      const account = await writeServiceAccount(plane, directory, node);
      return startAgent(ownContext, { plane, outfile, account, ...options, node });
    },
  };
}

async function makeKinds(plane: ControlPlane): Promise<void> {
  const { kube } = plane;
  const options = readOptions({ wasm: { enabled: true } });
  if (!options.ok) throw new Error('these are no options');
  for (const name of [ownNamespace, options.value.istioNamespace]) await ensureNamespace(kube, name);
  const access = [...agentAccess(options.value), ...accessObjects(options.value)];
  for (const object of [...customResources(options.value), ...access]) {
    await kube.apply(object, { fieldManager: 'test' });
  }
  for (const kind of [resources.wasmExtensions, resources.wasmStores]) {
    await until(`${kind.kind} is served`, async () => kube.list(kind), { timeoutMs: 60_000, pauseMs: 50 });
  }
  await enforcePolicies(plane, options.value);
}

/** The directory as the kubelet of the node mounts it, with the rights that an installation gives. */
async function writeServiceAccount(plane: ControlPlane, directory: string, node: string): Promise<string> {
  const kubeconfig = parseJson(readFileSync(await plane.kubeconfigOf(nodeNamespace, agentName, node), 'utf8'));
  const { users, clusters } = kubeconfig as {
    users: readonly [{ user: { token: string } }];
    clusters: readonly [{ cluster: { 'certificate-authority': string } }];
  };
  const account = join(directory, `serviceaccount-${node}`);
  mkdirSync(account, { recursive: true });
  copyFileSync(clusters[0].cluster['certificate-authority'], join(account, 'ca.crt'));
  writeFileSync(join(account, 'token'), users[0].user.token);
  return account;
}

async function push(host: string, seenAs: string, repository: string, module: Uint8Array): Promise<Revision> {
  const packed = packModule(module);
  const registry = createRegistry({ plainHttp: [host], limits: { ...usualLimits, maxModuleBytes: 2 ** 28 } });
  const pushed = await pushImage(registry, { registry: host, repository, tag: 'latest' }, packed);
  registry.close();
  if (!pushed.ok) throw new Error(`${pushed.error.reason}: ${pushed.error.message}`);
  const { manifestDigest } = pushed.value;
  return {
    reference: `oci://${seenAs}/${repository}:latest`,
    pinned: pinnedText({ registry: seenAs, repository }, manifestDigest),
    variant: 'compat-oci',
    manifestDigest,
    layerDigest: packed.layer.digest,
    moduleDigest: packed.moduleDigest,
    sizeBytes: module.length,
    abi: '0.2.1',
    rootIds: [],
    signedBy: [],
  };
}

interface Writers {
  readonly plane: ControlPlane;
  /** With the token of control. */
  readonly control: Kube;
}

async function declare(
  { plane: { kube }, control }: Writers,
  name: string,
  standing: DeclaredStanding,
  spec: JsonObject = {},
): Promise<void> {
  const { apiVersion, kind, plural } = resources.wasmExtensions;
  const image = (standing.active ?? standing.candidate ?? standing.previous)?.reference;
  const object = { apiVersion, kind, metadata: { name, namespace: 'default' }, spec: { source: { image }, ...spec } };
  await kube.apply(object, { fieldManager: 'test' });
  const path = `/apis/${apiVersion}/namespaces/default/${plural}/${name}/status`;
  const body = [{ op: 'add', path: '/status', value: { ...standing } }];
  await control.call('PATCH', path, { body, contentType: 'application/json-patch+json' });
}

interface Starting extends AgentStart {
  readonly plane: ControlPlane;
  readonly outfile: string;
  readonly account: string;
  readonly node: string;
}

let nodes = 0;

function nextNode(): string {
  nodes += 1;
  return `node-${nodes}`;
}

const patience = { timeoutMs: 60_000, pauseMs: 25 };

function startAgent(context: Pick<TestContext, 'after'>, starting: Starting): AgentProcess {
  const { plane, outfile, account, flags = [], nodeFlags = agentNodeFlags } = starting;
  const { node, store = mkdtempSync(join(tmpdir(), 'pillion-store-')) } = starting;
  const server = new URL(plane.kube.server);
  const args = [
    ...nodeFlags,
    outfile,
    ...['--node', node, '--store', store, '--service-account', account, '--management-listen', '127.0.0.1:0'],
    ...flags,
  ];
  const env = { ...agentEnvironment, KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | string | null> => {
    child.kill(signal);
    return ended;
  };
  context.after(async () => {
    await stop('SIGKILL');
    if (starting.store === undefined) rmSync(store, { recursive: true, force: true });
  });
  const log = (): readonly JsonObject[] => text.split('\n').map(parseJson).filter(isObject);
  const report = async (): Promise<StoreStatus | undefined> => {
    const found = await plane.kube.get(resources.wasmStores, node);
    return found?.['status'] as StoreStatus | undefined;
  };
  return {
    child,
    node,
    paths: storePaths(store),
    log,
    report,
    untilState: async (digest, state) => {
      const find = async () => (await report())?.modules.find((one) => one.digest === digest && one.state === state);
      try {
        return await until(`module ${digest} is ${state} on ${node}`, find, patience);
      } catch (error) {
        throw new Error(`${error}\n${JSON.stringify(await report())}\n${text}`);
      }
    },
    mostResidentMegabytes: () => {
      const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      return (Number(kilobytes) * 1024) / 1e6;
    },
    metrics: async () => {
      const { managementUrl } = log().find((line) => 'managementUrl' in line) ?? {};
      return (await fetch(`${managementUrl}/metrics`)).text();
    },
    stop,
  };
}
