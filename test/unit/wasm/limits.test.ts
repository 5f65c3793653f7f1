// Does an administrator who allows larger modules get them, however they are sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsWith, mebibyte, usualLimits } from '../../../src/core/wasm/limits.ts';

test('where larger modules are allowed, a layer that nobody compressed may be as large', () => {
  assert.deepEqual(limitsWith(16), usualLimits);
  const { maxModuleBytes, maxCompressedBytes } = limitsWith(256);
  assert.deepEqual([maxModuleBytes, maxCompressedBytes], [256 * mebibyte, 256 * mebibyte]);
});

test('where smaller ones are allowed, the layer may have what else is in it', () => {
  const { maxModuleBytes, maxCompressedBytes } = limitsWith(1);
  assert.deepEqual([maxModuleBytes, maxCompressedBytes], [mebibyte, usualLimits.maxCompressedBytes]);
});
