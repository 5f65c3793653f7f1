// What becomes of Jobs whose pods have a native sidecar: every way in which a Job can go, it goes as without a mesh.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { sharedCluster } from './cluster.ts';
import { failsOnce, podsOf, untilEnd, untilRunning } from './jobs.ts';
import { injected, inNamespace, type Namespace } from './namespace.ts';
import { cronJob, job, shell } from './objects.ts';
import * as pods from './pods.ts';

const cluster = sharedCluster();

function jobTest(name: string, body: (namespace: Namespace) => Promise<void>): void {
  test(name, (t: TestContext) => inNamespace(t, cluster, injected, body));
}

suite('Jobs with a native sidecar', { concurrency: true }, () => {
  jobTest('a parallel Job completes with all its pods', async (namespace) => {
    const spec = { completions: 4, parallelism: 2 };
    await namespace.create(job({ name: 'parallel', job: spec, command: ['/bin/sleep', '1'] }));
    const done = await untilNativeEnd(namespace, 'parallel', 'Complete');
    assert.equal(pods.statusNumber(done, 'succeeded'), 4);
    assert.equal(pods.statusNumber(done, 'failed'), 0);
    const ran = await podsOf(namespace, 'parallel');
    assert.equal(ran.length, 4);
    for (const pod of ran) assert.equal(pods.phaseOf(pod), 'Succeeded');
  });

  jobTest('an indexed Job completes each of its indexes', async (namespace) => {
    const spec = { completionMode: 'Indexed', completions: 3, parallelism: 3 };
    const containers = [shell('app', 'echo "index $JOB_COMPLETION_INDEX"')];
    await namespace.create(job({ name: 'indexed', job: spec, containers }));
    const done = await untilNativeEnd(namespace, 'indexed', 'Complete');
    assert.equal((done['status'] as { completedIndexes?: string }).completedIndexes, '0-2');
    const ran = await podsOf(namespace, 'indexed');
    const said = await Promise.all(ran.map(({ metadata }) => namespace.logs(metadata.name, 'app')));
    assert.deepEqual(said.map((line) => line.trim()).sort(), ['index 0', 'index 1', 'index 2']);
  });

  jobTest('a Job that fails is tried again as often as backoffLimit says, and ends Failed', async (namespace) => {
    const containers = [shell('app', 'exit 3')];
    await namespace.create(job({ name: 'failing', job: { backoffLimit: 1 }, containers }));
    const failed = await untilNativeEnd(namespace, 'failing', 'Failed');
    assert.equal(pods.conditionOf(failed, 'Failed')?.reason, 'BackoffLimitExceeded');
    assert.equal(pods.statusNumber(failed, 'failed'), 2);
    for (const pod of await podsOf(namespace, 'failing')) {
      assert.equal(pods.phaseOf(pod), 'Failed');
      assert.equal(pods.terminatedOf(pod, 'app')?.exitCode, 3);
    }
  });

  jobTest(
    'a Job with restartPolicy OnFailure starts its app again beside the proxy, and completes',
    async (namespace) => {
      await namespace.create(job({ ...failsOnce, name: 'again' }));
      await untilNativeEnd(namespace, 'again', 'Complete');
      const [pod, ...others] = await podsOf(namespace, 'again');
      assert.ok(pod !== undefined && others.length === 0);
      assert.equal(pods.restartsOf(pod, 'app'), 1);
      assert.equal(pods.restartsOf(pod, 'istio-proxy'), 0);
    },
  );

  jobTest('a Job that runs into activeDeadlineSeconds ends Failed, and its pods are gone', async (namespace) => {
    await namespace.create(job({ name: 'late', job: { activeDeadlineSeconds: 600 } }));
    await untilRunning(namespace, 'late');
    await patchJob(namespace, 'late', { activeDeadlineSeconds: 1 });
    const failed = await untilNativeEnd(namespace, 'late', 'Failed');
    assert.equal(pods.conditionOf(failed, 'Failed')?.reason, 'DeadlineExceeded');
    await namespace.until('its pods are gone', async () => (await podsOf(namespace, 'late')).length === 0);
  });

  jobTest(
    'a suspended Job has no pods; resumed, suspended again while it runs, and resumed, it completes',
    async (namespace) => {
      // it runs until it is told to end, however long the kubelet takes to say that it runs
      const containers = [shell('app', 'until [ -f /tmp/end ]; do sleep 0.5; done')];
      await namespace.create(job({ name: 'held', job: { suspend: true }, containers }));
      await untilSuspended(namespace, 'held');
      assert.deepEqual(await podsOf(namespace, 'held'), []);
      await patchJob(namespace, 'held', { suspend: false });
      await untilRunning(namespace, 'held');
      await patchJob(namespace, 'held', { suspend: true });
      await untilSuspended(namespace, 'held');
      await namespace.until('its pods are gone', async () => (await podsOf(namespace, 'held')).length === 0);
      await patchJob(namespace, 'held', { suspend: false });
      await namespace.exec(await untilRunning(namespace, 'held'), 'app', ['touch', '/tmp/end']);
      const done = await untilNativeEnd(namespace, 'held', 'Complete');
      assert.equal(pods.statusNumber(done, 'succeeded'), 1);
      assert.equal(pods.statusNumber(done, 'failed'), 0);
    },
  );

  jobTest('a CronJob that comes due completes', async (namespace) => {
    const parts = { name: 'due', schedule: '* * * * *', command: ['/bin/sleep', '1'] };
    await namespace.create(cronJob({ ...parts, cronJob: { concurrencyPolicy: 'Forbid' } }));
    await namespace.until('a Job of it is complete', async () =>
      (await namespace.list('Job')).some((one) => pods.jobEnd(one) === 'Complete'),
    );
    const [pod] = await namespace.list('Pod', 'app=due');
    assert.ok(pod !== undefined && pods.isNativeInjected(pod));
    assert.equal(pods.phaseOf(pod), 'Succeeded');
  });

  jobTest('a Job created by hand from a CronJob completes', async (namespace) => {
    const never = '0 0 30 2 *';
    await namespace.create(cronJob({ name: 'nightly', schedule: never, command: ['/bin/sleep', '1'] }));
    await cluster.kubectl(['create', 'job', 'by-hand', '-n', namespace.name, '--from=cronjob/nightly']);
    await untilNativeEnd(namespace, 'by-hand', 'Complete');
  });

  jobTest('a Job with ttlSecondsAfterFinished completes and goes away with its pod', async (namespace) => {
    const spec = { ttlSecondsAfterFinished: 10 };
    await namespace.create(job({ name: 'brief', job: spec, command: ['/bin/sleep', '1'] }));
    await untilNativeEnd(namespace, 'brief', 'Complete');
    await namespace.until('the Job is gone', async () => (await namespace.get('Job', 'brief')) === undefined);
    await namespace.until('its pod is gone', async () => (await podsOf(namespace, 'brief')).length === 0);
  });
});

/** As untilEnd(), of a Job whose pods have native sidecars. */
async function untilNativeEnd(namespace: Namespace, name: string, how: 'Complete' | 'Failed'): Promise<KubeObject> {
  const ended = await untilEnd(namespace, name, how);
  for (const pod of await podsOf(namespace, name)) assert.ok(pods.isNativeInjected(pod), 'with a native sidecar');
  return ended;
}

async function untilSuspended(namespace: Namespace, name: string): Promise<void> {
  await namespace.until('it is suspended', async () => {
    const found = await namespace.get('Job', name);
    return found !== undefined && pods.conditionOf(found, 'Suspended')?.status === 'True';
  });
}

async function patchJob(namespace: Namespace, name: string, spec: JsonObject): Promise<void> {
  const patch = JSON.stringify({ spec });
  await cluster.kubectl(['patch', 'job', name, '-n', namespace.name, '--type=merge', '-p', patch]);
}
