import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ModuleDigest } from '../../../src/core/wasm/digests.ts';
import { evictionOf, type LastUse, usualBudgetBytes } from '../../../src/core/wasm/store/evict.ts';

const hourMs = 3_600_000;
const nowMs = Date.parse('2026-01-02T00:00:00Z');

function digest(of: string): ModuleDigest {
  return `sha256:${of.repeat(64)}` as const;
}

function evict(input: {
  readonly files: string;
  readonly referenced?: string;
  readonly hoursAgo?: Readonly<Record<string, number>>;
  readonly budgetBytes?: number;
}) {
  const lastUse: LastUse = new Map(
    Object.entries(input.hoursAgo ?? {}).map(([of, hours]) => [digest(of), nowMs - hours * hourMs]),
  );
  const { remove, lastUse: kept } = evictionOf({
    files: [...input.files].map((of) => ({ digest: digest(of), sizeBytes: 100 })),
    referenced: new Set([...(input.referenced ?? '')].map(digest)),
    lastUse,
    nowMs,
    budgetBytes: input.budgetBytes ?? usualBudgetBytes,
  });
  const hours = [...kept].map(([one, at]) => [one[7], (nowMs - at) / hourMs]);
  return { removed: remove.map((one) => one[7]).join(''), kept: Object.fromEntries(hours) };
}

suite('a module leaves the node', () => {
  test('a day after anything referred to it last, and not before', () => {
    assert.deepEqual(evict({ files: 'ab', hoursAgo: { a: 24, b: 23.9 } }), { removed: 'a', kept: { b: 23.9 } });
  });

  test('never while something refers to it, which counts as a use', () => {
    assert.deepEqual(evict({ files: 'a', referenced: 'a', hoursAgo: { a: 99 } }), { removed: '', kept: { a: 0 } });
  });

  test('not where nothing is known of its use, or a clock was put back', () => {
    assert.deepEqual(evict({ files: 'ab', hoursAgo: { b: -99 } }), { removed: '', kept: { a: 0, b: 0 } });
  });

  test('earlier over the budget, the longest unused first and no more than is needed', () => {
    const files = { files: 'abcd', hoursAgo: { a: 1, b: 3, c: 2 }, referenced: 'd' };
    assert.equal(evict({ ...files, budgetBytes: 400 }).removed, '');
    assert.equal(evict({ ...files, budgetBytes: 250 }).removed, 'bc');
  });

  test('not over the budget either, where it is referred to', () => {
    assert.equal(evict({ files: 'ab', referenced: 'ab', budgetBytes: 1 }).removed, '');
  });
});
