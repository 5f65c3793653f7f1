// Is work about one key done one piece at a time, of all keys a few at once, again after a change, and later after a
// failure.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyQueue, type KeyQueue, type KeyQueueParts } from '../../src/roles/key-queue.ts';
import { until } from '../until.ts';

const patience = { timeoutMs: 60_000, pauseMs: 5 };

interface Watched {
  readonly queue: KeyQueue;
  readonly done: string[];
  readonly underWay: Set<string>;
  readonly failures: number[];
  /** Lets whatever is under way end. */
  release(): void;
}

function watched(changes: Partial<KeyQueueParts> = {}): Watched {
  const done: string[] = [];
  const underWay = new Set<string>();
  const failures: number[] = [];
  let gate = Promise.withResolvers<void>();
  const work = async (key: string): Promise<undefined> => {
    assert.ok(!underWay.has(key), `${key} is under way twice`);
    underWay.add(key);
    await gate.promise;
    underWay.delete(key);
    done.push(key);
    return undefined;
  };
  const failed: KeyQueueParts['failed'] = (_, __, waitMs) => void failures.push(waitMs);
  const queue = createKeyQueue({ work, failed, mostAtOnce: 2, ...changes });
  const release = (): void => {
    gate.resolve();
    gate = Promise.withResolvers<void>();
  };
  return { queue, done, underWay, failures, release };
}

test('a few keys at once, the others in their order', async () => {
  const { queue, done, underWay, release } = watched();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  assert.deepEqual([...underWay], ['a', 'b']);
  release();
  await until('the third is under way', async () => underWay.has('c'), patience);
  release();
  await until('all are done', async () => done.length === 3, patience);
  assert.deepEqual(done, ['a', 'b', 'c']);
});

test('a change while it is under way has it done once more, however many there were', async () => {
  const { queue, done, underWay, release } = watched();
  queue.add('a');
  for (let times = 0; times < 3; times += 1) queue.add('a');
  release();
  await until('it is under way again', async () => done.length === 1 && underWay.has('a'), patience);
  release();
  await until('it is done', async () => done.length === 2, patience);
  queue.add('b');
  release();
  await until('the next is done', async () => done.length === 3, patience);
  assert.deepEqual(done, ['a', 'a', 'b']);
});

test('what asks to come again comes again, and after a failure too, whatever changes meanwhile', async () => {
  const times: number[] = [];
  const { queue, failures } = watched({
    work: async () => {
      times.push(performance.now());
      if (times.length === 1) throw new Error('for once');
      return times.length === 2 ? 10 : undefined;
    },
  });
  queue.add('a');
  await until('it failed', async () => failures.length === 1, patience);
  queue.add('a');
  await until('it came three times', async () => times.length === 3, patience);
  const [first = 0, second = 0] = times;
  assert.ok(second - first >= (failures[0] ?? 0) - 5);
});

test('closed, it waits for what is under way and begins nothing', async () => {
  const { queue, done, release } = watched();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  const closed = queue.close();
  release();
  await closed;
  queue.add('d');
  assert.deepEqual(done, ['a', 'b']);
});
