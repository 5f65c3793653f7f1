// Which pods wait for a file of their node, and whether somebody still brings it.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import {
  gatesOf,
  nobodyAround,
  readStorePod,
  type StoreAround,
  whyLeftWaiting,
} from '../../../src/core/wasm/delivery/store-pods.ts';
import { gatePath, modulesDirectory } from '../../../src/core/wasm/names.ts';
import { extension } from './declared.ts';

const uid = '1a2b3c4d-0000-4000-8000-000000000000';
const gate = gatePath('shop', 'hello', uid);
const hello = extension('shop/hello');
const there = gatesOf({ ...hello, metadata: { ...hello.metadata, uid } });
const well: StoreAround = { isDelivering: true, gates: new Set(there), agents: new Set(['one']) };

function pod(paths: readonly string[], status: JsonObject = {}, nodeName: string | undefined = 'one'): KubeObject {
  const volumes = paths.map((path) => ({ name: 'volume', hostPath: { path, type: 'File' } }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { volumes, nodeName },
    status: { phase: 'Pending', ...status },
  };
}

function because(object: KubeObject, around: StoreAround): string | undefined {
  const read = readStorePod(object);
  assert.ok(read !== undefined);
  return whyLeftWaiting(read, around);
}

function proxyThat(...fields: readonly JsonObject[]): JsonObject {
  return { initContainerStatuses: fields.map((one) => ({ name: 'istio-proxy', ...one })) };
}

suite('a pod with files of the store', () => {
  test('is none without one, and none once it has ended or ends', () => {
    assert.equal(readStorePod(pod(['/var/lib/other/file'])), undefined);
    assert.equal(readStorePod(pod([gate], { phase: 'Succeeded' })), undefined);
    const ending = pod([gate]);
    const metadata = { ...ending.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    assert.equal(readStorePod({ ...ending, metadata }), undefined);
  });

  const states: readonly (readonly [what: string, status: JsonObject, isHeld: boolean])[] = [
    ['of which nothing is told yet', {}, true],
    ['whose containers wait', proxyThat({ state: { waiting: { reason: 'PodInitializing' } } }), true],
    ['whose proxy runs', proxyThat({ state: { running: {} } }), false],
    ['whose proxy failed, and is started again', proxyThat({ state: { waiting: {} }, containerID: 'c://1' }), false],
    ['of which one container was made', proxyThat({ state: { waiting: {} } }, { state: { terminated: {} } }), false],
  ];
  for (const [what, status, isHeld] of states) {
    test(`${isHeld ? 'waits' : 'does not wait'}: one ${what}`, () =>
      assert.equal(readStorePod(pod([gate], status))?.isHeld, isHeld));
  }
});

suite('a pod that waits', () => {
  test('is left to itself where its extension is there, and the agent of its node', () => {
    assert.equal(because(pod([gate]), well), undefined);
    assert.equal(because(pod([gatePath('shop', 'hello', '')]), well), undefined, 'made from a file');
    assert.equal(because(pod([`${modulesDirectory}/sha256/${'0'.repeat(64)}.wasm`]), well), undefined);
  });

  test('is told that nothing is delivered, that its extension is gone, or that no agent is on its node', () => {
    assert.match(because(pod([gate]), nobodyAround) ?? '', /hello_1a2b3c4d\.wasm .*not delivered; make it anew$/);
    const other = gatePath('shop', 'hello', '99999999-0000-4000-8000-000000000000');
    assert.match(because(pod([gate, other]), well) ?? '', /^the extension of .*hello_99999999\.wasm is gone; /);
    assert.match(because(pod([gate], {}, 'two'), well) ?? '', /^no agent is ready on its node two, /);
  });

  test('is not told of agents before it has a node', () => {
    const { nodeName: _, ...spec } = pod([gate])['spec'] as JsonObject;
    assert.equal(because({ ...pod([gate]), spec }, well), undefined);
  });

  test('hears nothing once it runs', () => {
    assert.equal(because(pod([gate], proxyThat({ state: { running: {} } })), nobodyAround), undefined);
  });
});
