// Of several that contend for a Lease one leads at a time, whatever becomes of it.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { resources } from '../../src/core/cluster/resources.ts';
import type { Kube } from '../../src/edge/kube/client.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { holdLease, type LeaseOptions } from '../../src/edge/kube/lease.ts';
import { pause } from '../../src/edge/pause.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const durations = { leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 400 };
/** Where nothing is waited for to run out: no moment of a busy machine is as long. */
const lasting = { ...durations, leaseMs: 90_000, renewDeadlineMs: 60_000 };

/** A time in which one led; without an end it leads still. */
interface Term {
  readonly who: string;
  readonly from: number;
  to: number | undefined;
}

interface Contender {
  readonly terms: readonly Term[];
  readonly troubles: readonly string[];
  isLeading(): boolean;
  /** Resolves when it has given up. */
  stop(): Promise<void>;
}

const namespace = 'default';

function contend(
  context: TestContext,
  kube: Kube,
  identity: string,
  { name, ...options }: Pick<LeaseOptions, 'name'> & Partial<LeaseOptions>,
): Contender {
  const terms: Term[] = [];
  const troubles: string[] = [];
  const stopping = new AbortController();
  const ended = holdLease(kube, {
    name,
    namespace,
    identity,
    durations,
    gained: async (signal) => {
      const term: Term = { who: identity, from: performance.now(), to: undefined };
      terms.push(term);
      await pause(600_000, signal);
      term.to = performance.now();
    },
    trouble: ({ code }) => troubles.push(code),
    signal: stopping.signal,
    ...options,
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  context.after(stop);
  return { terms, troubles, stop, isLeading: () => terms.some(({ to }) => to === undefined) };
}

function assertNeverTwo(contenders: readonly Contender[]): void {
  const terms = contenders.flatMap((one) => one.terms).sort((one, other) => one.from - other.from);
  for (const [index, { who, from }] of terms.entries()) {
    const before = terms[index - 1];
    assert.ok(before === undefined || (before.to ?? Number.POSITIVE_INFINITY) <= from, `${before?.who} and ${who}`);
  }
}

suite('a Lease', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane({ after: () => {} });
  });
  after(() => plane?.stop());

  const leads = (who: Contender): Promise<void> => until('it leads', async () => who.isLeading(), plane.directory);
  const spec = async (name: string): Promise<Record<string, unknown>> =>
    (await plane.kube.get(resources.leases, name, namespace))?.['spec'] as Record<string, unknown>;

  test('is held by one of several; when that one stops another takes over without waiting for the Lease to run out', async (context) => {
    const name = 'handed-over';
    const all = ['a', 'b', 'c'].map((identity) => contend(context, plane.kube, identity, { name, durations: lasting }));
    await until('one leads', async () => all.some((one) => one.isLeading()));
    assert.equal((await spec(name))['leaseTransitions'], 0);
    const first = all.find((one) => one.isLeading()) as Contender;
    const stopped = performance.now();
    await first.stop();
    assert.equal(first.isLeading(), false);
    await until('another leads', async () => all.some((one) => one.isLeading()));
    const took = (all.find((one) => one.isLeading())?.terms[0]?.from ?? Number.NaN) - stopped;
    context.diagnostic(`another leads after ${Math.round(took)} ms`);
    assert.ok(took < lasting.renewDeadlineMs, `${took} ms`);
    assert.equal((await spec(name))['leaseTransitions'], 1);
    assertNeverTwo(all);
  });

  test('is given up also where the last renewal was broken off on its way, and written all the same', async (context) => {
    const name = 'broken-off';
    let isOnItsWay = false;
    let isLate = false;
    const call: Kube['call'] = async (method, path, options = {}) => {
      const { signal, ...others } = options;
      if (method !== 'PUT' || !isLate || isOnItsWay) return plane.kube.call(method, path, options);
      await plane.kube.call(method, path, others);
      isOnItsWay = true;
      await pause(600_000, signal ?? assert.fail('nobody could break it off'));
      throw new KubeError('unreachable', 'broken off', undefined, undefined);
    };
    const holder = contend(context, { ...plane.kube, call }, 'holder', { name, durations: lasting });
    await leads(holder);
    isLate = true;
    await until('a renewal is on its way', async () => isOnItsWay);
    await holder.stop();
    assert.equal((await spec(name))['holderIdentity'], '');
  });

  test('stays with its holder for as long as that renews', async (context) => {
    const name = 'kept';
    const ample = { ...durations, leaseMs: 6_000, renewDeadlineMs: 5_000 };
    const holder = contend(context, plane.kube, 'holder', { name, durations: ample });
    await leads(holder);
    const { renewTime } = await spec(name);
    const other = contend(context, plane.kube, 'other', { name, durations: ample });
    await pause(ample.leaseMs * 1.5, new AbortController().signal);
    assert.deepEqual([holder.terms.length, holder.isLeading(), other.terms.length], [1, true, 0]);
    assert.notEqual((await spec(name))['renewTime'], renewTime);
  });

  for (const how of ['refused', 'silent'] as const) {
    test(`a holder whose connections are ${how} gives up before another takes over`, async (context) => {
      const name = `cut-off-${how}`;
      const proxy = await startTcpProxy(context, plane);
      const holder = contend(context, proxy.kube, 'holder', { name });
      await leads(holder);
      const other = contend(context, plane.kube, 'other', { name });
      const cutAt = performance.now();
      let open = (): void => {};
      if (how === 'refused') open = proxy.refuse();
      else proxy.silence('all');
      await leads(other);
      assert.equal(holder.isLeading(), false);
      const [gaveUp, tookOver] = [holder.terms[0]?.to ?? Number.NaN, other.terms[0]?.from ?? Number.NaN];
      context.diagnostic(
        `gave up ${Math.round(gaveUp - cutAt)} ms after the cut, another leads after ${Math.round(tookOver - cutAt)} ms`,
      );
      assert.ok(gaveUp < tookOver);
      if (how === 'refused') {
        assert.deepEqual(holder.troubles, ['unreachable'], 'told once');
        open();
        await other.stop();
        await leads(holder);
      }
      assertNeverTwo([holder, other]);
    });
  }

  test('a holder that a person has replaced gives up with its next renewal', async (context) => {
    const name = 'replaced';
    const holder = contend(context, plane.kube, 'holder', { name });
    await leads(holder);
    const patch = JSON.stringify({ spec: { holderIdentity: 'somebody', leaseDurationSeconds: 600 } });
    const { code, stderr } = await plane.kubectl(['patch', 'lease', name, '--type=merge', '-p', patch]);
    assert.equal(code, 0, stderr);
    await until('it has given up', async () => !holder.isLeading());
    assert.equal((await spec(name))['holderIdentity'], 'somebody', 'it has not given up what is not its own');
  });

  test('a deleted Lease is made again, and the API server away for a moment ends no term', async (context) => {
    const name = 'deleted';
    const proxy = await startTcpProxy(context, plane);
    const holder = contend(context, proxy.kube, 'holder', { name, durations: lasting });
    await leads(holder);
    await plane.kube.remove(resources.leases, name, namespace);
    await until('it is there again', async () => (await spec(name))['holderIdentity'] === 'holder');
    const open = proxy.refuse();
    await pause(durations.retryMs * 2, new AbortController().signal);
    const openedAt = Date.now();
    open();
    await until('it is renewed', async () => Date.parse(String((await spec(name))['renewTime'])) > openedAt);
    assert.deepEqual([holder.terms.length, holder.isLeading()], [1, true]);
  });

  test('work that goes on after the end keeps the Lease from being given up before it runs out', async (context) => {
    const name = 'slow';
    let finish = (): void => {};
    const stopping = new AbortController();
    let hasBegun = false;
    const gained = (): Promise<void> => {
      hasBegun = true;
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const ended = holdLease(plane.kube, {
      name,
      namespace,
      identity: 'slow',
      durations,
      gained,
      signal: stopping.signal,
    });
    await until('it works', async () => hasBegun);
    stopping.abort();
    const stopped = performance.now();
    const other = contend(context, plane.kube, 'other', { name });
    await leads(other);
    const took = (other.terms[0]?.from ?? Number.NaN) - stopped;
    assert.ok(took > durations.retryMs * 3, `it ran out and was not given up: ${took} ms`);
    finish();
    await ended;
  });

  test('a fault in the work ends everything, and gives the Lease up', async () => {
    const name = 'faulty';
    const gained = async (): Promise<void> => {
      throw new Error('boom');
    };
    const { signal } = new AbortController();
    await assert.rejects(
      holdLease(plane.kube, { name, namespace, identity: 'faulty', durations, gained, signal }),
      /boom/,
    );
    assert.equal((await spec(name))['holderIdentity'], '');
  });
});
