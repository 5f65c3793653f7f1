// Answers: can the comparison of live pods fail, and is there nothing in its list that could let a fault through.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { type Allowed, allowed, refusedBy } from './allowed.ts';
import { readCases } from './cases.ts';
import { comparePairs, type Outcome, type Pair } from './compare-pods.ts';

function stored(namespace: string, spec: object = {}, metadata: object = {}): Outcome {
  const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace, ...metadata }, spec };
  return { kind: 'stored', pod };
}

function pair(istiod: object, pillion: object, name = 'web'): Pair {
  return { name, istiod: stored('one', istiod), pillion: stored('two', pillion) };
}

const refused: Outcome = { kind: 'refused', message: 'no' };
const namespaces: Allowed = { path: 'metadata.namespace', why: 'identity', isEverywhere: true };
const app = (fields: object): object => ({ containers: [{ name: 'app', ...fields }] });
const volume = (suffix: string): object => ({
  volumes: [{ name: `kube-api-access-${suffix}` }],
  containers: [{ name: 'app', volumeMounts: [{ name: `kube-api-access-${suffix}`, mountPath: '/t' }] }],
});
const tokens: Allowed = {
  path: 'spec.volumes[*].name',
  why: 'token volume',
  like: /^kube-api-access-/,
  isEverywhere: true,
};

test('a difference outside the list is told with its place and both values', () => {
  assert.deepEqual(comparePairs([pair(app({ image: 'a' }), app({ image: 'b' }))], [namespaces]), [
    `web: spec.containers[0 app].image: istiod's has "a", ours has "b"`,
  ]);
});

test('nothing counts as the same but the same: not an empty object, not another unit, not another order of a text', () => {
  for (const [one, other] of [
    [app({ securityContext: {} }), app({})],
    [app({ resources: { requests: { cpu: '1' } } }), app({ resources: { requests: { cpu: '1000m' } } })],
    [app({ env: [{ name: 'A', value: '{"a":1,"b":2}' }] }), app({ env: [{ name: 'A', value: '{"b":2,"a":1}' }] })],
  ] as const) {
    assert.equal(comparePairs([pair(one, other)], [namespaces]).length, 1, JSON.stringify(one));
  }
});

test('what stands for the namespace is put for it within texts too, and other texts still differ', () => {
  const env = (value: string): object => app({ env: [{ name: 'OWNER', value }] });
  assert.deepEqual(comparePairs([pair(env('ns/one/pods'), env('ns/two/pods'))], [namespaces]), []);
  assert.equal(comparePairs([pair(env('ns/one/pods'), env('ns/three/pods'))], [namespaces]).length, 1);
});

test('the token volume may have another name, the same at all places', () => {
  assert.deepEqual(comparePairs([pair(volume('aaaaa'), volume('bbbbb'))], [namespaces, tokens]), []);
  const astray = { ...volume('bbbbb'), containers: [{ name: 'app', volumeMounts: [{ name: 'c', mountPath: '/t' }] }] };
  assert.notDeepEqual(comparePairs([pair(volume('aaaaa'), astray)], [namespaces, tokens]), []);
});

test('an entry lets through only what looks as it says, at its place, of its pairs', () => {
  const images: Allowed = { path: 'spec.containers[app].image', why: 'identity', like: /^v\d$/, pairs: /^web$/ };
  const different = (image: string, name?: string): readonly string[] =>
    comparePairs([pair(app({ image: 'v1' }), app({ image }), name)], [namespaces, images]);
  assert.deepEqual(different('v2'), []);
  assert.equal(different('latest').length, 2, 'the difference, and an entry without use');
  assert.equal(different('v2', 'other').length, 2);
});

test('an entry for the same JSON lets no other JSON through', () => {
  const texts: Allowed = { path: 'spec.containers[app].env[A].value', why: 'same JSON' };
  const env = (value: string): object => app({ env: [{ name: 'A', value }] });
  const found = (one: string, other: string): number =>
    comparePairs([pair(env(one), env(other))], [namespaces, texts]).length;
  assert.equal(found('{"a":"&","e":{}}', '{"a":"\\u0026"}'), 0);
  assert.equal(found('{"a":1}', '{"a":2}'), 2);
  assert.equal(found('text', 'other'), 2);
});

test('an entry that no pair needs is told', () => {
  const [line] = comparePairs([pair({}, {})], [namespaces, { path: 'spec.x', why: 'identity' }]);
  assert.match(line ?? '', /no pair of pods needs "spec\.x"/);
});

test('a pod that only one lets in is a difference, and so is one that neither should or should not', () => {
  const mixed = { name: 'web', istiod: refused, pillion: stored('two') };
  assert.match(comparePairs([mixed], [])[0] ?? '', /^web: refused by istiod: istiod's has "no", ours has nothing$/);
  assert.deepEqual(comparePairs([mixed], [{ path: refusedBy.istiod, why: { difference: 'x' } }]), []);
  assert.equal(comparePairs([mixed], [{ path: refusedBy.pillion, why: { difference: 'x' } }]).length, 2);
  const neither = { name: 'web', istiod: refused, pillion: refused };
  assert.equal(comparePairs([neither], []).length, 1);
  assert.deepEqual(comparePairs([{ ...neither, isRefused: true }], []), []);
  assert.equal(comparePairs([{ ...pair({}, {}), isRefused: true }], []).length, 1);
});

test('every named difference of the list has a section in docs/differences.md', () => {
  const text = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8');
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  for (const { why } of allowed)
    if (typeof why === 'object') assert.ok(sections.includes(why.difference), why.difference);
});

test('there are pods of more than thirty kinds, each with a name of its own', () => {
  const names = readCases().map(({ name }) => name);
  assert.ok(names.length > 30);
  assert.equal(new Set(names).size, names.length);
});
