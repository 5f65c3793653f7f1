// What an old cluster gets, whose API server and kubelets have no native sidecars: plain ones, and with job completion on,
// Jobs that complete all the same.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { oldCluster } from '../cluster.ts';
import { tenComplete } from '../held-jobs.ts';
import { install, optionsText } from '../installation.ts';
import { failsOnce, podsOf, untilEnd } from '../jobs.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { deployment, job, pod as podOf, shell } from '../objects.ts';
import * as pods from '../pods.ts';

const cluster = oldCluster();

function oldTest(name: string, body: (namespace: Namespace, t: TestContext) => Promise<void>): void {
  test(name, (t: TestContext) => inNamespace(t, cluster, injected, (namespace) => body(namespace, t)));
}

suite('on a cluster without native sidecars', () => {
  let options = '';
  before(async () => {
    options = await optionsText(cluster);
    await install(cluster, ['--set', 'jobCompletion=true']);
  });
  after(() => install(cluster, ['--options', '-'], options));

  oldTest('ten Jobs complete, each within 10 s of the exit of its app', (namespace, t) => tenComplete(t, namespace));

  suite('side by side', { concurrency: true }, sideBySide);
});

function sideBySide(): void {
  oldTest('auto decides for a plain sidecar and says why, and the pod runs 2/2', async (namespace) => {
    await namespace.create(deployment({ name: 'sleep' }));
    const pod = await namespace.until('the pod is ready', async () =>
      (await namespace.list('Pod', 'app=sleep')).find(pods.isReady),
    );
    assert.deepEqual(pods.initNames(pod), ['istio-init']);
    assert.deepEqual(pods.containerNames(pod).toSorted(), ['app', 'istio-proxy']);
    assert.deepEqual(pods.readyCount(pod), { ready: 2, total: 2 });
    const text = JSON.stringify(podOf({ name: 'new' }));
    const why = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await cluster.pillion(
        ['why', '--from-cluster', '-n', namespace.name, ...args],
        text,
      );
      assert.equal(code, 0, stderr);
      return stdout.replace(/\s+/g, ' '); // where its lines end depends on the names in them
    };
    assert.match(await why(), /plain: the kubelet of node "[^"]*" is of "v1\.32/);
    // where the operator says that these kubelets can, the API server shows that the feature is off
    assert.match(await why('--native-minimum-kubelet', '1.29'), /plain: the API server does not keep restartPolicy/);
  });

  oldTest(
    'forced native, the same Job never gets a pod: the API server refuses what it made of it',
    async (namespace) => {
      const annotations = { 'sidecar.istio.io/nativeSidecar': 'true' };
      await namespace.create(job({ name: 'forced', annotations, command: ['/bin/sleep', '1'] }));
      const refusal = await namespace.until('a pod is refused', async () =>
        (await namespace.events('forced')).find(({ reason }) => reason === 'FailedCreate'),
      );
      assert.match(
        String(refusal['note']),
        /Forbidden: may not be set for init containers without restartPolicy=Always/,
      );
      assert.deepEqual(await podsOf(namespace, 'forced'), []);
    },
  );

  oldTest('a native sidecar that gets in hangs at Init, while a Job that began later completes', async (namespace) => {
    // what the proxy would be without probes and hooks, which alone make the API server refuse it
    const sidecar = { ...shell('sidecar', 'sleep infinity'), restartPolicy: 'Always' };
    const labels = { 'sidecar.istio.io/inject': 'false' };
    await namespace.create(job({ name: 'hangs', labels, initContainers: [sidecar], command: ['/bin/sleep', '1'] }));
    const hanging = async (): Promise<KubeObject | undefined> => (await podsOf(namespace, 'hangs'))[0];
    await namespace.until('its sidecar runs', async () => {
      const pod = await hanging();
      return pod !== undefined && pods.isRunning(pod, 'sidecar');
    });
    await namespace.create(job({ name: 'usual', command: ['/bin/sleep', '1'] }));
    await untilEnd(namespace, 'usual', 'Complete');
    const pod = await hanging();
    assert.ok(pod !== undefined && pods.isRunning(pod, 'sidecar'));
    assert.equal(pods.initContainers(pod)[0]?.restartPolicy, undefined, 'the API server takes restartPolicy away');
    assert.equal(pods.phaseOf(pod), 'Pending');
    assert.equal(pods.statusOf(pod, 'app')?.state.waiting?.reason, 'PodInitializing');
  });

  oldTest(
    'a Job with OnFailure whose first try fails is tried again beside the proxy, and completes',
    async (namespace) => {
      await namespace.create(job({ ...failsOnce, name: 'again' }));
      await untilEnd(namespace, 'again', 'Complete');
      const [pod, ...others] = await podsOf(namespace, 'again');
      assert.ok(pod !== undefined && others.length === 0);
      assert.equal(pods.restartsOf(pod, 'app'), 1);
      assert.equal(pods.restartsOf(pod, 'istio-proxy'), 0, 'a proxy that quit is not started again');
      assert.equal(pods.phaseOf(pod), 'Succeeded');
    },
  );

  oldTest('a pod of several containers ends when the last of them has', async (namespace) => {
    const containers = [shell('app', 'exit 0'), shell('slow', 'sleep 8')];
    await namespace.create(job({ name: 'several', containers }));
    await untilEnd(namespace, 'several', 'Complete');
    const [pod] = await podsOf(namespace, 'several');
    const endOf = (name: string): number => Date.parse((pod && pods.terminatedOf(pod, name)?.finishedAt) ?? '');
    assert.ok(endOf('istio-proxy') >= endOf('slow'), 'the proxy ends after the last');
    assert.ok(endOf('slow') > endOf('app'));
  });

  oldTest("a Job that fails ends Failed, by its app's exit code", async (namespace) => {
    await namespace.create(job({ name: 'failing', containers: [shell('app', 'sleep 1; exit 3')] }));
    const failed = await untilEnd(namespace, 'failing', 'Failed');
    assert.equal(pods.conditionOf(failed, 'Failed')?.reason, 'BackoffLimitExceeded');
    const [pod] = await podsOf(namespace, 'failing');
    assert.ok(pod !== undefined);
    assert.equal(pods.phaseOf(pod), 'Failed');
    assert.equal(pods.terminatedOf(pod, 'app')?.exitCode, 3);
    assert.equal(pods.terminatedOf(pod, 'istio-proxy')?.exitCode, 0);
    const events = (await namespace.events(pod.metadata.name)).filter(isOurs);
    assert.deepEqual(
      events.map(({ reason, type }) => [reason, type]),
      [['ProxyAskedToQuit', 'Normal']],
    );
  });
}

function isOurs({ reportingController }: KubeObject): boolean {
  return reportingController === 'pillion.dev/control';
}
