// Do the volumes of Wasm modules come to pods as an API server takes them: by the level that a namespace enforces, and to
// pods that another injector injects, whether it is called before us or after us.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { admit } from '../../src/core/admit.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { findProxy, type Pod, type StringMap } from '../../src/core/model/pod.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import { deliveryLabel, extensionsAnnotation, gatePath, modulesDirectory } from '../../src/core/wasm/names.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { facts, review } from '../builders.ts';
import { logged, ready } from '../edge/serving.ts';
import { extension } from '../unit/wasm/declared.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { addForeign, type Change } from './doctor-cluster.ts';
import { type LiveServer, startLiveServer, valuesWith, writeSettings } from './live-server.ts';
import { isInjected, makeNamespace, register } from './webhook.ts';

const options = { wasm: { enabled: true } };
const manager = { fieldManager: 'test' };
const restrictedContainer = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

/** A pod that the level restricted lets through; with the CNI plugin, so does it what injection adds but for volumes. */
function podIn(namespace: string, labels: StringMap = {}): KubeObject & Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace, labels: { app: 'web', ...labels } },
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'app', image: 'example.com/app', securityContext: restrictedContainer }],
    },
  };
}

function deliveryOfPod({ metadata }: KubeObject): readonly [label: string | undefined, record: unknown] {
  return [metadata.labels?.[deliveryLabel], JSON.parse(metadata.annotations?.[extensionsAnnotation] ?? 'null')];
}

