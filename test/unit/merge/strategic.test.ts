import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeOverlay } from '../../../src/core/merge/strategic.ts';

const names = (...list: string[]): { name: string }[] => list.map((name) => ({ name }));
const mergedNames = (original: string[], patch: string[]): string[] => {
  const merged = mergeOverlay({ env: names(...original) }, { env: names(...patch) });
  return merged.env.map(({ name }) => name);
};

test('merge: maps merge member by member, scalars and lists without a key are replaced', () => {
  const merged = mergeOverlay(
    { a: { x: 1, y: 2 }, args: ['1', '2'], s: 'old' },
    { a: { y: 3 }, args: ['3'], s: 'new' },
  );
  assert.deepEqual(merged, { a: { x: 1, y: 3 }, args: ['3'], s: 'new' });
});

test('merge: null takes a member away, and what is new keeps no null', () => {
  assert.deepEqual(mergeOverlay({ a: { x: 1, y: 2 } }, { a: { y: null }, b: { z: null, w: 1 } }), {
    a: { x: 1 },
    b: { w: 1 },
  });
  assert.deepEqual(mergeOverlay({}, { volumes: [{ name: 'v', emptyDir: null }] }), { volumes: [{ name: 'v' }] });
});

test('merge: a null source gives way to the source that somebody else gave', () => {
  const merged = mergeOverlay(
    { volumes: [{ name: 'v', csi: { driver: 'd' } }] },
    { volumes: [{ name: 'v', emptyDir: null }] },
  );
  assert.deepEqual(merged, { volumes: [{ name: 'v', csi: { driver: 'd' } }] });
});

test('merge: elements are matched by the key of their list', () => {
  const original = { ports: [{ containerPort: 80, name: 'a' }], volumeMounts: [{ mountPath: '/a', name: 'x' }] };
  const merged = mergeOverlay(original, {
    ports: [{ containerPort: 80, protocol: 'UDP' }],
    volumeMounts: [
      { mountPath: '/a', readOnly: true },
      { mountPath: '/b', name: 'x' },
    ],
  });
  assert.deepEqual(merged, {
    ports: [{ containerPort: 80, name: 'a', protocol: 'UDP' }],
    volumeMounts: [
      { mountPath: '/a', name: 'x', readOnly: true },
      { mountPath: '/b', name: 'x' },
    ],
  });
});

test('merge order: new elements of the patch come first, the user’s own last', () => {
  assert.deepEqual(mergedNames(['u1', 'u2'], ['p1', 'p2']), ['p1', 'p2', 'u1', 'u2']);
});

test('merge order: the user’s element before one that the patch has too stays before it', () => {
  assert.deepEqual(mergedNames(['A', 'CA', 'ID', 'Z'], ['P', 'CA', 'POD', 'ID', 'T']), [
    'P',
    'A',
    'CA',
    'POD',
    'ID',
    'T',
    'Z',
  ]);
});

test('merge order: the patch’s order wins among elements that both have', () => {
  assert.deepEqual(mergedNames(['b', 'x', 'a'], ['a', 'b']), ['x', 'a', 'b']);
  assert.deepEqual(mergedNames(['b', 'a'], ['a', 'b']), ['a', 'b']);
});

test('merge: a list that the original does not have is taken as it stands, twins included', () => {
  assert.deepEqual(mergeOverlay({}, { env: names('a', 'a') }), { env: names('a', 'a') });
  assert.deepEqual(mergedNames(['z'], ['a', 'a']), ['a', 'z'], 'twins become one where there is a list');
});

test('merge: directives replace and delete', () => {
  assert.deepEqual(mergeOverlay({ labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } }), {
    labels: { b: '2' },
  });
  assert.deepEqual(mergeOverlay({ env: names('a', 'b') }, { env: [{ name: 'a', $patch: 'delete' }] }), {
    env: names('b'),
  });
  assert.deepEqual(mergeOverlay({ env: names('a') }, { env: [{ $patch: 'replace' }, { name: 'z' }] }), {
    env: names('z'),
  });
  assert.deepEqual(mergeOverlay({ s: { a: 1, b: 2 } }, { s: { $retainKeys: ['b'], b: 3 } }), { s: { b: 3 } });
  assert.deepEqual(mergeOverlay({ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }), {
    finalizers: ['b'],
  });
});

test('merge: nothing is changed in place, and what is untouched is shared', () => {
  const original = Object.freeze({
    kept: Object.freeze({ a: 1 }),
    list: Object.freeze([Object.freeze({ b: 1 })]),
    x: 1,
  });
  const merged = mergeOverlay(original, { x: 2 });
  assert.equal(merged.kept, original.kept);
  assert.equal(merged.list, original.list);
});
