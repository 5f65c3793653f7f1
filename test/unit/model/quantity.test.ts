import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuantity, isQuantity } from '../../../src/core/model/quantity.ts';

test('quantity: what the API server takes', () => {
  for (const text of [
    '0',
    '1',
    '100m',
    '0.5',
    '.5',
    '5.',
    '1e3',
    '1E-3',
    '128Mi',
    '+1',
    '-1',
    '1.5Gi',
    '1k',
    '12E',
    '3n',
  ]) {
    assert.equal(isQuantity(text), true, text);
  }
});

test('quantity: what it refuses', () => {
  for (const text of ['', ' 1', '1 ', 'm', '.', '1_000', '1K', '1mi', '1e', '0x10', '1,5', 'one', '1e99999', '1Mi1']) {
    assert.equal(isQuantity(text), false, text);
  }
});

test('quantity: the canonical form', () => {
  const rows: [string, string][] = [
    ['2000m', '2'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['1.5Gi', '1536Mi'],
    ['123m', '123m'],
    ['1000', '1k'],
    ['1024', '1024'],
    ['0', '0'],
    ['0Mi', '0'],
    ['1e3', '1e3'],
    ['0.0000000001', '1n'],
    ['-2000m', '-2'],
    ['nonsense', 'nonsense'],
  ];
  for (const [text, wanted] of rows) assert.equal(canonicalQuantity(text), wanted, text);
});
