// Answers: does a server follow the settings of a cluster: from none at all to every change of them, good or broken.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { isObject } from '../../src/core/model/json.ts';
import { pod } from '../builders.ts';
import { logged, metric, ready } from '../edge/serving.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { type LiveServer, startLiveServer, valuesWith, writeSettings } from './live-server.ts';

suite('settings of a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let server: LiveServer;
  const cleanups: (() => unknown)[] = [];
  before(async () => {
    plane = await startControlPlane({ after: (cleanup) => void cleanups.push(cleanup as () => unknown) });
    server = await startLiveServer({ after: (cleanup) => void cleanups.push(cleanup as () => unknown) }, plane);
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const settings = async (): Promise<{ readonly met: boolean; readonly reason: string }> => {
    const found = (await ready(server)).conditions.find(({ condition }) => condition === 'settings');
    assert.ok(found !== undefined);
    return found;
  };
  /** How long it takes until the condition holds, printed. */
  const timed = async (context: TestContext, what: string, condition: () => Promise<boolean>): Promise<void> => {
    const started = performance.now();
    await until(what, condition);
    context.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms`);
  };
  const patchHas = (context: TestContext, text: string) => async (): Promise<boolean> =>
    (await server.patch(context)).includes(text);

  test('without ConfigMaps it is up and not ready, and says which one is missing and what to do', async () => {
    // what it has not read yet it tells too
    const tells = (...lines: readonly RegExp[]): Promise<void> =>
      until(`it tells ${lines.join(' and ')}`, async () => {
        const { reason } = await settings();
        return lines.every((line) => line.test(reason));
      });
    await tells(/^configmap pillion-system\/pillion-options: there is no such ConfigMap.*pillion install/);
    assert.equal((await ready(server)).status, 503);
    await writeSettings(plane.kube, { options: {} });
    await tells(
      /configmap istio-system\/istio: there is no such ConfigMap; install Istio's control plane/,
      /configmap istio-system\/istio-sidecar-injector: there is no such ConfigMap/,
    );
    assert.equal((await fetch(`${server.managementUrl}/healthz`)).status, 200);
    assert.equal(await (await fetch(`${server.managementUrl}/settings`)).json(), null);
  });

  test('it is ready when they appear', async (context) => {
    await writeSettings(plane.kube, { mesh: undefined, values: valuesWith({ hub: 'example.com/one' }) });
    await timed(context, 'ready after the ConfigMaps appeared', async () => (await ready(server)).status === 200);
    assert.match((await settings()).reason, /^in use since .*configmap istio-system\/istio \(resourceVersion \d+\)/);
    assert.match(await server.patch(context), /example.com\/one\/proxyv2/);
  });

  test('a change takes effect on an admission soon after', async (context) => {
    await writeSettings(plane.kube, { values: valuesWith({ hub: 'example.com/two' }) });
    await timed(context, 'new values used', patchHas(context, 'example.com/two/proxyv2'));
    await writeSettings(plane.kube, { mesh: { trustDomain: 'two.example' } });
    await timed(context, 'new mesh config used', patchHas(context, 'two.example'));
  });

  test('a broken ConfigMap leaves the last good settings in use and says so; a mended one heals', async (context) => {
    await writeSettings(plane.kube, { values: valuesWith({ hub: 'example.com/bad', proxy: { statusPort: 'x' } }) });
    await timed(context, 'broken values told', async () => logged(server, /settings rejected/).length > 0);
    assert.match(await server.patch(context), /example.com\/two\/proxyv2/);
    const line = 'configmap istio-system/istio-sidecar-injector, key values: global.proxy.statusPort: Cannot read "x"';
    const { status } = await ready(server);
    assert.equal(status, 200);
    assert.ok((await settings()).reason.includes(line), (await settings()).reason);
    assert.ok(JSON.stringify(logged(server, /settings rejected/)).includes(JSON.stringify(line).slice(1, -1)));
    await until('they count as stale', async () => (await metric(server, 'pillion_settings_stale_seconds')) > 0);
    await until('there is an Event on the ConfigMap', async () => {
      const { items } = await plane.kube.list(resources.events, { namespace: 'istio-system' });
      return items.some(
        ({ regarding, note, reason }) =>
          isObject(regarding) &&
          regarding['name'] === 'istio-sidecar-injector' &&
          reason === 'SettingsRejected' &&
          String(note).includes(line),
      );
    });
    await writeSettings(plane.kube, { values: valuesWith({ hub: 'example.com/three' }) });
    await timed(context, 'mended values used', patchHas(context, 'example.com/three/proxyv2'));
    assert.equal(await metric(server, 'pillion_settings_stale_seconds'), 0);
    assert.doesNotMatch((await settings()).reason, /last good/);
  });

  test('a ConfigMap that is taken away leaves the last good settings in use', async (context) => {
    await plane.kube.remove(resources.configMaps, 'istio', 'istio-system');
    await until('it is told', async () =>
      /those of the cluster: configmap istio-system\/istio: /.test((await settings()).reason),
    );
    assert.equal((await ready(server)).status, 200);
    assert.match(await server.patch(context), /two\.example/);
    await writeSettings(plane.kube, { mesh: { trustDomain: 'back.example' } });
    await until('it is used again', patchHas(context, 'back.example'));
  });

  test('the options count as soon as they change, and another revision brings its own ConfigMaps', async (context) => {
    await writeSettings(plane.kube, { options: { native: 'false' } });
    await until('a plain sidecar comes', async () => (await server.patch(context)).includes('/spec/containers/'));
    await writeSettings(plane.kube, { options: { revision: 'canary', tags: ['prod'] } });
    await until('the ConfigMap is missed', async () =>
      (await settings()).reason.includes('istio-system/istio-canary:'),
    );
    assert.match(await server.patch(context), /back\.example/);
    await writeSettings(
      plane.kube,
      { mesh: { trustDomain: 'canary.example' }, values: undefined },
      { suffix: '-canary' },
    );
    await timed(context, 'settings of another revision used', patchHas(context, 'canary.example'));
    const { revision, registration } = (await (await fetch(`${server.managementUrl}/settings`)).json()) as Record<
      string,
      unknown
    >;
    assert.deepEqual([revision, (registration as { revisions: unknown }).revisions], ['canary', ['canary', 'prod']]);
    await writeSettings(plane.kube, { mesh: { trustDomain: 'unseen.example' } });
    await writeSettings(plane.kube, { mesh: { trustDomain: 'again.example' } }, { suffix: '-canary' });
    await until('only the new one is followed', patchHas(context, 'again.example'));
    await writeSettings(plane.kube, { options: {} });
    await until('the way back', patchHas(context, 'unseen.example'));
  });

  test('templates of the installation take the place of those in Go', async (context) => {
    const config = { policy: 'enabled', templates: { mine: '{{ .Values }}' } };
    await writeSettings(plane.kube, { config, values: undefined });
    await until('it is refused', async () =>
      /key config: templates\.mine .*Go template/.test((await settings()).reason),
    );
    const overlay = JSON.stringify({ mine: { metadata: { labels: { mine: 'yes' } } } });
    await plane.kube.call('PATCH', '/api/v1/namespaces/pillion-system/configmaps/pillion-options', {
      body: { data: { 'templates.yaml': overlay } },
      contentType: 'application/merge-patch+json',
    });
    const wanted = {
      kind: 'Pod',
      ...pod('web', (one) => ({
        ...one,
        metadata: { ...one.metadata, annotations: { 'inject.istio.io/templates': 'sidecar,mine' } },
      })),
    };
    await until('the overlay is used', async () => (await server.patch(context, wanted)).includes('mine'));
    await writeSettings(plane.kube, { options: {}, config: undefined, values: undefined });
  });

  test('ProxyConfig resources are not there in a cluster without the kind, and that is no fault', async () => {
    assert.ok((await metric(server, 'pillion_watch_last_contact_timestamp_seconds{watch="proxyconfigs"}')) > 0);
    assert.equal((await ready(server)).status, 200);
  });

  test('an API server that is away neither makes it unready nor stops it, and it goes on where it was', async (context) => {
    await plane.restartApiServer(async () => {
      await until('it notices', async () => (await settings()).reason.includes('changes may be missed'));
      assert.equal((await ready(server)).status, 200);
      assert.match(await server.patch(context), /istio-proxy/);
    });
    await writeSettings(plane.kube, { values: valuesWith({ hub: 'example.com/after' }) });
    await timed(context, 'new values used after a restart of the API server', patchHas(context, 'example.com/after'));
    await until('nothing is missed', async () => !(await settings()).reason.includes('missed'));
    const watches = (message: string): Set<unknown> => new Set(logged(server, message).map(({ watch }) => watch));
    assert.ok(watches('watch may be out of date').has('configmap istio-system/istio'));
    // those of nodes and the like may be later than those of the settings
    await until('every watch says so', async () =>
      isDeepStrictEqual(watches('watch is up to date again'), watches('watch may be out of date')),
    );
  });

  test('another revision whose ConfigMaps may not be read: the last good ones are used, and the remedy is told', async (context) => {
    const allow = async (options: unknown): Promise<void> => {
      const read = readOptions(options);
      assert.ok(read.ok);
      for (const object of accessObjects(read.value)) await plane.kube.apply(object, { fieldManager: 'test' });
    };
    await allow({});
    const kubeconfig = await plane.kubeconfigOf(ownNamespace, names.webhook);
    const limited = await startLiveServer(context, { kubeconfig });
    const reason = async (): Promise<string> =>
      (await ready(limited)).conditions.find(({ condition }) => condition === 'settings')?.reason ?? '';
    await until('it is ready', async () => (await ready(limited)).status === 200);
    await writeSettings(
      plane.kube,
      { mesh: { trustDomain: 'barred.example' }, values: undefined },
      { suffix: '-barred' },
    );
    await writeSettings(plane.kube, { options: { revision: 'barred' } });
    await until('it is told', async () =>
      /the last good ones; those of the cluster: configmap istio-system\/istio-barred: .*forbidden.*; run `pillion install`/.test(
        await reason(),
      ),
    );
    assert.equal((await ready(limited)).status, 200);
    assert.doesNotMatch(await limited.patch(context), /barred\.example/);
    await until('they count as stale', async () => (await metric(limited, 'pillion_settings_stale_seconds')) > 0);
    await allow({ revision: 'barred' });
    await until('the right counts', async () => (await limited.patch(context)).includes('barred.example'));
    assert.equal(await metric(limited, 'pillion_settings_stale_seconds'), 0);
    assert.doesNotMatch(await reason(), /last good/);
    await writeSettings(plane.kube, { options: { failurePreset: 'x' } });
    await until('the option is told', async () => (await reason()).includes('failurePreset: Cannot read "x"'));
    await writeSettings(plane.kube, { options: { revision: 'other' } });
    await until('the ConfigMap is told', async () => (await reason()).includes('configmap istio-system/istio-other'));
    assert.doesNotMatch(await reason(), /failurePreset/, 'what is mended is no longer complained of');
    await limited.stop();
    await writeSettings(plane.kube, { options: {} });
  });

  test('a server that waits for settings ends at once when it is told to', async (context) => {
    const waiting = await startLiveServer(context, plane, { sources: { revision: 'none' } });
    await until('it waits', async () => logged(waiting, 'waiting for settings').length > 0);
    assert.equal(await waiting.stop(), 0);
  });
});

test('an API server that cannot be reached at the start: not ready, with the reason', {
  skip: assets.skip,
}, async (context) => {
  const plane = await startControlPlane(context);
  await writeSettings(plane.kube, { options: {}, mesh: undefined, values: undefined });
  let started: LiveServer | undefined;
  await plane.restartApiServer(async () => {
    const server = await startLiveServer(context, plane);
    const reason = async (): Promise<string | undefined> =>
      (await ready(server)).conditions.find(({ condition }) => condition === 'settings')?.reason;
    await until('it says why', async () =>
      /configmap pillion-system\/pillion-options: .*ECONNREFUSED/.test((await reason()) ?? ''),
    );
    assert.equal((await ready(server)).status, 503);
    context.diagnostic(`while the API server was away: ${await reason()}`);
    started = server;
  });
  await until('it is ready', async () => (await ready(started as LiveServer)).status === 200);
});
