// Does job completion make the difference: off, a Job with a plain sidecar hangs; on, the very same pod completes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names } from '../../../src/core/cluster/names.ts';
import { resources } from '../../../src/core/cluster/resources.ts';
import { sharedCluster } from '../cluster.ts';
import { tenComplete, untilHeld } from '../held-jobs.ts';
import { withOptions, withoutControl } from '../installation.ts';
import { podsOf, untilEnd, untilRunning } from '../jobs.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { job, plainMode, shell } from '../objects.ts';
import * as pods from '../pods.ts';

const cluster = sharedCluster();
const parts = { annotations: plainMode, command: ['/bin/sleep', '2'] };

test('off, a Job with a plain sidecar hangs; on, the same pod completes, as ten others; off again, the next hangs', async (t) => {
  await inNamespace(t, cluster, injected, async (namespace) => {
    const pod = await hangs(namespace, 'held');
    await withOptions(cluster, ['jobCompletion=true'], async () => {
      await untilEnd(namespace, 'held', 'Complete');
      const after = await podsOf(namespace, 'held');
      assert.deepEqual(
        after.map(({ metadata }) => metadata.uid),
        [pod.metadata.uid],
      );
      const told = (await namespace.events(pod.metadata.name)).map(({ reason }) => reason);
      assert.ok(told.includes('ProxyAskedToQuit'), told.join(', '));
      await tenComplete(t, namespace, { annotations: plainMode });
      await survivesRestart(namespace);
    });
    const role = await cluster.kube.get(resources.clusterRoles, names.control);
    assert.doesNotMatch(JSON.stringify(role?.['rules']), /portforward/);
    await hangs(namespace, 'held-again');
  });
});

/** The Job's app ends, and later that of a Job with a native sidecar, which completes: the first still has not. */
async function hangs(namespace: Namespace, name: string) {
  await namespace.create(job({ ...parts, name }));
  const { metadata } = await untilHeld(namespace, name);
  await namespace.create(job({ name: `${name}-control`, command: ['/bin/sleep', '5'] }));
  await untilEnd(namespace, `${name}-control`, 'Complete');
  const [pod] = await podsOf(namespace, name);
  assert.ok(pod !== undefined && pod.metadata.uid === metadata.uid);
  assert.equal(pods.phaseOf(pod), 'Running');
  assert.ok(pods.isRunning(pod, 'istio-proxy'));
  const found = await namespace.get('Job', name);
  assert.equal(found && pods.jobEnd(found), undefined);
  return pod;
}

/** Apps end while no process is there that could see it: the next one finds their pods. */
async function survivesRestart(namespace: Namespace): Promise<void> {
  const jobs = ['during-1', 'during-2', 'during-3'];
  const containers = [shell('app', 'until [ -f /tmp/end ]; do sleep 0.5; done')];
  for (const name of jobs) await namespace.create(job({ name, annotations: plainMode, containers }));
  const running = await Promise.all(jobs.map((name) => untilRunning(namespace, name)));
  await withoutControl(cluster, async () => {
    for (const pod of running) await namespace.exec(pod, 'app', ['touch', '/tmp/end']);
    for (const name of jobs) await untilHeld(namespace, name);
  });
  for (const name of jobs) await untilEnd(namespace, name, 'Complete');
}
