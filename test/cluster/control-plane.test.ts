// What the tests against an API server rest on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resources } from '../../src/core/cluster/resources.ts';
import { assets } from './assets.ts';
import { startControlPlane, until } from './control-plane.ts';

test('a control plane answers, makes pods of Deployments, restarts, and outlives a pause of etcd', {
  skip: assets.skip,
}, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  await plane.kubectl(['create', 'deployment', 'web', '--image=example.com/web']);
  const pods = async (): Promise<number> => (await kube.list(resources.pods, { namespace: 'default' })).items.length;
  await until('a pod is there', async () => (await pods()) === 1, plane.directory);
  await plane.restartApiServer();
  assert.equal(await pods(), 1);
  await plane.pauseEtcd(500);
  assert.equal(await pods(), 1);
});
