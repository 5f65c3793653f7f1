// Does a pod that somebody made for it keep an admission busy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/core/model/pod.ts';
import { storeFile } from '../../../src/core/wasm/delivery/host-files.ts';
import { mountHostFiles } from '../../../src/core/wasm/delivery/mount-host-files.ts';

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
