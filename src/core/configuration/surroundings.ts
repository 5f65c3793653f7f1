// Answers: what do the facts become when something around the settings changes: nodes, namespaces, the API server,
// ProxyConfig resources. The documents are not read again, so that this may run at every change of a watch.
// Does not belong here: watching (edge/kube/), what the documents say (read-facts.ts).
import type { ExtensionFacts } from '../model/delivered.ts';
import type { Facts, NamespaceFacts, NativeFacts, NodeFacts, NodeTable, ProxyConfigFacts } from '../model/facts.ts';
import type { MeshConfig } from '../model/settings.ts';
import { nodeTable } from './node-table.ts';
import { type ProxyConfigResource, proxyConfigFacts } from './proxy-config-resources.ts';

export type { NodeFacts } from '../model/facts.ts';
export { type ProxyConfigResource, proxyConfigProblems } from './proxy-config-resources.ts';

/** What a cluster says besides the settings documents. */
export interface Surroundings {
  /** Undefined where they cannot be known. Keep the list itself while no node changed: its table is made once. */
  readonly nodes: readonly NodeFacts[] | undefined;
  /** Whether the API server keeps `restartPolicy` on an init container. */
  readonly apiServer: NativeFacts['apiServer'];
  /** Shared, not copied. */
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  /** Keep the list itself while no resource changed, as for nodes. */
  readonly proxyConfigs: readonly ProxyConfigResource[];
  /** Absent where Wasm modules are not delivered, or the extensions are not known. */
  readonly extensions?: ExtensionFacts;
}

/**
 * The facts in these surroundings, frozen. Costs next to nothing where the lists are those of the last time; a new list
 * of nodes or resources is looked through once.
 */
export function withSurroundings(facts: Facts, surroundings: Surroundings): Facts {
  const { nodes, apiServer, namespaces, proxyConfigs, extensions } = surroundings;
  const { mode, minimumMinor } = facts.native;
  const table = nodes === undefined ? undefined : tableOf(nodes, minimumMinor);
  return Object.freeze({
    ...facts,
    native: Object.freeze({ mode, minimumMinor, apiServer, nodes: table }),
    namespaces,
    proxyConfigs: layersOf(proxyConfigs, facts.mesh),
    ...(extensions !== undefined && { extensions }),
  });
}

/** By the list they were made of; they go with it. */
const tables = new WeakMap<readonly NodeFacts[], Map<number, NodeTable>>();
const layers = new WeakMap<readonly ProxyConfigResource[], WeakMap<MeshConfig, ProxyConfigFacts>>();

function tableOf(nodes: readonly NodeFacts[], minimumMinor: number): NodeTable {
  const made = tables.get(nodes) ?? new Map<number, NodeTable>();
  const table = made.get(minimumMinor) ?? nodeTable(nodes, minimumMinor);
  tables.set(nodes, made.set(minimumMinor, table));
  return table;
}

function layersOf(resources: readonly ProxyConfigResource[], mesh: MeshConfig): ProxyConfigFacts {
  const made = layers.get(resources) ?? new WeakMap<MeshConfig, ProxyConfigFacts>();
  const facts = made.get(mesh) ?? proxyConfigFacts(resources, mesh);
  layers.set(resources, made.set(mesh, facts));
  return facts;
}
