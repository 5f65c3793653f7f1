// Is a module said to be on a node only where its agent says so, and does a person read which nodes lack it, and why.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import {
  type Distribution,
  distributionOf,
  type NodeView,
  type ObservedStore,
  readNode,
  readStore,
} from '../../../src/core/wasm/rollout/observed-nodes.ts';
import { digestOf } from './revisions.ts';

const digest = digestOf('a');

function nodeObject(name: string, status: unknown): KubeObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, status };
}

function storeObject(name: string, status: unknown): KubeObject {
  return { apiVersion: 'pillion.dev/v1alpha1', kind: 'WasmStore', metadata: { name }, status };
}

/** Ready nodes whose agents say this of the module; undefined where they say nothing. */
function viewOf(states: Readonly<Record<string, ObservedStore['modules'][string] | undefined>>): NodeView {
  const names = Object.keys(states);
  return {
    nodes: new Map(names.map((name) => [name, { name, isReady: true }])),
    stores: new Map(
      Object.entries(states).map(([name, state]) => [name, { name, modules: state ? { [digest]: state } : {} }]),
    ),
  };
}

function told(view: NodeView, nodesOfPods: readonly string[] = []): Distribution {
  return distributionOf(digest, view, new Set(nodesOfPods));
}

suite('a node', () => {
  test('is ready where its kubelet says so, in the condition that is named so', () => {
    const isReady = (...conditions: readonly unknown[]): boolean => readNode(nodeObject('one', { conditions })).isReady;
    assert.equal(isReady({ type: 'DiskPressure', status: 'False' }, { type: 'Ready', status: 'True' }), true);
    for (const status of ['False', 'Unknown']) assert.equal(isReady({ type: 'Ready', status }), false);
    assert.equal(isReady({ type: 'DiskPressure', status: 'True' }), false);
    assert.equal(isReady('Ready', null), false);
    for (const status of [undefined, 'True', { conditions: 'Ready' }])
      assert.deepEqual(readNode(nodeObject('one', status)), { name: 'one', isReady: false });
  });
});

suite('the store of a node', () => {
  test('tells state, reason and message of each module', () => {
    const modules = [
      { digest, state: 'Ready', sizeBytes: 5 },
      { digest: digestOf('b'), state: 'Failed', reason: 'NotFound', message: 'Cannot pull it' },
      { digest: digestOf('c'), state: 'Failed', reason: 7, message: null },
    ];
    assert.deepEqual(readStore(storeObject('one', { modules })), {
      name: 'one',
      modules: {
        [digest]: { state: 'Ready' },
        [digestOf('b')]: { state: 'Failed', reason: 'NotFound', message: 'Cannot pull it' },
        [digestOf('c')]: { state: 'Failed' },
      },
    });
  });

  test('has nothing where it tells nothing that can be read', () => {
    const broken = [{ digest: 'sha256:abc', state: 'Ready' }, { state: 'Ready' }, null, 'Ready'];
    for (const status of [undefined, null, 'Ready', {}, { modules: { digest } }, { modules: broken }])
      assert.deepEqual(readStore(storeObject('one', status)), { name: 'one', modules: {} });
  });
});

suite('a module', () => {
  test('is everywhere once every node that has a store has it', () => {
    const { nodes, missing } = told(viewOf({ one: { state: 'Ready' }, two: { state: 'Ready' } }), ['one']);
    assert.deepEqual([nodes, missing], [{ wanted: 2, ready: 2 }, undefined]);
  });

  test('is not there while an agent says nothing of it, or anything but Ready', () => {
    for (const state of [undefined, { state: 'Fetching' }, { state: 'ready' }]) {
      const { nodes, missing } = told(viewOf({ one: { state: 'Ready' }, two: state }));
      assert.deepEqual([nodes, missing?.reason], [{ wanted: 2, ready: 1 }, 'NodesPending']);
      assert.equal(missing?.message, 'Not there yet on two');
    }
  });

  test('that a node could not get is told with the reason of that node, and how many more there are', () => {
    const failed = { state: 'Failed', reason: 'NotFound', message: 'Cannot pull it' };
    const one = told(viewOf({ one: failed, two: { state: 'Fetching' } }));
    assert.deepEqual(one.nodes, {
      wanted: 2,
      ready: 0,
      failed: [{ node: 'one', reason: 'NotFound', message: 'Cannot pull it' }],
    });
    assert.equal(one.missing?.reason, 'NodesFailed');
    assert.equal(one.missing?.message, 'Cannot get the module to one: NotFound: Cannot pull it');
    const three = told(viewOf({ one: failed, two: failed, three: failed }));
    assert.match(three.missing?.message ?? '', /Cannot pull it, and 2 more nodes$/);
  });

  test('that failed without a word is told all the same', () => {
    const { nodes } = told(viewOf({ one: { state: 'Failed' } }));
    assert.deepEqual(nodes.failed, [{ node: 'one', reason: 'StoreBroken', message: '' }]);
  });

  test('names five nodes at most, and counts the others', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const all = (count: number, state: string): Distribution =>
      told(viewOf(Object.fromEntries(names.slice(0, count).map((name) => [name, { state }]))));
    assert.equal(all(5, 'Fetching').missing?.message, 'Not there yet on a, b, c, d, e');
    assert.equal(all(7, 'Fetching').missing?.message, 'Not there yet on a, b, c, d, e and 2 more');
    const failed = all(7, 'Failed').nodes.failed ?? [];
    assert.deepEqual(
      failed.map(({ node }) => node),
      ['a', 'b', 'c', 'd', 'e'],
    );
  });

  test('says of a node with a pod of the extension what keeps it from ever being there', () => {
    const { nodes, stores } = viewOf({ one: { state: 'Fetching' } });
    const silent = { nodes: new Map([...nodes, ['two', { name: 'two', isReady: true }]]), stores };
    assert.equal(
      told(silent, ['two']).missing?.message,
      'Not there yet on one, two (no node agent has reported from it)',
    );
  });
});
