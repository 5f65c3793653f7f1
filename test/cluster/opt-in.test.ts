// Are pods injected where the labels ask for it, and nowhere else: with the controllers that make pods in a cluster, a
// process of `pillion serve`, and a recorder between it and the API server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Container, StringMap } from '../../src/core/model/pod.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { patched } from '../builders.ts';
import { pillion } from '../cli/command-line.ts';
import { readAnswer } from '../conformance/answers.ts';
import { differenceLine, differences } from '../conformance/compare.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import type { Exchange, Recorder } from './recorder.ts';
import { isInjected, makeNamespace, startWebhook, withoutWebhook, withWebhook } from './webhook.ts';

interface Stage {
  readonly plane: ControlPlane;
  readonly recorder: Recorder;
  /** The options that say with what is injected: the same for `serve` and `inject`. */
  readonly settings: readonly string[];
}

/** The namespace whose label asks for injection, and its likeness that nobody is called for. */
const [labelled, twin] = ['mesh', 'twin'];

const image = '--image=example.com/app';
const statefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'store' },
  spec: {
    serviceName: 'store',
    selector: { matchLabels: { app: 'store' } },
    template: {
      metadata: { labels: { app: 'store' } },
      spec: { containers: [{ name: 'app', image: 'example.com/store', ports: [{ containerPort: 8080 }] }] },
    },
  },
};

interface Workload {
  readonly what: string;
  /** What kubectl is told, in this order. */
  readonly commands: readonly (readonly [args: readonly string[], input?: string])[];
  /** How the name of the pod begins. */
  readonly pod: string;
}

const workloads: readonly Workload[] = [
  { what: 'a Deployment', commands: [[['create', 'deployment', 'web', image, '--port=80']]], pod: 'web-' },
  { what: 'a Job', commands: [[['create', 'job', 'once', image, '--', 'sleep', '1']]], pod: 'once-' },
  {
    what: 'the Job of a CronJob',
    commands: [
      [['create', 'cronjob', 'yearly', image, '--schedule=0 0 1 1 *']],
      [['create', 'job', 'today', '--from=cronjob/yearly']],
    ],
    pod: 'today-',
  },
  { what: 'a StatefulSet', commands: [[['create', '-f', '-'], JSON.stringify(statefulSet)]], pod: 'store-0' },
  { what: 'a bare pod', commands: [[['run', 'bare', image, '--port=8080']]], pod: 'bare' },
];

/** Creates the workload as a user would and waits for its pod. */
async function createWorkload(plane: ControlPlane, workload: Workload, namespace: string): Promise<KubeObject> {
  for (const [args, input] of workload.commands) {
    const { code, stderr } = await plane.kubectl(['--namespace', namespace, ...args], input);
    assert.equal(code, 0, stderr);
  }
  let pod: KubeObject | undefined;
  await until(
    `${workload.what} has its pod`,
    async () => {
      const { items } = await plane.kube.list(resources.pods, { namespace });
      pod = items.find(({ metadata }) => metadata.name.startsWith(workload.pod));
      return pod !== undefined;
    },
    plane.directory,
  );
  assert.ok(pod);
  return pod;
}

function containersOf(pod: KubeObject, list: 'containers' | 'initContainers'): readonly Container[] {
  return ((pod['spec'] as JsonObject)[list] ?? []) as readonly Container[];
}

interface Asked {
  readonly exchange: Exchange;
  readonly request: { readonly uid: string; readonly namespace: string; readonly object: KubeObject };
}

/** What the API server asked about pods of the namespace, those whose name or generated name begins so. */
function askedAbout({ recorder }: Pick<Stage, 'recorder'>, namespace: string, begin = ''): readonly Asked[] {
  return recorder.exchanges
    .map((exchange) => ({ exchange, request: JSON.parse(exchange.requestText).request as Asked['request'] }))
    .filter(({ request }) => request.namespace === namespace && nameOf(request.object).startsWith(begin));
}

function nameOf({ metadata }: KubeObject): string {
  return metadata.name ?? (metadata as { generateName?: string }).generateName ?? '';
}

/** The pod without what is another in every pod that is created: names, times, and who wrote which field. */
function withoutIdentity(pod: JsonObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp, managedFields, ...metadata } = pod[
    'metadata'
  ] as JsonObject;
  const text = JSON.stringify({ ...pod, metadata })
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access');
  return JSON.parse(text);
}

