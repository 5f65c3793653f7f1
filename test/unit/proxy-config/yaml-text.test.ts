import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistakeText, readYaml } from '../../../src/core/proxy-config/yaml-text.ts';

test('a mistake is told with its place, and without the text around it', () => {
  const read = readYaml('a: 1\nb: [x\nc: 2\n');
  assert.ok(!read.ok);
  assert.match(mistakeText(read.error), /^[^\n:]+ \(line 3, column 1\)$/);
});

test('a text full of mistakes on one line takes no longer than one with as many lines', () => {
  const took = (text: string): number => {
    const started = performance.now();
    assert.ok(!readYaml(text).ok);
    return performance.now() - started;
  };
  // what else runs on the machine can only add to it: the fastest one counts
  const fastest = (text: string): number => Math.min(...[1, 2, 3].map(() => took(text)));
  const mistakes = 16_000;
  const lines = fastest(`a: [\n${'  x: ]\n'.repeat(mistakes)}`);
  assert.ok(fastest(`a: [ ${'  x: ] '.repeat(mistakes)}`) < 3 * lines);
});

test('of several documents the first is read, or the text is refused', () => {
  assert.deepEqual(readYaml('a: 1\n---\nb: [\n', { only: 'first-document', longestYaml: 100 }), {
    ok: true,
    value: { a: 1 },
  });
  const read = readYaml('a: 1\n---\nb: 2\n');
  assert.ok(!read.ok);
  assert.equal(mistakeText(read.error), 'it holds more than one document');
});
