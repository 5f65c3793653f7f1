// Answers: when is an object left alone that is not as it should be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Write } from '../../src/core/upkeep.ts';
import type { Kube } from '../../src/edge/kube/client.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { createCorrections } from '../../src/roles/corrections.ts';

const write: Write = {
  kind: 'apply',
  object: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'pillion', resourceVersion: '7' },
    webhooks: [],
  },
  drift: { path: 'webhooks.length', found: '1', wanted: '0' },
};

function kubeThat(apply: (object: KubeObject) => Promise<KubeObject>): Kube {
  return { apply } as unknown as Kube;
}

test('an object that somebody changes again and again is left alone for a while', async () => {
  const corrections = createCorrections();
  const kube = kubeThat(async (object) => object);
  for (let count = 0; count < 20; count += 1) assert.equal(await corrections.write(kube, write), undefined);
  assert.match((await corrections.write(kube, write)) ?? '', /^somebody changes .*\/pillion again and again$/);
});

test('a write that is refused again and again is a failure each time, and no quarrel', async () => {
  const corrections = createCorrections();
  const kube = kubeThat(() => Promise.reject(new KubeError('refused', 'another webhook says no')));
  for (let count = 0; count < 30; count += 1) {
    await assert.rejects(corrections.write(kube, write), /another webhook says no/);
  }
});
