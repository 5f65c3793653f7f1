// Answers: how is an object put right, and when is it left alone because somebody insists on another one.
// Does not belong here: what it should be (core/upkeep.ts).
import { findDrift } from '../core/cluster/drift.ts';
import { fieldManagers } from '../core/cluster/names.ts';
import { pathOf, resourceOf } from '../core/cluster/resources.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { Write } from '../core/upkeep.ts';
import type { Kube } from '../edge/kube/client.ts';

export interface Corrections {
  /**
   * Writes the object. Returns why it is left alone, or undefined where it was written; throws KubeError, `conflict`
   * where it is no longer the one that was looked at.
   */
  write(kube: Kube, write: Write): Promise<string | undefined>;
}

/** More corrections of one object within the time are a quarrel, in which both sides only wear the API server out. */
const mostWithin = { count: 20, milliseconds: 60_000 };

export function createCorrections(): Corrections {
  const written = new Map<string, readonly number[]>();
  /** Versions of objects that stayed as they were when they were put right. */
  const stubborn = new Map<string, string | undefined>();
  return {
    write: async (kube, { object, drift }) => {
      const path = pathOf(resourceOf(object), object.metadata.namespace, object.metadata.name);
      const { resourceVersion } = object.metadata;
      if (drift !== undefined && stubborn.has(path) && stubborn.get(path) === resourceVersion) {
        return `${path} cannot be put right at ${drift.path}`;
      }
      const now = performance.now();
      const recent = (written.get(path) ?? []).filter((at) => now - at < mostWithin.milliseconds);
      if (recent.length >= mostWithin.count) return `somebody changes ${path} again and again`;
      const after = await applyWhole(kube, object, path);
      written.set(path, [...recent, now]); // a write that is refused changes nothing, and is no quarrel
      if (findDrift(after, object) === undefined) stubborn.delete(path);
      else stubborn.set(path, after.metadata.resourceVersion);
      return undefined;
    },
  };
}

/** Server-side apply leaves what others have added, such as a condition of theirs in a webhook of ours. */
async function applyWhole(kube: Kube, object: KubeObject, path: string): Promise<KubeObject> {
  const options = { fieldManager: fieldManagers.control };
  const applied = await kube.apply(object, options);
  if (findDrift(applied, object) === undefined) return applied;
  const field = object['webhooks'] === undefined ? 'spec' : 'webhooks';
  const { ownerReferences } = object.metadata;
  const body = [
    { op: 'replace', path: '/metadata/resourceVersion', value: applied.metadata.resourceVersion },
    // in the place of all that is there; a merge would keep some
    { op: 'add', path: `/${field}`, value: object[field] },
    ...(ownerReferences === undefined
      ? []
      : [{ op: 'add', path: '/metadata/ownerReferences', value: ownerReferences }]),
  ];
  const contentType = 'application/json-patch+json';
  return (await kube.call('PATCH', path, { body, contentType, query: options })) as KubeObject;
}
