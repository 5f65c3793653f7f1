// Answers: does a webhook of somebody else take something of a sidecar away. It is sent the review that the API server
// would send, marked as a dry run, through the API server's proxy to its Service.
// Does not belong here: whether it has to be asked at all (core/doctor/suspects.ts).
import { randomUUID } from 'node:crypto';
import fastJsonPatch from 'fast-json-patch';
import type { AskedWebhook, Place, Question } from '../../core/doctor/observations.ts';
import { hasProxy, staysOnPod } from '../../core/doctor/probed-pod.ts';
import { injectedPod, probePod, probeSidecar } from '../../core/doctor/probes.ts';
import { isObject, type JsonObject, parseJson } from '../../core/model/json.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

const patienceMs = 10_000;

/** `unknown`, with the reason, where it cannot be asked or its answer cannot be read. */
export async function askWebhook(kube: Kube, question: Question, namespace = 'default'): Promise<AskedWebhook> {
  const { service, sideEffects } = question.webhook;
  const unknown = (because: string): AskedWebhook => ({ ...question, answer: 'unknown', because });
  if (service === undefined) return unknown('it is called at an address outside of the cluster');
  if (sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') return unknown('it does not support dry runs');
  const { pod, isKept } = questions[question.about]({ namespace, labels: {} });
  const path = `/api/v1/namespaces/${service.namespace}/services/https:${service.name}:${service.port}/proxy${service.path}`;
  try {
    const answer = await kube.call('POST', path, {
      body: reviewOf(pod, namespace),
      signal: AbortSignal.timeout(patienceMs),
    });
    const patched = patchedPod(pod, answer);
    if (patched === undefined) return unknown('its answer cannot be read');
    return { ...question, answer: isKept(patched) ? 'keeps' : 'strips' };
  } catch (error) {
    if (error instanceof KubeError) return unknown(error.message);
    throw error;
  }
}

/** The pod that is shown for each question, and what a pod has that kept it. */
const questions = {
  restartPolicy: (place: Place) => ({
    pod: probePod('restartable', place),
    isKept: (pod: JsonObject) => staysOnPod(pod, probeSidecar),
  }),
  proxy: (place: Place) => ({ pod: injectedPod(place), isKept: hasProxy }),
} as const satisfies Readonly<Record<Question['about'], unknown>>;

function reviewOf(object: JsonObject, namespace: string): JsonObject {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      ...{ uid: randomUUID(), kind, resource, requestKind: kind, requestResource: resource, namespace, object },
      ...{ operation: 'CREATE', dryRun: true, oldObject: null, userInfo: { username: 'system:pillion-doctor' } },
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions', dryRun: ['All'] },
    },
  };
}

/** The pod as the answer would leave it; undefined where the answer cannot be used. */
function patchedPod(pod: JsonObject, { response }: JsonObject): JsonObject | undefined {
  if (!isObject(response)) return undefined;
  if (typeof response['patch'] !== 'string') return pod;
  const patch = parseJson(Buffer.from(response['patch'], 'base64').toString());
  if (!Array.isArray(patch)) return undefined;
  try {
    return fastJsonPatch.applyPatch(structuredClone(pod), patch).newDocument;
  } catch {
    return undefined;
  }
}
