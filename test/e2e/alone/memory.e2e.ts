// What the webhooks of the cluster hold in memory when they have worked. The files go in the order of their names: this
// one comes after those that create many pods, and before those that replace the webhooks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { componentSelector } from '../../../src/core/cluster/labels.ts';
import { ownNamespace } from '../../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../../src/core/cluster/resources.ts';
import { ports } from '../../../src/core/install/network.ts';
import { sharedCluster } from '../cluster.ts';
import { createPods, faultsOf, openCreator } from '../create-pods.ts';
import { injected, inNamespace } from '../namespace.ts';
import { pod } from '../objects.ts';

const cluster = sharedCluster();
const mostMegabytes = 130;
/** So that they have worked whatever ran before. */
const load = { perSecond: 20, seconds: 15 };

test('webhooks that have injected hundreds of pods have less than 130 MB in memory', (t) =>
  inNamespace(t, cluster, injected, async ({ name }) => {
    const creator = await openCreator(cluster);
    const creations = await createPods(creator, name, (index) => pod({ name: `pod-${index}` }), load);
    creator.close();
    assert.deepEqual(faultsOf(creations), []);
    const place = { namespace: ownNamespace, labelSelector: componentSelector('webhook') };
    const { items } = await cluster.kube.list(resources.pods, place);
    assert.equal(items.length, 2);
    const figures = () => Promise.all(items.map(({ metadata }) => figuresOf(metadata.name)));
    let replicas = await figures();
    const isLittle = () => replicas.every(({ megabytes }) => megabytes < mostMegabytes);
    // what was needed for a moment is given back a little later
    for (let again = 0; again < 6 && !isLittle(); again += 1) {
      await wait(10_000);
      replicas = await figures();
    }
    for (const { megabytes, minutes, admissions } of replicas) {
      t.diagnostic(`${megabytes.toFixed(1)} MB after ${minutes.toFixed(1)} min and ${admissions} admissions`);
    }
    // how they are shared out is for the API server to say
    assert.ok(replicas.reduce((sum, { admissions }) => sum + admissions, 0) >= creations.length);
    assert.ok(isLittle(), `${replicas.map(({ megabytes }) => megabytes.toFixed(1)).join(' and ')} MB`);
  }));

interface Figures {
  readonly megabytes: number;
  /** Since its start. */
  readonly minutes: number;
  readonly admissions: number;
}

async function figuresOf(name: string): Promise<Figures> {
  const port = `${name}:${ports.management}`;
  const metrics = await cluster.kubectl([
    'get',
    '--raw',
    `${pathOf(resources.pods, ownNamespace, port)}/proxy/metrics`,
  ]);
  const total = (metric: string): number => {
    const values = [...metrics.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  };
  const bytes = total('process_resident_memory_bytes');
  assert.ok(bytes > 0, `${name} does not tell its memory`);
  return {
    megabytes: bytes / 1e6,
    minutes: (Date.now() / 1000 - total('process_start_time_seconds')) / 60,
    admissions: total('pillion_admissions_total'),
  };
}
