// What `make kind-demo` shows, as tests: each demo with the native sidecar, and with the plain one, where what was wrong
// before is seen.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { proxyContainerName, type StringMap } from '../../src/core/model/pod.ts';
import { sharedCluster } from './cluster.ts';
import { untilHeld } from './held-jobs.ts';
import { podsOf, untilEnd } from './jobs.ts';
import { injected, inNamespace, type Namespace } from './namespace.ts';
import { deployment, httpbinUrl, images, job, plainMode, pod, shell } from './objects.ts';
import * as pods from './pods.ts';
import { startHttpbin } from './start-httpbin.ts';

const cluster = sharedCluster();

function demo(name: string, body: (namespace: Namespace) => Promise<void>): void {
  test(name, (t: TestContext) => inNamespace(t, cluster, injected, body));
}

suite('the demos', { concurrency: true }, () => {
  demo('native: sleep has the proxy among its init containers and is ready with it', async (namespace) => {
    const sleep = await startSleep(namespace, {});
    assert.deepEqual(pods.initNames(sleep), ['istio-init', 'istio-proxy']);
    assert.deepEqual(pods.containerNames(sleep), ['sleep']);
    assert.deepEqual(pods.readyCount(sleep), { ready: 2, total: 2 });
  });

  demo('plain: sleep has the proxy among its containers', async (namespace) => {
    const sleep = await startSleep(namespace, plainMode);
    assert.deepEqual(pods.initNames(sleep), ['istio-init']);
    assert.deepEqual(pods.containerNames(sleep), ['sleep', 'istio-proxy']);
    assert.deepEqual(pods.readyCount(sleep), { ready: 2, total: 2 });
  });

  demo('native: an init container calls a service through the proxy with mutual TLS', async (namespace) => {
    await startHttpbin(namespace);
    await namespace.create(checkTraffic({}));
    const client = await untilPod(namespace, 'client is ready', 'client', pods.isReady);
    assert.deepEqual(pods.initNames(client), ['istio-init', 'istio-proxy', 'check-traffic']);
    const caller = `URI=spiffe://cluster.local/ns/${namespace.name}/sa/default`;
    const seenByServer = await namespace.logs('client', 'check-traffic');
    assert.ok(seenByServer.includes('X-Forwarded-Client-Cert') && seenByServer.includes(caller), seenByServer);
    const upstream = `outbound|8000||httpbin.${namespace.name}.svc.cluster.local`;
    const call = await untilLogged(namespace, 'client', /"GET \/headers HTTP\/1\.1" 200 /);
    assert.ok(call.includes(upstream), call);
    const [server] = await namespace.list('Pod', 'app=httpbin');
    const answer = await untilLogged(namespace, server?.metadata.name ?? '', /"GET \/headers HTTP\/1\.1" 200 /);
    assert.ok(answer.includes('inbound|8080||'), answer);
  });

  demo(
    'plain: an init container runs before the proxy, its call is refused, and the app never starts',
    async (namespace) => {
      await startHttpbin(namespace);
      await namespace.create(checkTraffic(plainMode));
      const client = await untilPod(namespace, 'client has failed', 'client', (one) => pods.phaseOf(one) === 'Failed');
      assert.deepEqual(pods.initNames(client), ['check-traffic', 'istio-init']);
      // curl's code for a connection that was reset: the server takes nothing but mutual TLS
      assert.equal(pods.terminatedOf(client, 'check-traffic')?.exitCode, 56);
      assert.equal(pods.statusOf(client, 'app')?.started, false);
    },
  );

  demo('native: a pod whose app exits goes to Succeeded', async (namespace) => {
    await namespace.create(exiting('exiting', {}));
    await untilSucceeded(namespace, 'exiting');
  });

  demo('plain: a pod whose app has exited goes on while a native one ends', async (namespace) => {
    await namespace.create(exiting('plain', plainMode));
    await untilPod(namespace, 'the app has exited', 'plain', (one) => pods.terminatedOf(one, 'app')?.exitCode === 0);
    await namespace.create(exiting('native', {}));
    await untilSucceeded(namespace, 'native');
    const plain = await namespace.get('Pod', 'plain');
    assert.ok(plain !== undefined && pods.isRunning(plain, proxyContainerName));
    assert.equal(pods.phaseOf(plain), 'Running');
  });

  demo('native: a Job completes', async (namespace) => {
    await namespace.create(shortJob('native', {}));
    await untilEnd(namespace, 'native', 'Complete');
    const [ran] = await podsOf(namespace, 'native');
    assert.ok(ran !== undefined && pods.isNativeInjected(ran));
  });

  demo('plain: a Job whose app has exited hangs while a native one completes', async (namespace) => {
    await namespace.create(shortJob('plain', plainMode));
    const held = await untilHeld(namespace, 'plain');
    assert.equal(pods.terminatedOf(held, 'app')?.exitCode, 0);
    await namespace.create(shortJob('native', {}));
    await untilEnd(namespace, 'native', 'Complete');
    const plain = await namespace.get('Job', 'plain');
    assert.ok(plain !== undefined);
    assert.equal(pods.jobEnd(plain), undefined);
    assert.equal(pods.statusNumber(plain, 'active'), 1);
  });
});

/** The pod of a Deployment `sleep` once it is ready. */
async function startSleep(namespace: Namespace, annotations: StringMap): Promise<KubeObject> {
  const container = { name: 'sleep', image: images.sleep, command: ['/bin/sleep', 'infinity'] };
  await namespace.create(deployment({ name: 'sleep', annotations, containers: [container] }));
  return namespace.until('sleep is ready', async () => {
    const [pod] = await namespace.list('Pod', 'app=sleep');
    return pod !== undefined && pods.isReady(pod) && pod;
  });
}

/** Its init container prints what the server was asked. */
function checkTraffic(annotations: StringMap): KubeObject {
  const call = shell('check-traffic', `curl -sS --fail --max-time 20 ${httpbinUrl}/headers`);
  return pod({ name: 'client', annotations, initContainers: [call], restartPolicy: 'Never' });
}

function exiting(name: string, annotations: StringMap): KubeObject {
  return pod({ name, annotations, command: ['/bin/sleep', '1'], restartPolicy: 'Never' });
}

function shortJob(name: string, annotations: StringMap): KubeObject {
  return job({ name, annotations, command: ['/bin/sleep', '1'] });
}

function untilPod(
  namespace: Namespace,
  what: string,
  name: string,
  condition: (pod: KubeObject) => boolean,
): Promise<KubeObject> {
  return namespace.until(what, async () => {
    const found = await namespace.get('Pod', name);
    return found !== undefined && condition(found) && found;
  });
}

async function untilSucceeded(namespace: Namespace, name: string): Promise<void> {
  const ended = await untilPod(namespace, `${name} has succeeded`, name, (one) => pods.phaseOf(one) === 'Succeeded');
  assert.ok(pods.isNativeInjected(ended), 'it had a native sidecar');
}

/** The first line of the proxy's access log that fits; Envoy writes it up to 10 s later. */
function untilLogged(namespace: Namespace, name: string, line: RegExp): Promise<string> {
  return namespace.until(`the proxy of ${name} logs ${line}`, async () =>
    (await namespace.logs(name, proxyContainerName)).split('\n').find((one) => line.test(one)),
  );
}
