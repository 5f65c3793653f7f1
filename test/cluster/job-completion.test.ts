// Does job completion follow the pods and the options, tell what it cannot do, and go on in the next process. There is no
// kubelet here: nobody can be asked. That agents quit, the end-to-end tests show.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { createHeldPod } from './held-pod.ts';
import { writeSettings } from './live-server.ts';
import { metric, ready } from './management.ts';
import type { PillionProcess } from './pillion-process.ts';
import { type Installation, installHere, meshed } from './replicas.ts';

const on = { jobCompletion: true };

suite('job completion', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let installation: Installation;
  let control: PillionProcess;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    plane = await startControlPlane(context);
    installation = await installHere(context, plane);
    control = await installation.startControl();
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const held = (): Promise<number> => metric(control, 'pillion_job_completion_pods');
  const failed = (): Promise<number> => metric(control, 'pillion_job_completion_asks_total{outcome="refused"}');
  const eventsAbout = async (pod: KubeObject): Promise<readonly KubeObject[]> => {
    const { items } = await plane.kube.list(resources.events, { namespace: meshed });
    return items.filter(({ regarding }) => isObject(regarding) && regarding['uid'] === pod.metadata.uid);
  };
  const isReady = async (): Promise<boolean> => (await ready(control)).status === 200;
  const leads = async (): Promise<boolean> => (await metric(control, 'pillion_control_leader')) === 1;

  test('off, it looks at no pod and has no right to', async () => {
    await createHeldPod(plane, 'first');
    await until('it leads', leads);
    await until('it is at rest', isReady);
    assert.equal(await held(), 0);
    const role = await plane.kube.get(resources.clusterRoles, names.control);
    assert.doesNotMatch(JSON.stringify(role?.['rules']), /"pods/);
    const audited = readFileSync(plane.auditLog, 'utf8').split('\n');
    const byControl = audited.filter((line) => line.includes(`serviceaccount:${ownNamespace}:${names.control}"`));
    assert.ok(byControl.length > 0);
    assert.deepEqual(
      byControl.filter((line) => line.includes('"resource":"pods"')),
      [],
    );
  });

  test('switched on in the ConfigMap alone, the process is not ready and names the command that gives the right', async () => {
    await writeSettings(plane.kube, { options: on });
    await until('it says so', async () => {
      const { status, conditions } = await ready(control);
      return status === 503 && conditions.some(({ reason }) => /pods.* forbidden.*"pillion install"/.test(reason));
    });
  });

  test('with the right it finds the pods, without a restart', async () => {
    await applyAccess(plane, on);
    await until('it is ready', isReady);
    await until('it knows the pod', async () => (await held()) === 1);
  });

  test('a pod that cannot be asked is tried again, ever more rarely, and told so once with what to do', async () => {
    const pod = await createHeldPod(plane, 'second');
    const before = await failed();
    await until('both are known', async () => (await held()) === 2);
    // the first is past its third attempt or will be; the second needs about 3 s for three
    await until('it is told', async () => (await eventsAbout(pod)).length > 0);
    const [event, ...others] = await eventsAbout(pod);
    assert.deepEqual([event?.['reason'], event?.['type'], others.length], ['ProxyNotAsked', 'Warning', 0]);
    assert.match(String(event?.['note']), /pilot-agent request --debug-port=15020 POST quitquitquit/);
    assert.ok((await failed()) - before < 20, 'it does not ask without a pause');
  });

  test('the next process goes on with the pods that are there', async () => {
    assert.equal(await control.stop(), 0);
    control = await installation.startControl();
    await until('it knows both', async () => (await held()) === 2);
    await until('it has asked', async () => (await failed()) >= 2);
  });

  test('a pod that completes by itself is forgotten', async () => {
    const status = { phase: 'Succeeded' };
    const path = `${pathOf(resources.pods, meshed, 'second')}/status`;
    await plane.kube.call('PATCH', path, { body: { status }, contentType: 'application/merge-patch+json' });
    await until('one is left', async () => (await held()) === 1);
  });

  test('switched off, it lets go of the pods, and installing takes the right away', async () => {
    await writeSettings(plane.kube, { options: {} });
    await until('it knows none', async () => (await held()) === 0);
    const before = await failed();
    await applyAccess(plane, {});
    await until('it is ready', isReady);
    await createHeldPod(plane, 'third');
    assert.equal(await held(), 0);
    assert.equal(await failed(), before);
  });
});

async function applyAccess({ kube }: ControlPlane, document: JsonObject): Promise<void> {
  const read = readOptions(document);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  for (const object of accessObjects(read.value)) await kube.apply(object, { fieldManager: 'test' });
}
