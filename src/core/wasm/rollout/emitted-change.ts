// Answers: what has to be written so that Istio's objects are as they should be. Nothing where they are: any new
// resourceVersion of a WasmPlugin has every proxy that it reaches build its filter anew.
// Does not belong here: what they should be (emitted.ts).
import { isOurs } from '../../cluster/labels.ts';
import { isSameJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import type { Extension } from '../extension.ts';
import { type Refusal, refusal } from '../refusals.ts';
import { print } from './prints.ts';

/** What is kept of a WasmPlugin or an EnvoyFilter. */
export interface FoundObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: string;
  readonly isLabelled: boolean;
  /** uid of the controller among its owners. */
  readonly owner: string | undefined;
  readonly spec: unknown;
  /** Print of what was applied when it became so; an old kind may have dropped some of it. */
  readonly appliedAs?: string;
}

export interface EmittedChange {
  readonly write: readonly KubeObject[];
  readonly remove: readonly FoundObject[];
}

/**
 * @param found everything that the extension owns, and what else has a wanted name
 * @returns undefined where nothing is to be done; refused where a name is taken by an object of somebody else
 */
export function emittedChange(
  wanted: readonly KubeObject[],
  found: readonly FoundObject[],
  { uid, name }: Pick<Extension, 'uid' | 'name'>,
): Result<EmittedChange | undefined, Refusal> {
  const pairs = wanted.map((object) => [object, found.find((one) => keyOf(one) === objectKey(object))] as const);
  const taken = pairs.find(([, other]) => other !== undefined && other.owner !== uid);
  if (taken !== undefined) {
    const [{ kind, metadata }] = taken;
    const what = `${kind} ${metadata.namespace}/${metadata.name}`;
    return fail(refusal('NameTaken', `Cannot switch "${name}" on: ${what} is there, and is not of this extension`));
  }
  // what is new comes before what becomes narrower: no proxy is without the filter in between
  const fresh = pairs.filter(([, one]) => one === undefined);
  const changed = pairs.filter(([object, one]) => one !== undefined && !isSame(object, one));
  const write = [...fresh, ...changed].map(([object]) => object);
  const keys = new Set(wanted.map(objectKey));
  const remove = found.filter((one) => one.owner === uid && !keys.has(keyOf(one)));
  return ok(write.length + remove.length === 0 ? undefined : { write, remove });
}

/** Of what was applied, to know it again. */
export function appliedPrint(object: KubeObject): string {
  return print([object.metadata.labels, object.metadata.ownerReferences, object['spec']], 32);
}

function isSame(wanted: KubeObject, found: FoundObject): boolean {
  if (found.isLabelled && isSameJson(found.spec, wanted['spec'])) return true;
  return found.appliedAs !== undefined && found.appliedAs === appliedPrint(wanted);
}

export function keyOf({ kind, namespace, name }: Pick<FoundObject, 'kind' | 'namespace' | 'name'>): string {
  return `${kind}/${namespace}/${name}`;
}

export function objectKey({ kind, metadata }: KubeObject): string {
  return keyOf({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
}

export function readFound(object: KubeObject): FoundObject {
  const { apiVersion, kind, metadata } = object;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return {
    apiVersion,
    kind,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    isLabelled: isOurs(object),
    owner: owner?.uid,
    spec: object['spec'],
  };
}
