// Does an admission cost more where the cluster is large. Two servers follow a cluster each, one with 5,000 namespaces
// and 1,000 nodes and one with next to nothing, and take turns under the same load (A B A B …).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { collectHeap, pidOf, startClient, startPillion } from '../../bench/children.ts';
import { compare } from '../../bench/measure.ts';
import { medianResidentBytes } from '../../bench/process-figures.ts';
import { reviewText } from '../../bench/reviews.ts';
import { type ServerProcess, sendReview } from '../../scripts/server-process.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { readAnswer } from '../conformance/answers.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { creation, kubeletOf, namespaceObject, nodeObject, poolOf, type Write, writeAll } from './large-cluster.ts';

const [namespaces, nodes] = [5_000, 1_000];
const [newKubelet, oldKubelet] = ['v1.34.0', 'v1.32.4'];
const mostTimes = 1.15;
/** Something else on the machine can spoil a series, but not three of them. */
const mostSeries = 3;
const plan = { connections: 8, turns: 11, seconds: 1.2 };
const warmUpSeconds = 2;

/** What a control plane of Istio has. On OpenShift namespaces count too, for the user that the proxy runs as. */
function settings(): readonly Write[] {
  const map = (namespace: string, name: string, data: Readonly<Record<string, string>>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name },
    data,
  });
  const config = { policy: 'enabled', alwaysInjectSelector: [], neverInjectSelector: [] };
  return [
    map('istio-system', 'istio', { mesh: 'defaultConfig:\n  concurrency: 2\n' }),
    map('istio-system', 'istio-sidecar-injector', { config: JSON.stringify(config), values: '{"global":{}}' }),
    map(ownNamespace, names.options, { 'options.yaml': 'platform: openshift\n' }),
  ].map((object) => creation(resources.configMaps, object));
}

/** The namespace of the sample review is in either cluster, and like the others. */
async function fill(plane: ControlPlane): Promise<void> {
  const own = ['istio-system', ownNamespace, 'shop'].map((name, index) => namespaceObject(name, index));
  await writeAll(
    plane,
    own.map((object) => creation(resources.namespaces, object)),
  );
  await writeAll(plane, settings());
}

function spaceName(index: number): string {
  return `space-${index}`;
}

function spaceObject(index: number): KubeObject {
  return namespaceObject(spaceName(index), index + 10);
}

async function enlarge(plane: ControlPlane): Promise<number> {
  const started = performance.now();
  const spaces = Array.from({ length: namespaces }, (_, index) => spaceObject(index));
  const machines = Array.from({ length: nodes }, (_, index) => nodeObject(index, newKubelet));
  await writeAll(plane, [
    ...spaces.map((object) => creation(resources.namespaces, object)),
    ...machines.map((object) => creation(resources.nodes, object)),
  ]);
  return performance.now() - started;
}

/** The sample pod, which may land on the new nodes only: what rules out an old one is the last that it asks. */
function pinnedReview(): string {
  const review = JSON.parse(reviewText);
  Object.assign(review.request.object.spec, {
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                {
                  key: 'topology.kubernetes.io/zone',
                  operator: 'In',
                  values: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
                },
                { key: 'example.com/cpu', operator: 'Gt', values: ['2'] },
                { key: 'example.com/pool', operator: 'In', values: ['new'] },
              ],
            },
          ],
        },
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              topologyKey: 'kubernetes.io/hostname',
              labelSelector: { matchLabels: { app: 'checkout' } },
            },
          },
        ],
      },
    },
  });
  return JSON.stringify(review);
}

interface Pair {
  readonly empty: ServerProcess;
  readonly full: ServerProcess;
}

async function startPair(context: TestContext, planes: { readonly [Name in keyof Pair]: ControlPlane }): Promise<Pair> {
  const start = async ({ kubeconfig }: ControlPlane): Promise<ServerProcess> => {
    const server = await startPillion(['--from-cluster', '--kubeconfig', kubeconfig]);
    context.after(() => server.stop());
    return server;
  };
  return { empty: await start(planes.empty), full: await start(planes.full) };
}

async function answerOf(server: ServerProcess, review: string): Promise<string> {
  const { status, text } = await sendReview(server, review);
  assert.equal(status, 200, text);
  return text;
}

