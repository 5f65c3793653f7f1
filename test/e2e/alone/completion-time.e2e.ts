// Answers: how long after its program has ended is a Job complete, beside the same Job with istiod's own injection.
// Does not belong here: that Jobs complete at all (../jobs.e2e.ts).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { median } from '../../../bench/quantiles.ts';
import { pathOf } from '../../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { watchOnce } from '../../../src/edge/kube/watch.ts';
import { sharedCluster } from '../cluster.ts';
import { registerIstiodWebhook } from '../istiod-webhook.ts';
import { podsOf } from '../jobs.ts';
import { resourceNamed } from '../kinds.ts';
import { injected, inNamespaces, type Namespace } from '../namespace.ts';
import { images, job } from '../objects.ts';
import { isNativeInjected, jobEnd } from '../pods.ts';

const pairs = 10;
/** Pairs at a time, so that it is done in time; both of a pair meet the same machine. */
const atATime = 5;
const mostMoreMs = 500;
/** Something else on the machine can spoil a series, but not three of them. */
const mostSeries = 3;
const reopenMs = 100;

const options = { timeout: 420_000 };
const cluster = sharedCluster();

test("a native Job is complete at most 0.5 s later after its exit than with istiod's injection", options, (t) =>
  inNamespaces(t, cluster, { pillion: injected, istiod: {} }, async ({ pillion, istiod }) => {
    const namespaces = [istiod.name];
    const remove = await registerIstiodWebhook(cluster, { name: 'jobs-istiod', namespaces, selectedBy: 'name' });
    const watched = { pillion: watchJobs(pillion), istiod: watchJobs(istiod) };
    try {
      const more: number[] = [];
      while (more.length < mostSeries && !more.some((ms) => ms <= mostMoreMs)) {
        more.push(difference(t, await runPairs(watched, `series-${more.length}`)));
      }
      assert.ok(
        Math.min(...more) <= mostMoreMs,
        `${more.map(Math.round).join(', ')} ms more than with istiod's injection`,
      );
    } finally {
      for (const { close } of Object.values(watched)) close();
      await remove();
    }
  }),
);

interface Both<Value> {
  readonly pillion: Value;
  readonly istiod: Value;
}

/** Milliseconds from exit to Complete. */
type Took = Both<readonly number[]>;

async function runPairs(watched: Both<WatchedJobs>, series: string): Promise<Took> {
  const took = { pillion: [] as number[], istiod: [] as number[] };
  const inTurn = [watched.pillion, watched.istiod];
  for (let first = 0; first < pairs; first += atATime) {
    const names = Array.from({ length: atATime }, (_, index) => `${series}-job-${first + index}`);
    await Promise.all(names.map((name, index) => runPair(name, index % 2 === 0 ? inTurn : inTurn.toReversed())));
    for (const name of names) {
      took.pillion.push(await lagOf(watched.pillion, name));
      took.istiod.push(await lagOf(watched.istiod, name));
    }
  }
  return took;
}

/** Milliseconds that the median of one is over that of the other. */
function difference(t: TestContext, took: Took): number {
  for (const [road, lags] of Object.entries(took)) {
    const list = lags.map((ms: number) => (ms / 1000).toFixed(2)).join(' ');
    t.diagnostic(`exit to Complete, ${road}: ${list} s; median ${(median(lags) / 1000).toFixed(2)} s`);
    assert.equal(lags.length, pairs);
  }
  const moreMs = median(took.pillion) - median(took.istiod);
  t.diagnostic(`difference of the medians: ${(moreMs / 1000).toFixed(2)} s`);
  return moreMs;
}

interface WatchedJobs {
  readonly namespace: Namespace;
  /** When each Job was seen to be complete, by Date.now(): the time in its status has whole seconds. */
  readonly completedAt: ReadonlyMap<string, number>;
  close(): void;
}

function watchJobs(namespace: Namespace): WatchedJobs {
  const completedAt = new Map<string, number>();
  const closing = new AbortController();
  const { signal } = closing;
  const changed = (_type: unknown, object: KubeObject): void => {
    const { name } = object.metadata;
    if (jobEnd(object) === 'Complete' && !completedAt.has(name)) completedAt.set(name, Date.now());
  };
  const path = pathOf(resourceNamed('Job'), namespace.name);
  const follow = async (): Promise<void> => {
    const request = { path, query: {}, stallMs: 300_000, signal };
    while (!signal.aborted) {
      await watchOnce(cluster.kube.config, request, { opened: () => {}, changed });
      await wait(reopenMs);
    }
  };
  void follow();
  return { namespace, completedAt, close: () => closing.abort() };
}

/** Two equal Jobs at the same moment. */
async function runPair(name: string, both: readonly WatchedJobs[]): Promise<void> {
  for (const { namespace } of both) await namespace.create(timedJob(name));
  for (const { namespace, completedAt } of both) {
    await namespace.until(`Job ${name} is complete`, async () => completedAt.has(name));
  }
}

/** Its last deed is to print when it ends; before, it runs long enough for its proxy to be through with starting. */
function timedJob(name: string): KubeObject {
  const script = 'setTimeout(() => console.log(Date.now()), 2000)';
  return job({ name, image: images.node, command: ['node', '--eval', script] });
}

/** Milliseconds from the exit of the program until the Job was seen to be complete. */
async function lagOf({ namespace, completedAt }: WatchedJobs, name: string): Promise<number> {
  const [pod] = await podsOf(namespace, name);
  assert.ok(pod !== undefined && isNativeInjected(pod), `the pod of ${name} has a native sidecar`);
  const exit = Number(await namespace.logs(pod.metadata.name, 'app'));
  return (completedAt.get(name) ?? Number.NaN) - exit;
}
