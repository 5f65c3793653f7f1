// Answers: what is in the cluster that rollouts of Wasm extensions depend on, kept up to date: declarations, stores,
// nodes, pods with a proxy, namespaces, what was written for Istio, and what the mesh says of its proxies.
// Does not belong here: what follows from it (wasm-road.ts).
import { ownSelector } from '../core/cluster/labels.ts';
import { type Resource, resources } from '../core/cluster/resources.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { StringMap } from '../core/model/pod.ts';
import { usualProxyImage } from '../core/render/image.ts';
import { keptObject } from '../core/wasm/declaration/kept-object.ts';
import { type FoundObject, readFound } from '../core/wasm/rollout/emitted-change.ts';
import { type ObservedNode, type ObservedStore, readNode, readStore } from '../core/wasm/rollout/observed-nodes.ts';
import { type ObservedPod, proxiedPods, readObservedPod } from '../core/wasm/rollout/observed-pods.ts';
import type { Kube, Place } from '../edge/kube/client.ts';
import { followDocuments } from '../edge/kube/live-documents.ts';
import { type Reflection, reflect } from '../edge/kube/reflector.ts';

/** By `namespace/name`, or `name`. */
type Kept<T> = ReadonlyMap<string, T>;

export interface WasmView {
  readonly extensions: () => Kept<KubeObject>;
  readonly filterDeployments: () => Kept<KubeObject>;
  readonly stores: () => Kept<ObservedStore>;
  readonly nodes: () => Kept<ObservedNode>;
  /** Of one namespace, or of all. */
  readonly pods: (namespace?: string) => readonly ObservedPod[];
  /** Their labels. */
  readonly namespaces: () => Kept<StringMap>;
  /** WasmPlugins and EnvoyFilters of ours. */
  readonly emitted: () => readonly FoundObject[];
  /** Everything has been listed once. */
  readonly hasSynced: () => boolean;
  readonly mesh: () => Mesh;
  readonly close: () => void;
}

export interface Mesh {
  /** Undefined while nobody knows it. */
  readonly proxyImage: string | undefined;
  /** The last that was read: what runs in the whole mesh is not taken for that of one namespace meanwhile. */
  readonly rootNamespace: string;
}

export interface ViewParts {
  readonly kube: Kube;
  readonly takesFilterDeployments: boolean;
  /** Root namespace while the mesh has not told another. */
  readonly istioNamespace: string;
  readonly changed: () => void;
  /** What keeps a watch from being up to date; undefined where nothing does any more. */
  readonly trouble: (watch: string, reason: string | undefined) => void;
}

export function watchWasm(parts: ViewParts): WasmView {
  const { kube, takesFilterDeployments, istioNamespace, changed, trouble } = parts;
  const all: Reflection<unknown>[] = [];
  const follow = <T>(resource: Resource, project: (object: KubeObject) => T | undefined, place: Place = {}) => {
    const reflection = reflect<T>(kube, resource, {
      place,
      project,
      changed,
      trouble: ({ message }) => trouble(resource.plural, message),
      healed: () => trouble(resource.plural, undefined),
    });
    all.push(reflection);
    return reflection.items;
  };
  const ours: Place = { labelSelector: ownSelector };
  const plugins = follow(resources.wasmPlugins, readFound, ours);
  const filters = follow(resources.envoyFilters, readFound, ours);
  const documents = followDocuments(kube, {}, { changed, troubled: trouble });
  let rootNamespace = istioNamespace;
  const view = {
    extensions: follow(resources.wasmExtensions, keptObject),
    filterDeployments: takesFilterDeployments ? follow(resources.filterDeployments, keptObject) : nothing,
    stores: follow(resources.wasmStores, readStore),
    nodes: follow(resources.nodes, readNode),
    pods: byNamespace(follow(resources.pods, readObservedPod, { labelSelector: proxiedPods })),
    namespaces: follow(resources.namespaces, ({ metadata }) => metadata.labels ?? {}),
  };
  return {
    ...view,
    emitted: () => [...plugins().values(), ...filters().values()],
    hasSynced: () => all.every(({ hasSynced }) => hasSynced) && documents.read() !== undefined,
    mesh: () => {
      const facts = documents.read();
      if (facts?.ok !== true) return { proxyImage: undefined, rootNamespace };
      rootNamespace = facts.value.mesh.rootNamespace;
      return { proxyImage: usualProxyImage(facts.value.values), rootNamespace };
    },
    close: () => {
      for (const reflection of all) reflection.close();
      documents.close();
    },
  };
}

/** Sorted once for each state of the collection: every extension asks. */
function byNamespace(items: () => Kept<ObservedPod>): WasmView['pods'] {
  let of: Kept<ObservedPod> | undefined;
  let all: readonly ObservedPod[] = [];
  let sorted: ReadonlyMap<string, readonly ObservedPod[]> = new Map();
  return (namespace) => {
    const now = items();
    if (now !== of) {
      all = [...now.values()];
      sorted = Map.groupBy(all, (pod) => pod.namespace);
      of = now;
    }
    return namespace === undefined ? all : (sorted.get(namespace) ?? []);
  };
}

function nothing(): Kept<KubeObject> {
  return new Map();
}
