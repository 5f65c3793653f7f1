// Is an object of Istio left to whoever has it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { emittedObjects } from '../../../src/core/wasm/rollout/emitted.ts';
import { type FoundObject, readFound } from '../../../src/core/wasm/rollout/emitted-change.ts';
import type { Kube } from '../../../src/edge/kube/client.ts';
import { inputOf, type Moment } from '../../../src/roles/wasm-moment.ts';
import type { WasmView } from '../../../src/roles/wasm-view.ts';
import { createWasmWrites } from '../../../src/roles/wasm-writes.ts';
import { extensionOf, revisionOf } from './revisions.ts';

const pull = [{ delivery: 'agent-pull', pods: 'all' }] as const;

test('an object that another extension has is not written over, though it is one of ours', async () => {
  const other = extensionOf({ uid: 'uid-of-another' });
  const [theirs] = emittedObjects(other, revisionOf('a'), pull);
  assert.ok(theirs);
  const written: unknown[] = [];
  const kube = {
    get: async () => theirs,
    apply: async (object: KubeObject) => {
      written.push(object);
      return object;
    },
  } as unknown as Kube;
  const extensions = () => new Map([['shop/other', { metadata: { name: 'other', uid: other.uid } }]]);
  const view = { emitted: () => [readFound(theirs)], extensions } as unknown as WasmView;
  const mine = extensionOf();
  const change = { write: emittedObjects(mine, revisionOf('b'), pull), remove: [] };
  const result = await createWasmWrites(kube, view).change(change, mine.uid, new AbortController().signal);
  assert.equal(!result.ok && result.error.reason, 'NameTaken');
  assert.deepEqual(written, []);
});

test('an object of another namespace is none of the extension, whatever owner it names', () => {
  const extension = extensionOf();
  const found = (namespace: string): readonly FoundObject[] =>
    emittedObjects({ ...extension, namespace }, revisionOf('a'), pull).map(readFound);
  const none = () => new Map();
  const mesh = () => ({ proxyImage: undefined, rootNamespace: 'istio-system' });
  const view = { mesh, pods: () => [], namespaces: none, nodes: none, stores: none, extensions: none };
  const writes = { emitted: () => [...found('shop'), ...found('strangers')] };
  const object = { apiVersion: 'pillion.dev/v1alpha1', kind: 'WasmExtension', metadata: { name: 'hello' } };
  const moment = { parts: { view, writes }, memories: new Map(), object, extension, memory: { attempt: {} } };
  const { objects } = inputOf(moment as unknown as Moment);
  assert.deepEqual(
    objects.map(({ namespace }) => namespace),
    ['shop'],
  );
});
