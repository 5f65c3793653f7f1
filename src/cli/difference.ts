// Answers: what did an injection do to a pod, counted and named, for people.
import { isObject, type JsonObject } from '../core/model/json.ts';

export interface Difference {
  /** What is counted: `init containers`. */
  readonly what: string;
  readonly change: 'added' | 'changed';
  readonly names: readonly string[];
}

interface Part {
  readonly what: string;
  readonly of: (pod: JsonObject) => ReadonlyMap<string, unknown>;
}

const parts: readonly Part[] = [
  { what: 'init containers', of: (pod) => named(inner(pod, 'spec')['initContainers']) },
  { what: 'containers', of: (pod) => named(inner(pod, 'spec')['containers']) },
  { what: 'volumes', of: (pod) => named(inner(pod, 'spec')['volumes']) },
  { what: 'pull secrets', of: (pod) => named(inner(pod, 'spec')['imagePullSecrets']) },
  { what: 'annotations', of: (pod) => new Map(Object.entries(inner(inner(pod, 'metadata'), 'annotations'))) },
  { what: 'labels', of: (pod) => new Map(Object.entries(inner(inner(pod, 'metadata'), 'labels'))) },
];

/** What stands in `after` and not, or not so, in `before`; parts without a difference are left out. */
export function differences(before: unknown, after: unknown): readonly Difference[] {
  const [was, is] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  return parts.flatMap(({ what, of }) => {
    const [old, now] = [of(was), of(is)];
    const added = [...now.keys()].filter((name) => !old.has(name));
    const changed = [...now]
      .filter(([name, value]) => old.has(name) && JSON.stringify(old.get(name)) !== JSON.stringify(value))
      .map(([name]) => name);
    const one = (change: Difference['change'], names: readonly string[]): Difference[] =>
      names.length === 0 ? [] : [{ what, change, names }];
    return [...one('added', added), ...one('changed', changed)];
  });
}

function inner(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

function named(list: unknown): ReadonlyMap<string, unknown> {
  return new Map(
    Array.isArray(list)
      ? list.map((element: unknown) => [isObject(element) ? String(element['name']) : '', element])
      : [],
  );
}
