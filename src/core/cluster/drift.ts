// Answers: where does an object in the cluster differ from what it should be. What the API server adds (uid, times,
// defaults of newer versions) is no difference; one element more in a list, or one more condition in a selector, is.
// Does not belong here: what it should be (registration.ts, guard.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { shown } from '../model/plain-text.ts';

export interface Drift {
  /** `webhooks[0].failurePolicy`. */
  readonly path: string;
  /** As text; undefined where there is nothing. */
  readonly found: string | undefined;
  readonly wanted: string | undefined;
}

/** Fields whose members all count: one more would ask more, or something else, than we do. */
const closed: ReadonlySet<string> = new Set([
  'namespaceSelector',
  'objectSelector',
  'clientConfig',
  'service',
  'matchConstraints',
]);

/** Fields that count where we write none: each takes a policy or its binding away from some or all pods. */
const narrowing: ReadonlySet<string> = new Set(['paramKind', 'paramRef', 'matchResources']);

/** Fields of the object itself, besides its metadata, in which it can drift. */
const bodies = ['webhooks', 'spec'] as const;

/** The first place at which the object differs from the wanted one; undefined where there is none. */
export function findDrift(found: KubeObject, wanted: KubeObject): Drift | undefined {
  for (const field of bodies) {
    const drift = compare(found[field], wanted[field], field);
    if (drift !== undefined) return drift;
  }
  const { labels = {}, annotations = {}, ownerReferences } = wanted.metadata;
  const owners =
    ownerReferences && compare(found.metadata.ownerReferences, ownerReferences, 'metadata.ownerReferences');
  return (
    owners ??
    compare(found.metadata.labels ?? {}, labels, 'metadata.labels') ??
    compare(found.metadata.annotations ?? {}, annotations, 'metadata.annotations')
  );
}

/** `webhooks[0].failurePolicy is "Ignore", not "Fail"`. */
export function driftText({ path, found, wanted }: Drift): string {
  return `${path} is ${found ?? 'absent'}, not ${wanted ?? 'absent'}`;
}

function compare(found: unknown, wanted: unknown, path: string): Drift | undefined {
  if (Array.isArray(wanted)) return compareLists(found, wanted, path);
  if (isObject(wanted)) return compareObjects(found, wanted, path);
  return found === wanted ? undefined : drift(found, wanted, path);
}

function compareLists(found: unknown, wanted: readonly unknown[], path: string): Drift | undefined {
  if (!Array.isArray(found)) return wanted.length === 0 && found === undefined ? undefined : drift(found, wanted, path);
  if (found.length !== wanted.length) {
    return { path: `${path}.length`, found: String(found.length), wanted: String(wanted.length) };
  }
  return first(wanted.keys(), (at) => compare(found[at], wanted[at], `${path}[${at}]`));
}

function compareObjects(found: unknown, wanted: JsonObject, path: string): Drift | undefined {
  const there = isObject(found) ? found : {};
  const name = path.slice(path.lastIndexOf('.') + 1);
  const extra = Object.keys(there).filter((key) => !(key in wanted) && (closed.has(name) || narrowing.has(key)));
  return (
    first(Object.keys(wanted), (key) => compare(there[key], wanted[key], `${path}.${key}`)) ??
    first(extra, (key) => drift(there[key], undefined, `${path}.${key}`))
  );
}

function drift(found: unknown, wanted: unknown, path: string): Drift {
  const text = (value: unknown): string | undefined => (value === undefined ? undefined : shorten(shown(value)));
  return { path, found: text(found), wanted: text(wanted) };
}

/** A bundle has thousands of characters. */
function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function first<T>(items: Iterable<T>, find: (item: T) => Drift | undefined): Drift | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
