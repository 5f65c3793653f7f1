import assert from 'node:assert/strict';
import { test } from 'node:test';
import jsonPatch from 'fast-json-patch';
import { fragment } from '../../src/core/model/fragment.ts';
import { createPatch, printPatch } from '../../src/core/patch.ts';

function roundTrip(before: object, after: object): ReturnType<typeof createPatch> {
  const patch = createPatch(before, after);
  const applied = jsonPatch.applyPatch(structuredClone(before), structuredClone(patch) as jsonPatch.Operation[]);
  assert.deepEqual(applied.newDocument, after);
  return patch;
}

const spec = (...names: string[]): object => ({
  spec: { initContainers: names.map((name) => ({ name, image: `${name}:1` })) },
});

test('patch: nothing changed gives no operation', () => {
  assert.deepEqual(createPatch({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), []);
});

test('patch: containers put in front of others are added there, and the others are not touched', () => {
  const patch = roundTrip(spec('a', 'b'), spec('istio-init', 'istio-proxy', 'a', 'b'));
  assert.deepEqual(
    patch.map(({ op, path }) => `${op} ${path}`),
    ['add /spec/initContainers/0', 'add /spec/initContainers/1'],
  );
});

test('patch: a change inside a container that moved down is addressed at its new place', () => {
  const before = spec('a');
  const after = { spec: { initContainers: [{ name: 'new' }, { name: 'a', image: 'a:2' }] } };
  assert.deepEqual(
    roundTrip(before, after).map(({ op, path }) => `${op} ${path}`),
    ['add /spec/initContainers/0', 'replace /spec/initContainers/1/image'],
  );
});

test('patch: removed, reordered and added elements come out right together', () => {
  roundTrip(spec('a', 'b', 'c', 'd'), spec('d', 'x', 'b', 'a', 'y'));
  roundTrip(spec('a', 'b'), spec('b', 'a'));
  roundTrip(spec('a'), { spec: { initContainers: [] } });
});

test('patch: a list whose keys do not tell its elements apart is replaced whole', () => {
  const env = (...names: string[]): object => ({ env: names.map((name, value) => ({ name, value })) });
  assert.deepEqual(
    roundTrip(env('a', 'a'), env('a', 'b', 'a')).map(({ op, path }) => `${op} ${path}`),
    ['replace /env'],
  );
});

test('patch: slashes and tildes in keys are escaped', () => {
  const patch = roundTrip({ annotations: {} }, { annotations: { 'a/b~c': 'x' } });
  assert.equal(patch[0]?.path, '/annotations/a~1b~0c');
});

test('patch: a null of the sender counts as absent', () => {
  assert.deepEqual(createPatch({ labels: null, creationTimestamp: null }, { labels: { a: '1' } }), [
    { op: 'add', path: '/labels', value: { a: '1' } },
  ]);
});

test('patch: its JSON says what the operations say, with parts that are written once and parts that are not', () => {
  const shared = fragment({ name: 'shared', list: [{ a: 'ü"\n' }] });
  const container = {
    name: 'c',
    absent: undefined,
    env: [shared, { name: 'X', value: '' }],
    deep: { er: { est: [null, 1, true] } },
  };
  const operations = createPatch(
    { spec: { containers: [] }, gone: 1 },
    { spec: { containers: [container, shared] }, 'a/b': 'x' },
  );
  assert.deepEqual(JSON.parse(printPatch(operations)), JSON.parse(JSON.stringify(operations)));
  assert.deepEqual(JSON.parse(printPatch(operations)), JSON.parse(printPatch(operations)), 'a second time too');
});
