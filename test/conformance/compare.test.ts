// Answers: can the comparison fail, and does it forgive only what it says it forgives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, losses } from './compare.ts';
import { quantityValue } from './quantity.ts';

const container = (rest: object): object => ({ spec: { containers: [{ name: 'app', ...rest }] } });
const annotated = (value: string): object => ({ metadata: { annotations: { status: value } } });
const withEnv = (value: string): object => container({ env: [{ name: 'PROBES', value }] });
const requesting = (cpu: unknown): object => container({ resources: { requests: { cpu } } });

const alike: readonly (readonly [string, object, object])[] = [
  ['the same pod', container({ image: 'a' }), container({ image: 'a' })],
  ['another key order', { metadata: { name: 'a', namespace: 'b' } }, { metadata: { namespace: 'b', name: 'a' } }],
  ['null for absent', container({ image: null }), container({})],
  ['an empty object for absent', container({ resources: {} }), container({})],
  ['an empty list for absent', container({ args: [] }), container({})],
  ['an object of empty ones for absent', container({ resources: { limits: {} } }), container({})],
  ['a quantity in another unit', requesting('1'), requesting('1000m')],
  ['a quantity as a number', requesting('2'), requesting(2)],
  ['JSON of an annotation in another order', annotated('{"a":1,"b":[2]}'), annotated('{"b": [2], "a": 1}')],
  ['JSON of an environment variable in another order', withEnv('{"a":1,"b":2}'), withEnv('{"b":2,"a":1}')],
];

const unlike: readonly (readonly [string, object, object, string])[] = [
  ['a scalar', container({ image: 'a' }), container({ image: 'b' }), 'spec.containers[0 app].image'],
  ['a missing field', container({ image: 'a' }), container({}), 'spec.containers[0 app].image'],
  ['a field too many', container({}), container({ stdin: true }), 'spec.containers[0 app].stdin'],
  ['false for absent', container({ stdin: false }), container({}), 'spec.containers[0 app].stdin'],
  ['zero for absent', container({ port: 0 }), container({}), 'spec.containers[0 app].port'],
  ['an empty text for absent', container({ image: '' }), container({}), 'spec.containers[0 app].image'],
  ['a number for a text', container({ port: 80 }), container({ port: '80' }), 'spec.containers[0 app].port'],
  [
    'the order of arguments',
    container({ args: ['a', 'b'] }),
    container({ args: ['b', 'a'] }),
    'spec.containers[0 app].args[0]',
  ],
  [
    'an argument too many',
    container({ args: ['a'] }),
    container({ args: ['a', 'b'] }),
    'spec.containers[0 app].args[]',
  ],
  [
    'an empty element too many',
    container({ env: [{ name: 'A' }] }),
    container({ env: [{ name: 'A' }, {}] }),
    'spec.containers[0 app].env[]',
  ],
  [
    'the order of containers',
    { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
    { spec: { containers: [{ name: 'b' }, { name: 'a' }] } },
    'spec.containers[]',
  ],
  ['another quantity', requesting('100m'), requesting('101m'), 'spec.containers[0 app].resources.requests.cpu'],
  ['a quantity for none', requesting('0'), requesting(null), 'spec.containers[0 app].resources'],
  [
    'quantities outside resources',
    container({ image: '1' }),
    container({ image: '1000m' }),
    'spec.containers[0 app].image',
  ],
  [
    'a value inside the JSON of an annotation',
    annotated('{"a":1}'),
    annotated('{"a":2}'),
    'metadata.annotations.status.JSON.a',
  ],
  [
    'the order inside the JSON of an annotation',
    annotated('["a","b"]'),
    annotated('["b","a"]'),
    'metadata.annotations.status.JSON[0]',
  ],
  [
    'empty JSON for no text',
    annotated('{}'),
    { metadata: { annotations: { other: 'a' } } },
    'metadata.annotations.status',
  ],
  ['a text that only looks like JSON', annotated('{"a":1'), annotated('{"a": 1'), 'metadata.annotations.status'],
  [
    'JSON where no JSON is read',
    container({ args: ['{"a":1}'] }),
    container({ args: ['{"a": 1}'] }),
    'spec.containers[0 app].args[0]',
  ],
];

for (const [what, expected, actual] of alike) {
  test(`the comparison forgives ${what}`, () => {
    assert.deepEqual(differences(expected, actual), []);
    assert.deepEqual(differences(actual, expected), []);
  });
}

for (const [what, expected, actual, path] of unlike) {
  test(`the comparison sees ${what}`, () => {
    assert.equal(differences(expected, actual)[0]?.path, path);
    assert.notEqual(differences(actual, expected).length, 0);
  });
}

test('a field or an element that comes on top is no loss; one that goes, changes or moves is', () => {
  const list = (...names: readonly string[]): object => container({ volumeMounts: names.map((name) => ({ name })) });
  assert.deepEqual(losses(container({}), container({ image: 'a' })), []);
  assert.deepEqual(losses(list('a'), list('a', 'b')), []);
  assert.equal(losses(container({ image: 'a' }), container({}))[0]?.path, 'spec.containers[0 app].image');
  assert.equal(losses(container({ image: 'a' }), container({ image: 'b' })).length, 1);
  for (const kept of [list('b', 'a'), list('c', 'a', 'b'), list('a')]) {
    assert.notEqual(losses(list('a', 'b'), kept).length, 0, JSON.stringify(kept));
  }
});

test('quantities are compared exactly, however large or small', () => {
  const equal: readonly (readonly [unknown, unknown])[] = [
    ['1Gi', '1073741824'],
    ['0.5', '500m'],
    ['1e3', '1k'],
    ['.5Ki', '512'],
    ['128Mi', 134217728],
    ['0', '0m'],
    ['1E3', 1000],
  ];
  for (const [one, other] of equal) assert.equal(quantityValue(one), quantityValue(other), `${one} ${other}`);
  assert.notEqual(quantityValue('1G'), quantityValue('1Gi'));
  assert.notEqual(quantityValue('9007199254740993'), quantityValue('9007199254740992'));
  assert.equal(quantityValue('none'), 'none');
});
