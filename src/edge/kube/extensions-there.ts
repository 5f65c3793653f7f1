// Answers: which Wasm extensions, and pods that mount modules of their node, are in a cluster, and how is what is declared
// taken away.
// Does not belong here: when, and what is said of it (core/install/extensions-there.ts).
import { ownSelector } from '../../core/cluster/labels.ts';
import { type Resource, resources } from '../../core/cluster/resources.ts';
import { declaredObjects, type ExtensionsThere, heldPods } from '../../core/install/extensions-there.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { readStorePod, type StorePod, storePodSelector } from '../../core/wasm/delivery/store-pods.ts';
import { agentName, nodeNamespace } from '../../core/wasm/names.ts';
import { collect, type Kube } from './client.ts';
import { whereNotFound } from './kube-error.ts';
import { removeObject, waitUntil } from './remove-own.ts';

/** None of it where the cluster does not know the kinds. */
export async function findExtensions(kube: Kube): Promise<ExtensionsThere> {
  const [extensions, reports, plugins, filters, pods] = await Promise.all([
    namesOf(kube, resources.wasmExtensions),
    namesOf(kube, resources.wasmStores),
    namesOf(kube, resources.wasmPlugins, ownSelector),
    namesOf(kube, resources.envoyFilters, ownSelector),
    findStorePods(kube),
  ]);
  return { extensions, emitted: [...plugins, ...filters].filter(isEmitted), reports, pods };
}

/** Page by page, without what they say: whoever declares may fill a megabyte with it. */
function namesOf(kube: Kube, resource: Resource, labelSelector?: string): Promise<readonly KubeObject[]> {
  const { apiVersion, kind } = resource;
  const place = labelSelector === undefined ? {} : { labelSelector };
  const named = ({ metadata }: KubeObject): KubeObject => ({ apiVersion, kind, metadata });
  return whereNotFound([], collect(kube, resource, place, named));
}

function isEmitted({ metadata }: KubeObject): boolean {
  const { apiVersion, kind } = resources.wasmExtensions;
  return metadata.ownerReferences?.some((one) => one.kind === kind && one.apiVersion === apiVersion) === true;
}

function findStorePods(kube: Kube): Promise<readonly StorePod[]> {
  return collect(kube, resources.pods, { labelSelector: storePodSelector }, readStorePod);
}

/** Pods that wait for a module. */
export async function findHeldPods(kube: Kube): Promise<readonly StorePod[]> {
  return heldPods({ pods: await findStorePods(kube) });
}

const intervalMs = 1_000;

/**
 * Removes what is declared; nobody may be there who would write it again. Where there are agents, then waits, as long as
 * the signal allows, for pods that they let go: the kubelet looks at a path again within about 2 minutes.
 */
export async function removeExtensions(
  kube: Kube,
  report: (object: KubeObject) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const object of declaredObjects(await findExtensions(kube)))
    if (await removeObject(kube, object)) report(object);
  if (!(await hasAgents(kube))) return;
  const isLetGo = async (): Promise<boolean> => (await findHeldPods(kube)).every(({ node }) => node === undefined);
  await waitUntil(isLetGo, signal, intervalMs);
}

/** Whether modules come to the nodes. */
export async function hasAgents(kube: Kube): Promise<boolean> {
  return (await kube.get(resources.daemonSets, agentName, nodeNamespace)) !== undefined;
}
