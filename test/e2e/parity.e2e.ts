// Every kind of pod is given to istiod's own webhook and to ours, each in a namespace of its own: the pods that the API
// server stores are the same, but for the list in parity/allowed.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { sharedCluster } from './cluster.ts';
import { registerIstiodWebhook } from './istiod-webhook.ts';
import { injected, inNamespaces, type Namespace } from './namespace.ts';
import { allowed } from './parity/allowed.ts';
import { againCases, type Case, readCases } from './parity/cases.ts';
import { comparePairs, type Outcomes, type Pair } from './parity/compare-pods.ts';
import { runDemos } from './parity/demos.ts';
import { createAll } from './parity/outcomes.ts';
import { isNativeInjected, isPlainInjected } from './pods.ts';

const cluster = sharedCluster();
const cases = readCases();
/** Some of the pods name it. */
const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'shop' } };

test("pods that Pillion injects are those that istiod's own webhook injects, but for the list", async (t) => {
  const disabled = { 'istio-injection': 'disabled' }; // Pillion does not look there
  const pairs: Pair[] = [];
  await inNamespaces(t, cluster, { istiods: disabled, ours: injected }, async ({ istiods, ours }) => {
    pairs.push(...(await answeredByIstiod(istiods, () => injectInBoth(istiods, ours))));
  });
  t.diagnostic(summaryOf(pairs));
  assert.deepEqual(comparePairs(pairs, allowed), []);
});

async function answeredByIstiod<T>({ name }: Namespace, body: () => Promise<T>): Promise<T> {
  const unregister = await registerIstiodWebhook(cluster, { name, namespaces: [name], selectedBy: 'name' });
  try {
    return await body();
  } finally {
    await unregister();
  }
}

async function injectInBoth(istiods: Namespace, ours: Namespace): Promise<readonly Pair[]> {
  const [istiodRan, oursRan, ...pairs] = await Promise.all([
    runDemos(istiods),
    runDemos(ours),
    injectTwice(istiods, ours),
  ]);
  return [...pairsOf(istiodRan, oursRan, []), ...pairs.flat()];
}

/** All pods, and then once more what istiod has made of them. */
async function injectTwice(istiods: Namespace, ours: Namespace): Promise<readonly Pair[]> {
  for (const namespace of [istiods, ours]) await namespace.create(account);
  const first = await createAll(istiods, cases);
  const again = [istiods, ours].map(({ name }) => againCases(first, name)) as [Case[], Case[]];
  return [
    ...pairsOf(first, await createAll(ours, cases), cases),
    ...pairsOf(await createAll(istiods, again[0]), await createAll(ours, again[1]), again[0]),
  ];
}

function pairsOf(istiods: Outcomes, ours: Outcomes, from: readonly Case[]): readonly Pair[] {
  return [...istiods].map(([name, istiod]) => {
    const pillion = ours.get(name);
    assert.ok(pillion !== undefined, name);
    return { name, istiod, pillion, isRefused: from.find((one) => one.name === name)?.isRefused ?? false };
  });
}

function summaryOf(pairs: readonly Pair[]): string {
  const count = (condition: (pair: Pair) => boolean): number => pairs.filter(condition).length;
  const refused = count(({ istiod, pillion }) => istiod.kind === 'refused' || pillion.kind === 'refused');
  const native = count(({ pillion }) => pillion.kind === 'stored' && isNativeInjected(pillion.pod));
  const plain = count(({ pillion }) => pillion.kind === 'stored' && isPlainInjected(pillion.pod));
  return `${pairs.length} pairs of pods, ${native} native, ${plain} plain, ${refused} refused by one or both`;
}
