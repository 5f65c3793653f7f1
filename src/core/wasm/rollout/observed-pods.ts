// Answers: which pods run an extension, which wait for it, and which are without it and why.
// Does not belong here: what the pods are given (deliver-modules.ts).
import { isObject, type JsonObject, objectsIn } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import type { StringMap } from '../../model/pod.ts';
import type { Extension, Revision } from '../extension.ts';
import { deliveryLabel } from '../names.ts';
import { mayPullBeside, type Way } from './emitted.ts';

/** What is kept of a pod with a proxy. */
export interface ObservedPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | undefined;
  readonly labels: StringMap;
  /** What it is of: a Deployment, or whatever owns it; the pod itself where nothing does. */
  readonly workload: string;
  /** Its proxy has begun to run. */
  readonly hasStarted: boolean;
}

/** Pods that have a sidecar have this label, native or not, whoever injected it. */
export const proxiedPods = 'security.istio.io/tlsMode';

const proxy = 'istio-proxy';

/** Undefined for a pod that has ended, and for one without a proxy. */
export function readObservedPod(object: KubeObject): ObservedPod | undefined {
  const { metadata } = object;
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const status = isObject(object['status']) ? object['status'] : {};
  if (status['phase'] === 'Succeeded' || status['phase'] === 'Failed') return undefined;
  if (![spec['containers'], spec['initContainers']].some((all) => objectsIn(all).some(({ name }) => name === proxy))) {
    return undefined;
  }
  const statuses = [...objectsIn(status['initContainerStatuses']), ...objectsIn(status['containerStatuses'])];
  const own = statuses.find(({ name }) => name === proxy);
  const state = isObject(own?.['state']) ? own['state'] : {};
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    node: typeof spec['nodeName'] === 'string' ? spec['nodeName'] : undefined,
    labels: metadata.labels ?? {},
    workload: workloadOf(object),
    hasStarted: isObject(state['running']) || isObject(state['terminated']),
  };
}

/** A ReplicaSet is named as its Deployment, with the hash of the template behind it. */
function workloadOf({ metadata }: KubeObject): string {
  const owner = metadata.ownerReferences?.[0];
  if (owner?.name === undefined) return metadata.name;
  const end = `-${metadata.labels?.['pod-template-hash']}`;
  return owner.kind === 'ReplicaSet' && owner.name.endsWith(end) ? owner.name.slice(0, -end.length) : owner.name;
}

/** The pods that have all labels; those of the extension's namespace are asked, in the root namespace those of the mesh. */
export function selectedPods(
  { matchLabels }: Pick<Extension, 'matchLabels'>,
  pods: readonly ObservedPod[],
): readonly ObservedPod[] {
  const wanted = Object.entries(matchLabels);
  return wanted.length === 0
    ? pods
    : pods.filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
}

export function pullsItself({ labels }: ObservedPod): boolean {
  return labels[deliveryLabel] === 'agent-pull';
}

/**
 * Names of the selected pods that run without a mount and without a label, as they do who were there before the extension:
 * those whose proxy could pull the module itself if they were labelled so, and the others.
 */
export function unlabelledPods(
  extension: Extension,
  pods: readonly ObservedPod[],
): { readonly pullable: readonly string[]; readonly others: readonly string[] } {
  if (extension.onMissing === 'run-without' || extension.delivery === 'agent-pull') return { pullable: [], others: [] };
  const names = selectedPods(extension, pods).flatMap(({ labels, name }) => (deliveryLabel in labels ? [] : [name]));
  return mayPullBeside(extension) ? { pullable: names, others: [] } : { pullable: [], others: names };
}

/** Nodes of pods that have the store mounted. */
export function nodesOf(pods: readonly ObservedPod[]): ReadonlySet<string> {
  const mounted = pods.filter(({ labels }) => labels[deliveryLabel] === 'node-store');
  return new Set(mounted.flatMap(({ node }) => (node === undefined ? [] : [node])));
}

export type PodState = 'delivered' | 'waiting' | 'without';

export interface JudgedPod {
  readonly pod: ObservedPod;
  readonly state: PodState;
  readonly reason: string;
}

/** @param active what proxies are told of; undefined before the first switch. */
export function judgePod(pod: ObservedPod, ways: readonly Way[], active: Revision | undefined): JudgedPod {
  const own = pod.labels[deliveryLabel];
  const isReached = ways.some(({ delivery, pods }) => pods === 'all' || own === delivery);
  if (!isReached) return { pod, state: 'without', reason: own === undefined ? notMounted : otherWay };
  if (active === undefined) return { pod, state: 'waiting', reason: 'the extension is not switched on yet' };
  if (!pod.hasStarted) return { pod, state: 'waiting', reason: 'its proxy has not started yet' };
  return { pod, state: 'delivered', reason: '' };
}

const notMounted =
  'created before the extension, without the mount; create it anew, or label it pillion.dev/wasm-delivery=agent-pull';
const otherWay = 'created when modules came another way; create it anew';

const mostListed = 20;

/** `status.pods`: counts of all, and some by name: those first that do not run it. */
export function podSummary(judged: readonly JudgedPod[], active: Revision | undefined): JsonObject {
  const count = (wanted: PodState): number => judged.filter(({ state }) => state === wanted).length;
  const order: readonly PodState[] = ['without', 'waiting', 'delivered'];
  const sorted = order.flatMap((wanted) =>
    judged.filter(({ state }) => state === wanted).toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
  );
  return {
    selected: judged.length,
    delivered: count('delivered'),
    waiting: count('waiting'),
    without: count('without'),
    list: sorted.slice(0, mostListed).map((one) => ({
      pod: keyOf(one),
      ...(one.state === 'delivered' && active !== undefined ? { digest: active.moduleDigest } : { reason: one.reason }),
    })),
  };
}

function keyOf({ pod: { namespace, name } }: JudgedPod): string {
  return `${namespace}/${name}`;
}
