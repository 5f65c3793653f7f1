// What is kept of a collection follows the API server through everything that can happen on the way to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pathOf, type Resource, resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { type Reflection, type ReflectOptions, reflect } from '../../src/edge/kube/reflector.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { makeProxyConfigKind } from './proxy-config-kind.ts';
import { startTcpProxy } from './tcp-proxy.ts';

interface Followed extends Reflection<StringMap> {
  readonly calls: () => number;
  readonly troubles: string[];
}

/** Labels of the namespaces, or of whatever is named. */
function follow(
  context: TestContext,
  kube: Kube,
  { resource = resources.namespaces, ...options }: Partial<ReflectOptions<StringMap>> & { resource?: Resource } = {},
): Followed {
  let calls = 0;
  const troubles: string[] = [];
  const reflection = reflect<StringMap>(kube, resource, {
    project: ({ metadata }) => metadata.labels ?? {},
    changed: () => {
      calls += 1;
    },
    trouble: ({ code }) => troubles.push(code),
    healed: () => troubles.push('healed'),
    ...options,
  });
  context.after(reflection.close);
  return Object.assign(reflection, { calls: () => calls, troubles });
}

function namespace(name: string, labels: StringMap = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

async function label(kube: Kube, name: string, labels: StringMap): Promise<void> {
  await kube.apply(namespace(name, labels), { fieldManager: 'test' });
}

/** The same, but for what a list of the namespaces answers; `nth` counts them from 1. Few namespaces are one page. */
function withLists(kube: Kube, answer: (page: JsonObject, nth: number) => JsonObject): Kube {
  let lists = 0;
  return {
    ...kube,
    call: async (method, path, options) => {
      const page = await kube.call(method, path, options);
      if (method !== 'GET' || path !== pathOf(resources.namespaces)) return page;
      lists += 1;
      return answer(page, lists);
    },
  };
}

suite('a reflector', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane({ after: () => {} });
  });
  after(() => plane?.stop());

  const sees = (followed: Followed, name: string, value: string | undefined): Promise<void> =>
    until(`${name} is ${value}`, async () => followed.items().get(name)?.['is'] === value, plane.directory);

  /** How long it takes until a change made now is seen. */
  const heals = async (context: TestContext, followed: Followed, what: string): Promise<void> => {
    const started = performance.now();
    await label(plane.kube, 'followed', { is: what });
    await sees(followed, 'followed', what);
    context.diagnostic(`${what}: a change is seen after ${Math.round(performance.now() - started)} ms`);
  };

  test('knows what is there, and sees what comes, changes and goes', async (context) => {
    await label(plane.kube, 'seen', { is: 'old' });
    const followed = follow(context, plane.kube);
    assert.equal(followed.hasSynced, false);
    assert.equal(followed.lastContactMs(), undefined);
    await until('it is synced', async () => followed.hasSynced);
    const before = followed.items();
    assert.deepEqual([before.has('default'), before.get('seen')?.['is']], [true, 'old']);
    await label(plane.kube, 'seen', { is: 'new' });
    await label(plane.kube, 'came', { is: 'here' });
    await sees(followed, 'seen', 'new');
    await sees(followed, 'came', 'here');
    assert.equal(before.get('seen')?.['is'], 'old', 'what was asked before does not change');
    assert.ok((followed.lastContactMs() ?? Number.NaN) < 30_000);
  });

  test('sees what is deleted', async (context) => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'gone', namespace: 'default' } };
    await plane.kube.create(configMap);
    const followed = follow(context, plane.kube, { resource: resources.configMaps });
    await until('it is there', async () => followed.items().has('default/gone'));
    await plane.kube.remove(resources.configMaps, 'gone', 'default');
    await until('it is gone', async () => !followed.items().has('default/gone'));
  });

  test('lists page by page, and tells only of what it keeps', async (context) => {
    const made = Array.from({ length: 620 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `many-${index}`, namespace: 'default', labels: { of: 'many' } },
    }));
    for (let at = 0; at < made.length; at += 20) {
      await Promise.all(made.slice(at, at + 20).map((one) => plane.kube.create(one)));
    }
    const followed = follow(context, plane.kube, {
      resource: resources.configMaps,
      place: { namespace: 'default', labelSelector: 'of=many' },
      project: ({ metadata }) => (metadata.name === 'many-0' ? undefined : {}),
    });
    await until('all are there', async () => followed.items().size === 619);
    await until('it is told', async () => followed.calls() === 1);
    const change = { ...(made[1] as KubeObject), data: { key: 'value' } };
    await plane.kube.apply(change, { fieldManager: 'test' });
    await Promise.all(
      made.slice(100, 200).map(({ metadata }) => plane.kube.remove(resources.configMaps, metadata.name, 'default')),
    );
    await until('a hundred are gone', async () => followed.items().size === 519);
    assert.ok(followed.calls() < 50, `a hundred changes were told in ${followed.calls()} calls`);
  });

  test('is up to date soon after the API server is back', async (context) => {
    const followed = follow(context, plane.kube);
    await until('it is synced', async () => followed.hasSynced);
    await plane.restartApiServer(() => wait(3_000));
    assert.ok(followed.items().has('default'), 'what was known is kept meanwhile');
    await heals(context, followed, 'after-a-restart');
    assert.deepEqual(followed.troubles, ['unreachable', 'healed'], 'told once, however often it tried');
  });

  test('is up to date soon after etcd is back', async (context) => {
    const followed = follow(context, plane.kube);
    await until('it is synced', async () => followed.hasSynced);
    await plane.pauseEtcd(10_000);
    await heals(context, followed, 'after-etcd-was-paused');
  });

  test('goes on from where it was when its watch is cut', async (context) => {
    const proxy = await startTcpProxy(context, plane);
    let lists = 0;
    const counted = withLists(proxy.kube, (page, nth) => {
      lists = nth;
      return page;
    });
    const followed = follow(context, counted);
    await until('it is synced', async () => followed.hasSynced);
    for (const round of ['first', 'second', 'third']) {
      await heals(context, followed, `before-the-${round}-cut`); // what is cut is a watch that is open
      proxy.cut();
      await heals(context, followed, `after-the-${round}-cut`);
    }
    assert.equal(lists, 1, 'it need not list everything again');
    assert.deepEqual(followed.troubles, []);
  });

  test('is up to date soon after the way is open again', async (context) => {
    const proxy = await startTcpProxy(context, plane);
    const followed = follow(context, proxy.kube);
    await until('it is synced', async () => followed.hasSynced);
    const open = proxy.refuse();
    await wait(6_000);
    open();
    await heals(context, followed, 'after-six-seconds-without-a-way');
    assert.deepEqual(followed.troubles, ['unreachable', 'healed']);
  });

  test('leaves a watch that has fallen silent', async (context) => {
    const proxy = await startTcpProxy(context, plane);
    const followed = follow(context, proxy.kube, { times: { stallMs: 2_000 } });
    await until('it watches', async () => followed.hasSynced && proxy.connections > 0);
    proxy.silence();
    await heals(context, followed, 'while-its-watch-says-nothing');
  });

  test('lists again where the API server no longer knows the moment', async (context) => {
    let lists = 0;
    const aged = withLists(plane.kube, (page, nth) => {
      lists = nth;
      return nth > 1 ? page : { ...page, items: [], metadata: { resourceVersion: '1' } };
    });
    const followed = follow(context, aged);
    await until('the namespaces are there', async () => followed.items().has('default'));
    assert.equal(lists, 2);
    assert.deepEqual(followed.troubles, [], 'it is no trouble');
  });

  test('finds by a list what a watch did not tell', async (context) => {
    const blind = withLists(plane.kube, (page, nth) => {
      if (nth > 1) return page;
      const items = page['items'] as readonly KubeObject[];
      return { ...page, items: items.filter(({ metadata }) => metadata.name !== 'seen') };
    });
    const followed = follow(context, blind, { times: { listMs: 2_000, stallMs: 500 } });
    await until('it is synced', async () => followed.hasSynced);
    assert.equal(followed.items().has('seen'), false);
    await until('it is found', async () => followed.items().has('seen'));
  });

  test('a kind that the cluster does not know counts as known and empty, until it is there', async (context) => {
    const resource = resources.proxyConfigs;
    const followed = follow(context, plane.kube, { resource, times: { absentMs: 1_000 } });
    await until('it is synced', async () => followed.hasSynced);
    assert.equal(followed.items().size, 0);
    await until('it is told', async () => followed.calls() === 1);
    await makeProxyConfigKind(plane.kube);
    const one = {
      apiVersion: resource.apiVersion,
      kind: resource.kind,
      metadata: { name: 'one', namespace: 'default', labels: { is: 'here' } },
      spec: {},
    };
    await plane.kube.create(one);
    await sees(followed, 'default/one', 'here');
    await plane.kubectl(['delete', 'crd', 'proxyconfigs.networking.istio.io']);
    await until('none are left', async () => followed.items().size === 0);
    assert.deepEqual(followed.troubles, []);
  });

  test('a right on the name suffices for one object, and a missing one is told once and heals when it is given', async (context) => {
    const { kubectl, kube } = plane;
    const create = (name: string): Promise<KubeObject> =>
      kube.create({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default', labels: { is: 'here' } },
      });
    await Promise.all([create('mine'), create('other')]);
    await kubectl(['create', 'serviceaccount', 'reader']);
    const reader = connect({ kubeconfig: await plane.kubeconfigOf('default', 'reader') });
    const resource = resources.configMaps;
    const followed = follow(context, reader, { resource, place: { namespace: 'default', name: 'mine' } });
    await until('it is told', async () => followed.troubles.length > 0);
    assert.equal(followed.hasSynced, false);
    await kubectl(['create', 'role', 'reader', '--verb=list,watch', '--resource=configmaps', '--resource-name=mine']);
    await kubectl(['create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=default:reader']);
    await sees(followed, 'default/mine', 'here');
    assert.deepEqual([...followed.items().keys()], ['default/mine']);
    await until('it is healed', async () => followed.troubles.at(-1) === 'healed');
    assert.deepEqual(followed.troubles, ['forbidden', 'healed']);
    await kube.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace: 'default', labels: { is: 'new' } } },
      { fieldManager: 'test' },
    );
    await sees(followed, 'default/mine', 'new');
  });

  for (const { isSynced, what } of [
    { isSynced: true, what: 'does not answer any more' },
    { isSynced: false, what: 'has never answered, not even the TLS handshake' },
  ]) {
    test(`nothing is left of it when it is closed while the API server ${what}`, async (context) => {
      const proxy = await startTcpProxy(context, plane);
      if (!isSynced) proxy.silence('all');
      const script = `
        import { KubeConfig } from '@kubernetes/client-node';
        import { resources } from './src/core/cluster/resources.ts';
        import { kubeOf } from './src/edge/kube/client.ts';
        import { reflect } from './src/edge/kube/reflector.ts';
        const config = new KubeConfig();
        config.loadFromString(process.argv[1]);
        const kube = kubeOf(config);
        const all = [resources.namespaces, resources.nodes].map((one) =>
          reflect(kube, one, { project: () => undefined, changed: () => console.log('synced') }));
        process.stdin.once('data', () => {
          for (const one of all) one.close();
          process.stdin.destroy();
          console.log('closed');
        });`;
      const args = ['--input-type=module-typescript', '-e', script, proxy.kube.config.exportConfig()];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      context.after(() => child.kill('SIGKILL'));
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      if (isSynced) await until('both are synced', async () => text === 'synced\nsynced\n');
      else await until('both have a connection', async () => proxy.connections === 2);
      proxy.silence('all');
      const exit = once(child, 'exit');
      child.stdin.write('close\n');
      await until('it is closed', async () => text.endsWith('closed\n'));
      const late = setTimeout(() => child.kill('SIGKILL'), 8_000); // the client itself gives a connection up after 10 s
      const [code] = await exit;
      clearTimeout(late);
      assert.equal(code, 0, 'the process ends by itself');
    });
  }
});
