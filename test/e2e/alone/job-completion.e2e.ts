// Does job completion make the difference: off, a Job with a plain sidecar hangs; on, the very same pod completes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { componentSelector } from '../../../src/core/cluster/labels.ts';
import { names } from '../../../src/core/cluster/names.ts';
import { resources } from '../../../src/core/cluster/resources.ts';
import { sharedCluster } from '../cluster.ts';
import { podsOf, tenComplete, untilEnd, untilHeld } from '../held-jobs.ts';
import { install, optionsText, pillionNamespace } from '../installation.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { job, plainMode } from '../objects.ts';
import * as pods from '../pods.ts';

const cluster = sharedCluster();
const parts = { annotations: plainMode, command: ['/bin/sleep', '2'] };

test('off, a Job with a plain sidecar hangs; on, the same pod completes, as ten others; off again, the next hangs', async (t) => {
  const options = await optionsText(cluster);
  await inNamespace(t, cluster, injected, async (namespace) => {
    try {
      const pod = await hangs(namespace, 'held');
      await install(cluster, ['--options', '-'], 'jobCompletion: true\n');
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
    } finally {
      await install(cluster, ['--options', '-'], options);
    }
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

/** All processes end at once while apps run: whoever leads next finds the pods whose apps have ended meanwhile. */
async function survivesRestart(namespace: Namespace): Promise<void> {
  const jobs = ['during-1', 'during-2', 'during-3'];
  for (const name of jobs) await namespace.create(job({ ...parts, name }));
  await namespace.until('their apps run', async () => {
    const all = (await Promise.all(jobs.map((name) => podsOf(namespace, name)))).flat();
    return all.length === jobs.length && all.every((pod) => pods.statusOf(pod, 'app')?.state.waiting === undefined);
  });
  const selector = componentSelector('control');
  await cluster.kubectl(['-n', pillionNamespace, 'delete', 'pods', '-l', selector, '--wait=false']);
  for (const name of jobs) await untilEnd(namespace, name, 'Complete');
}
