// Answers: is the sidecar native where the cluster can and plain where it cannot, each for the reason that is the case:
// with API servers of two versions, the feature gate on and off, and nodes of several ages.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { resources } from '../../src/core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import { proxyContainerName } from '../../src/core/model/pod.ts';
import { probeNative } from '../../src/edge/kube/native-probe.ts';
import { createProbe, usualProbeTimes } from '../../src/edge/kube/repeated-probe.ts';
import { logged, ready } from '../edge/serving.ts';
import { type Assets, assets, assets132 } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { type LiveServer, makeNode, startLiveServer, writeSettings } from './live-server.ts';
import { makeNamespace, register, withWebhook } from './webhook.ts';

interface Outcome {
  /** As the API server would keep it: an init container that is restarted. */
  readonly native: boolean;
  readonly reason: unknown;
}

interface Cluster {
  readonly plane: ControlPlane;
  readonly server: LiveServer;
  /** What becomes of a pod that is created in a labelled namespace. */
  create(spec?: JsonObject): Promise<Outcome>;
  expect(context: TestContext, what: string, outcome: Outcome, spec?: JsonObject): Promise<void>;
}

/** What is to be ended after a suite, even where its start failed. */
function createCleanups() {
  const cleanups: (() => unknown)[] = [];
  return {
    context: { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) },
    run: async () => {
      for (const cleanup of cleanups.reverse()) await cleanup();
    },
  };
}

/** API servers before 1.33 look for the Endpoints of a Service, which a controller makes elsewhere. */
async function addEndpoints(plane: ControlPlane, server: LiveServer): Promise<void> {
  const subset = {
    addresses: [{ ip: plane.hostAddress }],
    ports: [{ name: 'https', port: Number(server.listening().address.split(':')[1]) }],
  };
  await plane.kube.call('POST', '/api/v1/namespaces/pillion-system/endpoints', {
    body: { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'pillion' }, subsets: [subset] },
  });
}

interface ClusterOptions {
  readonly assets: Assets;
  readonly flags?: readonly string[];
  /** Options of the installation. */
  readonly options?: JsonObject;
}

async function startCluster(
  context: Pick<TestContext, 'after'>,
  { assets: made, flags = [], options = {} }: ClusterOptions,
): Promise<Cluster> {
  const plane = await startControlPlane(context, { assets: made, flags });
  await writeSettings(plane.kube, { options, mesh: undefined, values: undefined });
  await makeNamespace(plane, 'pillion-system');
  const server = await startLiveServer(context, plane, { listen: `${plane.hostAddress}:0` });
  await until('the server is ready', async () => (await ready(server)).status === 200, plane.directory);
  if (made === assets132) await addEndpoints(plane, server);
  await register(plane, server.listening());
  await makeNamespace(plane, 'shop', { labels: withWebhook });
  let count = 0;
  const create: Cluster['create'] = async (spec = {}) => {
    count += 1;
    const name = `pod-${count}`;
    const containers = [{ name: 'app', image: 'example.com/app' }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec: { containers, ...spec } };
    const created = await plane.kube.create(pod, { dryRun: true });
    const inits = isObject(created['spec']) ? created['spec']['initContainers'] : [];
    const proxy = Array.isArray(inits) ? inits.find((one) => one.name === proxyContainerName) : undefined;
    const line = logged(server, 'admission').find((one) => one['name'] === name);
    return { native: proxy?.restartPolicy === 'Always', reason: line?.['nativeReason'] };
  };
  return {
    plane,
    server,
    create,
    expect: async (test, what, outcome, spec) => {
      const started = performance.now();
      let last: Outcome | undefined;
      await until(`${what}: ${JSON.stringify(outcome)}`, async () => {
        last = await create(spec);
        return last.native === outcome.native && last.reason === outcome.reason;
      }).catch((error) => assert.fail(`${error.message}; last ${JSON.stringify(last)}`));
      test.diagnostic(`${what}: ${JSON.stringify(last)} after ${Math.round(performance.now() - started)} ms`);
    },
  };
}

const pinned = (pool: string): JsonObject => ({ nodeSelector: { pool } });

suite('native sidecars on an API server of a current version', { skip: assets.skip }, () => {
  let cluster: Cluster;
  const cleanups = createCleanups();
  before(async () => {
    cluster = await startCluster(cleanups.context, { assets });
  });
  after(cleanups.run);

  test('the version of the API server is enough: no pod is created to find out', async () => {
    const kube = { ...cluster.plane.kube, create: () => assert.fail('it was asked') };
    assert.equal(await probeNative(kube, { minimumMinor: 29 }), 'keeps');
  });

  test('no node yet: native', (context) => cluster.expect(context, 'no node', { native: true, reason: 'no-nodes' }));

  test('new nodes only: native', async (context) => {
    await makeNode(cluster.plane.kube, 'new-1', 'v1.34.1', { pool: 'new' });
    await cluster.expect(context, 'new node', { native: true, reason: 'kubelets-support-it' });
  });

  test('mixed nodes: a pod that is pinned to the new pool is native, its neighbour plain', async (context) => {
    await makeNode(cluster.plane.kube, 'old-1', 'v1.32.9', { pool: 'old' });
    await cluster.expect(context, 'neighbour', { native: false, reason: 'kubelet-too-old' });
    assert.deepEqual(await cluster.create(pinned('new')), { native: true, reason: 'nodes-of-pod-support-it' });
    assert.deepEqual(await cluster.create(pinned('old')), { native: false, reason: 'node-of-pod-too-old' });
    assert.deepEqual(await cluster.create({ nodeName: 'new-1' }), { native: true, reason: 'nodes-of-pod-support-it' });
  });

  test('an option that admits older kubelets counts without a restart', async (context) => {
    await writeSettings(cluster.plane.kube, { options: { nativeMinimumKubelet: '1.32' } });
    await cluster.expect(context, 'minimum of 1.32', { native: true, reason: 'kubelets-support-it' });
    await writeSettings(cluster.plane.kube, { options: { native: 'false' } });
    await cluster.expect(context, 'forced to plain', { native: false, reason: 'forced' });
    await writeSettings(cluster.plane.kube, { options: {} });
    await cluster.expect(context, 'the usual options', { native: false, reason: 'kubelet-too-old' });
  });

  test('the old node is gone: native again', async (context) => {
    await cluster.plane.kube.remove(resources.nodes, 'old-1');
    await cluster.expect(context, 'old node removed', { native: true, reason: 'kubelets-support-it' });
  });
});

