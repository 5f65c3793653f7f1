// Which pods get a sidecar: those that namespace labels, pod labels, annotations and revisions ask for; and each gets one,
// also where istiod's own webhook is called for it as well.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { mirrorAnnotation } from '../../src/core/cluster/well-known.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { type Container, proxyContainerName, type StringMap } from '../../src/core/model/pod.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { sharedCluster } from './cluster.ts';
import { askDoctor } from './doctor.ts';
import { registerIstiodWebhook } from './istiod-webhook.ts';
import { injected, inNamespace, type Namespace } from './namespace.ts';
import { images, type PodParts, plainMode, pod, shell } from './objects.ts';
import * as pods from './pods.ts';

const cluster = sharedCluster();

const optIn: StringMap = { 'sidecar.istio.io/inject': 'true' };
const optOut: StringMap = { 'sidecar.istio.io/inject': 'false' };
const ourRevision: StringMap = { 'istio.io/rev': 'default' };
const otherRevision: StringMap = { 'istio.io/rev': 'canary' };
const disabled: StringMap = { 'istio-injection': 'disabled' };

/** What pods say, by the name of the pod. */
const askers = {
  silent: {},
  'label-in': { labels: optIn },
  'label-out': { labels: optOut },
  'annotation-in': { annotations: optIn },
  'annotation-out': { annotations: optOut },
  'label-in-annotation-out': { labels: optIn, annotations: optOut },
  'our-revision': { labels: ourRevision },
  'our-revision-out': { labels: { ...ourRevision, ...optOut } },
  'other-revision': { labels: otherRevision },
  'other-revision-in': { labels: { ...otherRevision, ...optIn } },
  'host-network': { labels: optIn, spec: { hostNetwork: true } },
} as const satisfies Readonly<Record<string, Partial<PodParts>>>;

type Asker = keyof typeof askers;

interface Case {
  readonly what: string;
  readonly namespace: StringMap;
  readonly injected: readonly Asker[];
}

const wherePodsNeedNotAsk: readonly Asker[] = [
  'silent',
  'label-in',
  'annotation-in',
  'label-in-annotation-out',
  'our-revision',
  'other-revision',
  'other-revision-in',
];

const cases: readonly Case[] = [
  {
    what: 'in a namespace labelled istio-injection=enabled, all pods but those that opt out or use the host network',
    namespace: injected,
    injected: wherePodsNeedNotAsk,
  },
  {
    what: 'in a namespace that asks for our revision, all pods but those that opt out or use the host network',
    namespace: ourRevision,
    injected: wherePodsNeedNotAsk,
  },
  {
    what: 'in a namespace without labels, pods whose label opts in or asks for our revision',
    namespace: {},
    injected: ['label-in', 'label-in-annotation-out', 'our-revision'],
  },
  { what: 'in a namespace labelled istio-injection=disabled, no pod', namespace: disabled, injected: [] },
  { what: 'in a namespace that asks for another revision, no pod', namespace: otherRevision, injected: [] },
  {
    what: 'the label istio-injection=enabled of a namespace is stronger than its revision',
    namespace: { ...injected, ...otherRevision },
    injected: wherePodsNeedNotAsk,
  },
  {
    what: 'the label istio-injection=disabled of a namespace is stronger than its revision',
    namespace: { ...disabled, ...ourRevision },
    injected: [],
  },
];

suite('injected are', { concurrency: true }, () => {
  for (const one of cases) {
    test(one.what, (t: TestContext) =>
      inNamespace(t, cluster, one.namespace, async (namespace) => {
        const stored = await Promise.all(
          Object.entries(askers).map(([name, parts]) => namespace.create(heldPod({ name, ...parts }))),
        );
        const names = stored.filter(hasProxy).map(({ metadata }) => metadata.name);
        assert.deepEqual(names, one.injected);
        assert.deepEqual(
          stored.filter(pods.isNativeInjected).map(({ metadata }) => metadata.name),
          one.injected,
        );
      }),
    );
  }
});

/** Stored, and never started. */
function heldPod(parts: PodParts): KubeObject {
  return pod({ ...parts, spec: { ...parts.spec, schedulingGates: [{ name: 'e2e.pillion.dev/held' }] } });
}

function hasProxy(stored: KubeObject): boolean {
  return [...pods.initNames(stored), ...pods.containerNames(stored)].includes(proxyContainerName);
}

const istiodWebhook = 'namespace.sidecar-injector.istio.io';
const ourWebhook = 'namespace.pillion.dev';

