// Answers: does a trial get along with an API server: with the rights of control alone, under the strictest PodSecurity,
// and with nothing left behind. There is no kubelet here: what it would report is written into the pod's status.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { installObjects } from '../../src/core/install/objects.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { leftBehindSelector } from '../../src/core/wasm/trial/trial-pod.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { holdTrial, openTrialDesk, type Trial, type TrialParts } from '../../src/roles/wasm-trial.ts';
import { extensionOf } from '../unit/wasm/revisions.ts';
import { trialModules } from '../wasm/trial-modules.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';

const own = { name: 'pillion-control-1', namespace: ownNamespace };
const proxyImage = 'docker.io/istio/proxyv2:1.30.0';
const pulling = { reason: 'ErrImagePull', message: 'no such image' };

suite('a trial in a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let kube: Kube;

  before(async () => {
    plane = await startControlPlane({ after: () => {} });
    await installWhatTrialsNeed(plane);
    kube = connect({ kubeconfig: await plane.kubeconfigOf(ownNamespace, names.control) });
    // the API server goes by a right a moment after it took it
    await until('it may', async () => (await kube.list(resources.pods, { namespace: ownNamespace })).items.length > 0);
  });
  after(() => plane?.stop());

  const partsOf = (podName: string): TrialParts => ({ kube, desk: openTrialDesk({ podName, port: 0 }), proxyImage });
  const podsThere = async (): Promise<readonly KubeObject[]> =>
    (await plane.kube.list(resources.pods, { namespace: ownNamespace, labelSelector: leftBehindSelector('nobody') }))
      .items;
  const firstPod = async (): Promise<KubeObject> => {
    const found: KubeObject[] = [];
    const isThere = async (): Promise<boolean> => found.push(...(await podsThere())) > 0;
    await until('there is a trial pod', isThere, plane.directory);
    return found[0] as KubeObject;
  };
  const report = (pod: KubeObject, status: JsonObject): Promise<unknown> =>
    plane.kube.call('PATCH', `${pathOf(resources.pods, ownNamespace, pod.metadata.name)}/status`, {
      body: { status },
      contentType: 'application/strategic-merge-patch+json',
    });

  test('makes a pod that PodSecurity restricted takes, one at a time, and removes it with the verdict', async () => {
    const parts = partsOf(own.name);
    const results = [trialOf('first'), trialOf('second')].map((trial) => holdTrial(parts, trial, never()));
    for (const [at, result] of results.entries()) {
      const pod = await firstPod();
      assert.equal((await podsThere()).length, 1);
      assert.equal(pod.metadata.annotations?.['pillion.dev/tries'], `shop/${at === 0 ? 'first' : 'second'}`);
      assert.equal(pod.metadata.ownerReferences?.[0]?.name, own.name);
      await report(pod, { containerStatuses: [statusOf('proxy', { waiting: pulling })] });
      const verdict = await result;
      assert.ok(!verdict.ok);
      assert.equal(verdict.error.reason, 'TrialImpossible');
      assert.match(verdict.error.message, /ErrImagePull of container "proxy": no such image/);
    }
    assert.deepEqual(await podsThere(), []);
  });

  test('may read what the proxy wrote: without the right, nothing would be said about the module', async () => {
    const result = holdTrial(partsOf(own.name), trialOf('hello'), never());
    const terminated = { exitCode: 1, reason: 'Error' };
    await report(await firstPod(), { containerStatuses: [statusOf('proxy', { terminated })] });
    const verdict = await result;
    assert.ok(!verdict.ok);
    assert.equal(verdict.error.reason, 'TrialRefused', verdict.error.message);
    assert.deepEqual(await podsThere(), []);
  });

  test('that is broken off leaves no pod behind', async () => {
    const ending = new AbortController();
    const result = holdTrial(partsOf(own.name), trialOf('hello'), ending.signal);
    await firstPod();
    ending.abort();
    const verdict = await result;
    assert.ok(!verdict.ok && /broken off/.test(verdict.error.message));
    assert.deepEqual(await podsThere(), []);
  });

  test('removes first what a process before this one left behind', async () => {
    const dead = new AbortController();
    const left = { ...kube, remove: async () => false };
    const before = holdTrial({ ...partsOf(own.name), kube: left }, trialOf('dead'), dead.signal);
    const pod = await firstPod();
    dead.abort();
    await before;
    const ending = new AbortController();
    const result = holdTrial(partsOf(own.name), trialOf('hello'), ending.signal);
    const isGone = async (): Promise<boolean> =>
      (await plane.kube.get(resources.pods, pod.metadata.name, ownNamespace)) === undefined;
    await until('the pod that was left is gone', isGone, plane.directory);
    ending.abort();
    await result;
  });

  test('of a process that is no pod of the cluster is impossible, and makes none', async () => {
    const verdict = await holdTrial(partsOf('somebodys-machine'), trialOf('hello'), never());
    assert.ok(!verdict.ok);
    assert.equal(verdict.error.reason, 'TrialImpossible');
    assert.match(
      verdict.error.message,
      /this process is no pod of pillion-system.*run "pillion control" in the cluster/,
    );
  });

  test('that the API server refuses is impossible, in its words', async () => {
    const result = await holdTrial({ ...partsOf(own.name), proxyImage: '' }, trialOf('hello'), never());
    assert.ok(!result.ok);
    assert.equal(result.error.reason, 'TrialImpossible');
    assert.match(result.error.message, /image: Required value/);
  });
});

function never(): AbortSignal {
  return new AbortController().signal;
}

function trialOf(name: string): Trial {
  const bytes = trialModules.works();
  const extension = extensionOf({ name });
  const moduleDigest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
  return { extension, revision: { moduleDigest }, bytes };
}

function statusOf(name: string, state: JsonObject): JsonObject {
  return { name, state, image: '', imageID: '', ready: false, restartCount: 0 };
}

/** The namespace with its PodSecurity, the rights of control, and a pod of control that has an address. */
async function installWhatTrialsNeed({ kube }: ControlPlane): Promise<void> {
  const options = readOptions({ wasm: { enabled: true } });
  assert.ok(options.ok);
  const input = { options: options.value, optionsText: '', image: 'pillion', version: '1' };
  const namespace = installObjects(input).find(({ kind }) => kind === 'Namespace');
  assert.ok(namespace !== undefined);
  await kube.create(namespace);
  const inIstio = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: ownNamespace } };
  for (const object of [inIstio, account, ...accessObjects(options.value)]) await kube.create(object);
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  await kube.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: own,
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'control', image: 'pillion', securityContext }],
    },
  });
  await kube.call('PATCH', `${pathOf(resources.pods, own.namespace, own.name)}/status`, {
    body: { status: { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } },
    contentType: 'application/strategic-merge-patch+json',
  });
}
