// Is JSON of strangers taken as it stands, and what costs too much or reads in two ways told before it is parsed.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readBoundedJson } from '../../../src/core/wasm/image/bounded-json.ts';

function read(text: string | Uint8Array, bounds = { maxBytes: 1_000_000, maxDepth: 3 }) {
  return readBoundedJson(Buffer.from(text), bounds);
}

suite('JSON of strangers', () => {
  test('is read where nothing is wrong with it', () => {
    for (const value of [{ a: [1, { b: 'c' }] }, [], 'text', 7, null, { '': 1, ' ': 2 }])
      assert.deepEqual(read(JSON.stringify(value)), { kind: 'value', value });
    const repeated = { one: { name: 'a' }, other: { name: 'name', list: ['name', 'name'] } };
    assert.deepEqual(
      read(JSON.stringify(repeated)),
      { kind: 'value', value: repeated },
      'each object has its own keys',
    );
  });

  test('is none where it is cut off, is no UTF-8 or begins with a mark of its order', () => {
    for (const text of ['', '{', '{"a":', '"a', '"a\\', '{"a":1}}', Buffer.from('"\xff"', 'latin1'), '\ufeff{}'])
      assert.deepEqual(read(text), { kind: 'none' });
  });

  test('is too large from one byte, one level or one value more than is allowed', () => {
    for (const text of ['[[[1]]]', '["[[[[[[", "{{{{"]']) assert.equal(read(text).kind, 'value');
    assert.deepEqual(read('[[[[1]]]]'), { kind: 'large', what: 'is nested deeper than 3 levels' });
    assert.equal(read('{"a":{"b":{"c":{}}}}').kind, 'large');
    assert.equal(read('[1]', { maxBytes: 3, maxDepth: 3 }).kind, 'value');
    assert.deepEqual(read('[12]', { maxBytes: 3, maxDepth: 3 }), { kind: 'large', what: 'has more than 3 bytes' });
    const numbers = (count: number) => read(`[${Array(count).fill(1).join()}]`).kind;
    assert.deepEqual([numbers(20_000), numbers(20_001)], ['value', 'large']);
    const lists = (count: number) => read(`[${Array(count).fill('[]').join()}]`).kind;
    assert.deepEqual([lists(10_000), lists(10_001)], ['value', 'large']);
  });

  test('is told where a key stands twice, in whatever case and however it is written', () => {
    for (const [text, key] of [
      ['{"a":1,"a":2}', 'a'],
      ['{"Layers":1,"layers":2}', 'layers'],
      ['{"a":1,"\\u0061":2}', 'a'],
      ['{"size":1,"\u017fize":2}', 'size'],
      ['{"a":{"b":1},"A" : 2}', 'a'],
      ['[{"x":1},{"b":1,"b":2}]', 'b'],
      ['{"a":"\\"","a":2}', 'a'],
      ['{"a":"\\\\","a":2}', 'a'],
      ['{"a\\"":1,"a\\"":2}', 'a"'],
    ] as const)
      assert.deepEqual(read(text), { kind: 'twice', key }, text);
  });

  test('is looked over once, also where a long key stands before many colons', () => {
    const startMs = performance.now();
    assert.notEqual(read(`{"${'k'.repeat(900_000)}":${'{:}'.repeat(15_000)}`).kind, 'value');
    assert.ok(performance.now() - startMs < 2_000);
  });

  test('is not told so for what is no key', () => {
    for (const text of [
      '{"a":"a","b":"a"}',
      '["a","a"]',
      '{"a":"x:\\"a\\":1"}',
      '{"a":1,"b":{"a":1}}',
      '[{"a":1},{"a":1}]',
      '{"a\\\\":1,"a":2}',
    ])
      assert.equal(read(text).kind, 'value', text);
  });
});
