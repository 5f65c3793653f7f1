// Answers: does anything that a user or a caller can write make the core throw. Nothing may: an exception is a 500.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admit } from '../../src/core/admit.ts';
import { isObject } from '../../src/core/model/json.ts';
import { printAnswer, readReview } from '../../src/core/review.ts';
import { annotations, labels, prometheusAnnotations } from '../../src/core/settings/catalogue.ts';
import { patched, pod, review, withAnnotations, withLabels } from '../builders.ts';
import { arbitraryPod, arbitrarySettings, factsNamed } from './arbitrary-pods.ts';
import { runs } from './runs.ts';

const usual = runs(600);

/** Texts that look like what annotations hold, and texts that look like nothing. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.constantFrom(
    '',
    '{',
    '[',
    '{}',
    '[]',
    'null',
    '{"a":null}',
    '[null]',
    '{"containers":[null]}',
    '{"initContainers":{}}',
  ),
  fc.constantFrom(
    '- a',
    'a: &x [*x]',
    '&a [*a, *a]',
    'a: !!js/function x',
    '{a: b, a: c}',
    '\u0000',
    '\ud800',
    '__proto__',
    '0x10',
    '1e400',
    '-1',
    '65536',
  ),
  fc.constantFrom(
    '{"__proto__": {"name": "x"}}',
    '{"constructor": 1}',
    '{"x": {"mountPath": []}}',
    'proxyMetadata: [1]',
    'concurrency: x',
  ),
);
const keys = [
  ...Object.values(annotations).map(({ key }) => key),
  ...Object.values(prometheusAnnotations).flatMap(({ key, shown }) => [key, shown]),
  'sidecar.istio.io/native-side',
  '__proto__',
];

/** Any JSON in the place of any part of a value. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.array(fc.nat(), { maxLength: 7 }), fc.jsonValue())
    .map(([road, junk]) => replaceAt(value, road, junk));
}

function replaceAt(value: unknown, [step, ...rest]: readonly number[], junk: unknown): unknown {
  const entries = Array.isArray(value) || isObject(value) ? Object.entries(value) : [];
  const picked = step === undefined ? undefined : entries[step % entries.length];
  if (picked === undefined) return junk;
  const replaced = replaceAt(picked[1], rest, junk);
  if (Array.isArray(value)) return value.map((element, index) => (String(index) === picked[0] ? replaced : element));
  return { ...(value as object), [picked[0]]: replaced };
}

test('any JSON at all as object gets a verdict', () => {
  fc.assert(
    fc.property(fc.jsonValue(), arbitrarySettings, (object, settings) => {
      assert.ok(printAnswer(review(object), admit(review(object), factsNamed(settings))));
    }),
    usual,
  );
});

test('a pod with any JSON in any place gets a verdict, and its patch applies', () => {
  fc.assert(
    fc.property(arbitraryPod.chain(spoilt), arbitrarySettings, (object, settings) => {
      const verdict = admit(review(object), factsNamed(settings));
      assert.ok(printAnswer(review(object), verdict));
      if (verdict.kind === 'inject') patched(object as object, verdict.patch);
    }),
    usual,
  );
});

test('any text in any annotation gets a verdict, and a second one after injection', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...keys), text, { maxKeys: 3 }),
      arbitrarySettings,
      (written, settings) => {
        const object = pod('web', withAnnotations(written));
        const verdict = admit(review(object), factsNamed(settings));
        if (verdict.kind !== 'inject') return;
        const again = admit(review(patched(object, verdict.patch)), factsNamed(settings));
        assert.equal(again.kind, 'inject');
      },
    ),
    runs(1500),
  );
});

test('any text in any label gets a verdict', () => {
  const labelKeys = Object.values(labels).map(({ key }) => key);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...labelKeys), text), arbitrarySettings, (written, settings) => {
      assert.ok(admit(review(pod('web', withLabels(written))), factsNamed(settings)));
    }),
    usual,
  );
});

test('any path of the webhook gets a verdict', () => {
  fc.assert(
    fc.property(fc.string(), arbitrarySettings, (path, settings) => {
      assert.ok(admit(review(pod('web'), { path: `/inject/${path}` }), factsNamed(settings)));
    }),
    usual,
  );
});

const goodReview = {
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  request: { uid: 'u', namespace: 'n', operation: 'CREATE', dryRun: false, object: pod('web') },
};

test('any JSON at all as review is read or refused in one line', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), spoilt(goodReview)), fc.string(), (value, path) => {
      const read = readReview(value, path);
      if (read.ok) assert.equal(typeof read.value.uid, 'string');
      else assert.match(read.error, /^Cannot .+: .+$/, 'one line that says what and why');
    }),
    usual,
  );
});
