// Who is there first and who is there last: an app, or a sidecar of the user's, is answered through the proxy from its
// first instruction to its last act. Pods are deleted and yet kept by a finalizer, so that their containers can tell by
// their termination messages what they were answered.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { type Container, proxyContainerName, type StringMap } from '../../src/core/model/pod.ts';
import { sharedCluster } from './cluster.ts';
import { injected, inNamespace, type Namespace } from './namespace.ts';
import { httpbinUrl, images, plainMode, pod, shell } from './objects.ts';
import * as pods from './pods.ts';
import { startHttpbin } from './start-httpbin.ts';

const cluster = sharedCluster();
const nativeCount = 20;
/** Not all at once: with 128 instances of inotify for each user, the default of Linux, some 40 sidecars are too many. */
const waves = ['a', 'b'] as const;
const keeper = 'e2e.pillion.dev/kept';

/** How long Envoy stays after SIGTERM where the agent decides it. What an app does later than that needs a native sidecar. */
const drainTime: StringMap = { 'proxy.istio.io/config': 'terminationDrainDuration: 1s' };

function orderTest(name: string, body: (namespace: Namespace, t: TestContext) => Promise<void>): void {
  test(name, (t: TestContext) =>
    inNamespace(t, cluster, injected, (namespace) => {
      t.after(() => letGo(namespace)); // later than what is collected of a failed test
      return body(namespace, t);
    }),
  );
}

suite('the order of start and stop', { concurrency: true }, () => {
  orderTest(
    'native: 20 of 20 apps are answered by their first instruction, and 20 of 20 at SIGTERM and by their last act',
    async (namespace, t) => {
      await startHttpbin(namespace);
      const ends: End[] = [];
      for (const wave of waves) {
        const made = [
          ...Array.from({ length: nativeCount / waves.length }, (_, index) => asking(`native-${wave}${index}`, wave)),
          asking(`plain-${wave}`, wave, plainMode),
        ];
        await Promise.all(made.map((one) => namespace.create(one)));
        ends.push(...(await endsOf(namespace, `wave=${wave}`)));
      }
      const plain = ends.filter((end) => pods.isPlainInjected(end.pod));
      const native = ends.filter((end) => pods.isNativeInjected(end.pod));
      const others = native.filter((end) => end.said !== 'first=200 sigterm=200 last=200 ');
      assert.deepEqual(others.map(said), [], 'all apps with a native sidecar are answered');
      assert.equal(native.length, nativeCount);
      // the control: what an app asks first, and after the proxy has drained, does need the native sidecar
      const count = (words: string) => plain.filter((end) => end.said.includes(words)).length;
      t.diagnostic(
        `plain: ${count('first=000')} of ${plain.length} first requests failed, ${count('last=000')} last ones`,
      );
      assert.ok(count('last=000') > 0, `a plain sidecar ends before the app does: ${plain.map(said).join()}`);
    },
  );

  orderTest(
    "native: our sidecar and one of the user's serve each other from before the app starts until after it has ended",
    async (namespace) => {
      await startHttpbin(namespace);
      const created = await namespace.create(withOwnSidecar());
      assert.deepEqual(pods.initNames(created), ['istio-init', proxyContainerName, 'cache']);
      const probe = pods.initContainers(created)[2]?.startupProbe?.httpGet;
      assert.deepEqual([probe?.path, probe?.port], ['/app-health/cache/startupz', 15020], 'our sidecar asks theirs');

      const [end] = await endsOf(namespace, 'app=two');
      assert.ok(end !== undefined);
      assert.equal(end.said, 'first-cache=200 first=200 last-cache=200 last=200 ');
      assert.equal(
        pods.terminatedOf(end.pod, 'cache')?.message,
        'first=200 last=200 ',
        'their sidecar asks through ours',
      );
      const times = ['app', 'cache', proxyContainerName].map((name) => pods.terminatedOf(end.pod, name));
      const ended = times.map((time) => time?.finishedAt ?? '');
      const started = times.map((time) => time?.startedAt ?? '');
      assert.deepEqual(ended, ended.toSorted(), 'ended in the reverse order of their start');
      assert.deepEqual(started, started.toSorted().reverse(), 'the proxy started first');
    },
  );
});

