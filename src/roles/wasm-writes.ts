// Answers: how does control write what a rollout asks for: the status of an extension, Istio's objects. Only what is
// really another is written, and what was written is waited for in the view, so that nothing is decided by what is old.
// Does not belong here: what is to be written (core/wasm/rollout/rollout-status.ts, emitted-change.ts).
import { fieldManagers } from '../core/cluster/names.ts';
import { pathOf, resourceOf, resources } from '../core/cluster/resources.ts';
import { isSameJson, type JsonObject } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { fail, ok, type Result } from '../core/model/problem.ts';
import { type Refusal, refusal } from '../core/wasm/refusals.ts';
import {
  appliedPrint,
  type EmittedChange,
  type FoundObject,
  keyOf,
  objectKey,
} from '../core/wasm/rollout/emitted-change.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError, type KubeErrorCode } from '../edge/kube/kube-error.ts';
import { pause } from '../edge/pause.ts';
import type { WasmView } from './wasm-view.ts';

export interface WasmWrites {
  /** What the view has, with what we know of it besides. */
  emitted(uid: string): readonly FoundObject[];
  /** Writes and removes; refused where a name is taken. */
  change(change: EmittedChange, uid: string, signal: AbortSignal): Promise<Result<void, Refusal>>;
  /** By server-side apply, so that a field that is left out is gone. */
  status(object: KubeObject, status: object, signal: AbortSignal): Promise<void>;
}

const fieldManager = fieldManagers.control;

export function createWasmWrites(kube: Kube, view: WasmView): WasmWrites {
  /** By key: what was applied, and the resourceVersion that came of it. */
  const applied = new Map<string, { readonly print: string; readonly resourceVersion: string }>();
  const known = (one: FoundObject): FoundObject => {
    const mine = applied.get(keyOf(one));
    return mine?.resourceVersion === one.resourceVersion ? { ...one, appliedAs: mine.print } : one;
  };
  const find = (key: string): FoundObject | undefined => view.emitted().find((one) => keyOf(one) === key);
  const write = async (object: KubeObject, uid: string, signal: AbortSignal): Promise<Result<void, Refusal>> => {
    const key = objectKey(object);
    const { name, namespace } = object.metadata;
    const seen = find(key);
    if (seen?.owner === undefined) {
      const other = await kube.get(resourceOf(object), name, namespace);
      if (other !== undefined && !isOwnedBy(other, uid)) return fail(nameTaken(object));
    } else if (seen.owner !== uid && isOfAnother(view, seen)) return fail(nameTaken(object));
    const { metadata } = await kube.apply(object, { fieldManager });
    const resourceVersion = metadata.resourceVersion ?? '';
    applied.set(key, { print: appliedPrint(object), resourceVersion });
    await until(() => isAtLeast(find(key)?.resourceVersion, resourceVersion), signal);
    return ok(undefined);
  };
  return {
    emitted: (uid) =>
      view
        .emitted()
        .filter(({ owner }) => owner === uid)
        .map(known),
    change: async (change, uid, signal) => {
      for (const object of change.write) {
        const written = await write(object, uid, signal).catch((error: unknown) =>
          fail(switchImpossible(error, object)),
        );
        if (!written.ok) return written;
      }
      for (const one of change.remove) {
        await kube.remove(resourceOf(one), one.name, one.namespace);
        applied.delete(keyOf(one));
        await until(() => find(keyOf(one)) === undefined, signal);
      }
      return ok(undefined);
    },
    status: async (object, status, signal) => {
      const { apiVersion, kind, metadata } = object;
      const { name, namespace = '', uid } = metadata;
      const resource = resourceOf(object);
      const body = { apiVersion, kind, metadata: { name, namespace, uid }, status };
      const query = { fieldManager, force: 'true' };
      const path = `${pathOf(resource, namespace, name)}/status`;
      const contentType = 'application/apply-patch+yaml';
      const written = (await kube.call('PATCH', path, { query, body, contentType, signal })) as KubeObject;
      const kept = kind === resources.wasmExtensions.kind ? view.extensions : view.filterDeployments;
      const now = (): KubeObject | undefined => kept().get(`${namespace}/${name}`);
      const { resourceVersion = '' } = written.metadata;
      await until(() => now() === undefined || isAtLeast(now()?.metadata.resourceVersion, resourceVersion), signal);
    },
  };
}

/** True where the object has this status already; the order of fields does not count. */
export function hasStatus(object: KubeObject, status: object): boolean {
  return isSameJson(object['status'] ?? {}, JSON.parse(JSON.stringify(status)) as JsonObject);
}

function isOwnedBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;
}

/** What a declaration has left behind that is gone, and made anew under its name, is taken over. */
function isOfAnother(view: WasmView, { owner }: FoundObject): boolean {
  return owner !== undefined && [...view.extensions().values()].some(({ metadata }) => metadata.uid === owner);
}

function nameTaken({ kind, metadata }: KubeObject): Refusal {
  const message = `Cannot write ${kind} ${metadata.namespace}/${metadata.name}: one of that name is there, and is not of this extension`;
  return refusal('NameTaken', message);
}

/** What the API server, or istiod's own check, will not have; anything else is thrown on, and passes. */
function switchImpossible(error: unknown, { kind, metadata }: KubeObject): Refusal {
  if (!(error instanceof KubeError) || !final.includes(error.code)) throw error;
  return refusal('SwitchImpossible', `Cannot write ${kind} ${metadata.namespace}/${metadata.name}: ${error.message}`);
}

const final: readonly KubeErrorCode[] = ['not-found', 'forbidden', 'refused'];

/** Versions of one collection count upwards. */
function isAtLeast(found: string | undefined, wanted: string): boolean {
  if (found === undefined) return false;
  return found.length === wanted.length ? found >= wanted : found.length > wanted.length;
}

const lookMs = 20;
const patienceMs = 10_000;

/** A watch that is away so long is no reason to wait: nothing is decided then either. */
async function until(condition: () => boolean, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  while (!condition()) {
    if (deadline.aborted) {
      throw new KubeError('unreachable', 'Cannot go on: the watch does not show what was written; it is tried again');
    }
    await pause(lookMs, deadline);
  }
}