for (const [gate, outcome] of [
  ['true', { native: true, reason: 'kubelets-support-it' }],
  ['false', { native: false, reason: 'api-server-drops-it' }],
] as const) {
  const flags = [`--feature-gates=SidecarContainers=${gate}`];
  suite(`native sidecars on an API server of 1.32 with SidecarContainers=${gate}`, { skip: assets132.skip }, () => {
    let cluster: Cluster;
    const cleanups = createCleanups();
    before(async () => {
      const options = { nativeMinimumKubelet: '1.29' };
      cluster = await startCluster(cleanups.context, { assets: assets132, flags, options });
      await makeNode(cluster.plane.kube, 'node-1', 'v1.32.2');
    });
    after(cleanups.run);

    test(`${outcome.reason}: the probe says what the version does not`, (context) =>
      cluster.expect(context, `gate ${gate}`, outcome));

    test('with the usual minimum nobody asks, and the kubelet is too old', async (context) => {
      await writeSettings(cluster.plane.kube, { options: {} });
      await cluster.expect(context, 'minimum of 1.33', { native: false, reason: 'kubelet-too-old' });
    });
  });
}

suite('an API server that may not be asked', { skip: assets132.skip }, () => {
  let plane: ControlPlane;
  const cleanups = createCleanups();
  before(async () => {
    plane = await startControlPlane(cleanups.context, { assets: assets132 });
  });
  after(cleanups.run);

  test('says nothing: without the namespace, and without the right to create a pod', async (context) => {
    assert.equal(await probeNative(plane.kube, { minimumMinor: 29 }), 'unknown');
    await makeNamespace(plane, 'pillion-system', { serviceAccounts: ['nobody'] });
    const { connect } = await import('../../src/edge/kube/client.ts');
    const kube = connect({ kubeconfig: await plane.kubeconfigOf('pillion-system', 'nobody') });
    assert.equal(await probeNative(kube, { minimumMinor: 29 }), 'unknown');
    assert.equal(await probeNative(plane.kube, { minimumMinor: 29 }), 'keeps');
    await plane.kube.apply(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'pillion-system', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      { fieldManager: 'test' },
    );
    assert.equal(await probeNative(plane.kube, { minimumMinor: 29 }), 'keeps');
    context.diagnostic('the probe pod meets PodSecurity restricted');
  });

  test('is slow: nodes that go on changing do not cut its answer off', async () => {
    const call: typeof plane.kube.call = async (...asked) => {
      await setTimeout(100);
      return plane.kube.call(...asked);
    };
    const probe = createProbe({ ...plane.kube, call }, () => {}, { ...usualProbeTimes, againMs: 0 });
    const changing = setInterval(probe.again, 10);
    try {
      probe.need(33);
      await until('it is known', async () => probe.answer() !== undefined);
    } finally {
      clearInterval(changing);
      probe.close();
    }
  });

  test('is asked again: a right that comes later counts, and what was known holds while it is away', async () => {
    const { connect } = await import('../../src/edge/kube/client.ts');
    const kube = connect({ kubeconfig: await plane.kubeconfigOf('pillion-system', 'nobody') });
    let changes = 0;
    let failures = 0;
    const changed = (): void => {
      changes += 1;
    };
    const call: typeof kube.call = (...asked) =>
      kube.call(...asked).catch((error) => {
        failures += 1;
        throw error;
      });
    const probe = createProbe({ ...kube, call }, changed, { ...usualProbeTimes, probeMs: 100, retryMs: 100 });
    try {
      probe.need(33);
      await until('nobody has to ask', async () => probe.answer() === 'unknown');
      probe.need(29);
      assert.equal(probe.answer(), undefined, 'what was not asked is no answer');
      changes = 0;
      await until('it is not known', async () => probe.answer() === 'unknown');
      const metadata = { name: 'prober', namespace: 'pillion-system' };
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'prober' };
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }];
      const subjects = [{ kind: 'ServiceAccount', name: 'nobody' }];
      const apiVersion = 'rbac.authorization.k8s.io/v1';
      await plane.kube.create({ apiVersion, kind: 'Role', metadata, rules });
      await plane.kube.create({ apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects });
      await until('it is known', async () => probe.answer() === 'keeps');
      assert.equal(changes, 2);
      await plane.restartApiServer(async () => {
        const before = failures;
        await until('it has asked in vain', async () => failures > before + 1);
        assert.equal(probe.answer(), 'keeps');
      });
      assert.equal(changes, 2);
    } finally {
      probe.close();
    }
  });
});
