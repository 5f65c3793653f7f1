// Answers: does a node fit what a pod requires of it: spec.nodeSelector and the required terms of spec.affinity.
// The rules are the scheduler's (Kubernetes, "Assigning Pods to Nodes"; component-helpers, nodeaffinity): terms are ORed,
// what stands in a term is ANDed, an empty term and one that cannot be evaluated fit no node.
// Does not belong here: taints, resources and preferences, which say where a pod is put, not where it may be.
import type { NodeFacts } from '../model/facts.ts';
import { isObject, type JsonObject, objectsIn } from '../model/json.ts';
import type { PodSpec, StringMap } from '../model/pod.ts';

/** What a pod requires of its node; undefined members require nothing. */
export interface NodeRequirements {
  readonly selector: StringMap | undefined;
  readonly terms: readonly JsonObject[] | undefined;
}

/** The one field of a node that terms may name. */
const nameField = 'metadata.name';

/** What the pod requires; undefined where it may land on every node. */
export function nodeRequirements({ nodeSelector, affinity }: PodSpec): NodeRequirements | undefined {
  const selector = nodeSelector === undefined || isEmpty(nodeSelector) ? undefined : nodeSelector;
  const terms = affinity === undefined ? undefined : requiredTerms(affinity);
  return selector === undefined && terms === undefined ? undefined : { selector, terms };
}

function requiredTerms({ nodeAffinity }: JsonObject): readonly JsonObject[] | undefined {
  const required = isObject(nodeAffinity) ? nodeAffinity['requiredDuringSchedulingIgnoredDuringExecution'] : undefined;
  if (!isObject(required)) return undefined;
  return objectsIn(required['nodeSelectorTerms']).filter(
    (term) => objectsIn(term['matchExpressions']).length + objectsIn(term['matchFields']).length > 0,
  );
}

/** True where the scheduler may put the pod on the node. */
export function fitsNode({ selector, terms }: NodeRequirements, node: NodeFacts): boolean {
  for (const key in selector) if (node.labels[key] !== selector[key]) return false;
  return terms === undefined || terms.some((term) => fitsTerm(term, node));
}

/**
 * The names of the only nodes that can fit, where every term names one, as those of a DaemonSet do; else undefined.
 */
export function requiredNames({ terms }: NodeRequirements): readonly string[] | undefined {
  const names = terms?.map((term) => objectsIn(term['matchFields']).flatMap(requiredName)[0]);
  return names?.every((name) => name !== undefined) ? names : undefined;
}

function requiredName({ key, operator, values }: JsonObject): readonly string[] {
  return key === nameField && operator === 'In' ? textsIn(values).slice(0, 1) : [];
}

function fitsTerm({ matchExpressions, matchFields }: JsonObject, node: NodeFacts): boolean {
  return (
    objectsIn(matchExpressions).every((expression) => fitsExpression(expression, node.labels)) &&
    objectsIn(matchFields).every((field) => fitsField(field, node.name))
  );
}

function fitsExpression({ key, operator, values }: JsonObject, labels: StringMap): boolean {
  const value = typeof key === 'string' ? labels[key] : undefined;
  const listed = textsIn(values);
  switch (operator) {
    case 'In':
      return value !== undefined && listed.includes(value);
    case 'NotIn':
      return listed.length > 0 && (value === undefined || !listed.includes(value));
    case 'Exists':
      return listed.length === 0 && value !== undefined;
    case 'DoesNotExist':
      return listed.length === 0 && value === undefined;
    case 'Gt':
    case 'Lt':
      return listed.length === 1 && isBeyond(operator, value, listed[0]);
    default:
      return false;
  }
}

/** Of a field exactly one value may be asked for. */
function fitsField({ key, operator, values }: JsonObject, name: string): boolean {
  const [wanted, ...more] = textsIn(values);
  if (key !== nameField || wanted === undefined || more.length > 0) return false;
  if (operator === 'In') return name === wanted;
  return operator === 'NotIn' && name !== wanted;
}

function isBeyond(operator: 'Gt' | 'Lt', value: string | undefined, limit: string | undefined): boolean {
  const [number, bound] = [wholeNumber(value), wholeNumber(limit)];
  if (number === undefined || bound === undefined) return false;
  return operator === 'Gt' ? number > bound : number < bound;
}

/** A whole number of 64 bits, as Go reads it. */
function wholeNumber(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]{1,30}$/.test(text)) return undefined;
  const number = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

function textsIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
}

function isEmpty(map: StringMap): boolean {
  for (const _key in map) return false;
  return true;
}
