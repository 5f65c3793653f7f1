import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeTable } from '../../../src/core/configuration/node-table.ts';
import { decideNative } from '../../../src/core/decide/native.ts';
import type { NativeFacts, NodeFacts } from '../../../src/core/model/facts.ts';
import type { PodSpec } from '../../../src/core/model/pod.ts';
import type { NativeDecision } from '../../../src/core/model/verdict.ts';

function facts(nodes: readonly NodeFacts[] | undefined, changes: Partial<NativeFacts> = {}): NativeFacts {
  const minimumMinor = changes.minimumMinor ?? 33;
  const table = nodes && nodeTable(nodes, minimumMinor);
  return { mode: 'auto', minimumMinor, apiServer: 'keeps', nodes: table, ...changes };
}

function auto(...kubeletVersions: readonly string[]): NativeFacts {
  return facts(kubeletVersions.map((kubeletVersion) => ({ name: '', labels: {}, kubeletVersion })));
}

function node(name: string, kubeletVersion: string, labels: Record<string, string> = {}): NodeFacts {
  return { name, labels: { 'kubernetes.io/hostname': name, ...labels }, kubeletVersion };
}

function decide(native: NativeFacts, spec: PodSpec = {}, annotation?: string): NativeDecision {
  return decideNative(annotation, spec, native);
}

function inWords({ native, reason }: NativeDecision): string {
  return `${native ? 'native' : 'plain'} ${reason}`;
}

test('native: the pod annotation beats the option, the API server and the kubelets', () => {
  assert.equal(decide(facts(undefined, { mode: 'true' }), {}, 'false').native, false);
  const old = facts([node('a', 'v1.28.0')], { apiServer: 'drops' });
  assert.equal(inWords(decide(old, {}, 'true')), 'native pod-annotation');
});

test('native: an empty annotation says nothing, any other text but "false" means native', () => {
  assert.equal(decide(auto('v1.28.0'), {}, '').reason, 'kubelet-too-old');
  for (const text of ['yes', 'True', 'FALSE']) assert.equal(decide(auto('v1.28.0'), {}, text).native, true, text);
});

test('native: the option beats the API server and the kubelets', () => {
  assert.deepEqual(decide(facts([node('a', 'v1.34.0')], { mode: 'false' })), {
    native: false,
    reason: 'forced',
    detail: 'option native is "false"',
  });
  const dropping = facts([node('a', 'v1.28.0')], { mode: 'true', apiServer: 'drops' });
  assert.equal(inWords(decide(dropping)), 'native forced');
});

test('native: one old kubelet makes everything plain, and is named', () => {
  const decision = decide(auto('v1.34.0', 'v1.32.9', 'v1.33.0'));
  assert.equal(inWords(decision), 'plain kubelet-too-old');
  assert.equal(decision.detail, 'a kubelet is of "v1.32.9"');
});

test('native: vendors’ suffixes do not matter, and a version that cannot be read does not count as new', () => {
  for (const kubelet of ['v1.33.4-gke.1', 'v1.34.0+k3s1', '1.33.0', 'v1.33', 'v1.34.1-eks-abc+d', 'v2.33.0']) {
    assert.equal(decide(auto(kubelet)).native, true, kubelet);
  }
  for (const kubelet of ['', 'v1', 'fargate', 'v1.32.99', 'v1.x', 'v1.33.0 (patched)']) {
    assert.equal(decide(auto(kubelet)).native, false, kubelet);
  }
});

test('native: without known kubelets it is native', () => {
  assert.equal(inWords(decide(facts(undefined))), 'native no-kubelets-known');
});

describe('native: the oldest kubelet that counts', () => {
  test('kubelets of 1.29 to 1.32 count only where the option says so', () => {
    for (const minor of [29, 30, 31, 32]) {
      const nodes = [node('a', `v1.${minor}.1`), node('b', 'v1.33.0')];
      assert.equal(inWords(decide(facts(nodes, { minimumMinor: minor }))), 'native kubelets-support-it');
      assert.equal(inWords(decide(facts(nodes, { minimumMinor: minor + 1 }))), 'plain kubelet-too-old');
      assert.equal(inWords(decide(facts(nodes))), 'plain kubelet-too-old');
    }
  });
});

