// Does a step of a rollout have an end, whatever a registry does: few are taken at once, for all namespaces together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../../../src/core/model/problem.ts';
import { refusal } from '../../../src/core/wasm/refusals.ts';
import { createTurns } from '../../../src/roles/turns.ts';
import type { Memory, Moment, RoadParts } from '../../../src/roles/wasm-moment.ts';
import { takeStep } from '../../../src/roles/wasm-steps.ts';
import { extensionOf, pinnedTo, revisionOf } from './revisions.ts';

function newMemory(): Memory {
  const never = { retryAt: undefined, restoreAt: undefined };
  return { of: '', attempt: {}, failures: 0, ...never, writeInTurn: createTurns(), tagCheckAt: 0 };
}

test('a registry that answers in drops keeps a step no longer than is allowed, and is asked again later', async () => {
  const memory = newMemory();
  const untilStopped = (_extension: unknown, _what: unknown, signal: AbortSignal) =>
    new Promise((resolve) => {
      const late = { ok: false, error: refusal('RegistryUnreachable', 'Cannot look: it takes longer than is allowed') };
      signal.addEventListener('abort', () => resolve(late));
      setTimeout(() => resolve(ok({ signedBy: [] })), 2_000).unref();
    });
  const parts = {
    modules: { verify: untilStopped },
    stepTaken: () => {},
    longestAskMs: 20,
    mostWaitMs: 1_000,
  } as unknown as RoadParts;
  const { signal } = new AbortController();
  const moment = { parts, memory, extension: extensionOf(), signal } as unknown as Moment;
  const resolved = { source: pinnedTo('a').source, pinned: revisionOf('a').pinned };
  await takeStep(moment, { kind: 'verify', resolved, trusts: [], trusted: 'somebody' });
  assert.equal(memory.attempt.refused?.refusal.reason, 'RegistryUnreachable');
  assert.notEqual(memory.retryAt, undefined);
});

test('what was declared otherwise or removed before its turn came is neither fetched nor written', async () => {
  const metadata = { namespace: 'shop', name: 'hello', uid: 'u', generation: 1 };
  for (const now of [{ ...metadata, generation: 2 }, { ...metadata, uid: 'v' }, undefined]) {
    let object: unknown = { metadata };
    const done: string[] = [];
    const act = (name: string) => async () => {
      done.push(name);
      return ok({});
    };
    const inTurn = createTurns();
    const parts = {
      view: { extensions: () => new Map(object === undefined ? [] : [['shop/hello', object]]) },
      modules: { fetch: act('fetch') },
      writes: { change: act('change') },
      ...{ inTurn, stepTaken: () => {}, longestAskMs: 1_000, mostWaitMs: 1_000 },
    } as unknown as RoadParts;
    const { signal } = new AbortController();
    const memory = newMemory();
    const moment = { parts, memory, object, extension: extensionOf(), signal } as unknown as Moment;
    const before = Promise.withResolvers<void>();
    for (const turns of [inTurn, memory.writeInTurn]) void turns(() => before.promise);
    const resolved = { source: pinnedTo('a').source, pinned: revisionOf('a').pinned };
    const steps = [
      takeStep(moment, { kind: 'fetch', resolved }),
      takeStep(moment, { kind: 'restore', write: [], remove: [] }),
    ];
    object = now && { metadata: now };
    before.resolve();
    await Promise.all(steps);
    assert.deepEqual(done, []);
  }
});
