// Answers: how do old FilterDeployment objects come to be WasmExtensions, and get their status back.
// Does not belong here: what they mean (core/wasm/declaration/filter-deployment.ts).
import { findDrift } from '../core/cluster/drift.ts';
import { fieldManagers } from '../core/cluster/names.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { extensionOf, filterStanding, refusedFilterStanding } from '../core/wasm/declaration/filter-deployment.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import { refusal } from '../core/wasm/refusals.ts';
import { print } from '../core/wasm/rollout/prints.ts';
import type { Kube } from '../edge/kube/client.ts';
import type { Roads } from './wasm-road.ts';
import type { WasmView } from './wasm-view.ts';
import { hasStatus, type WasmWrites } from './wasm-writes.ts';

export interface FilterDeploymentParts {
  readonly kube: Pick<Kube, 'apply'>;
  readonly view: WasmView;
  readonly writes: WasmWrites;
  readonly judge: Roads['judge'];
}

export interface FilterDeployments {
  take(key: string, signal: AbortSignal): Promise<undefined>;
}

export function createFilterDeployments(parts: FilterDeploymentParts): FilterDeployments {
  /** By uid, the print of what was applied. */
  const applied = new Map<string, string>();
  return {
    take: async (key, signal) => {
      const object = parts.view.filterDeployments().get(key);
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
      const status = await statusOf(parts, object, applied);
      if (!hasStatus(object, status)) await parts.writes.status(object, status, signal);
      return undefined;
    },
  };
}

async function statusOf(
  { kube, view, judge }: FilterDeploymentParts,
  object: KubeObject,
  applied: Map<string, string>,
) {
  const { uid = '', generation = 0, namespace, name } = object.metadata;
  const wanted = extensionOf(object);
  if (!wanted.ok) return refusedFilterStanding(generation, wanted.error);
  const found = view.extensions().get(`${namespace}/${name}`);
  if (found !== undefined && !isOwnedBy(found, uid)) {
    const message = `Cannot make WasmExtension ${namespace}/${name}: one of that name is there, and is not of this object`;
    return refusedFilterStanding(generation, refusal('NameTaken', message));
  }
  const asked = print(wanted.value, 32);
  if (found === undefined || applied.get(uid) !== asked || findDrift(found, wanted.value) !== undefined) {
    await kube.apply(wanted.value, { fieldManager: fieldManagers.control });
    applied.set(uid, asked);
  }
  return filterStanding(
    generation,
    found === undefined ? {} : standingOf(found),
    found === undefined ? [] : judge(found),
  );
}

function isOwnedBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}
