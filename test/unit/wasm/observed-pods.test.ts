// Which pods run an extension, which wait and which are without it: what is counted in the status of an extension.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { deliveryLabel } from '../../../src/core/wasm/names.ts';
import type { Way } from '../../../src/core/wasm/rollout/emitted.ts';
import {
  judgePod,
  nodesOf,
  type ObservedPod,
  podSummary,
  readObservedPod,
  selectedPods,
  unlabelledPods,
} from '../../../src/core/wasm/rollout/observed-pods.ts';
import { digestOf, extensionOf, revisionOf } from './revisions.ts';

const store: readonly Way[] = [{ delivery: 'node-store', pods: 'labelled' }];
const pull: readonly Way[] = [{ delivery: 'agent-pull', pods: 'all' }];

function podObject(changes: {
  spec?: JsonObject;
  status?: JsonObject;
  metadata?: Partial<KubeObject['metadata']>;
}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', ...changes.metadata },
    spec: { containers: [{ name: 'web' }, { name: 'istio-proxy' }], ...changes.spec },
    status: { phase: 'Running', ...changes.status },
  };
}

function podOf(name: string, delivery?: string, changes: Partial<ObservedPod> = {}): ObservedPod {
  const labels = { app: 'web', ...(delivery !== undefined && { [deliveryLabel]: delivery }) };
  return { namespace: 'shop', name, node: `node-of-${name}`, labels, workload: 'web', hasStarted: true, ...changes };
}

