// Answers: is a certificate, and then its authority, replaced, and is each replica restarted, without one pod that cannot
// be created or has no sidecar.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { secretAnnotations } from '../../src/core/certificates/secret.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { type Installation, installHere, plainPod, type Replica, registeredAuthorities, shownAt } from './replicas.ts';
import { isInjected } from './webhook.ts';

const perSecond = 20;
/** At least so many seconds, and for as long as there is something to see. */
const seconds = 60;

interface Load {
  readonly injected: number;
  readonly wrong: readonly string[];
}

/** Creates pods at a steady rate, whether the ones before are done or not, until the work has ended. */
async function createPods({ kube }: ControlPlane, work: Promise<unknown>): Promise<Load> {
  const wrong: string[] = [];
  let injected = 0;
  const create = async (index: number): Promise<void> => {
    try {
      if (isInjected(await kube.create(plainPod(`pod-${index}`)))) injected += 1;
      else wrong.push(`pod-${index} has no sidecar`);
    } catch (error) {
      wrong.push(`pod-${index}: ${error}`);
    }
  };
  const all: Promise<void>[] = [];
  const started = performance.now();
  let isOver = false;
  const ended = work.finally(() => {
    isOver = true;
  });
  for (let index = 0; index < perSecond * seconds || !isOver; index += 1) {
    await wait(Math.max(0, started + (index * 1000) / perSecond - performance.now()));
    all.push(create(index));
  }
  await Promise.all(all);
  await ended;
  return { injected, wrong };
}

/** What was seen, in the order in which it was first seen. */
interface Seen {
  /** Fingerprints of the certificates that new connections were shown. */
  readonly leaves: string[];
  /** Authorities that were registered together. */
  readonly bundles: string[];
  readonly issuers: string[];
}

function watchAll(
  plane: ControlPlane,
  { balancer }: Installation,
  signal: AbortSignal,
): { seen: Seen; ended: Promise<void> } {
  const seen: Seen = { leaves: [], bundles: [], issuers: [] };
  const note = (list: string[], value: string): void => {
    if (!list.includes(value)) list.push(value);
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      // that a connection is made as a replica goes is no fault: what comes of it, the pods tell
      const showing = shownAt(balancer.address).catch(() => undefined);
      const [shown, authorities = []] = await Promise.all([showing, registeredAuthorities(plane)]);
      if (shown !== undefined) {
        note(seen.leaves, shown.fingerprint);
        note(seen.issuers, shown.issuer);
      }
      note(seen.bundles, authorities.join(' '));
      await wait(100);
    }
  };
  return { seen, ended: run() };
}

async function ask(plane: ControlPlane, what: 'leaf' | 'authority'): Promise<void> {
  const path = `/api/v1/namespaces/${ownNamespace}/secrets/${names.certificates}`;
  const body = { metadata: { annotations: { [secretAnnotations.rotate]: what } } };
  await plane.kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
}

/** Leaf, then authority, then every replica. */
async function replaceAll(
  plane: ControlPlane,
  installation: Installation,
  replicas: readonly Replica[],
  seen: Seen,
): Promise<void> {
  await until('the first leaf is seen', async () => seen.leaves.length === 1);
  await ask(plane, 'leaf');
  await until('another leaf is seen', async () => seen.leaves.length === 2);
  assert.equal(seen.issuers.length, 1, 'of the same authority');
  await ask(plane, 'authority');
  await until('old and new authority are registered', async () => seen.bundles.length === 2);
  assert.equal(seen.issuers.length, 1, 'registered before it signs');
  await until('a leaf of the new authority is seen', async () => seen.issuers.length === 2);
  await restartAll(installation, replicas);
}

/** One after the other, and each one's successor serves before the next one ends. */
async function restartAll(installation: Installation, replicas: readonly Replica[]): Promise<void> {
  for (const replica of replicas) {
    assert.equal(await installation.stopReplica(replica), 0);
    await installation.startReplica();
  }
}

test(`while leaf and authority are replaced and replicas are restarted, each of ${perSecond * seconds} pods and more is created and injected`, {
  skip: assets.skip,
  timeout: 600_000,
}, async (context: TestContext) => {
  const plane = await startControlPlane(context);
  const installation = await installHere(context, plane, { options: { certificates: { settle: '5s' } }, lagMs: 2_000 });
  await installation.startControl();
  const replicas = await Promise.all([installation.startReplica(), installation.startReplica()]);
  await until('pods are injected', async () =>
    isInjected(await plane.kube.create(plainPod('first'), { dryRun: true })),
  );

  const watching = new AbortController();
  const { seen, ended } = watchAll(plane, installation, watching.signal);
  const began = performance.now();
  const work = replaceAll(plane, installation, replicas, seen).finally(() => {
    context.diagnostic(`all was replaced after ${Math.round((performance.now() - began) / 1000)} s`);
  });
  const { injected, wrong } = await createPods(plane, work);
  watching.abort();
  await ended;

  context.diagnostic(
    `leaves ${seen.leaves.length}, authorities ${seen.issuers.length}, bundles ${seen.bundles.length}`,
  );
  assert.deepEqual(wrong, []);
  assert.ok(injected >= perSecond * seconds, `${injected} pods`);
  const [old, next] = seen.issuers;
  assert.deepEqual(seen.bundles, [old, `${next} ${old}`]);
  assert.equal(seen.leaves.length, 3);
});