/** Its first instruction is a request; at SIGTERM it makes one more, and one as its last act when drainTime is over. */
function asking(name: string, wave: string, annotations: StringMap = {}): KubeObject {
  const script = `${ask} trap 'ask sigterm ${httpbinUrl}/get; sleep 3; ask last ${httpbinUrl}/get; exit 0' TERM
    ask first ${httpbinUrl}/get; sleep 1000 & wait`;
  return keptPod(name, { labels: { wave }, annotations, containers: [shell('app', script)] });
}

/** One try; what it was answered goes to the termination message, `000` for a request that failed. */
const ask = 'ask() { curl -s -o /dev/null -m 5 -w "$1=%{http_code} " "$2" >> /dev/termination-log; };';

/** The app uses the sidecar and the mesh, at its start and at its end. */
function withOwnSidecar(): KubeObject {
  const asksBoth = (when: string) => `ask ${when}-cache http://localhost:9000; ask ${when} ${httpbinUrl}/get`;
  const script = `${ask} trap '${asksBoth('last')}; exit 0' TERM; ${asksBoth('first')}; sleep 1000 & wait`;
  const initContainers: readonly Container[] = [
    {
      name: 'cache',
      image: images.node,
      imagePullPolicy: 'IfNotPresent',
      restartPolicy: 'Always',
      startupProbe: { httpGet: { path: '/', port: 9000 }, periodSeconds: 1, failureThreshold: 120 },
      command: ['node', '--eval', cacheScript],
    },
  ];
  return keptPod('two', { containers: [shell('app', script)], initContainers });
}

/** It serves what its first request was answered, and asks once more when drainTime after SIGTERM is over. */
const cacheScript = `
const ask = async (when) => {
  const status = await fetch('${httpbinUrl}/get').then((answer) => answer.status, () => '000');
  require('node:fs').appendFileSync('/dev/termination-log', when + '=' + status + ' ');
  return status;
};
process.once('SIGTERM', () => setTimeout(() => ask('last').then(() => process.exit(0)), 3000));
ask('first').then((status) => {
  const server = require('node:http').createServer((_, answer) => answer.writeHead(Number(status)).end());
  server.listen(9000);
});`;

/** A pod that stays when it is deleted and has ended. */
function keptPod(name: string, parts: Partial<Parameters<typeof pod>[0]>): KubeObject {
  const annotations = { ...drainTime, ...parts.annotations };
  const spec = { terminationGracePeriodSeconds: 30 };
  const made = pod({ restartPolicy: 'Never', ...parts, name, annotations, spec });
  const kept = { finalizers: [keeper] };
  return { ...made, metadata: { ...made.metadata, ...kept } };
}

interface End {
  readonly name: string;
  /** The app's termination message. */
  readonly said: string;
  readonly pod: KubeObject;
}

function said(end: End): string {
  return `${end.name}: ${end.said}`;
}

/** Waits until the pods are ready, deletes them, and waits until they have ended. */
async function endsOf(namespace: Namespace, selector: string): Promise<readonly End[]> {
  const all = (what: string, isSo: (pod: KubeObject) => boolean) =>
    namespace.until(`all pods ${selector} ${what}`, async () => {
      const found = await namespace.list('Pod', selector);
      return found.length > 0 && found.every(isSo) && found;
    });
  const ready = await all('are ready', pods.isReady);
  await Promise.all(ready.map(({ metadata }) => cluster.kube.remove(resources.pods, metadata.name, namespace.name)));
  const ended = await all('have ended', (one) => ['Succeeded', 'Failed'].includes(pods.phaseOf(one) ?? ''));
  return ended.map((one) => ({
    name: one.metadata.name,
    said: pods.terminatedOf(one, 'app')?.message ?? '',
    pod: one,
  }));
}

/** Deleted pods may go, and with them the namespace. */
async function letGo(namespace: Namespace): Promise<void> {
  const kept = (await namespace.list('Pod')).filter(({ metadata }) => JSON.stringify(metadata).includes(keeper));
  const patch = { body: { metadata: { finalizers: null } }, contentType: 'application/merge-patch+json' };
  const paths = kept.map(({ metadata }) => pathOf(resources.pods, namespace.name, metadata.name));
  await Promise.all(paths.map((path) => cluster.kube.call('PATCH', path, patch)));
}
