// Is what a proxy mounts already taken for the store or a gate only where it is the same, and does a pod that somebody
// made for it keep no admission busy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '../../../src/core/model/pod.ts';
import { gateFile, moduleFile, storeFile } from '../../../src/core/wasm/delivery/host-files.ts';
import { mountHostFiles } from '../../../src/core/wasm/delivery/mount-host-files.ts';
import { digestOf } from './revisions.ts';

test('volumes that take every name that comes next cost one pass over them', () => {
  let reads = 0;
  const count = 3_000;
  const volumes = Array.from({ length: count }, (_, at) => ({
    get name() {
      reads += 1;
      return at === 0 ? 'pillion-wasm-store' : `pillion-wasm-store-${at + 1}`;
    },
    emptyDir: {},
  }));
  const spec = { volumes, containers: [{ name: 'istio-proxy' }] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec } as unknown as Pod;
  const { pod: mounted } = mountHostFiles(pod, [storeFile]);
  assert.equal(mounted.spec.volumes?.at(-1)?.name, `pillion-wasm-store-${count + 1}`);
  assert.ok(reads < 10 * count, `${reads} names were read`);
});

const path = '/var/lib/pillion/wasm/modules';

/** What becomes of the store in a pod that mounts this at its path. */
function storeOver(mount: object, volume: object): 'taken' | 'blocked' | 'mounted' {
  const volumes = [{ name: 'theirs', ...volume }];
  const proxy = { name: 'istio-proxy', volumeMounts: [{ name: 'theirs', mountPath: path, ...mount }] };
  const pod: Pod = { metadata: {}, spec: { volumes, containers: [proxy] } };
  const mounted = mountHostFiles(pod, [storeFile]);
  if (mounted.blocked.has(storeFile)) return 'blocked';
  return mounted.pod === pod ? 'taken' : 'mounted';
}

test('the same directory of the node counts as the store, with its type, without one, and with a slash behind it', () => {
  const hostPath = { path, type: 'Directory' };
  assert.equal(storeOver({}, { hostPath }), 'taken');
  assert.equal(storeOver({}, { hostPath: { path } }), 'taken');
  assert.equal(storeOver({ mountPath: `${path}/` }, { hostPath: { path: `${path}/`, type: '' } }), 'taken');
});

test('nothing else at the place of the store counts as it', () => {
  const hostPath = { path, type: 'Directory' };
  assert.equal(storeOver({ subPath: 'sha256' }, { hostPath }), 'blocked');
  assert.equal(storeOver({ subPathExpr: '$(A)' }, { hostPath }), 'blocked');
  assert.equal(storeOver({}, { hostPath: { path, type: 'DirectoryOrCreate' } }), 'blocked');
  for (const other of [`${path}2`, `/${path}`, '/var/lib/pillion/wasm', 7])
    assert.equal(storeOver({}, { hostPath: { path: other } }), 'blocked');
  assert.equal(storeOver({}, { emptyDir: {} }), 'blocked');
  assert.equal(storeOver({ name: 'of nobody' }, { hostPath }), 'blocked');
});

test('what is mounted beside the store is not in its way', () => {
  for (const mountPath of [`${path}2`, `${path}/sha256`, `/${path}`, '/var/lib/pillion'])
    assert.equal(storeOver({ mountPath }, { emptyDir: {} }), 'mounted');
});

test('a volume that the pod has for the same directory is mounted, and not declared twice', () => {
  const volumes = [{ name: 'theirs', hostPath: { path, type: 'Directory' } }];
  const containers = [{ name: 'web' }, { name: 'istio-proxy' }];
  const pod: Pod = { metadata: {}, spec: { volumes, containers } };
  const { pod: mounted, blocked } = mountHostFiles(pod, [storeFile]);
  assert.equal(blocked.size, 0);
  assert.deepEqual(mounted.spec.volumes, volumes);
  const [web, proxy] = mounted.spec.containers as readonly [Container, Container];
  assert.deepEqual([web, proxy.volumeMounts], [{ name: 'web' }, [{ name: 'theirs', mountPath: path, readOnly: true }]]);
});

test('a pod that has neither volumes nor mounts gets them', () => {
  for (const list of ['containers', 'initContainers']) {
    const pod: Pod = { metadata: {}, spec: { [list]: [{ name: 'istio-proxy' }] } };
    const { pod: mounted } = mountHostFiles(pod, [storeFile]);
    const proxy = { name: 'istio-proxy', volumeMounts: [storeFile.mount] };
    assert.deepEqual(mounted.spec, { [list]: [proxy], volumes: [storeFile.volume] });
  }
});

test('every volume has a name of its own, which Kubernetes takes', () => {
  const uids = ['1a2b3c4d-0000-4000-8000-000000000001', '5e6f7a8b-0000-4000-8000-000000000002', ''];
  const gates = uids.map((uid) => gateFile('shop', 'a'.repeat(253), uid));
  const others = [gateFile('shop', 'b', ''), gateFile('bank', 'b', '')];
  const modules = ['a', 'b'].map((letter) => moduleFile(digestOf(letter)));
  const all = [storeFile, ...gates, ...others, ...modules];
  const names = all.map(({ volume }) => volume.name);
  assert.equal(new Set(names).size, all.length);
  for (const name of names) assert.match(name, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])$/);
  for (const { volume, mount } of all) assert.deepEqual([mount.name, mount.readOnly], [volume.name, true]);
});
