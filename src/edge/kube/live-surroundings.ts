// Answers: what is around the settings at this moment: nodes, namespaces, ProxyConfig resources, and whether the API
// server keeps native sidecars. Only what is needed is watched: nodes where they decide, namespaces on OpenShift,
// where they say as which user the proxy runs, and with the extensions where Wasm modules are delivered.
// Does not belong here: what follows from it (core/configuration/surroundings.ts).
import { type Resource, resources } from '../../core/cluster/resources.ts';
import { namespaceOfWebhook, nodeFacts, proxyConfigResource } from '../../core/cluster/surroundings-objects.ts';
import type { NodeFacts, ProxyConfigResource, Surroundings } from '../../core/configuration/surroundings.ts';
import type { NamespaceFacts } from '../../core/model/facts.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import type { Problem } from '../../core/model/problem.ts';
import {
  extensionProblems,
  extensionTable,
  type ReadDeliverable,
  readDeliverable,
} from '../../core/wasm/delivery/extension-table.ts';
import type { Kube } from './client.ts';
import { type NamedWatch, openWatch, type WatchListener, type WatchState } from './named-watch.ts';
import { createProbe, usualProbeTimes } from './repeated-probe.ts';
import type { WatchName } from './watch-names.ts';

/** What the settings make worth knowing. */
export interface Needs {
  /** Nodes and API server decide whether the sidecar is native. */
  readonly nodes: boolean;
  readonly namespaces: boolean;
  /** Wasm modules are delivered. */
  readonly extensions: boolean;
  /** See ProbeOptions. */
  readonly minimumMinor: number;
}

export interface SurroundingsListener extends WatchListener {
  /** As `changed`, and nobody waits for what else may come. */
  readonly changedAtOnce: () => void;
}

export interface LiveSurroundings {
  /** Watches what is needed and nothing else. */
  need(needs: Needs): void;
  /** Undefined while something that is needed is not known yet. */
  read(): Surroundings | undefined;
  /** What keeps extensions from being read. */
  passedOver(): readonly Problem[];
  watches(): readonly WatchState[];
  /** Why the API server's answer is not known yet; undefined where it is. */
  probeTrouble(): string | undefined;
  /** Undefined where nodes are not watched. */
  nodeCount(): number | undefined;
  close(): void;
}

const noNamespaces: ReadonlyMap<string, NamespaceFacts> = new Map();

/** Starts with the ProxyConfig resources, which count for every pod. */
export function followSurroundings(kube: Kube, listener: SurroundingsListener): LiveSurroundings {
  const probe = createProbe(kube, listener.changed, usualProbeTimes);
  const open = createOpener(kube, listener, probe.again);
  const proxyConfigs = open('proxyconfigs', resources.proxyConfigs, proxyConfigResource);
  let nodes: NamedWatch<NodeFacts> | undefined;
  let namespaces: NamedWatch<NamespaceFacts> | undefined;
  let extensions: NamedWatch<ReadDeliverable> | undefined;
  const nodeList = stableList<NodeFacts>();
  const proxyConfigList = stableList<ProxyConfigResource>();
  const extensionList = stableList<ReadDeliverable>();
  const table = onChange(extensionTable);
  const watches = (): readonly NamedWatch<unknown>[] =>
    [proxyConfigs, nodes, namespaces, extensions].filter((watch) => watch !== undefined);
  return {
    need: (needs) => {
      nodes = needs.nodes ? (nodes ?? open('nodes', resources.nodes, nodeFacts)) : closed(nodes);
      namespaces = needs.namespaces
        ? (namespaces ?? open('namespaces', resources.namespaces, namespaceOfWebhook))
        : closed(namespaces);
      extensions = needs.extensions
        ? (extensions ?? open('wasmextensions', resources.wasmExtensions, readDeliverable))
        : closed(extensions);
      probe.need(needs.nodes ? needs.minimumMinor : undefined);
    },
    read: () => {
      const apiServer = probe.answer();
      if (apiServer === undefined || watches().some(({ reflection }) => !reflection.hasSynced)) return undefined;
      return {
        nodes: nodes && nodeList(nodes.reflection.items()),
        apiServer,
        namespaces: namespaces?.reflection.items() ?? noNamespaces,
        proxyConfigs: proxyConfigList(proxyConfigs.reflection.items()),
        ...(extensions && { extensions: table(extensionList(extensions.reflection.items())) }),
      };
    },
    passedOver: () => extensionProblems(extensions?.reflection.items().values() ?? []),
    watches: () => watches().map(({ state }) => state()),
    probeTrouble: probe.trouble,
    nodeCount: () => (nodes?.reflection.hasSynced ? nodes.reflection.items().size : undefined),
    close: () => {
      probe.close();
      for (const watch of watches()) watch.close();
    },
  };
}

/** Nodes that change may be an upgrade of the cluster, and so of its API server. */
function createOpener(
  kube: Kube,
  { changed, changedAtOnce, troubled }: SurroundingsListener,
  nodesChanged: () => void,
) {
  return <T>(name: WatchName, resource: Resource, project: (object: KubeObject) => T): NamedWatch<T> => {
    const told = (): void => {
      if (name === 'nodes') nodesChanged();
      if (name === 'wasmextensions') changedAtOnce();
      else changed();
    };
    return openWatch(kube, { name, title: name, resource, project }, { troubled, changed: told });
  };
}

function closed(watch: NamedWatch<unknown> | undefined): undefined {
  watch?.close();
}

/** What the function makes of a value, made once for as long as the value stays the same. */
function onChange<A, T>(make: (from: A) => T): (from: A) => T {
  let last: { readonly from: A; readonly made: T } | undefined;
  return (from) => {
    if (last?.from !== from) last = { from, made: make(from) };
    return last.made;
  };
}

/** The values of a map as a list, which stays the same one for as long as they do: what is made of it is made once. */
function stableList<T>(): (items: ReadonlyMap<string, T>) => readonly T[] {
  let last: readonly T[] = [];
  let lastItems: ReadonlyMap<string, T> | undefined;
  return (items) => {
    if (items === lastItems) return last;
    lastItems = items;
    const now = [...items.values()];
    if (now.length !== last.length || now.some((one, at) => one !== last[at])) last = now;
    return last;
  };
}