/** The command answers each recorded review with the very bytes that the webhook answered. */
async function checkReplay({ settings }: Stage, asked: readonly Asked[]): Promise<void> {
  for (const { exchange } of asked) {
    const { exitCode, stdout } = await pillion(['inject', '-f', '-', ...settings], { stdin: exchange.requestText });
    assert.equal(exitCode, 0);
    assert.equal(stdout.trimEnd(), exchange.responseText);
  }
}

/**
 * The pod that is stored is the one that the answer makes, with what the API server adds and no more. That holds for the
 * first answer as for the last: asking again, which the API server does when it has added to our containers, changes
 * nothing.
 */
async function checkStored({ plane }: Stage, stored: KubeObject, { exchange, request }: Asked): Promise<void> {
  const answer = readAnswer(exchange.responseText, request.uid);
  assert.notEqual(answer.kind, 'deny');
  const pod = answer.kind === 'patch' ? patched(request.object, answer.patch) : request.object;
  const metadata = { ...pod.metadata, name: stored.metadata.name, namespace: twin };
  const twice = await plane.kube.create({ ...pod, metadata }, { dryRun: true });
  assert.deepEqual(differences(withoutIdentity(twice), withoutIdentity(stored)).map(differenceLine), []);
}

async function checkInjected(stage: Stage, workload: Workload): Promise<void> {
  const stored = await createWorkload(stage.plane, workload, labelled);
  const begin = containersOf(stored, 'initContainers').map(({ name, restartPolicy }) => [name, restartPolicy]);
  assert.deepEqual(begin, [
    ['istio-init', undefined],
    ['istio-proxy', 'Always'],
  ]);
  assert.equal(containersOf(stored, 'containers').length, 1, 'the user has one container as before');
  assert.ok(isInjected(stored));
  const asked = askedAbout(stage, labelled, workload.pod);
  await checkReplay(stage, asked);
  assert.ok(asked.length > 0);
  for (const one of asked) await checkStored(stage, stored, one);
}

interface Labelled {
  readonly what: string;
  readonly namespace: string;
  readonly namespaceLabels?: StringMap;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  /** False: the API server does not even call the webhook. */
  readonly isAsked: boolean;
  readonly isInjected: boolean;
}

const yes = { isAsked: true, isInjected: true };
const no = { isAsked: false, isInjected: false };
const optIn = { 'sidecar.istio.io/inject': 'true' };
const optOut = { 'sidecar.istio.io/inject': 'false' };

const byLabels: readonly Labelled[] = [
  { what: 'a pod whose label opts out is not', namespace: labelled, labels: optOut, ...no },
  {
    what: 'a pod whose annotation opts out is not, though the webhook is asked',
    namespace: labelled,
    annotations: optOut,
    isAsked: true,
    isInjected: false,
  },
  { what: 'a pod whose label opts in is, in a namespace without label', namespace: 'plain', labels: optIn, ...yes },
  { what: 'a pod whose annotation opts in is not, there', namespace: 'plain', annotations: optIn, ...no },
  {
    what: 'a pod that asks for our revision is, there',
    namespace: 'plain',
    labels: { 'istio.io/rev': 'default' },
    ...yes,
  },
  {
    what: 'a pod that asks for another revision is not, there',
    namespace: 'plain',
    labels: { 'istio.io/rev': 'canary' },
    ...no,
  },
  {
    what: 'a pod that opts in is not where the namespace is labelled istio-injection=disabled',
    namespace: 'disabled',
    namespaceLabels: withoutWebhook,
    labels: optIn,
    ...no,
  },
  {
    what: 'a pod is where the namespace asks for our revision',
    namespace: 'ours',
    namespaceLabels: { 'istio.io/rev': 'default' },
    ...yes,
  },
  {
    what: 'a pod that opts in is not where the namespace asks for another revision',
    namespace: 'canary',
    namespaceLabels: { 'istio.io/rev': 'canary' },
    labels: optIn,
    ...no,
  },
  {
    what: 'a pod that opts in is not in kube-system, whatever its label says',
    namespace: 'kube-system',
    namespaceLabels: withWebhook,
    labels: optIn,
    ...no,
  },
  {
    what: 'a pod that opts in is not in our own namespace, whatever its label says',
    namespace: 'pillion-system',
    namespaceLabels: withWebhook,
    labels: optIn,
    ...no,
  },
];

