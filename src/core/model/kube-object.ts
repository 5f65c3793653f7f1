// Answers: what is an object of the API server to us: JSON with a type and a name, whose other fields nobody closes.
import { isObject, type JsonObject, objectsIn } from './json.ts';
import type { OwnerReference, StringMap } from './pod.ts';

export interface ObjectMetadata {
  readonly name: string;
  /** Absent on objects of the whole cluster. */
  readonly namespace?: string;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Counts the changes of `spec`. */
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
}

export type KubeObject = JsonObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
};

/** True where the status says so, in its condition of this type. */
export function isConditionTrue(object: KubeObject, type: string): boolean {
  const { conditions } = isObject(object['status']) ? object['status'] : {};
  return objectsIn(conditions).some((one) => one['type'] === type && one['status'] === 'True');
}