/** In the order of the alphabet, in which the API server calls: the registration of ours is `pillion`. */
const orders = [
  { what: "istiod's webhook before ours", begin: 'before-pillion', first: istiodWebhook },
  { what: "istiod's webhook after ours", begin: 'then-istiod', first: ourWebhook },
] as const;

suite('called for the same pods', { concurrency: true }, () => {
  for (const { what, begin, first } of orders) {
    test(`${what}: each pod is injected once and runs, and doctor names the overlap`, (t: TestContext) =>
      inNamespace(t, cluster, injected, async (namespace) => {
        const name = `${begin}-${namespace.name}`;
        const remove = await registerIstiodWebhook(cluster, {
          name,
          namespaces: [namespace.name],
          selectedBy: 'labels',
        });
        t.after(remove);
        await checkBothAreCalled(namespace, first);
        await checkInjectedOnce(namespace);
        await namespace.create(probedPod('running'));
        const overlap = await overlapText(name);
        assert.ok(overlap.includes(`"${istiodWebhook}"`) && overlap.includes(ourWebhook), overlap);
        const ready = await namespace.until('the pod is ready', async () => {
          const found = await namespace.get('Pod', 'running');
          return found !== undefined && pods.isReady(found) && found;
        });
        assert.deepEqual(pods.readyCount(ready), { ready: 2, total: 2 });
        await remove();
        assert.equal(await overlapText(name), '');
      }));
  }
});

/** By what only one of them refuses, and by who refuses what neither takes. */
async function checkBothAreCalled(namespace: Namespace, first: string): Promise<void> {
  const wrong = { 'traffic.sidecar.istio.io/excludeOutboundPorts': 'x' };
  const mirror = { ...wrong, [mirrorAnnotation]: 'we are not called for it' };
  assert.equal(await refusedBy(namespace, heldPod({ name: 'mirror', annotations: mirror })), istiodWebhook);
  const containers = [shell('same', 'true'), shell('same', 'true')];
  assert.equal(await refusedBy(namespace, heldPod({ name: 'twice', containers })), ourWebhook);
  assert.equal(await refusedBy(namespace, heldPod({ name: 'wrong', annotations: wrong })), first);
}

async function refusedBy(namespace: Namespace, refused: KubeObject): Promise<string | undefined> {
  try {
    await namespace.create(refused);
  } catch (error) {
    assert.ok(error instanceof KubeError);
    return /^admission webhook "([^"]+)" denied the request/.exec(error.message)?.[1] ?? error.message;
  }
  return undefined;
}

async function checkInjectedOnce(namespace: Namespace): Promise<void> {
  const native = await namespace.create(probedPod('native', heldPod));
  assert.deepEqual(pods.initNames(native), ['istio-init', proxyContainerName, 'first']);
  assert.deepEqual(pods.containerNames(native), ['app']);
  assert.ok(pods.isNativeInjected(native));
  const plain = await namespace.create(probedPod('plain', heldPod, plainMode));
  assert.deepEqual(pods.initNames(plain), ['first', 'istio-init']);
  assert.deepEqual(pods.containerNames(plain), ['app', proxyContainerName]);
  for (const stored of [native, plain]) checkProbe(stored);
}

const probePath = '/status/200';

/** With all that an injector changes of a pod, or moves. */
function probedPod(name: string, make = pod, annotations: StringMap = {}): KubeObject {
  const readinessProbe = { httpGet: { path: probePath, port: 8080 }, periodSeconds: 1 };
  const app: Container = { name: 'app', image: images.httpbin, imagePullPolicy: 'IfNotPresent', readinessProbe };
  return make({ name, annotations, initContainers: [shell('first', 'true')], containers: [app] });
}

/** The app's probe goes to the agent, and the agent knows where it went before: rewritten twice, it would go in a circle. */
function checkProbe(stored: KubeObject): void {
  const [app] = pods.containers(stored).filter(({ name }) => name === 'app');
  assert.equal(app?.readinessProbe?.httpGet?.path, '/app-health/app/readyz');
  const proxy = [...pods.initContainers(stored), ...pods.containers(stored)].find(
    ({ name }) => name === proxyContainerName,
  );
  const probers = proxy?.env?.find(({ name }) => name === 'ISTIO_KUBE_APP_PROBERS')?.value ?? '{}';
  assert.equal(JSON.parse(probers)['/app-health/app/readyz']?.httpGet?.path, probePath, probers);
}

/** What the doctor says of this configuration; empty where it says nothing. */
async function overlapText(configuration: string): Promise<string> {
  const { found } = await askDoctor(cluster);
  const overlaps = found.filter(({ finding, what }) => finding === 'overlap' && what.includes(configuration));
  return overlaps.map(({ what }) => what).join('\n');
}
