// Answers: what is kept in memory of the objects of a collection, and is it another than before.
// Does not belong here: where the objects come from (reflector.ts).
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../core/model/kube-object.ts';

export interface KeptItems<T> {
  /** The map does not change any more once it was asked for. */
  items(): ReadonlyMap<string, T>;
  hasSynced(): boolean;
  /** What would be kept of these, one page of a list. */
  kept(objects: readonly KubeObject[]): Kept<T>;
  /** Both say whether anything is another than before. */
  replaceAll(kept: Kept<T>): boolean;
  replaceOne(object: KubeObject, isGone: boolean): boolean;
}

/** With the key of each. */
export type Kept<T> = readonly (readonly [string, T])[];

export function createKeptItems<T>(project: (object: KubeObject) => T | undefined): KeptItems<T> {
  let items = new Map<string, T>();
  let isShared = false;
  let isSynced = false;
  /** The value to keep: the one before where it is the same, so that whoever holds it sees that nothing changed. */
  const settled = (key: string, object: KubeObject): T | undefined => {
    const [before, value] = [items.get(key), project(object)];
    return isDeepStrictEqual(before, value) ? before : value;
  };
  return {
    items: () => {
      isShared = true;
      return items;
    },
    hasSynced: () => isSynced,
    kept: (objects) =>
      objects.flatMap((object) => {
        const key = keyOf(object);
        const value = settled(key, object);
        return value === undefined ? [] : [[key, value] as const];
      }),
    replaceAll: (kept) => {
      const next = new Map(kept);
      if (isSynced && next.size === items.size && [...next].every(([key, value]) => items.get(key) === value)) {
        return false;
      }
      [items, isShared, isSynced] = [next, false, true];
      return true;
    },
    replaceOne: (object, isGone) => {
      const key = keyOf(object);
      const value = isGone ? undefined : settled(key, object);
      if (items.get(key) === value) return false;
      if (isShared) [items, isShared] = [new Map(items), false];
      if (value === undefined) items.delete(key);
      else items.set(key, value);
      return true;
    },
  };
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
