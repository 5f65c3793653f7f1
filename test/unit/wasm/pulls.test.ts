// Which place is a module fetched from, when is it tried again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../../../src/core/model/problem.ts';
import { refusal } from '../../../src/core/wasm/refusals.ts';
import type { WantedModule, WantedSource } from '../../../src/core/wasm/store/wanted.ts';
import { createPulls } from '../../../src/roles/agent-pulls.ts';
import { digestOf } from './revisions.ts';

function placeOf(registry: string): WantedSource {
  return { source: { kind: 'image', image: { registry, repository: 'team/filter', digest: digestOf('f') } } };
}

test('after a failure another place is asked first, so that one which takes all the time does not keep it from a node', async () => {
  const wanted: WantedModule = {
    digest: digestOf('a'),
    sizeBytes: undefined,
    sources: ok([placeOf('slow.example.com'), placeOf('registry.example.com')]),
  };
  const asked: string[] = [];
  let ended = Promise.withResolvers<void>();
  const closing = new AbortController();
  const pulls = createPulls(
    {
      fetch: async ({ sources }) => {
        const [first] = sources.ok ? sources.value : [];
        asked.push(first?.source.kind === 'image' ? first.source.image.registry : '');
        return { ok: false, error: refusal('RegistryUnreachable', 'Cannot fetch: it takes longer than is allowed') };
      },
      ended: () => ended.resolve(),
      failed: (error) => assert.fail(String(error)),
      mostWaitMs: 1_000,
    },
    closing.signal,
  );
  const missing = new Map([[wanted.digest, wanted]]);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    ended = Promise.withResolvers();
    pulls.start(missing, Number.MAX_SAFE_INTEGER);
    await ended.promise;
  }
  closing.abort();
  assert.deepEqual(asked, ['slow.example.com', 'registry.example.com', 'slow.example.com']);
});

test('a clock that is put back a year keeps nothing from being tried again', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: Date.parse('2027-01-01') });
  const wanted: WantedModule = { digest: digestOf('a'), sizeBytes: undefined, sources: ok([placeOf('one')]) };
  let ended = Promise.withResolvers<void>();
  const closing = new AbortController();
  const pulls = createPulls(
    {
      fetch: async () => ({ ok: false, error: refusal('RegistryUnreachable', 'Cannot fetch: it is away') }),
      ended: () => ended.resolve(),
      failed: (error) => assert.fail(String(error)),
      mostWaitMs: 1_000,
    },
    closing.signal,
  );
  const missing = new Map([[wanted.digest, wanted]]);
  pulls.start(missing, performance.now());
  await ended.promise;
  context.mock.timers.setTime(Date.parse('2026-01-01'));
  assert.ok((pulls.start(missing, performance.now()) ?? Infinity) <= 1_000);
  ended = Promise.withResolvers();
  pulls.start(missing, performance.now() + 1_000);
  await ended.promise;
  closing.abort();
});

test('a module that lands while the store is looked at is fetched once, and again where the next look does not see it', async () => {
  const wanted: WantedModule = { digest: digestOf('a'), sizeBytes: undefined, sources: ok([placeOf('one')]) };
  let fetches = 0;
  let ended = Promise.withResolvers<void>();
  const closing = new AbortController();
  const pulls = createPulls(
    {
      fetch: async () => {
        fetches += 1;
        return ok({ sizeBytes: 1 });
      },
      ended: () => ended.resolve(),
      failed: (error) => assert.fail(String(error)),
      mostWaitMs: 1_000,
    },
    closing.signal,
  );
  const missing = new Map([[wanted.digest, wanted]]);
  pulls.start(missing, 0);
  await ended.promise;
  assert.equal(pulls.start(missing, 0), 0, 'it is looked for once more, at once');
  assert.equal(fetches, 1);
  ended = Promise.withResolvers();
  pulls.start(missing, 0);
  await ended.promise;
  assert.equal(fetches, 2);
  pulls.start(new Map(), 0);
  pulls.start(missing, 0);
  assert.equal(fetches, 3, 'one that was seen and is gone is fetched at once');
  closing.abort();
});

test('two modules are fetched at once and no more, and one that nobody wants any more is given up', async () => {
  const begun: string[] = [];
  const told: string[] = [];
  const signals: AbortSignal[] = [];
  const landing: (() => void)[] = [];
  const closing = new AbortController();
  const pulls = createPulls(
    {
      fetch: async ({ digest }, signal) => {
        begun.push(digest);
        signals.push(signal);
        await new Promise<void>((landed) => landing.push(landed));
        return ok({ sizeBytes: 1 });
      },
      ended: (digest) => void told.push(digest),
      failed: (error) => assert.fail(String(error)),
      mostWaitMs: 1_000,
    },
    closing.signal,
  );
  const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];
  const missing = (...digests: readonly (typeof a)[]) =>
    new Map(digests.map((digest) => [digest, { digest, sizeBytes: undefined, sources: ok([placeOf('one')]) }]));
  for (let times = 0; times < 3; times += 1) pulls.start(missing(a, b, c), 0);
  assert.deepEqual(begun, [a, b]);
  pulls.start(missing(b, c), 0);
  assert.deepEqual(
    [begun, signals.map(({ aborted }) => aborted)],
    [
      [a, b, c],
      [true, false, false],
    ],
  );
  for (const landed of landing) landed();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, [b, c], 'what came of a fetch that was given up counts for nothing');
  closing.abort();
});
