// Answers: on which nodes can a pod land, as far as it matters: is one of them too old. A thousand nodes must not cost a
// request a thousand looks, so that what a selector gives is remembered for as long as the table of nodes lives.
import { createHash } from 'node:crypto';
import type { NodeFacts, NodeTable } from '../model/facts.ts';
import type { PodSpec } from '../model/pod.ts';
import { fitsNode, type NodeRequirements, nodeRequirements, requiredNames } from './node-affinity.ts';

/** Where a pod can land. `nowhere`: it requires a node that does not exist now; one may be made for it. */
export type Landing =
  | { readonly kind: 'anywhere' | 'nowhere' }
  | {
      readonly kind: 'somewhere';
      /** One of the pod's nodes that cannot run native sidecars; undefined where all of them can. */
      readonly tooOld: NodeFacts | undefined;
    };

const anywhere: Landing = { kind: 'anywhere' };
const nowhere: Landing = { kind: 'nowhere' };
const onlyNewNodes: Landing = { kind: 'somewhere', tooOld: undefined };

/** Distinct selectors of a cluster are few; who makes many of them pushes the oldest out. */
const mostRemembered = 1_000;
/** Longer selectors are remembered by their digest. */
const longestKey = 512;

/** Where a pod of this spec can land: spec.nodeName, else spec.nodeSelector and the required node affinity. */
export function landingOf(spec: PodSpec, table: NodeTable): Landing {
  if (table.byName.size === 0) return anywhere; // of nodes without a name, labels are not known either
  if (spec.nodeName) return landingOn([spec.nodeName], table);
  const requirements = nodeRequirements(spec);
  if (requirements === undefined) return anywhere;
  const names = requiredNames(requirements);
  return names === undefined ? remembered(requirements, table) : landingOn(names, table, requirements);
}

/** The nodes of these names that fit. */
function landingOn(names: readonly string[], { byName, tooOld }: NodeTable, requirements?: NodeRequirements): Landing {
  const nodes = names
    .map((name) => byName.get(name))
    .filter((node) => node !== undefined && (requirements === undefined || fitsNode(requirements, node)));
  if (nodes.length === 0) return nowhere;
  const old = nodes.find((node) => node !== undefined && tooOld.has(node));
  return old === undefined ? onlyNewNodes : { kind: 'somewhere', tooOld: old };
}

const landings = new WeakMap<NodeTable, Map<string, Landing>>();

function remembered(requirements: NodeRequirements, table: NodeTable): Landing {
  const text = JSON.stringify([requirements.selector, requirements.terms]);
  const key = text.length <= longestKey ? text : createHash('sha256').update(text).digest('base64');
  const known = landings.get(table) ?? new Map<string, Landing>();
  const landing = known.get(key) ?? lookedFor(requirements, table);
  if (known.size === 0) landings.set(table, known);
  if (known.size >= mostRemembered && !known.has(key)) known.delete(known.keys().next().value ?? '');
  known.set(key, landing);
  return landing;
}

/** One node that is too old is answer enough; else it matters only whether there is any. */
function lookedFor(requirements: NodeRequirements, { nodes, tooOld }: NodeTable): Landing {
  for (const node of tooOld) if (fitsNode(requirements, node)) return { kind: 'somewhere', tooOld: node };
  return nodes.some((node) => fitsNode(requirements, node)) ? onlyNewNodes : nowhere;
}