async function checkLabels(stage: Stage, one: Labelled, name: string): Promise<void> {
  const { plane } = stage;
  const metadata = {
    name,
    namespace: one.namespace,
    ...(one.labels === undefined ? {} : { labels: one.labels }),
    ...(one.annotations === undefined ? {} : { annotations: one.annotations }),
  };
  const spec = { containers: [{ name: 'app', image: 'example.com/app' }] };
  const created = await plane.kube.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
  assert.equal(askedAbout(stage, one.namespace, name).length > 0, one.isAsked, 'the webhook is asked');
  assert.equal(isInjected(created), one.isInjected, 'the pod is injected');
}

/** Settings that are not the defaults, so that a replay without them gives another pod. */
function settingsOf(context: TestContext): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-settings-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const mesh = join(directory, 'mesh.yaml');
  writeFileSync(mesh, 'defaultConfig:\n  concurrency: 3\n  holdApplicationUntilProxyStarts: true\n');
  return ['--mesh', mesh, '--set', 'global.proxy.logLevel=debug', '--native', 'true'];
}

async function checkWarning({ plane }: Stage): Promise<void> {
  const args = ['run', 'misspelt', image, '--annotations=sidecar.istio.io/logLevl=debug', '--namespace', labelled];
  const { code, stderr } = await plane.kubectl(args);
  assert.equal(code, 0, stderr);
  // kubectl prints what the headers "Warning: 299" of the API server say
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    'Warning: Nobody reads metadata.annotations["sidecar.istio.io/logLevl"]; did you mean sidecar.istio.io/logLevel',
  ]);
}

async function checkDenial({ plane }: Stage): Promise<void> {
  const key = 'traffic.sidecar.istio.io/excludeOutboundPorts';
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'wrong', namespace: labelled, annotations: { [key]: '80,x' } },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  };
  await assert.rejects(plane.kube.create(pod), (error) => {
    assert.ok(error instanceof KubeError);
    assert.equal(error.status, 422);
    const [start, rest] = error.message.split(' denied the request: ');
    assert.equal(start, 'admission webhook "namespace.pillion.dev"');
    assert.match(rest ?? '', /excludeOutboundPorts"\].*"80,x".*\. Mend or remove the annotation\.$/);
    return true;
  });
}

test('pods are injected where labels ask for it', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  await makeNamespace(plane, labelled, { labels: withWebhook });
  await makeNamespace(plane, twin, { labels: withoutWebhook });
  for (const name of ['plain', 'before', 'kube-system']) await makeNamespace(plane, name);
  const before = new Map<Workload, KubeObject>();
  for (const workload of workloads) before.set(workload, await createWorkload(plane, workload, 'before'));
  const settings = settingsOf(context);
  const { recorder } = await startWebhook(context, plane, { serveArguments: settings, isRecorded: true });
  assert.ok(recorder);
  const stage: Stage = { plane, recorder, settings };
  // early, so that the API server has long seen the labels when they count
  for (const { namespace, namespaceLabels: labels } of byLabels) {
    if (labels !== undefined) await makeNamespace(plane, namespace, { labels });
  }

  for (const workload of workloads) {
    const { what } = workload;
    await context.test(
      `${what} in a labelled namespace gets the pod that the command makes of the recorded review`,
      () => checkInjected(stage, workload),
    );

    await context.test(`${what} in a namespace without label gets the pod that it gets without webhook`, async () => {
      const pod = await createWorkload(plane, workload, 'plain');
      const pristine = before.get(workload);
      assert.ok(pristine);
      assert.deepEqual(withoutIdentity(pod), withoutIdentity(pristine));
      assert.deepEqual(askedAbout(stage, 'plain', workload.pod), []);
    });
  }

  for (const [index, one] of byLabels.entries()) {
    await context.test(`injected or not: ${one.what}`, () => checkLabels(stage, one, `by-labels-${index}`));
  }

  await context.test('what we warn of reaches the user of kubectl', () => checkWarning(stage));
  await context.test('a bad annotation is refused with 422, the annotation, its value and the remedy', () =>
    checkDenial(stage),
  );
});
