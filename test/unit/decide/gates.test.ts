import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFacts } from '../../../src/core/configuration/read-facts.ts';
import { passGates } from '../../../src/core/decide/gates.ts';
import { askRegistration } from '../../../src/core/decide/registration.ts';
import type { Facts, RegistrationFacts } from '../../../src/core/model/facts.ts';
import type { Metadata, PodSpec } from '../../../src/core/model/pod.ts';
import type { InjectorConfig, LabelSelector } from '../../../src/core/model/settings.ts';

const inject = 'sidecar.istio.io/inject';

function factsWith(
  injector: Partial<InjectorConfig> = {},
  namespaceLabels?: Record<string, string>,
  registration: Partial<RegistrationFacts> = {},
): Facts {
  const facts = readFacts({}, { registration });
  assert.ok(facts.ok);
  const namespaces = new Map(namespaceLabels ? [['shop', { labels: namespaceLabels, annotations: {} }]] : []);
  return { ...facts.value, injector: { ...facts.value.injector, ...injector }, namespaces };
}

function decide(metadata: Metadata, facts: Facts, spec: PodSpec = {}, namespace = 'shop'): string {
  const { kind, reason } = passGates({ metadata, spec }, namespace, facts);
  return `${kind} ${reason}`;
}

function selector(
  matchLabels: Record<string, string>,
  ...matchExpressions: LabelSelector['matchExpressions']
): LabelSelector {
  return { matchLabels, matchExpressions };
}

test('gates: with policy enabled, a pod that says nothing is injected', () => {
  assert.equal(decide({}, factsWith()), 'inject policy-enabled');
});

test('gates: with policy disabled, only a pod that asks is injected', () => {
  const facts = factsWith({ policy: 'disabled' });
  assert.equal(decide({}, facts), 'skip policy-disabled');
  assert.equal(decide({ labels: { [inject]: 'true' } }, facts), 'inject pod-opted-in');
});

test('gates: with an unknown policy nothing is injected, not even a pod that asks', () => {
  const facts = factsWith({ policy: 'sometimes' });
  assert.equal(decide({}, facts), 'skip policy-unknown');
  assert.equal(decide({ labels: { [inject]: 'true' } }, facts), 'skip policy-unknown');
});

test('gates: the host network and system namespaces beat a pod that asks', () => {
  const asks = { labels: { [inject]: 'true' } };
  assert.equal(decide(asks, factsWith(), { hostNetwork: true }), 'skip host-network');
  assert.equal(decide(asks, factsWith(), {}, 'kube-system'), 'skip ignored-namespace');
});

test('gates: the pod label beats the annotation, even when the label is empty', () => {
  const annotations = { [inject]: 'false' };
  assert.equal(decide({ annotations }, factsWith()), 'skip pod-opted-out');
  assert.equal(decide({ annotations, labels: { [inject]: 'true' } }, factsWith()), 'inject pod-opted-in');
  assert.equal(decide({ annotations, labels: { [inject]: '' } }, factsWith()), 'inject policy-enabled');
});

test('gates: only the exact words true and false count', () => {
  for (const value of ['True', 'yes', 'FALSE', ' true']) {
    assert.equal(decide({ labels: { [inject]: value } }, factsWith()), 'inject policy-enabled', value);
  }
});

test('gates: neverInjectSelector beats alwaysInjectSelector, and the pod beats both', () => {
  const both = factsWith({
    policy: 'disabled',
    neverInjectSelector: [selector({ app: 'db' })],
    alwaysInjectSelector: [selector({ tier: 'web' })],
  });
  assert.equal(decide({ labels: { app: 'db', tier: 'web' } }, both), 'skip never-inject-selector');
  assert.equal(decide({ labels: { tier: 'web' } }, both), 'inject always-inject-selector');
  assert.equal(decide({ labels: { app: 'db', [inject]: 'true' } }, both), 'inject pod-opted-in');
});

test('gates: an empty selector matches nothing', () => {
  assert.equal(
    decide({ labels: { app: 'db' } }, factsWith({ neverInjectSelector: [selector({})] })),
    'inject policy-enabled',
  );
});

