import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { admit } from '../../src/core/admit.ts';
import { withSurroundings } from '../../src/core/configuration/surroundings.ts';
import { facts, pod, review, withAnnotations } from '../builders.ts';

const { input: sleep } = parse(readFileSync(new URL('../golden/cases/sleep.yaml', import.meta.url), 'utf8'));

function patchOf(object: unknown, native: 'true' | 'false') {
  const verdict = admit(review(object, { namespace: 'shop' }), facts({ native }));
  assert.equal(verdict.kind, 'inject');
  return verdict.kind === 'inject' ? verdict.patch : [];
}

test('admit: the patch for the sleep pod has at most 30 operations, and none touches a container that was there', () => {
  for (const native of ['true', 'false'] as const) {
    const patch = patchOf(sleep, native);
    assert.ok(patch.length <= 30, `${patch.length} operations`);
    assert.deepEqual(
      patch.filter(({ path }) => path.startsWith('/spec/containers/0')),
      [],
    );
    assert.ok(patch.every(({ op }) => op === 'add'));
  }
});

test('admit: the same review and facts give the same verdict, and neither is changed', () => {
  const before = structuredClone(sleep);
  assert.deepEqual(patchOf(sleep, 'true'), patchOf(sleep, 'true'));
  assert.deepEqual(sleep, before);
});

test('admit: in a cluster with two node pools the pod that is pinned to the new one is native, its neighbour plain', () => {
  const node = (name: string, pool: string, kubeletVersion: string) => ({ name, labels: { pool }, kubeletVersion });
  const nodes = [node('new-1', 'new', 'v1.34.0'), node('old-1', 'old', 'v1.31.2')];
  const around = { nodes, apiServer: 'keeps', namespaces: new Map(), proxyConfigs: [] } as const;
  const mixed = withSurroundings(facts(), around);
  const decide = (spec: object) => {
    const verdict = admit(review({ ...sleep, spec: { ...sleep.spec, ...spec } }), mixed);
    assert.ok(verdict.kind === 'inject');
    const initContainers = verdict.pod.spec.initContainers?.map(({ name }) => name);
    return [verdict.native.reason, verdict.native.native, initContainers?.includes('istio-proxy')];
  };
  assert.deepEqual(decide({ nodeSelector: { pool: 'new' } }), ['nodes-of-pod-support-it', true, true]);
  assert.deepEqual(decide({ nodeSelector: { pool: 'old' } }), ['node-of-pod-too-old', false, false]);
  assert.deepEqual(decide({}), ['kubelet-too-old', false, false]);
});

test('admit: volumes of annotations are an object by name, or a list in which each brings its name', () => {
  const named = (volumes: unknown, mounts: unknown) => {
    const annotations = {
      'sidecar.istio.io/userVolume': JSON.stringify(volumes),
      'sidecar.istio.io/userVolumeMount': JSON.stringify(mounts),
    };
    const verdict = admit(review(pod('web', withAnnotations(annotations))), facts());
    assert.ok(verdict.kind === 'inject');
    const { volumes: all = [], initContainers = [] } = verdict.pod.spec;
    const proxy = initContainers.find(({ name }) => name === 'istio-proxy');
    return [all.at(-1), proxy?.volumeMounts?.at(-1)];
  };
  const expected = [
    { name: 'wasm', emptyDir: {} },
    { name: 'wasm', mountPath: '/wasm' },
  ];
  assert.deepEqual(named({ wasm: { emptyDir: {} } }, { wasm: { mountPath: '/wasm' } }), expected);
  assert.deepEqual(named([{ name: 'wasm', emptyDir: {} }], [{ name: 'wasm', mountPath: '/wasm' }]), expected);
  assert.deepEqual(named({ a: { name: 'wasm', emptyDir: {} } }, { b: { name: 'wasm', mountPath: '/wasm' } }), expected);
  assert.deepEqual(named([{ emptyDir: {} }], [{ mountPath: '/wasm' }]), [
    { name: '0', emptyDir: {} },
    { name: '0', mountPath: '/wasm' },
  ]);
});
