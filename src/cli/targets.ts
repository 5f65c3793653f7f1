// Answers: which pods stand in a document, as admission would see each, and where.
// Does not belong here: how a controller makes a pod (workloads.ts), the decision (core/admit.ts).

import { isObject, type JsonObject } from '../core/model/json.ts';
import type { Result } from '../core/model/problem.ts';
import type { Review } from '../core/model/review.ts';
import { readReview } from '../core/review.ts';
import { UsageError } from './command.ts';
import { podOfWorkload, workloadKindOf } from './workloads.ts';

/** One pod to be admitted. */
export interface Target {
  /** JSON pointer to the pod or pod template within the document. */
  readonly pointer: string;
  /** Kind and name of the object as it was written: `Deployment` `sleep`. */
  readonly kind: string;
  readonly name: string;
  readonly review: Review;
  /** What stands at the pointer. */
  readonly written: unknown;
  /** True where the document is itself an AdmissionReview. */
  readonly isReview: boolean;
}

/** Where the objects go, as the command line says it. */
export interface TargetPlace {
  readonly namespace: string | undefined;
  /** The path of the webhook that the request would go to. */
  readonly path: string;
}

/** Every pod of a document; none where it holds other kinds. Throws UsageError where an AdmissionReview is none. */
export function findTargets(value: unknown, place: TargetPlace): readonly Target[] {
  if (!isObject(value)) return [];
  if (isReview(value)) return [reviewTarget(value, place)];
  return objectTargets(value, '', place);
}

function isReview({ kind, apiVersion }: JsonObject): boolean {
  return kind === 'AdmissionReview' && (apiVersion === undefined || String(apiVersion).startsWith('admission.k8s.io/'));
}

function reviewTarget(value: JsonObject, { namespace, path }: TargetPlace): Target {
  const read = accepted(readReview(value, path));
  const written = read.object;
  const review = { ...read, namespace: namespace ?? (read.namespace || 'default') };
  const metadata = metadataOf(written);
  return {
    pointer: '/request/object',
    kind: isObject(written) ? (nonEmpty(written['kind']) ?? 'Pod') : 'Pod',
    name: nonEmpty(metadata['name']) ?? nonEmpty(metadata['generateName']) ?? '',
    review: { ...review, object: inNamespace(written, namespace) },
    written,
    isReview: true,
  };
}

function objectTargets(object: JsonObject, pointer: string, place: TargetPlace): readonly Target[] {
  const { kind, apiVersion } = object;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(object['items'])) {
    return object['items'].flatMap((item: unknown, index) => {
      const one = isObject(item) ? { ...itemType(kind, apiVersion), ...item } : undefined;
      return one === undefined ? [] : objectTargets(one, `${pointer}/items/${index}`, place);
    });
  }
  if (kind === 'Pod' && apiVersion === 'v1') return [podTarget(object, pointer, place)];
  const workload = workloadKindOf(object);
  if (workload === undefined) return [];
  const metadata = metadataOf(object);
  const name = nonEmpty(metadata['name']) ?? `${nonEmpty(metadata['generateName']) ?? ''}00000`;
  const written = at(object, workload.template);
  const pod = podOfWorkload(workload, name, withoutNulls(written));
  const namespace = place.namespace ?? nonEmpty(metadata['namespace']) ?? 'default';
  const review = reviewOf(inNamespace(pod, namespace), namespace, place.path);
  return [{ pointer: pointer + workload.template, kind: workload.kind, name, review, written, isReview: false }];
}

function podTarget(pod: JsonObject, pointer: string, place: TargetPlace): Target {
  const metadata = metadataOf(pod);
  const namespace = place.namespace ?? nonEmpty(metadata['namespace']) ?? 'default';
  const object = inNamespace(withoutNulls(pod), place.namespace);
  const name = nonEmpty(metadata['name']) ?? nonEmpty(metadata['generateName']) ?? '';
  return {
    pointer,
    kind: 'Pod',
    name,
    review: reviewOf(object, namespace, place.path),
    written: pod,
    isReview: false,
  };
}

/** The request that the API server would send. The uid is a constant: the same input gives the same output. */
function reviewOf(object: unknown, namespace: string, path: string): Review {
  const uid = '00000000-0000-4000-8000-000000000001';
  const request = { uid, namespace, operation: 'CREATE', dryRun: true, object };
  return accepted(readReview({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }, path));
}

function accepted(read: Result<Review, string>): Review {
  if (!read.ok) throw new UsageError(read.error);
  return read.value;
}

/** Items of a typed list (`PodList`) need not repeat what they are. */
function itemType(kind: string, apiVersion: unknown): JsonObject {
  return kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
}

/** The pod in the namespace that the command line names, which is stronger than what the pod says. */
function inNamespace(pod: unknown, namespace: string | undefined): unknown {
  if (!isObject(pod) || namespace === undefined) return pod;
  const metadata = pod['metadata'];
  if (!isObject(metadata) || metadata['namespace'] === undefined || metadata['namespace'] === namespace) return pod;
  return { ...pod, metadata: { ...metadata, namespace } };
}

/** In a manifest a field without value counts as absent; the API server drops it before any webhook is asked. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === null ? [] : [[key, withoutNulls(one)]])),
  );
}

function metadataOf(object: unknown): JsonObject {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  return isObject(metadata) ? metadata : {};
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function at(object: JsonObject, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), object);
}