function mountsOf(object: KubeObject): readonly string[] {
  return (findProxy(object as unknown as Pod)?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
}

suite('Wasm modules in a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let server: LiveServer;
  let kubeconfig: string;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };

  const create = (pod: KubeObject): Promise<KubeObject> => plane.kube.create(pod, { dryRun: true });
  const declare = (name: string, spec: JsonObject = {}): Promise<unknown> =>
    plane.kube.apply(extension(name, spec), manager);
  const labelOf = async (pod: KubeObject): Promise<string | undefined> => deliveryOfPod(await create(pod))[0];

  before(async () => {
    plane = await startControlPlane(context);
    const values = {
      ...valuesWith({ proxy: { seccompProfile: { type: 'RuntimeDefault' } } }),
      pilot: { cni: { enabled: true } },
    };
    await writeSettings(plane.kube, { options, mesh: undefined, values });
    const read = readOptions(options);
    assert.ok(read.ok);
    for (const object of accessObjects(read.value).filter(isOfWebhook)) await plane.kube.apply(object, manager);
    // with the rights of an installation and no more
    kubeconfig = await plane.kubeconfigOf(ownNamespace, names.webhook);
    server = await startLiveServer(context, { kubeconfig }, { listen: `${plane.hostAddress}:0` });
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test('a webhook serves where nobody knows the kind yet', async () => {
    await until('it serves', async () => (await ready(server)).status === 200);
  });

  test('an extension counts for a pod soon after it was declared', async () => {
    await server.stop();
    const read = readOptions(options);
    assert.ok(read.ok);
    for (const kind of customResources(read.value)) await plane.kube.apply(kind, manager);
    await until('the kind is served', async () => (await plane.kube.list(resources.wasmExtensions)).items.length === 0);
    server = await startLiveServer(context, { kubeconfig }, { listen: `${plane.hostAddress}:0` });
    await until('it serves', async () => (await ready(server)).status === 200);
    await register(plane, server.listening(), options);
    await makeNamespace(plane, 'shop', { labels: { 'istio-injection': 'enabled' } });
    assert.equal(await labelOf(podIn('shop')), undefined);
    await declare('shop/hello');
    await until('it counts', async () => (await labelOf(podIn('shop'))) === 'node-store');
    const created = await create(podIn('shop'));
    assert.ok(mountsOf(created).includes(modulesDirectory));
    const { metadata } = (await plane.kube.get(resources.wasmExtensions, 'hello', 'shop')) ?? assert.fail();
    assert.match(metadata.uid ?? '', /^[0-9a-f-]{36}$/);
    assert.ok(mountsOf(created).includes(gatePath('shop', 'hello', metadata.uid ?? '')));
    assert.deepEqual(deliveryOfPod(created)[1], [{ extension: 'shop/hello', delivery: 'node-store', reason: 'usual' }]);
    await plane.kube.remove(resources.wasmExtensions, 'hello', 'shop');
    await until('it counts no longer', async () => (await labelOf(podIn('shop'))) === undefined);
  });

  test('one that cannot be read is told in the log, and the others count', async () => {
    await declare('shop/broken', { delivery: 'image-volume' });
    await declare('shop/hello');
    await until('the log has it', async () =>
      JSON.stringify(logged(server, /settings/)).includes('WasmExtension shop/broken'),
    );
    await until('the other counts', async () => (await labelOf(podIn('shop'))) === 'node-store');
  });

  for (const [level, expected] of [
    ['privileged', 'node-store'],
    ['baseline', 'agent-pull'],
    ['restricted', 'agent-pull'],
  ] as const) {
    test(`where ${level} is enforced, the API server takes the pod, delivered by ${expected}`, async () => {
      const enforce = { 'pod-security.kubernetes.io/enforce': level };
      await makeNamespace(plane, `of-${level}`, { labels: { 'istio-injection': 'enabled', ...enforce } });
      await declare(`of-${level}/hello`);
      await until('it counts', async () => (await labelOf(podIn(`of-${level}`))) === expected);
      const created = await create(podIn(`of-${level}`));
      assert.ok(isInjected(created));
      assert.equal(mountsOf(created).includes(modulesDirectory), expected === 'node-store');
      const volume = { name: 'modules', hostPath: { path: modulesDirectory, type: 'Directory' } };
      const pod = podIn(`of-${level}`);
      const taken = create({ ...pod, spec: { ...pod.spec, volumes: [volume] } });
      if (expected === 'node-store') await taken;
      else await assert.rejects(taken, /violates PodSecurity.*hostPath/);
    });
  }

  test('a namespace that begins to enforce a level gets its modules otherwise from then on', async () => {
    await plane.kube.apply(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: {
          name: 'shop',
          labels: { 'istio-injection': 'enabled', 'pod-security.kubernetes.io/enforce': 'baseline' },
        },
      },
      manager,
    );
    // a pod of the moment in which nobody knows of it yet is refused, and made anew by its owner
    await until('the delivery is another', () =>
      isAccepted(async () => (await labelOf(podIn('shop'))) === 'agent-pull'),
    );
  });

  /** What istiod of another revision makes of a pod. */
  const injectAsOther: Change = (pod) => {
    if (findProxy(pod) !== undefined) return [];
    const verdict = admit(review(pod), facts({ revision: 'other', native: 'true' }));
    return 'patch' in verdict ? verdict.patch : [];
  };
  const ofOther = { matchLabels: { 'istio.io/rev': 'other' } };

  for (const [name, place] of [
    ['istio-sidecar-injector-other', 'before'],
    ['zz-injector-other', 'after'],
  ] as const) {
    test(`a pod that another injector injects, called ${place} us, gets modules`, async (t: TestContext) => {
      await makeNamespace(plane, 'plain');
      await makeNamespace(plane, 'elsewhere', { labels: ofOther.matchLabels });
      await declare('elsewhere/hello');
      assert.equal(await labelOf(podIn('elsewhere')), undefined, 'without a proxy it gets none');
      await addForeign(t, plane, { configuration: name, change: injectAsOther, namespaceSelector: ofOther });
      await until('it is injected', async () => isInjected(await create(podIn('elsewhere'))));
      await until('it gets modules', async () => (await labelOf(podIn('elsewhere'))) === 'node-store');
      const created = await create(podIn('elsewhere'));
      const { metadata } = (await plane.kube.get(resources.wasmExtensions, 'hello', 'elsewhere')) ?? assert.fail();
      assert.ok(mountsOf(created).includes(gatePath('elsewhere', 'hello', metadata.uid ?? '')));
      assert.match(created.metadata.annotations?.['sidecar.istio.io/status'] ?? '', /"revision":"other"/);
    });
  }
});

function isOfWebhook({ metadata }: KubeObject): boolean {
  return metadata.name === names.webhook;
}

/** False also while the API server refuses the pod. */
async function isAccepted(condition: () => Promise<boolean>): Promise<boolean> {
  try {
    return await condition();
  } catch (error) {
    if (error instanceof KubeError && error.code === 'forbidden') return false;
    throw error;
  }
}
