// Answers: in what do two states of an object differ, for people.
import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';

export interface Change {
  /** `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** Undefined where nothing was there. */
  readonly before: unknown;
  /** Undefined where nothing is left. */
  readonly after: unknown;
}

/** What the API server keeps about an object, which nobody writes. */
const kept = new Set(['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp', 'selfLink']);

/** The changes in the order in which they stand; none where only what the API server keeps differs. */
export function changesBetween(before: KubeObject, after: KubeObject): readonly Change[] {
  return differences(contentOf(before), contentOf(after), '');
}

/** The object as somebody would write it. */
export function contentOf({ status, metadata, ...rest }: KubeObject): JsonObject {
  return { ...rest, metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => !kept.has(key))) };
}

function differences(before: unknown, after: unknown, path: string): readonly Change[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences(before[key], after[key], path + step(key)).map(withoutLeadingDot));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((element, at) => differences(element, after[at], `${path}[${at}]`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

function step(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? `.${key}` : `["${key}"]`;
}

function withoutLeadingDot(change: Change): Change {
  return change.path.startsWith('.') ? { ...change, path: change.path.slice(1) } : change;
}
