// Answers: what does an AdmissionReview answer say, in the form that judge.ts takes. Strict about the protocol: what an
// API server would refuse is an error here.
import assert from 'node:assert/strict';
import { isObject } from '../../src/core/model/json.ts';
import type { Answer } from './judge.ts';

/** Reads the answer to the review with that uid; throws where the API server would refuse it. */
export function readAnswer(text: string, uid: string): Answer {
  const answer: unknown = JSON.parse(text);
  assert.ok(isObject(answer) && isObject(answer['response']), 'the answer is an AdmissionReview with a response');
  assert.equal(answer['kind'], 'AdmissionReview');
  assert.equal(answer['apiVersion'], 'admission.k8s.io/v1');
  const { response } = answer;
  assert.equal(response['uid'], uid, 'the answer names the request');
  const { allowed, patch, patchType, status } = response;
  if (allowed !== true) {
    assert.ok(isObject(status) && status['code'] === 422, 'a denial has the code 422');
    assert.equal(patch, undefined, 'a denial has no patch');
    return { kind: 'deny', message: String(status['message']) };
  }
  assert.equal(patchType, patch === undefined ? undefined : 'JSONPatch', 'a patch has its type, and only a patch');
  if (patch === undefined) return { kind: 'skip' };
  return { kind: 'patch', patch: JSON.parse(Buffer.from(String(patch), 'base64').toString('utf8')) };
}