/** What the server adds to the pod, as text. */
async function additionOf(server: ServerProcess, review: string): Promise<string> {
  const answer = readAnswer(await answerOf(server, review), JSON.parse(review).request.uid);
  assert.ok(answer.kind === 'patch');
  return JSON.stringify(answer.patch);
}

async function isNative(server: ServerProcess, review: string): Promise<boolean> {
  return (await additionOf(server, review)).includes('"restartPolicy":"Always"');
}

/** The user that the proxy runs as in the last of the namespaces is known to nobody who does not know the namespace. */
async function checkKnowledge({ full }: Pair): Promise<void> {
  const review = JSON.parse(reviewText);
  const last = namespaces - 1;
  review.request.namespace = spaceName(last);
  review.request.object.metadata.namespace = spaceName(last);
  const { metadata } = spaceObject(last);
  const [first, size] = metadata.annotations?.['openshift.io/sa.scc.uid-range']?.split('/').map(Number) ?? [];
  assert.ok(first !== undefined && size !== undefined);
  const users = [...(await additionOf(full, JSON.stringify(review))).matchAll(/"runAsUser":([0-9]+)/g)].map(
    ([, user]) => Number(user),
  );
  assert.ok(
    users.some((user) => user >= first && user < first + size),
    `the proxy runs as ${users}`,
  );
}

/** Both answer alike, so that only the clusters differ; then the CPU of the large cluster to that of the empty one. */
async function checkCost(context: TestContext, pair: Pair, review: string): Promise<void> {
  assert.equal(await answerOf(pair.full, review), await answerOf(pair.empty, review));
  const client = startClient();
  try {
    const [empty, full] = [pair.empty, pair.full].map(({ address, ca, child }, index) => ({
      name: index === 0 ? 'empty' : 'full',
      address,
      ca,
      pid: pidOf(child),
      review,
    }));
    assert.ok(empty && full);
    await compare(client, [empty, full], { ...plan, turns: 1, seconds: warmUpSeconds });
    const ratios: number[] = [];
    while (ratios.length < mostSeries && !ratios.some((ratio) => ratio <= mostTimes)) {
      const { floor, pillion, cpuRatio } = await compare(client, [empty, full], plan);
      const [before, after] = [floor, pillion].map(({ cpuMicroseconds }) => cpuMicroseconds.toFixed(0));
      context.diagnostic(
        `CPU of an admission: ${before} µs in the empty cluster, ${after} µs in the full one, ${cpuRatio.toFixed(3)} ×`,
      );
      ratios.push(cpuRatio);
    }
    assert.ok(Math.min(...ratios) <= mostTimes, `${ratios} times the CPU of the empty cluster, at most ${mostTimes}`);
  } finally {
    client.stop();
  }
}

async function tellMemory(context: TestContext, pair: Pair): Promise<void> {
  const mebi = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  for (const [name, { child }] of Object.entries(pair)) {
    const heap = await collectHeap(child);
    context.diagnostic(
      `memory, ${name} cluster: resident ${mebi(await medianResidentBytes(pidOf(child)))}, live heap ${mebi(heap)}`,
    );
  }
}

test(`an admission costs the same with ${namespaces} namespaces and ${nodes} nodes as with none`, {
  skip: assets.skip,
}, async (context) => {
  const [empty, full] = await Promise.all([startControlPlane(context), startControlPlane(context)]);
  for (const plane of [empty, full]) await fill(plane);
  const tookMs = await enlarge(full);
  context.diagnostic(`${namespaces + nodes} objects created in ${(tookMs / 1000).toFixed(1)} s`);
  const pair = await startPair(context, { empty, full });

  await context.test('the server knows the last of the namespaces', () => checkKnowledge(pair));

  await context.test('a pod that may land anywhere, all nodes new', (t) => checkCost(t, pair, reviewText));

  await context.test('a pod that is pinned to the new nodes, while every other one is old', async (t) => {
    const old = Array.from({ length: nodes }, (_, index) => index).filter((index) => poolOf(index) === 'old');
    await writeAll(
      full,
      old.map((index) => kubeletOf(index, oldKubelet)),
    );
    await until('the server has seen the old nodes', async () => !(await isNative(pair.full, reviewText)));
    assert.ok(await isNative(pair.full, pinnedReview()));
    await checkCost(t, pair, pinnedReview());
  });

  await context.test('memory is stated', (t) => tellMemory(t, pair));
});
