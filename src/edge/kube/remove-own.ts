// Answers: how is an installation taken away, whoever wrote its parts. It can be done again where it was broken off.
// Does not belong here: what is of the installation, and the order (core/install/removal.ts).
import { componentSelector } from '../../core/cluster/labels.ts';
import { ownNamespace } from '../../core/cluster/names.ts';
import { resourceOf, resources } from '../../core/cluster/resources.ts';
import { isOfControl, ownNamespaces, removalOrder } from '../../core/install/removal.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { pause } from '../pause.ts';
import type { Kube } from './client.ts';
import { listOwn } from './list-own.ts';

const usualIntervalMs = 250;

/** Everything of ours, in the order in which it is to be removed. */
export async function findOwn(kube: Kube): Promise<readonly KubeObject[]> {
  const found = await Promise.all(removalOrder.map((resource) => listOwn(kube, resource)));
  return found.flat();
}

/**
 * Takes control and its rights away and waits for the end of its pods, then removes the objects in their order and waits
 * for the end of the namespace. No wait is longer than the signal allows.
 * @returns what is still there then, in words; undefined where all is gone
 */
export async function removeOwn(
  kube: Kube,
  objects: readonly KubeObject[],
  report: (object: KubeObject) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const object of objects.filter(isOfControl)) await removeAndTell(kube, object, report);
  await waitUntil(async () => (await controlPods(kube)) === 0, signal);
  for (const object of objects.filter((one) => !isOfControl(one))) await removeAndTell(kube, object, report);
  const had = new Set(objects.filter(({ kind }) => kind === resources.namespaces.kind).map((one) => one.metadata.name));
  for (const namespace of ownNamespaces.filter((one) => had.has(one))) {
    const isGone = async (): Promise<boolean> => (await kube.get(resources.namespaces, namespace)) === undefined;
    if (!(await waitUntil(isGone, signal))) return `Namespace ${namespace}`;
  }
  return undefined;
}

/** False where it was gone already. */
export function removeObject(kube: Kube, object: KubeObject): Promise<boolean> {
  const { name, namespace } = object.metadata;
  return kube.remove(resourceOf(object), name, namespace);
}

async function removeAndTell(kube: Kube, object: KubeObject, report: (object: KubeObject) => void): Promise<void> {
  if (await removeObject(kube, object)) report(object);
}

async function controlPods(kube: Kube): Promise<number> {
  const labelSelector = componentSelector('control');
  return (await kube.list(resources.pods, { namespace: ownNamespace, labelSelector })).items.length;
}

/** False where time was up first. */
export async function waitUntil(
  condition: () => Promise<boolean>,
  signal: AbortSignal,
  intervalMs = usualIntervalMs,
): Promise<boolean> {
  for (;;) {
    if (await condition()) return true;
    if (signal.aborted) return false;
    await pause(intervalMs, signal);
  }
}
