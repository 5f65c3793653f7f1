// Answers: who is there to try what the policies about Wasm refuse: tenants with too many rights, control and agents, each
// with a real token, on an API server with the kinds of ours and of Istio.
// Does not belong here: what is refused (wasm-policies.test.ts).
import type { TestContext } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects, agentOptionsAccess } from '../../src/core/install/access.ts';
import { agentAccess } from '../../src/core/install/agent.ts';
import { wasmPolicies } from '../../src/core/install/policies.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import { agentName, modulesDirectory, nodeNamespace } from '../../src/core/wasm/names.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane, until } from './control-plane.ts';
import { enforcePolicies } from './policies-in-force.ts';
import { openKind, typeOf } from './wasm-world.ts';
import { makeNamespace } from './webhook.ts';

export const space = 'shop';
const everybodysHex = 'b'.repeat(64);
/** Of the option wasm.modules. */
export const everybodysModule = `${modulesDirectory}/sha256/${everybodysHex}.wasm`;
export const inStore = `${modulesDirectory}/sha256/${'a'.repeat(64)}.wasm`;
const ofIstio = [resources.wasmPlugins, resources.trafficExtensions, resources.envoyFilters];

export interface PolicyWorld {
  readonly plane: ControlPlane;
  /** As they were written. */
  readonly policies: readonly KubeObject[];
  /** May write every kind here, as somebody who was given too much. */
  readonly tenant: Kube;
  readonly control: Kube;
  agentOf(node: string | undefined): Promise<Kube>;
}

/** What an installation brings but for what runs, and everybody's tokens; the policies are in force. */
export async function startPolicyWorld(
  context: Pick<TestContext, 'after'>,
  options: ControlPlaneOptions,
): Promise<PolicyWorld> {
  const plane = await startControlPlane(context, options);
  const modules = [{ source: 'https://example.com/all.wasm', sha256: `sha256:${everybodysHex}` }];
  const read = readOptions({ wasm: { enabled: true, modules } });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  for (const name of [space, ownNamespace, 'istio-system']) await makeNamespace(plane, name);
  await install(plane, read.value);
  await plane.kube.apply(
    { ...typeOf(resources.serviceAccounts), metadata: { name: 'tenant', namespace: space } },
    manager,
  );
  await plane.kube.apply(allRights, manager);
  const as = async (namespace: string, account: string, node?: string): Promise<Kube> =>
    connect({ kubeconfig: await plane.kubeconfigOf(namespace, account, node) });
  return {
    plane,
    policies: wasmPolicies(read.value),
    tenant: await as(space, 'tenant'),
    control: await as(ownNamespace, names.control),
    agentOf: (node) => as(nodeNamespace, agentName, node),
  };
}

export const manager = { fieldManager: 'test' };

async function install(plane: ControlPlane, options: ClusterOptions): Promise<void> {
  const objects = [
    ...[...customResources(options), ...ofIstio.map(openKind)],
    ...[...agentAccess(options), ...accessObjects(options), ...agentOptionsAccess()],
  ];
  for (const object of objects) await plane.kube.apply(object, manager);
  for (const kind of [resources.wasmExtensions, resources.wasmStores, ...ofIstio]) {
    await until(
      `${kind.kind} is served`,
      async () => (await plane.kube.list(kind)).items.length === 0,
      plane.directory,
    );
  }
  await enforcePolicies(plane, options);
}

const allRights: KubeObject = {
  ...typeOf(resources.clusterRoleBindings),
  metadata: { name: 'tenant' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: 'tenant', namespace: space }],
};

export function plugin(url: string, others: JsonObject = {}): KubeObject {
  return { ...typeOf(resources.wasmPlugins), metadata: { name: 'own', namespace: space }, spec: { url, ...others } };
}

export function trafficExtension(wasm: JsonObject): KubeObject {
  return { ...typeOf(resources.trafficExtensions), metadata: { name: 'own', namespace: space }, spec: { wasm } };
}

export function envoyFilter(filename: string, others: JsonObject = {}): KubeObject {
  const config = { vm_config: { code: { local: { filename } } }, ...others };
  const value = { name: 'own', typed_config: { value: { config, ratio: 0.5, port: 8080, none: null, is: true } } };
  const configPatches = [{ applyTo: 'HTTP_FILTER', patch: { operation: 'INSERT_BEFORE', value } }];
  return { ...typeOf(resources.envoyFilters), metadata: { name: 'own', namespace: space }, spec: { configPatches } };
}

export function store(name: string, usedBytes = 1): KubeObject {
  const status = { agentVersion: 'test', usedBytes, modules: [] };
  return { ...typeOf(resources.wasmStores), metadata: { name }, status };
}

/** What the API server says against it, by dry run; undefined where it takes it. */
export async function refusal(kube: Kube, object: KubeObject): Promise<string | undefined> {
  return messageOf(kube.apply(object, { ...manager, dryRun: true }));
}

/** The same of any call. */
export async function messageOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return error.message;
    throw error;
  }
}
