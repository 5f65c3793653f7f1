// Answers: does the loop look again at the right moments: at once after a change, when it is woken, when time is up,
// later and later after failures, and not any more after its end.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Loop, type Outcome, startLoop } from '../../src/roles/loop.ts';
import { until } from './loopback.ts';

interface Driven {
  readonly loop: Loop;
  readonly rounds: number[];
  readonly waits: number[];
  readonly failures: unknown[];
  successes: number;
  readonly ending: AbortController;
}

const longMs = 60_000;

/** A loop whose rounds end as the outcomes say, one after the other, and then rest for long. */
function drive(context: TestContext, outcomes: (Outcome | Error | (() => Promise<Outcome>))[]): Driven {
  const ending = new AbortController();
  const driven: Omit<Driven, 'loop'> = { rounds: [], waits: [], failures: [], successes: 0, ending };
  const loop = startLoop<number, number>(
    {
      observe: async () => driven.rounds.push(performance.now()),
      decide: (seen) => seen,
      act: async (round) => {
        const outcome = outcomes[round - 1] ?? { kind: 'rest', milliseconds: longMs };
        if (outcome instanceof Error) throw outcome;
        return typeof outcome === 'function' ? outcome() : outcome;
      },
      succeeded: () => {
        driven.successes += 1;
      },
      failed: (error, waitMs) => {
        driven.failures.push(error);
        driven.waits.push(waitMs);
      },
    },
    ending.signal,
  );
  context.after(() => ending.abort());
  return Object.assign(driven, { loop });
}

test('after a change it looks again at once, and then rests', async (context) => {
  const driven = drive(context, [{ kind: 'again' }, { kind: 'again' }]);
  await until('it rests', () => driven.successes === 1);
  assert.equal(driven.rounds.length, 3);
});

test('it is woken from its rest, and by time', async (context) => {
  const driven = drive(context, [
    { kind: 'rest', milliseconds: longMs },
    { kind: 'rest', milliseconds: 20 },
  ]);
  await until('it rests', () => driven.successes === 1);
  driven.loop.wake();
  await until('it rests again', () => driven.successes === 3);
  assert.equal(driven.rounds.length, 3);
});

test('a call during a round is not lost', async (context) => {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const driven = drive(context, [() => promise]);
  await until('the round has begun', () => driven.rounds.length === 1);
  driven.loop.wake();
  resolve({ kind: 'rest', milliseconds: longMs });
  await until('there is another round', () => driven.rounds.length === 2);
});

test('after failures it waits longer each time, whoever calls, and starts anew after a success', async (context) => {
  const driven = drive(context, [
    new Error('one'),
    new Error('two'),
    { kind: 'rest', milliseconds: 1 },
    new Error('three'),
  ]);
  await until('the first has failed', () => driven.failures.length === 1);
  driven.loop.wake();
  await until('all have failed', () => driven.failures.length === 3);
  const [first = 0, second = 0, third = 0] = driven.waits;
  assert.ok(second > first && third <= 200, driven.waits.join());
  const [begun = 0, next = 0] = driven.rounds;
  assert.ok(next - begun >= first - 2, 'the wait was not cut short');
});

test('rounds that change something and find no end count as failures, each with a longer wait', async (context) => {
  const driven = drive(context, Array<Outcome>(100).fill({ kind: 'again' }));
  await until('it has given up three times', () => driven.failures.length === 3);
  for (const failure of driven.failures) assert.match(String(failure), /changed something, and no end/);
  const [first = 0, second = 0, third = 0] = driven.waits;
  assert.ok(first < second && second < third, driven.waits.join());
  assert.ok(driven.rounds.length < 50, `${driven.rounds.length} rounds`);
});

test('it ends when it is told to, from its rest, from a wait, and after the round that is going on', async (context) => {
  const resting = drive(context, []);
  await until('it rests', () => resting.successes === 1);
  const failing = drive(context, Array(10).fill(new Error('no')));
  await until('it waits', () => failing.failures.length === 3);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const busy = drive(context, [() => promise]);
  await until('it works', () => busy.rounds.length === 1);
  for (const { ending } of [resting, failing, busy]) ending.abort();
  await Promise.all([resting.loop.ended, failing.loop.ended]);
  let hasEnded = false;
  const ended = busy.loop.ended.then(() => {
    hasEnded = true;
  });
  await new Promise((immediate) => setImmediate(immediate));
  assert.equal(hasEnded, false, 'a write that is under way is waited for');
  resolve({ kind: 'again' });
  await ended;
  assert.equal(busy.rounds.length, 1);
});