test('gates: selector expressions follow Kubernetes', () => {
  const rows: [LabelSelector['matchExpressions'][number], Record<string, string>, boolean][] = [
    [{ key: 'a', operator: 'In', values: ['1', '2'] }, { a: '2' }, true],
    [{ key: 'a', operator: 'In', values: ['1'] }, {}, false],
    [{ key: 'a', operator: 'NotIn', values: ['1'] }, {}, true],
    [{ key: 'a', operator: 'NotIn', values: ['1'] }, { a: '1' }, false],
    [{ key: 'a', operator: 'Exists', values: [] }, { a: '' }, true],
    [{ key: 'a', operator: 'DoesNotExist', values: [] }, { a: '' }, false],
  ];
  for (const [expression, labels, matches] of rows) {
    const facts = factsWith({ neverInjectSelector: [selector({}, expression)] });
    const wanted = matches ? 'skip never-inject-selector' : 'inject policy-enabled';
    assert.equal(decide({ labels }, facts), wanted, JSON.stringify([expression, labels]));
  }
});

test('gates: the image of a static pod is left alone', () => {
  assert.equal(decide({ annotations: { 'kubernetes.io/config.mirror': 'x' } }, factsWith()), 'skip mirror-pod');
});

test('gates: every gate that was asked stands in the trace, the deciding one last', () => {
  const { trace } = passGates({ metadata: { labels: { [inject]: 'false' } }, spec: {} }, 'shop', factsWith());
  assert.deepEqual(
    trace.map(({ gate, outcome }) => `${gate}: ${outcome}`),
    [
      'mirror pod: pass',
      'namespace labels: pass',
      'host network: pass',
      'system namespace: pass',
      'opt in or out: skip',
    ],
  );
});

test('gates: namespace labels decide only where they are known', () => {
  assert.equal(decide({}, factsWith({}, {})), 'skip namespace-not-opted-in');
  assert.equal(decide({}, factsWith({}, { 'istio-injection': 'enabled' })), 'inject policy-enabled');
  assert.equal(decide({}, factsWith({}, { 'istio-injection': 'disabled' })), 'skip namespace-opted-out');
});

interface Asked extends Partial<RegistrationFacts> {
  readonly revision?: string;
  readonly tags?: readonly string[];
}

function askFor(namespace: Record<string, string>, pod: Record<string, string>, asked: Asked) {
  const { revision = 'default', tags = [], ...changes } = asked;
  const registration = {
    revisions: [revision, ...tags],
    namespacesByDefault: false,
    excludedNamespaces: [],
    ...changes,
  };
  return askRegistration({ name: 'shop', labels: namespace }, pod, { registration });
}

test('registration: who is called follows the selectors of the peer, row by row', () => {
  const rows: [Record<string, string>, Record<string, string>, string, string | undefined][] = [
    [{ 'istio-injection': 'enabled' }, {}, 'default', undefined],
    [{ 'istio-injection': 'enabled' }, { [inject]: 'false' }, 'default', 'pod-opted-out'],
    [{ 'istio-injection': 'enabled', 'istio.io/rev': 'x' }, { 'istio.io/rev': 'y' }, 'default', undefined],
    [{ 'istio-injection': 'enabled' }, {}, 'canary', 'other-revision'],
    [
      { 'istio-injection': 'disabled' },
      { [inject]: 'true', 'istio.io/rev': 'default' },
      'default',
      'namespace-opted-out',
    ],
    [{ 'istio-injection': '' }, {}, 'default', 'namespace-opted-out'],
    [{ 'istio.io/rev': 'canary' }, {}, 'canary', undefined],
    [{ 'istio.io/rev': 'canary' }, { [inject]: 'false' }, 'canary', 'pod-opted-out'],
    [{ 'istio.io/rev': 'canary' }, { 'istio.io/rev': 'default' }, 'default', 'other-revision'],
    [{}, { 'istio.io/rev': 'default' }, 'default', undefined],
    [{}, { 'istio.io/rev': 'default', [inject]: 'false' }, 'default', 'pod-opted-out'],
    [{}, { 'istio.io/rev': 'canary', [inject]: 'true' }, 'default', 'other-revision'],
    [{}, { [inject]: 'true' }, 'default', undefined],
    [{}, { [inject]: 'true' }, 'canary', 'namespace-not-opted-in'],
    [{}, { [inject]: 'yes' }, 'default', 'namespace-not-opted-in'],
    [{}, {}, 'default', 'namespace-not-opted-in'],
  ];
  for (const [namespace, pod, revision, reason] of rows) {
    assert.equal(askFor(namespace, pod, { revision }).reason, reason, JSON.stringify([namespace, pod, revision]));
  }
});

