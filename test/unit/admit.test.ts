import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { admit } from '../../src/core/admit.ts';
import { facts, review } from '../builders.ts';

const { input: sleep } = parse(readFileSync(new URL('../golden/cases/sleep.yaml', import.meta.url), 'utf8'));

function patchOf(object: unknown, native: 'true' | 'false') {
  const verdict = admit(review(object, { namespace: 'shop' }), facts({ native }));
  assert.equal(verdict.kind, 'inject');
  return verdict.kind === 'inject' ? verdict.patch : [];
}

test('admit: the patch for the sleep pod has at most 30 operations, and none touches a container that was there', () => {
  for (const native of ['true', 'false'] as const) {
    const patch = patchOf(sleep, native);
    assert.ok(patch.length <= 30, `${patch.length} operations`);
    assert.deepEqual(
      patch.filter(({ path }) => path.startsWith('/spec/containers/0')),
      [],
    );
    assert.ok(patch.every(({ op }) => op === 'add'));
  }
});

test('admit: the same review and facts give the same verdict, and neither is changed', () => {
  const before = structuredClone(sleep);
  assert.deepEqual(patchOf(sleep, 'true'), patchOf(sleep, 'true'));
  assert.deepEqual(sleep, before);
});
