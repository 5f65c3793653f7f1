// Answers: which nodes have to have a module, and which of them have it.
// Does not belong here: fetching (the node agent), what follows (rollout.ts).
import { isObject, objectsIn } from '../../model/json.ts';
import { isConditionTrue, type KubeObject } from '../../model/kube-object.ts';
import { fewOf } from '../../model/plain-text.ts';
import { isDigest, type ModuleDigest } from '../digests.ts';
import type { Standing } from '../extension.ts';
import { type Refusal, refusal } from '../refusals.ts';

export interface ObservedNode {
  readonly name: string;
  readonly uid?: string;
  /** Its kubelet says that it is ready. */
  readonly isReady: boolean;
}

export interface ObservedStore {
  /** Named as its node. */
  readonly name: string;
  /** Of the node that it was reported from. */
  readonly nodeUid?: string;
  readonly modules: { readonly [digest: string]: ObservedModule };
}

interface ObservedModule {
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
}

export function readNode(object: KubeObject): ObservedNode {
  const { name, uid } = object.metadata;
  return { name, isReady: isConditionTrue(object, 'Ready'), ...(uid !== undefined && { uid }) };
}

export function readStore(object: KubeObject): ObservedStore {
  const status = isObject(object['status']) ? object['status'] : {};
  const entries = objectsIn(status['modules']).flatMap(({ digest, state, reason, message }) => {
    if (!isDigest(digest)) return [];
    return [[digest, { state: String(state), ...texts({ reason, message }) }] as const];
  });
  const nodeUid = status['nodeUID'];
  return {
    name: object.metadata.name,
    ...(typeof nodeUid === 'string' && { nodeUid }),
    modules: Object.fromEntries(entries),
  };
}

function texts(all: { readonly [name: string]: unknown }): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

export interface NodeView {
  readonly nodes: ReadonlyMap<string, ObservedNode>;
  readonly stores: ReadonlyMap<string, ObservedStore>;
}

/** What nodes say about one module. */
export interface Distribution {
  readonly nodes: NonNullable<Standing['nodes']>;
  /** Why not all of them have it; undefined where they do. */
  readonly missing: Refusal | undefined;
}

const mostFailed = 5;
const mostNamed = 5;

/**
 * Wanted are the nodes that have a store and whose kubelet is ready, and those on which pods of the extension are,
 * whatever else: a proxy there would be told of a file that it does not have.
 */
export function distributionOf(digest: ModuleDigest, view: NodeView, nodesOfPods: ReadonlySet<string>): Distribution {
  const { nodes } = view;
  const stores = new Map([...view.stores].filter(([name, store]) => isOfNode(store, nodes.get(name))));
  const kept = [...stores.keys()].filter((name) => nodes.get(name)?.isReady === true);
  const wanted = [...new Set([...kept, ...nodesOfPods])].sort();
  const lacking = wanted.filter((node) => stores.get(node)?.modules[digest]?.state !== 'Ready');
  const failed = lacking.flatMap((node) => {
    const { state, reason = 'StoreBroken', message = '' } = stores.get(node)?.modules[digest] ?? {};
    return state === 'Failed' ? [{ node, reason, message }] : [];
  });
  return {
    nodes: {
      wanted: wanted.length,
      ready: wanted.length - lacking.length,
      ...(failed.length > 0 && { failed: failed.slice(0, mostFailed) }),
    },
    missing: missingOf(
      lacking.map((node) => `${node}${obstacleOf(node, { nodes, stores })}`),
      failed,
    ),
  };
}

/** False of what the node before it under the same name has reported: nobody knows what is on this one. */
function isOfNode({ nodeUid }: ObservedStore, node: ObservedNode | undefined): boolean {
  return nodeUid === undefined || node?.uid === undefined || nodeUid === node.uid;
}

/** What keeps a node from ever having it, until somebody acts or its pods are gone. */
function obstacleOf(node: string, { nodes, stores }: NodeView): string {
  const found = nodes.get(node);
  if (found === undefined) return ' (the node is gone, and a pod of the extension is still on it)';
  if (!found.isReady) return ' (its kubelet is not ready, and a pod of the extension is on it)';
  return stores.has(node) ? '' : ' (no node agent has reported from it)';
}

function missingOf(
  lacking: readonly string[],
  failed: NonNullable<Standing['nodes']>['failed'] = [],
): Refusal | undefined {
  const [first] = failed;
  if (first !== undefined) {
    const others = failed.length > 1 ? `, and ${failed.length - 1} more nodes` : '';
    return refusal('NodesFailed', `Cannot get the module to ${first.node}: ${first.reason}: ${first.message}${others}`);
  }
  if (lacking.length === 0) return undefined;
  return refusal('NodesPending', `Not there yet on ${fewOf(lacking, mostNamed)}`);
}
