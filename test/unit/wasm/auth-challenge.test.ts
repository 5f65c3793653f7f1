// Answers: is the header in which a registry says what it wants read as RFC 9110 has it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChallenges } from '../../../src/core/wasm/image/auth-challenge.ts';

type Expected = readonly (readonly [scheme: string, parameters: Readonly<Record<string, string>>])[];

const cases: readonly (readonly [what: string, header: string | undefined, expected: Expected])[] = [
  ['no header', undefined, []],
  ['an empty one', '', []],
  [
    'that of a token service',
    'Bearer realm="https://auth.example/token",service="a, b",scope="repository:a/b:pull"',
    [['bearer', { realm: 'https://auth.example/token', service: 'a, b', scope: 'repository:a/b:pull' }]],
  ],
  ['blanks anywhere', 'bearer  realm = "r" , Service="s"', [['bearer', { realm: 'r', service: 's' }]]],
  ['escaped quotes', 'Basic realm="a \\"b\\" \\\\"', [['basic', { realm: 'a "b" \\' }]]],
  [
    'values without quotes',
    'Bearer realm=https://a.example/,service=s',
    [['bearer', { realm: 'https://a.example/', service: 's' }]],
  ],
  [
    'two of them',
    'Basic realm="a", Bearer realm="b"',
    [
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ],
  ],
  ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
  [
    'a scheme alone before another',
    'Negotiate, Basic realm="a"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
    ],
  ],
  [
    'one with its answer instead of parameters',
    'Negotiate YII/ab+cd==, Bearer realm="a"',
    [
      ['negotiate', {}],
      ['bearer', { realm: 'a' }],
    ],
  ],
  ['an open quote', 'Basic realm="a', [['basic', {}]]],
  ['a header of endless length', `Basic realm="${'a'.repeat(10_000)}"`, []],
];

for (const [what, header, expected] of cases) {
  test(`a challenge is read: ${what}`, () => {
    const found = readChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
    assert.deepEqual(found, expected);
  });
}

test('no header takes long to read', () => {
  const began = performance.now();
  for (const piece of ['a', '"', '\\', ' ', ',', 'a=', 'a="\\"', '= ,'])
    readChallenges(`Basic a="${piece.repeat(2_600)}`);
  for (const piece of ['a', '"', '\\', ' ', ',', 'a=', 'a="\\"', '= ,']) readChallenges(piece.repeat(2_600));
  assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`);
});
