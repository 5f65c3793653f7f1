// Answers: in what do pods differ that two injectors have made of the same one, beyond what the list allows.
// Does not belong here: the list itself (allowed.ts), where the pods come from (parity.e2e.ts).
import { isObject, parseJson } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { type Difference, differences, literalDifferences } from '../../conformance/compare.ts';
import { type Allowed, refusedBy } from './allowed.ts';

export type Outcome =
  | { readonly kind: 'stored'; readonly pod: KubeObject }
  | { readonly kind: 'refused'; readonly message: string };

/** By the name of the pod's case. */
export type Outcomes = ReadonlyMap<string, Outcome>;

export interface Pair {
  readonly name: string;
  readonly istiod: Outcome;
  readonly pillion: Outcome;
  /** Neither lets the pod in. */
  readonly isRefused?: boolean;
}

/** One line for each difference that the list does not allow, and for each entry of it that no pair needed. */
export function comparePairs(pairs: readonly Pair[], allowed: readonly Allowed[]): readonly string[] {
  const used = new Set<Allowed>();
  const problems = pairs.flatMap((pair) => compareOutcomes(pair, listFor(pair, allowed, used)));
  const unused = allowed.filter((entry) => !used.has(entry));
  return [...problems, ...unused.map((entry) => `the list: no pair of pods needs ${entryText(entry)}; take it out`)];
}

/** The entries that hold for one pair; who asks one of them marks it as used. */
interface List {
  readonly entries: readonly Allowed[];
  readonly use: (entry: Allowed) => void;
}

function listFor({ name }: Pair, allowed: readonly Allowed[], used: Set<Allowed>): List {
  return {
    entries: allowed.filter(({ pairs }) => pairs?.test(name) ?? true),
    use: (entry) => used.add(entry),
  };
}

function compareOutcomes({ name, istiod, pillion, isRefused = false }: Pair, list: List): readonly string[] {
  const refusals = { istiod: messageOf(istiod), pillion: messageOf(pillion) };
  if (istiod.kind === 'stored' && pillion.kind === 'stored') {
    return isRefused ? [`${name}: both let it in`] : comparePods(name, istiod.pod, pillion.pod, list);
  }
  if (istiod.kind === pillion.kind) return isRefused ? [] : [`${name}: both refuse it: ${JSON.stringify(refusals)}`];
  const path = istiod.kind === 'refused' ? refusedBy.istiod : refusedBy.pillion;
  return outside(name, [{ path, expected: refusals.istiod, actual: refusals.pillion }], list);
}

function comparePods(name: string, istiods: KubeObject, ours: KubeObject, list: List): readonly string[] {
  const renamed = list.entries
    .filter(({ isEverywhere }) => isEverywhere)
    .reduce((pod, entry) => withValuesOf(istiods, pod, entry, list), ours);
  return outside(name, literalDifferences(istiods, renamed), list);
}

/** Our pod with istiod's value in the place of ours wherever it stands, also within texts and as a key. */
function withValuesOf(istiods: KubeObject, ours: KubeObject, entry: Allowed, list: List): KubeObject {
  const [theirs, own] = [istiods, ours].map((pod) => textsAt(pod, entry));
  if (theirs?.length !== own?.length) return ours;
  const replaced = own?.reduce((text, value, index) => {
    const other = theirs?.[index] ?? value;
    if (other === value) return text;
    list.use(entry);
    return text.replaceAll(value, other);
  }, JSON.stringify(ours));
  return JSON.parse(replaced ?? '{}');
}

/** The texts of a pod at the place of an entry that look as it says, in their order. */
function textsAt(pod: KubeObject, { path, like }: Allowed): readonly string[] {
  const place = patternOf(path);
  return leavesOf(pod, '').flatMap(([at, value]) =>
    place.test(at) && typeof value === 'string' && (like?.test(value) ?? true) ? [value] : [],
  );
}

function leavesOf(value: unknown, path: string): readonly (readonly [path: string, value: unknown])[] {
  if (Array.isArray(value)) return value.flatMap((element) => leavesOf(element, `${path}[${nameOf(element)}]`));
  if (!isObject(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, path === '' ? key : `${path}.${key}`));
}

function nameOf(element: unknown): string {
  return isObject(element) && typeof element['name'] === 'string' ? element['name'] : '';
}

/** Those differences that no entry allows, as lines with the place and both values. */
function outside(name: string, found: readonly Difference[], { entries, use }: List): readonly string[] {
  return found.flatMap((difference) => {
    const entry = entries.find((one) => allows(one, difference));
    if (entry === undefined) return [`${name}: ${differenceText(difference)}`];
    use(entry);
    return [];
  });
}

function allows({ path, why, like }: Allowed, { path: at, expected, actual }: Difference): boolean {
  if (!patternOf(path).test(placeOf(at))) return false;
  if (like !== undefined && ![expected, actual].every((value) => like.test(String(value)))) return false;
  return why !== 'same JSON' || isSameJson(expected, actual);
}

/** `spec.containers[1 app].args[0]` as entries write it: `spec.containers[app].args[]`. */
function placeOf(path: string): string {
  return path.replace(/\[\d+ ?([^\]]*)\]/g, '[$1]');
}

/** The place and everything below it. */
function patternOf(path: string): RegExp {
  const literal = path.split('[*]').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('\\[[^\\]]*\\]')}($|[.[])`);
}

function isSameJson(expected: unknown, actual: unknown): boolean {
  const [one, other] = [expected, actual].map((text) => (typeof text === 'string' ? parseJson(text) : undefined));
  return one !== undefined && other !== undefined && differences(one, other).length === 0;
}

function messageOf(outcome: Outcome): string | undefined {
  return outcome.kind === 'refused' ? outcome.message : undefined;
}

function differenceText({ path, expected, actual }: Difference): string {
  return `${path}: istiod's has ${shown(expected)}, ours has ${shown(actual)}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

function entryText({ path, why, pairs }: Allowed): string {
  const reason = typeof why === 'string' ? why : why.difference;
  return `"${path}" (${reason}${pairs === undefined ? '' : `, ${pairs.source}`})`;
}
