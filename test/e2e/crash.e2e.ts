// What becomes of a pod whose proxy crashes: once while a Job runs, and again and again while the pod starts.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { proxyContainerName, type StringMap } from '../../src/core/model/pod.ts';
import { sharedCluster } from './cluster.ts';
import { podsOf, untilEnd, untilPod } from './jobs.ts';
import { injected, inNamespace, type Namespace } from './namespace.ts';
import { httpbinUrl, job, plainMode, pod, shell } from './objects.ts';
import * as pods from './pods.ts';
import { startHttpbin } from './start-httpbin.ts';

const cluster = sharedCluster();

function crashTest(name: string, body: (namespace: Namespace) => Promise<void>): void {
  test(name, (t: TestContext) => inNamespace(t, cluster, injected, body));
}

suite('a proxy that crashes', { concurrency: true }, () => {
  crashTest(
    'native: a proxy that is killed while a Job runs is started again, and the Job completes',
    async (namespace) => {
      await startHttpbin(namespace);
      await namespace.create(waitingJob('native', {}));
      const running = await untilPod(namespace, 'native', 'is ready', pods.isReady);
      await killEnvoy(namespace, running);
      const again = await untilPod(namespace, 'native', 'has its proxy started again and ready', (one) => {
        const proxy = pods.statusOf(one, proxyContainerName);
        return proxy?.ready === true && proxy.restartCount > 0;
      });
      assert.equal(pods.restartsOf(again, 'app'), 0, 'the app ran on');
      assert.ok(pods.isRunning(again, 'app'));

      await letGo(namespace, again);
      await untilEnd(namespace, 'native', 'Complete');
      const [ended] = await podsOf(namespace, 'native');
      assert.ok(ended !== undefined);
      assert.equal(pods.terminatedOf(ended, 'app')?.message, '200', 'what the app was answered through the new proxy');
      assert.equal(ended.metadata.name, running.metadata.name);
    },
  );

  crashTest(
    'plain: a proxy that is killed while a Job runs stays away, and the app has no network',
    async (namespace) => {
      await startHttpbin(namespace);
      await namespace.create(waitingJob('plain', plainMode));
      const running = await untilPod(namespace, 'plain', 'is ready', pods.isReady);
      await killEnvoy(namespace, running);
      const hasEnded = (container: string) => (one: KubeObject) => pods.terminatedOf(one, container) !== undefined;
      await untilPod(namespace, 'plain', 'has lost its proxy', hasEnded(proxyContainerName));
      await letGo(namespace, running);
      const ended = await untilPod(namespace, 'plain', 'has an app that has ended', hasEnded('app'));
      assert.equal(pods.restartsOf(ended, proxyContainerName), 0);
      assert.equal(pods.terminatedOf(ended, 'app')?.message, '000', 'the request of the app failed');
    },
  );

  crashTest(
    'native: a proxy that crashes again and again backs off, the pod says why, and the app has not started',
    async (namespace) => {
      await namespace.create(pod({ name: 'starved', annotations: tooLittleMemory, restartPolicy: 'OnFailure' }));
      const backingOff = await namespace.until('the proxy backs off for the second time', async () => {
        const found = await namespace.get('Pod', 'starved');
        const proxy = found && pods.statusOf(found, proxyContainerName);
        return proxy?.state.waiting?.reason === 'CrashLoopBackOff' && proxy.restartCount > 0 && found;
      });
      const proxy = pods.statusOf(backingOff, proxyContainerName);
      assert.match(
        proxy?.state.waiting?.message ?? '',
        /^back-off \d+s restarting failed container=istio-proxy pod=starved/,
      );
      assert.equal(proxy?.lastState?.terminated?.reason, 'OOMKilled');
      assert.equal(pods.phaseOf(backingOff), 'Pending');
      assert.equal(pods.statusOf(backingOff, 'app')?.started, false);
      assert.equal(pods.statusOf(backingOff, 'app')?.state.waiting?.reason, 'PodInitializing');

      const why = await cluster.pillion(['why', 'pod', 'starved', '-n', namespace.name]);
      assert.equal(why.code, 0, why.stderr);
      assert.match(
        why.stdout.replace(/\s+/g, ' '),
        /It was injected already by revision default, with a native sidecar/,
      );
    },
  );
});

/** Less than the agent alone needs. */
const tooLittleMemory: StringMap = {
  'sidecar.istio.io/proxyMemory': '10Mi',
  'sidecar.istio.io/proxyMemoryLimit': '12Mi',
};

/** Its app waits for letGo(), and ends with what it was answered in its termination message. */
function waitingJob(name: string, annotations: StringMap): KubeObject {
  const script = `until [ -e /tmp/go ]; do sleep 0.2; done
    curl -s -o /dev/null -m 10 -w '%{http_code}' ${httpbinUrl}/get > /dev/termination-log`;
  return job({ name, annotations, containers: [shell('app', script)] });
}

async function letGo(namespace: Namespace, { metadata }: KubeObject): Promise<void> {
  await namespace.exec(metadata.name, 'app', ['touch', '/tmp/go']);
}

/** As the kernel would, where memory is short. The agent ends with it, and sometimes the shell before it can say so. */
async function killEnvoy(namespace: Namespace, { metadata }: KubeObject): Promise<void> {
  const script = 'for p in /proc/[0-9]*; do if [ "$(cat $p/comm)" = envoy ]; then kill -9 "${p#/proc/}"; fi; done';
  const within = ['exec', '-n', namespace.name, metadata.name, '-c', proxyContainerName, '--'];
  await cluster.tryKubectl([...within, '/bin/sh', '-c', script]);
}