test('registration: a tag counts as the revision, and the tag "default" as the default one', () => {
  const tagged = { revision: '1-32', tags: ['prod', 'canary'] };
  const byDefault = { revision: '1-32', tags: ['default'] };
  const rows: [Record<string, string>, Record<string, string>, Asked, string | undefined][] = [
    [{ 'istio.io/rev': 'prod' }, {}, tagged, undefined],
    [{ 'istio.io/rev': '1-32' }, {}, tagged, undefined],
    [{ 'istio.io/rev': 'canary' }, { [inject]: 'false' }, tagged, 'pod-opted-out'],
    [{ 'istio.io/rev': 'stage' }, {}, tagged, 'other-revision'],
    [{}, { 'istio.io/rev': 'canary' }, tagged, undefined],
    [{}, { [inject]: 'true' }, tagged, 'namespace-not-opted-in'],
    [{ 'istio-injection': 'enabled' }, {}, tagged, 'other-revision'],
    [{ 'istio-injection': 'enabled' }, {}, byDefault, undefined],
    [{}, { [inject]: 'true' }, byDefault, undefined],
    [{}, { 'istio.io/rev': 'default' }, byDefault, undefined],
  ];
  for (const [namespace, pod, asked, reason] of rows) {
    assert.equal(askFor(namespace, pod, asked).reason, reason, JSON.stringify([namespace, pod, asked]));
  }
  const { because } = askFor({ 'istio.io/rev': 'stage' }, {}, tagged);
  assert.equal(because, 'istio.io/rev is "stage", ours is "1-32" or "prod" or "canary"');
});

test('registration: with namespacesByDefault a pod is taken where no label says anything', () => {
  const byDefault = { namespacesByDefault: true };
  const rows: [Record<string, string>, Record<string, string>, Asked, string | undefined][] = [
    [{}, {}, byDefault, undefined],
    [{}, { [inject]: 'true' }, byDefault, undefined],
    [{}, { [inject]: 'yes' }, byDefault, 'namespace-not-opted-in'],
    [{}, { [inject]: 'false' }, byDefault, 'namespace-not-opted-in'],
    [{}, { 'istio.io/rev': 'canary' }, byDefault, 'other-revision'],
    [{ 'istio-injection': 'disabled' }, {}, byDefault, 'namespace-opted-out'],
    [{}, {}, { ...byDefault, revision: 'canary' }, 'namespace-not-opted-in'],
    [{}, {}, { ...byDefault, revision: 'canary', tags: ['default'] }, undefined],
  ];
  for (const [namespace, pod, asked, reason] of rows) {
    assert.equal(askFor(namespace, pod, asked).reason, reason, JSON.stringify([namespace, pod, asked]));
  }
});

test('registration: an excluded namespace is named only where injection was asked for', () => {
  const excluded = { excludedNamespaces: ['shop'] };
  assert.equal(askFor({ 'istio-injection': 'enabled' }, {}, excluded).reason, 'excluded-namespace');
  assert.equal(askFor({}, { [inject]: 'true' }, excluded).reason, 'excluded-namespace');
  assert.equal(askFor({ 'istio-injection': 'disabled' }, {}, excluded).reason, 'namespace-opted-out');
  assert.equal(askFor({}, {}, excluded).reason, 'namespace-not-opted-in');
});

test('gates: an excluded namespace is left alone where its labels are known; else the registration has decided', () => {
  const excluded = { excludedNamespaces: ['shop'] };
  assert.equal(decide({}, factsWith({}, { 'istio-injection': 'enabled' }, excluded)), 'skip excluded-namespace');
  assert.equal(decide({}, factsWith({}, undefined, excluded)), 'inject policy-enabled');
});
