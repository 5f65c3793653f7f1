// Answers: what do running and new pods notice of an upgrade from the previous release, and of the end of Pillion.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { runProgram } from '../../program.ts';
import { type Cluster, sharedCluster } from '../cluster.ts';
import { type Creation, faultsOf, openCreator } from '../create-pods.ts';
import { askDoctor } from '../doctor.ts';
import { install, installedImage, keepingInstallation, uninstall } from '../installation.ts';
import { untilEnd } from '../jobs.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { deployment, httpbin, httpbinUrl, job, pod } from '../objects.ts';
import { isNativeInjected, isPlainInjected, isReady, restartsOf } from '../pods.ts';
import { type InstallableRelease, preparePreviousRelease } from '../previous-release.ts';
import { userCreatesPod } from '../user-creates.ts';

const cluster: Cluster = sharedCluster();

/** What runs while Pillion changes: a server, a client, and a Job that ends when it is told to. */
interface Running {
  readonly pods: readonly KubeObject[];
  readonly client: string;
  readonly worker: string;
}

const workers = 3;

async function startPods(namespace: Namespace): Promise<Running> {
  const script = 'until test -e /tmp/go; do sleep 0.2; done';
  for (const object of [
    ...httpbin(),
    deployment({ name: 'client' }),
    job({ name: 'worker', command: ['/bin/sh', '-c', script] }),
  ]) {
    await namespace.create(object);
  }
  const pods = await namespace.until('its pods are ready', async () => {
    const list = await namespace.list('pods');
    return list.length === workers && list.every(isReady) && list;
  });
  assert.ok(pods.every(isNativeInjected));
  const named = (app: string) => pods.find(({ metadata }) => metadata.labels?.['app'] === app)?.metadata.name ?? '';
  return { pods, client: named('client'), worker: named('worker') };
}

/** A request between two of them is answered, through both proxies: only they know certificates. */
async function hasTraffic(namespace: Namespace, { client }: Running): Promise<void> {
  const answer = await namespace.exec(client, 'app', ['curl', '-sS', '-i', '--max-time', '5', `${httpbinUrl}/headers`]);
  assert.match(answer, /^HTTP\/1\.1 200/);
  assert.match(answer, /X-Forwarded-Client-Cert/i);
}

async function areUntouched(namespace: Namespace, { pods }: Running): Promise<void> {
  for (const { metadata } of pods) {
    const now = await namespace.get('Pod', metadata.name);
    assert.equal(now?.metadata.uid, metadata.uid, metadata.name);
    assert.ok(now !== undefined && isReady(now), metadata.name);
    for (const container of ['app', 'istio-proxy']) assert.equal(restartsOf(now, container), 0, metadata.name);
  }
}

async function letWorkerEnd(namespace: Namespace, { worker }: Running): Promise<void> {
  await namespace.exec(worker, 'app', ['touch', '/tmp/go']);
  await untilEnd(namespace, 'worker', 'Complete');
}

/** Creates pods by dry run, one after the other, from before the body until after it. */
async function creatingPods(namespace: string, body: () => Promise<void>): Promise<readonly Creation[]> {
  const creator = await openCreator(cluster);
  const created: Creation[] = [];
  let isOver = false;
  const creating = (async () => {
    while (!isOver) {
      created.push(await creator.create(namespace, pod({ name: 'new' })));
      await wait(100);
    }
  })();
  try {
    await wait(1000);
    await body();
    await wait(1000);
  } finally {
    isOver = true;
    await creating;
    creator.close();
  }
  return created;
}

const ownKinds = [
  ...['mutatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'priorityclasses', 'namespaces'],
];

async function endsQuietly(namespace: Namespace): Promise<void> {
  const running = await startPods(namespace);
  await uninstall(cluster);

  const left = await cluster.kubectl(['get', ownKinds.join(), '--all-namespaces', '-o', 'name']);
  const ours = left.split('\n').filter((name) => name.includes('/pillion'));
  assert.deepEqual(ours, []);

  const bare = await userCreatesPod(cluster, namespace, 'bare');
  assert.deepEqual([bare.ok, bare.stderr], [true, '']);
  const stored = await namespace.get('Pod', 'bare');
  assert.ok(stored !== undefined && !isNativeInjected(stored) && !isPlainInjected(stored));

  await areUntouched(namespace, running);
  await hasTraffic(namespace, running);
  await letWorkerEnd(namespace, running);
}

interface Upgrade {
  readonly previous: InstallableRelease;
  /** The image of this checkout. */
  readonly current: string;
}

async function upgradesQuietly(t: TestContext, namespace: Namespace, { previous, current }: Upgrade): Promise<void> {
  await uninstall(cluster);
  t.diagnostic(`previous release: ${previous.version}, commit ${previous.commit}`);
  const args = [previous.bundle, 'install', '--image', previous.image, '--wait'];
  const installed = await runProgram(process.execPath, args, { environment: { KUBECONFIG: cluster.kubeconfig } });
  assert.equal(installed.code, 0, installed.stderr);
  const running = await startPods(namespace);
  await hasTraffic(namespace, running);

  const created = await creatingPods(namespace.name, async () => {
    await install(cluster, ['--image', current]);
  });
  t.diagnostic(`${created.length} pods created meanwhile`);
  assert.deepEqual(faultsOf(created), []);
  assert.equal(await installedImage(cluster), current);

  await areUntouched(namespace, running);
  await hasTraffic(namespace, running);
  await letWorkerEnd(namespace, running);
  const { findings, all } = await askDoctor(cluster, namespace.name);
  assert.deepEqual(findings, [], all);
}

test('running and new pods get through the end of Pillion and through an upgrade', (context) =>
  keepingInstallation(cluster, async (current) => {
    const preparing = preparePreviousRelease(cluster);
    preparing.catch(() => {}); // the second test tells of it
    await context.test(
      'uninstall leaves running pods with their traffic, and nothing of its own; new pods get in without sidecar',
      (t) => inNamespace(t, cluster, injected, endsQuietly),
    );
    await context.test(
      'an upgrade from the previous release fails no create, restarts no running pod, and injects new ones',
      async (t) => {
        const previous = await preparing;
        await inNamespace(t, cluster, injected, (namespace) => upgradesQuietly(t, namespace, { previous, current }));
      },
    );
  }));