describe('native: the API server has to keep restartPolicy', () => {
  const none: readonly NodeFacts[] = [];
  const rows: readonly [NativeFacts['apiServer'], readonly NodeFacts[] | undefined, number, string, string][] = [
    ['drops', [node('a', 'v1.33.0')], 33, 'plain api-server-drops-it', 'whatever the kubelets are'],
    ['drops', undefined, 33, 'plain api-server-drops-it', 'also where the nodes are not known'],
    ['drops', none, 33, 'plain api-server-drops-it', 'also where there is no node'],
    ['keeps', none, 33, 'native no-nodes', 'without nodes it decides alone'],
    ['unknown', none, 33, 'plain api-server-unknown', 'without nodes nothing else could say so'],
    ['unknown', undefined, 33, 'plain api-server-unknown', 'nor where the nodes are not known'],
    ['unknown', [node('a', 'v1.33.0')], 33, 'native kubelets-support-it', 'no API server is older than a kubelet'],
    ['unknown', [node('a', 'v1.32.0')], 29, 'plain api-server-unknown', 'before 1.33 its feature can be off'],
    [
      'unknown',
      [node('a', 'v1.32.0'), node('b', 'v1.33.0')],
      29,
      'native kubelets-support-it',
      'one kubelet proves it',
    ],
    ['unknown', [node('a', 'v1.32.0')], 33, 'plain kubelet-too-old', 'the kubelets have the word before it'],
    ['keeps', [node('a', 'v1.32.0')], 29, 'native kubelets-support-it', 'the probe says so'],
  ];
  for (const [apiServer, nodes, minimumMinor, wanted, why] of rows) {
    const versions = nodes?.map(({ kubeletVersion }) => kubeletVersion).join(', ') ?? 'not known';
    test(`${apiServer}, kubelets ${versions || 'none'}, at least 1.${minimumMinor}: ${wanted} (${why})`, () => {
      assert.equal(inWords(decide(facts(nodes, { apiServer, minimumMinor }))), wanted);
    });
  }
});

describe('native: in a cluster with two node pools, one of them old', () => {
  const pools = facts([
    node('new-1', 'v1.34.1', { pool: 'new' }),
    node('old-1', 'v1.31.4', { pool: 'old' }),
    node('old-2', 'v1.31.5', { pool: 'old' }),
    node('virtual', 'vk-1', { pool: 'virtual' }),
  ]);

  test('a pod that may land everywhere is plain; one node that is in the way is named, the others are counted', () => {
    assert.deepEqual(decide(pools), {
      native: false,
      reason: 'kubelet-too-old',
      detail: 'the kubelet of node "old-1" is of "v1.31.4", and 2 more are too old',
    });
  });

  test('a pod that is pinned to the new pool is native, and says what it cannot land on', () => {
    assert.deepEqual(decide(pools, { nodeSelector: { pool: 'new' } }), {
      native: true,
      reason: 'nodes-of-pod-support-it',
      detail: 'the pod cannot land where the kubelet of node "old-1" is of "v1.31.4", and 2 more are too old',
    });
  });

  test('its neighbour in the old pool is plain, and names its own node', () => {
    assert.deepEqual(decide(pools, { nodeSelector: { 'kubernetes.io/hostname': 'old-2' } }), {
      native: false,
      reason: 'node-of-pod-too-old',
      detail: 'the kubelet of node "old-2" is of "v1.31.5"',
    });
  });

  test('a pod that asks for a virtual node is plain: its version cannot be read', () => {
    const decision = decide(pools, { nodeSelector: { pool: 'virtual' } });
    assert.equal(inWords(decision), 'plain node-of-pod-too-old');
    assert.equal(decision.detail, 'the kubelet of node "virtual" is of "vk-1"');
  });

  test('a pod that is bound to a node is decided by that node', () => {
    assert.equal(inWords(decide(pools, { nodeName: 'new-1' })), 'native nodes-of-pod-support-it');
    assert.equal(inWords(decide(pools, { nodeName: 'old-1' })), 'plain node-of-pod-too-old');
    const both = { nodeName: 'new-1', nodeSelector: { pool: 'old' } };
    assert.equal(inWords(decide(pools, both)), 'native nodes-of-pod-support-it', 'the selector is not asked');
  });

  test('a pod that asks for a node that does not exist may land on any that will be made', () => {
    for (const spec of [{ nodeName: 'gone' }, { nodeSelector: { pool: 'next' } }]) {
      const decision = decide(pools, spec);
      assert.equal(inWords(decision), 'plain kubelet-too-old');
      assert.match(decision.detail, /^no node is as the pod asks, so that all count: the kubelet of node "old-1"/);
    }
  });

  test('with no old node nothing on the pod matters', () => {
    const fresh = facts([node('new-1', 'v1.34.1'), node('new-2', 'v1.33.0')]);
    for (const spec of [{}, { nodeName: 'gone' }, { nodeSelector: { pool: 'next' } }]) {
      assert.deepEqual(decide(fresh, spec), {
        native: true,
        reason: 'kubelets-support-it',
        detail: 'kubelets are of v1.34.1, v1.33.0',
      });
    }
  });
});

test('native: of many versions a few are named', () => {
  const versions = Array.from({ length: 8 }, (_, patch) => `v1.33.${patch}`);
  assert.equal(
    decide(auto(...versions)).detail,
    'kubelets are of v1.33.0, v1.33.1, v1.33.2, v1.33.3, v1.33.4 and 3 more',
  );
});
