import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../src/core/admit.ts';
import { readFacts } from '../../src/core/configuration/read-facts.ts';
import type { Review } from '../../src/core/model/review.ts';
import { printAnswer, readReview } from '../../src/core/review.ts';

const facts = readFacts({}, {});
assert.ok(facts.ok);

function review(request: unknown, rest: object = {}): unknown {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request, ...rest };
}

function read(value: unknown): Review {
  const result = readReview(value, '/inject');
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function refusal(value: unknown): string {
  const result = readReview(value, '/inject');
  assert.ok(!result.ok);
  assert.doesNotMatch(result.error, /\n/, 'one line');
  return result.error;
}

function answer(
  object: unknown,
  apiVersion = 'admission.k8s.io/v1',
): { apiVersion: string; response: Record<string, unknown> } {
  const asked = read(review({ uid: 'u"1', namespace: 'shop', object }, { apiVersion }));
  return JSON.parse(printAnswer(asked, admit(asked, facts.ok ? facts.value : assert.fail())));
}

const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'app', image: 'app:1' }] } };

function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

test('review: what is no AdmissionReview is refused in one line that says what is there and what to send', () => {
  assert.match(refusal([]), /kind is missing|not a JSON object/);
  assert.match(refusal(null), /not a JSON object/);
  assert.match(refusal('x'), /not a JSON object/);
  assert.match(refusal({ kind: 'Pod' }), /kind is "Pod"; send an AdmissionReview/);
  assert.match(
    refusal(review({}, { apiVersion: 'admission.k8s.io/v2' })),
    /apiVersion is "admission\.k8s\.io\/v2"; send .*v1beta1/,
  );
  assert.match(refusal(review(undefined)), /no request/);
  assert.match(refusal(review({ uid: 'u' })), /no request\.object/);
  assert.match(refusal(review({ uid: 'u', object: null })), /no request\.object/);
  assert.match(refusal(review({ object: pod })), /request\.uid is missing/);
  assert.match(refusal(review({ uid: 1, object: pod })), /request\.uid is "1"/);
  assert.match(refusal(review({ uid: 'u', namespace: {}, object: pod })), /request\.namespace is "{}"/);
});

test('review: deep nesting is refused before anything recurses into it', () => {
  assert.match(refusal(review({ uid: 'u', object: nested(100_000) })), /nested more than 100 levels deep/);
  assert.match(refusal(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)), /nested more than 100 levels deep/);
  read(review({ uid: 'u', object: { spec: nested(90) } }));
});

test('review: keys that name a prototype and lone surrogates are refused with their place', () => {
  const proto = JSON.parse('{"metadata":{"labels":{"__proto__":{"polluted":"yes"}}}}');
  assert.match(refusal(review({ uid: 'u', object: proto })), /request\.object\.metadata\.labels\.__proto__/);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  const lone = { metadata: { annotations: { a: '\ud800' } } };
  assert.match(
    refusal(review({ uid: 'u', object: lone })),
    /request\.object\.metadata\.annotations\.a holds a lone surrogate/,
  );
  read(review({ uid: 'u', object: { metadata: { annotations: { a: '😀' } } } }));
});

test('answer: version and uid are those of the request, and a patch comes with its type', () => {
  for (const apiVersion of ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1']) {
    const { response, apiVersion: answered } = answer(pod, apiVersion);
    assert.equal(answered, apiVersion);
    assert.equal(response['uid'], 'u"1');
    assert.equal(response['allowed'], true);
    assert.equal(response['patchType'], 'JSONPatch');
    assert.ok(Array.isArray(JSON.parse(Buffer.from(String(response['patch']), 'base64').toString())));
  }
});

test('answer: without a change there is neither patch nor patch type', () => {
  const { response } = answer({ ...pod, metadata: { labels: { 'sidecar.istio.io/inject': 'false' } } });
  assert.deepEqual(response, { uid: 'u"1', allowed: true });
});

test('answer: a denial names every problem of the pod at once, with the value and what is allowed', () => {
  const annotations = { 'sidecar.istio.io/proxyCPU': 'lots', 'status.sidecar.istio.io/port': '99999' };
  const { response } = answer({ ...pod, metadata: { annotations } });
  assert.equal(response['allowed'], false);
  const status = response['status'] as { code: number; message: string };
  assert.equal(status.code, 422);
  assert.match(status.message, /proxyCPU"\]: Cannot read "lots": must be a Kubernetes quantity/);
  assert.match(status.message, /port"\]: Cannot read "99999": must be a port/);
});

test('answer: objects that are no pod are passed over, and pods that cannot be read are denied with the place', () => {
  assert.deepEqual(answer({ apiVersion: 'apps/v1', kind: 'Deployment' }).response, { uid: 'u"1', allowed: true });
  const message = (object: unknown): string => (answer(object).response['status'] as { message: string }).message;
  assert.match(message('pod'), /object: Cannot read "pod": must be an object/);
  assert.match(message({ spec: { containers: {} } }), /spec\.containers: Cannot read "{}": must be a list of objects/);
  assert.match(message({ metadata: { labels: { a: 1 } } }), /metadata\.labels\["a"\]: Cannot read "1": must be a text/);
  assert.match(message({ spec: { containers: [{ image: 'x' }] } }), /spec\.containers\[0\]\.name: must be the name/);
  const twins = { spec: { containers: [{ name: 'a' }], initContainers: [{ name: 'a' }] } };
  assert.match(
    message(twins),
    /spec\.containers\[0\]\.name: Cannot read "a": must be another name than that of spec\.initContainers\[0\]/,
  );
});

test('answer: a misspelt annotation is a warning, and warnings stay within what the API server takes', () => {
  const { response } = answer({ ...pod, metadata: { annotations: { 'sidecar.istio.io/native-side': 'true' } } });
  assert.match(String(response['warnings']), /native-side.*nativeSidecar/);
  const many = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`sidecar.istio.io/${'x'.repeat(300)}${i}`, '']),
  );
  const warnings = answer({ ...pod, metadata: { annotations: many } }).response['warnings'] as string[];
  assert.ok(warnings.length <= 10 && warnings.every((warning) => warning.length <= 240));
});

test('answer: nulls of the sender count as absent', () => {
  const { response } = answer({
    metadata: { name: 'web', labels: null, annotations: null },
    spec: { containers: [{ name: 'app', image: 'a', env: null, lifecycle: null }], volumes: null },
  });
  assert.equal(response['allowed'], true);
  assert.equal(response['patchType'], 'JSONPatch');
});
