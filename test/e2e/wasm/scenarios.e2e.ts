// What a platform team does first: a filter is declared, in any of three ways, and answers in the pods that are meant.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/core/model/json.ts';
import { deliveryLabel } from '../../../src/core/wasm/names.ts';
import { sharedCluster } from '../cluster.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { declare, untilReady } from './extensions.ts';
import { compiled, pushed } from './modules.ts';
import { ask, client, startClient, startServer, untilAvailable, untilHeader, urlOf } from './requests.ts';

const cluster = sharedCluster();

test('an extension with labels, phase and priority answers in the pods that it selects, and in no others', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/hello:1', await compiled('add-header'));
    const spec = { phase: 'AUTHN', priority: 7 };
    const config = { name: 'x-hello', value: 'declared' };
    await declare(namespace, { name: 'hello', image, labels: { app: 'chosen' }, config, spec });
    await both(namespace, ['chosen', 'other']);
    await untilReady(namespace, 'hello');
    await untilHeader(namespace, urlOf('chosen'), 'x-hello', 'declared');
    assert.equal((await ask(namespace, urlOf('other'))).headers['x-hello'], undefined);
    const plugin = await namespace.get('WasmPlugin', 'hello');
    const { phase, priority, url } = (plugin?.['spec'] ?? {}) as JsonObject;
    assert.deepEqual({ phase, priority }, { phase: 'AUTHN', priority: 7 });
    assert.match(String(url), /^file:\/\/\/var\/lib\/pillion\/wasm\/modules\/sha256\/[0-9a-f]{64}\.wasm$/);
    const [chosen] = await namespace.list('Pod', 'app=chosen');
    assert.equal(chosen?.metadata.labels?.[deliveryLabel], 'node-store');
  }));

test('a FilterDeployment of wasme answers with its config, which is no JSON object, and takes the filter with it', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/world:1', await compiled('add-header'), ['add_header']);
    await namespace.create({
      apiVersion: 'wasme.io/v1',
      kind: 'FilterDeployment',
      metadata: { name: 'hello' },
      spec: {
        filter: {
          image: image.replace('oci://', ''),
          config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'world' },
        },
        deployment: { istio: { kind: 'Deployment', labels: { app: 'web' } } },
      },
    });
    await namespace.until('the extension that it becomes is there', () => namespace.get('WasmExtension', 'hello'));
    await both(namespace, ['web']);
    await untilHeader(namespace, urlOf('web'), 'hello', 'world');
    await cluster.kubectl(['delete', 'filterdeployment', 'hello', '-n', namespace.name]);
    await untilHeader(namespace, urlOf('web'), 'hello', undefined);
  }));

test('"pillion wasm deploy istio" with the flags of wasme deploys, and undeploy takes it away', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/tomorrow:1', await compiled('add-header'), ['add_header']);
    const flags = ['--id', 'myfilter', '--namespace', namespace.name, '--labels', 'app=web', '--config', 'tomorrow'];
    await both(namespace, ['web'], async () => {
      const { code, stdout, stderr } = await cluster.pillion(['wasm', 'deploy', 'istio', image, ...flags]);
      assert.equal(code, 0, stdout + stderr);
    });
    await untilHeader(namespace, urlOf('web'), 'hello', 'tomorrow');
    const { code, stderr } = await cluster.pillion([
      'wasm',
      'undeploy',
      'istio',
      '--id',
      'myfilter',
      '-n',
      namespace.name,
    ]);
    assert.equal(code, 0, stderr);
    await untilHeader(namespace, urlOf('web'), 'hello', undefined);
  }));

test('what is deployed reaches pods that run already without a restart: their proxies pull it', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/running:1', await compiled('add-header'));
    await both(namespace, ['web']);
    const [before] = await namespace.list('Pod', 'app=web');
    const flags = ['--id', 'hello', '-n', namespace.name, '-l', 'app=web', '--config', '{"value":"running"}', '--wait'];
    const { code, stdout, stderr } = await cluster.pillion(['wasm', 'deploy', image, ...flags]);
    assert.equal(code, 0, stdout + stderr);
    await untilHeader(namespace, urlOf('web'), 'hello', 'running');
    const [after] = await namespace.list('Pod', 'app=web');
    assert.equal(after?.metadata.uid, before?.metadata.uid);
    assert.equal(after?.metadata.labels?.[deliveryLabel], 'agent-pull');
  }));

test('two extensions of different phases run in their order, whatever was declared first', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/order:1', await compiled('add-header'));
    for (const phase of ['STATS', 'AUTHN']) {
      const config = { name: 'x-order', value: phase };
      await declare(namespace, { name: phase.toLowerCase(), image, config, spec: { phase } });
    }
    await both(namespace, ['web']);
    // answers pass the filters from the last to the first
    await untilHeader(namespace, urlOf('web'), 'x-order', 'STATS, AUTHN');
  }));

test('a filter that panics says so in the log of the proxy, by its own words', (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/panics:1', await compiled('panics'));
    await declare(namespace, { name: 'panics', image });
    await both(namespace, ['web']);
    await untilReady(namespace, 'panics');
    await namespace.until('the server answers', async () => (await ask(namespace, urlOf('web'))).status === 200);
    const { status } = await ask(namespace, urlOf('web'), { 'x-panic': 'now' });
    assert.ok(status === 503 || status === 500, String(status));
    const [pod] = await namespace.list('Pod', 'app=web');
    await namespace.until('the proxy has told', async () => {
      const log = await namespace.logs(pod?.metadata.name ?? '', 'istio-proxy');
      return /somebody asked for it.*panics\.ts/.test(log);
    });
  }));

test("a filter's counter is on the proxy's metrics port, by its own name", (t) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('scenarios/counter:1', await compiled('add-header'));
    await declare(namespace, { name: 'counts', image });
    await both(namespace, ['web']);
    await untilHeader(namespace, urlOf('web'), 'hello', 'world');
    const [pod] = await namespace.list('Pod', 'app=web');
    const { podIP } = (pod?.['status'] ?? {}) as { readonly podIP?: string };
    const fetch = ['curl', '-s', `http://${podIP}:15020/stats/prometheus`];
    await namespace.until('the counter counts', async () =>
      /^add_header_responses_total(\{.*\})? [1-9]/m.test(await namespace.exec(`deploy/${client}`, 'curl', fetch)),
    );
  }));

/** Servers of these names and the client, all at once; something else before, when the webhook should know of it. */
async function both(namespace: Namespace, names: readonly string[], before?: () => Promise<void>): Promise<void> {
  await before?.();
  await Promise.all([startClient(namespace), ...names.map((name) => startServer(namespace, name))]);
  await Promise.all(names.map((name) => untilAvailable(namespace, name)));
}
