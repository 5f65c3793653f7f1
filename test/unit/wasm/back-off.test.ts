import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { refusal } from '../../../src/core/wasm/refusals.ts';
import { nextAttemptMs } from '../../../src/core/wasm/store/back-off.ts';

const mostMs = 300_000;
const away = refusal('RegistryUnreachable', 'away');

function waits(random: number, refused = away): readonly number[] {
  return [1, 2, 3, 8, 9, 10, 1000].map((failures) => nextAttemptMs({ failures, refusal: refused, mostMs, random }));
}

suite('a module that could not be fetched', () => {
  test('is tried again after twice as long each time, up to the most, for ever', () => {
    assert.deepEqual(waits(1), [1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000]);
  });

  test('waits by chance between half of it and all of it', () => {
    assert.deepEqual(waits(0), [500, 1_000, 2_000, 64_000, 128_000, 150_000, 150_000]);
  });

  test('is not asked for before the time that the registry gave, and by chance a little after it', () => {
    const asked = { failures: 1, refusal: refusal('RateLimited', 'slow down', 60_000), mostMs };
    assert.equal(nextAttemptMs({ ...asked, random: 0 }), 60_000);
    assert.equal(nextAttemptMs({ ...asked, random: 0.5 }), 60_500);
    const endless = { ...asked, refusal: refusal('RateLimited', 'slow down', 1e12), random: 0 };
    assert.equal(nextAttemptMs(endless), 3_600_000);
  });

  test('is asked for seldom where only a person can help', () => {
    const broken = refusal('BadArchive', 'no plugin.wasm');
    assert.deepEqual(waits(1, broken).slice(0, 4), [60_000, 120_000, 240_000, 3_000_000]);
    assert.equal(nextAttemptMs({ failures: 1, refusal: broken, mostMs: 100, random: 1 }), 1_000);
  });
});