suite('a pod', () => {
  test('counts while it has a proxy, native or not, and has not ended', () => {
    const native = { containers: [{ name: 'web' }], initContainers: [{ name: 'istio-proxy' }] };
    assert.ok(readObservedPod(podObject({})));
    assert.ok(readObservedPod(podObject({ spec: native })));
    assert.equal(readObservedPod(podObject({ spec: { containers: [{ name: 'web' }] } })), undefined);
    for (const phase of ['Succeeded', 'Failed'])
      assert.equal(readObservedPod(podObject({ status: { phase } })), undefined);
    for (const phase of ['Pending', 'Unknown']) assert.ok(readObservedPod(podObject({ status: { phase } })));
    assert.equal(readObservedPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bare' } }), undefined);
  });

  test('has started once its proxy runs, or has run, whatever its other containers do', () => {
    const started = (list: string, name: string, state: JsonObject): boolean | undefined =>
      readObservedPod(podObject({ status: { [list]: [{ name, state }] } }))?.hasStarted;
    for (const list of ['containerStatuses', 'initContainerStatuses']) {
      assert.equal(started(list, 'istio-proxy', { running: {} }), true);
      assert.equal(started(list, 'istio-proxy', { terminated: {} }), true);
      assert.equal(started(list, 'istio-proxy', { waiting: {} }), false);
      assert.equal(started(list, 'web', { running: {} }), false);
    }
    assert.equal(readObservedPod(podObject({}))?.hasStarted, false);
  });

  test('is told with its node, its labels and what it is of', () => {
    const labels = { app: 'web', 'pod-template-hash': 'abc' };
    const read = (metadata: Partial<KubeObject['metadata']>) =>
      readObservedPod(podObject({ metadata: { labels, ...metadata }, spec: { nodeName: 'one' } }));
    const by = (kind: string, name: string) => [{ apiVersion: 'apps/v1', kind, name, uid: 'uid' }];
    assert.deepEqual(read({}), {
      namespace: 'shop',
      name: 'web-1',
      node: 'one',
      labels,
      workload: 'web-1',
      hasStarted: false,
    });
    assert.equal(read({ ownerReferences: by('ReplicaSet', 'web-abc') })?.workload, 'web');
    assert.equal(read({ ownerReferences: by('ReplicaSet', 'web-other') })?.workload, 'web-other');
    assert.equal(read({ ownerReferences: by('StatefulSet', 'web-abc') })?.workload, 'web-abc');
    assert.equal(readObservedPod(podObject({}))?.node, undefined);
  });
});

suite('of the pods', () => {
  test('those are selected that have every label; all where none is asked', () => {
    const pods = [podOf('a'), podOf('b', undefined, { labels: { app: 'web', tier: 'front' } })];
    const selected = (matchLabels: Record<string, string>) =>
      selectedPods(extensionOf({ matchLabels }), pods).map(({ name }) => name);
    assert.deepEqual(selected({}), ['a', 'b']);
    assert.deepEqual(selected({ app: 'web' }), ['a', 'b']);
    assert.deepEqual(selected({ app: 'web', tier: 'front' }), ['b']);
    assert.deepEqual(selected({ app: 'other' }), []);
  });

  test('only those with the mount hold a node to having the module', () => {
    const pods = [podOf('a', 'node-store'), podOf('b', 'agent-pull'), podOf('c')];
    const unplaced = podOf('d', 'node-store', { node: undefined });
    assert.deepEqual([...nodesOf([...pods, unplaced])], ['node-of-a']);
  });

  test('those from before the extension may pull for themselves, unless its configuration needs the store', () => {
    const pods = [podOf('a', 'node-store'), podOf('b'), podOf('c', undefined, { labels: { app: 'other' } })];
    const of = (changes: Parameters<typeof extensionOf>[0]) =>
      unlabelledPods(extensionOf({ matchLabels: { app: 'web' }, ...changes }), pods);
    assert.deepEqual(of({}), { pullable: ['b'], others: [] });
    assert.deepEqual(of({ rawConfig: 'tomorrow' }), { pullable: [], others: ['b'] });
    assert.deepEqual(of({ delivery: 'node-store' }), { pullable: [], others: ['b'] });
    assert.deepEqual(of({ delivery: 'agent-pull' }), { pullable: [], others: [] });
    assert.deepEqual(of({ onMissing: 'run-without' }), { pullable: [], others: [] });
  });
});

suite('an extension', () => {
  const active = revisionOf('a');
  const judged = (pod: ObservedPod, ways = store): string => {
    const { state, reason } = judgePod(pod, ways, active);
    return reason === '' ? state : `${state}: ${reason}`;
  };

  test('runs in the pods that it reaches, once it is switched on and their proxy has started', () => {
    assert.equal(judged(podOf('a', 'node-store')), 'delivered');
    assert.equal(judged(podOf('a'), pull), 'delivered');
    assert.match(judgePod(podOf('a', 'node-store'), store, undefined).reason, /not switched on yet/);
    assert.equal(judgePod(podOf('a', 'node-store'), store, undefined).state, 'waiting');
    assert.match(judged(podOf('a', 'node-store', { hasStarted: false })), /^waiting: its proxy has not started/);
  });

  test('is not in the pods that it does not reach, which are told what to do', () => {
    assert.match(judged(podOf('a')), /^without: created before the extension.*label it pillion.dev\/wasm-delivery=/);
    assert.match(judged(podOf('a', 'agent-pull')), /^without: created when modules came another way/);
  });

  test('counts its pods, and names first those that are without it', () => {
    const pods = [podOf('c', 'node-store'), podOf('b'), podOf('a'), podOf('d', 'node-store', { hasStarted: false })];
    const summary = podSummary(
      pods.map((pod) => judgePod(pod, store, active)),
      active,
    );
    const { list, ...counts } = summary;
    assert.deepEqual(counts, { selected: 4, delivered: 1, waiting: 1, without: 2 });
    const named = list as readonly JsonObject[];
    assert.deepEqual(
      named.map(({ pod }) => pod),
      ['shop/a', 'shop/b', 'shop/d', 'shop/c'],
    );
    assert.deepEqual(named.at(-1), { pod: 'shop/c', digest: digestOf('a') });
    assert.match(String(named[0]?.['reason']), /created before/);
  });

  test('names twenty pods at most', () => {
    const many = Array.from({ length: 30 }, (_, at) => judgePod(podOf(`p${at}`), store, active));
    const { list, selected } = podSummary(many, active);
    assert.deepEqual([(list as readonly unknown[]).length, selected], [20, 30]);
  });
});
