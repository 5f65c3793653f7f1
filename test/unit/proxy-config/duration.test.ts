import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDuration } from '../../../src/core/proxy-config/duration.ts';

const readings: readonly (readonly [text: string, canonical: string | undefined])[] = [
  ['5s', '5s'],
  ['1m30s', '90s'],
  ['1h2m3s', '3723s'],
  ['5.5s', '5.500s'],
  ['.5m', '30s'],
  ['1.s', '1s'],
  ['1us', '0.000001s'],
  ['1µs', '0.000001s'],
  ['3ns', '0.000000003s'],
  ['0', '0s'],
  ['-1.5h', '-5400s'],
  ['+10ms', '0.010s'],
  ['2562047h', '9223369200s'],
  ['2562048h', undefined],
  ['', undefined],
  ['-', undefined],
  ['10', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['1d', undefined],
  ['1e3s', undefined],
  [' 5s', undefined],
  ['5s ', undefined],
  ['--5s', undefined],
  ['5constructor', undefined],
];
for (const [text, canonical] of readings) {
  test(`${JSON.stringify(text)} ${canonical === undefined ? 'is no duration' : `prints as ${canonical}`}`, () => {
    assert.equal(readDuration(text)?.canonical, canonical);
  });
}
