// Who is named where an injected pod comes back without its proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProbeOutcome, ProbeResult } from '../../../src/core/doctor/observations.ts';
import { injectedPod, keyOf } from '../../../src/core/doctor/probes.ts';
import { askAboutProxy } from '../../../src/core/doctor/removal.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import { foreign, namesOf, quiet, registered, seen, stateWith, textOf } from './observed.ts';

const refusedByGuard: ProbeOutcome = {
  kind: 'refused',
  message:
    'pods "x" is forbidden: ValidatingAdmissionPolicy \'pillion-guard\' with binding \'pillion-guard\' denied request: Pod has lost its sidecar: it was injected, and another webhook removed the container istio-proxy; run "pillion doctor"',
};

function probe(place: string, became: 'whole' | 'bare' | 'refused'): ProbeResult {
  const pod = injectedPod({ namespace: place, labels: {} });
  const { initContainers, ...spec } = pod['spec'] as JsonObject;
  const created: ProbeOutcome = { kind: 'created', pod: became === 'whole' ? pod : { ...pod, spec } };
  const outcome = became === 'refused' ? refusedByGuard : created;
  return { purpose: 'injection', place: { namespace: place, labels: {} }, called: [], outcome };
}

test('a pod that says it was injected and has no proxy was reached: the webhook that removed it is named', () => {
  const configurations = seen([registered(), foreign('z-one')]);
  const found = stateWith({ configurations, probes: [probe('shop', 'bare')] });
  assert.deepEqual(namesOf(found), ['sidecar-removed']);
  assert.match(
    textOf(found),
    /^Webhook "z-one\.example\.com" of configuration "z-one" .* removes the injected sidecar/,
  );
});

test('a pod that the guard refuses for it tells the same', () => {
  const configurations = seen([registered(), foreign('z-one')]);
  const found = stateWith({ configurations, probes: [probe('shop', 'refused')] });
  assert.deepEqual(namesOf(found), ['sidecar-removed']);
  assert.match(textOf(found), /^Webhook "z-one\.example\.com"/);
});

test('who was called for a pod that kept its proxy is not named', () => {
  const configurations = seen([registered(), foreign('a-one'), foreign('z-two', quiet)]);
  const found = stateWith({ configurations, probes: [probe('shop', 'bare'), probe('pets', 'whole')] });
  assert.deepEqual(askAboutProxy(found.probes), []);
  assert.match(textOf(found), /^Webhook "z-two\.example\.com"/);
  assert.doesNotMatch(textOf(found), /a-one/);
});

test('of two that are always called together both are asked, and what they do to restartPolicy counts for nothing', () => {
  const configurations = seen([registered(), foreign('a-one'), foreign('z-two')]);
  const found = stateWith({ configurations, probes: [probe('shop', 'bare')] });
  const questions = askAboutProxy(found.probes);
  assert.deepEqual(
    questions.map(({ webhook, about }) => [keyOf(webhook), about]),
    [
      ['a-one/a-one.example.com', 'proxy'],
      ['z-two/z-two.example.com', 'proxy'],
    ],
  );
  const [one, two] = questions;
  assert.ok(one && two);
  const asked = [
    { ...one, about: 'restartPolicy' as const, answer: 'strips' as const },
    { ...one, answer: 'keeps' as const },
    { ...two, answer: 'strips' as const },
  ];
  assert.match(textOf({ ...found, asked }), /^Webhook "z-two\.example\.com".*: asked with a pod that has it/);
});

test('a pod whose templates brought no proxy is injected all the same', () => {
  const pod = injectedPod({ namespace: 'shop', labels: {} });
  const annotations = { 'sidecar.istio.io/status': '{"initContainers":null,"containers":["agent"]}' };
  const outcome = { kind: 'created' as const, pod: { ...pod, metadata: { annotations }, spec: { containers: [] } } };
  const found = stateWith({ probes: [{ ...probe('shop', 'whole'), outcome }] });
  assert.deepEqual(namesOf(found), []);
});
