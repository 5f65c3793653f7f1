// Do the policies of an installation keep the side doors of Wasm delivery closed, for everybody but those whose doors they
// are; with real tokens, on a current API server and on an older one.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { changesBetween } from '../../src/core/install/change.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { modulesDirectory } from '../../src/core/wasm/names.ts';
import { connect } from '../../src/edge/kube/client.ts';
import { assets, assets132 } from './assets.ts';
import { until } from './control-plane.ts';
import {
  envoyFilter,
  everybodysModule,
  inStore,
  manager,
  messageOf,
  type PolicyWorld,
  plugin,
  refusal,
  space,
  startPolicyWorld,
  store,
  trafficExtension,
} from './policy-world.ts';
import { typeOf } from './wasm-world.ts';

const belongs = /denied request: Cannot use ".*": the file is in the store .*; declare a WasmExtension/;
const unclear = /denied request: Cannot use ".*": it does not tell plainly which .*; write its path/;
const shown = /denied request: Cannot use imagePullSecret with ".*": .*; leave it out/;
const plainly = /denied request: Cannot use a file of \/var\/lib\/pillion\/wasm: .*; declare a WasmExtension/;

const secret = { imagePullSecret: 'regcred' };
const plugins: readonly (readonly [what: string, object: KubeObject, expected: RegExp | undefined])[] = [
  ['a file of the store', plugin(`file://${inStore}`), belongs],
  ['a file below its root', plugin('file:///var/lib/pillion/wasm/extensions/other/x.wasm'), belongs],
  ['more slashes', plugin(`file:////var//lib/pillion///wasm/modules/x.wasm`), belongs],
  ['dots between', plugin(`file:///var/./lib/pillion/wasm/./modules/x.wasm`), belongs],
  ['no slash in front, from where proxies run', plugin(`file:/${inStore}`), belongs],
  ['no slashes at all', plugin(`file:${inStore.slice(1)}`), belongs],
  ['a host in front', plugin(`file://localhost${inStore}`), belongs],
  ['the way through /proc', plugin(`file:///proc/self/root${inStore}`), belongs],
  ['an upper-case scheme', plugin(`FILE://${inStore}`), belongs],
  ['upper case', plugin(`file://${inStore.toUpperCase()}`), belongs],
  ['spaces around', plugin(` file://${inStore} `), belongs],
  ['a query', plugin(`file://${inStore}?x`), belongs],
  ['.. on the way', plugin('file:///var/lib/pillion/../pillion/wasm/modules/x.wasm'), unclear],
  ['percent-encoding', plugin('file:///%76ar/lib/pillion/wasm/modules/x.wasm'), unclear],
  ['TrafficExtension and a file of the store', trafficExtension({ url: `file://${inStore}` }), belongs],
  ['TrafficExtension, a file and a pull secret', trafficExtension({ url: 'file:///opt/x.wasm', ...secret }), shown],
  ['a file and a pull secret', plugin('file:///opt/own.wasm', secret), shown],
  [
    'a field that only the other kind has',
    plugin(`file://${inStore}`, { wasm: { url: 'oci://example.com/x' } }),
    belongs,
  ],
  ['a file of its own', plugin('file:///opt/filters/own.wasm'), undefined],
  ['a directory whose name begins alike', plugin('file:///var/lib/pillion/wasm2/own.wasm'), undefined],
  ['an image and a pull secret', plugin('oci://example.com/var/lib/pillion/wasm/x', secret), undefined],
  ['an image without a scheme', plugin('example.com/x:1'), undefined],
  ['no url', { ...plugin(''), spec: {} }, undefined],
  ['TrafficExtension with Lua alone', { ...trafficExtension({}), spec: { lua: { inlineCode: '' } } }, undefined],
  ["everybody's module", plugin(`file://${everybodysModule}`), undefined],
  [
    "everybody's module at its other path",
    plugin(`file://${everybodysModule.replace('modules/sha256', 'named')}`),
    undefined,
  ],
  ['EnvoyFilter with a file of the store', envoyFilter(inStore), plainly],
  [
    'EnvoyFilter with the path in a text',
    envoyFilter('/opt/x', { configuration: { value: `see ${inStore}` } }),
    plainly,
  ],
  ['EnvoyFilter with a file of its own', envoyFilter('/opt/own.wasm'), undefined],
  ["EnvoyFilter with everybody's module", envoyFilter(everybodysModule), undefined],
  ["EnvoyFilter with everybody's module and another", envoyFilter(everybodysModule, { other: inStore }), plainly],
  ['EnvoyFilter without anything', { ...envoyFilter(''), spec: {} }, undefined],
];

async function checkFiles(context: TestContext, { plane, tenant, control }: PolicyWorld): Promise<void> {
  for (const [what, object, expected] of plugins) {
    await context.test(`${what}: ${expected === undefined ? 'allowed' : 'refused'} to a tenant`, async () => {
      const message = await refusal(tenant, object);
      if (expected === undefined) assert.equal(message, undefined);
      else assert.match(message ?? '', expected);
    });
  }

  await context.test('control may write what tenants may not', async () => {
    for (const object of [plugin(`file://${inStore}`), envoyFilter(inStore)])
      assert.equal(await refusal(control, object), undefined);
  });

  await context.test("tenants may label and finish control's objects, and not make them other ones", async () => {
    const written = plugin(`file://${inStore}`);
    await control.apply(written, { fieldManager: 'pillion-control' });
    const path = pathOf(resources.wasmPlugins, space, 'own');
    const patch = (body: JsonObject): Promise<string | undefined> =>
      messageOf(tenant.call('PATCH', path, { body, contentType: 'application/merge-patch+json' }));
    assert.equal(await patch({ metadata: { labels: { team: 'a' }, finalizers: ['example.com/x'] } }), undefined);
    assert.equal(await patch({ metadata: { finalizers: null } }), undefined);
    const other = `file://${inStore.replaceAll('a', 'c')}`;
    assert.match(
      (await patch({ spec: { url: `file://${modulesDirectory}/sha256/${'c'.repeat(64)}.wasm` } })) ?? other,
      belongs,
    );
    assert.equal(await patch({ spec: { url: 'oci://example.com/x' } }), undefined);
    assert.match((await patch({ spec: { url: `file://${inStore}` } })) ?? '', belongs);
    await tenant.remove(resources.wasmPlugins, 'own', space);
    assert.equal(await plane.kube.get(resources.wasmPlugins, 'own', space), undefined);
  });

  await context.test('an EnvoyFilter as large as they may be is judged as well', async () => {
    const large = { fill: 'x'.repeat(1_000_000) };
    assert.equal(await refusal(tenant, envoyFilter('/opt/own.wasm', large)), undefined);
    assert.match((await refusal(tenant, envoyFilter(inStore, large))) ?? '', plainly);
  });
}

async function checkReports(context: TestContext, { plane, tenant, control, agentOf }: PolicyWorld): Promise<void> {
  const one = await agentOf('one');
  await context.test('an agent writes the report of its own node', async () => {
    for (const usedBytes of [1, 2]) await one.apply(store('one', usedBytes), { fieldManager: 'pillion-agent' });
    assert.deepEqual((await plane.kube.get(resources.wasmStores, 'one'))?.['status'], store('one', 2)['status']);
  });

  await context.test('and nothing of another one', async () => {
    const ofOther = /denied request: Cannot write WasmStore "two": the token of this agent is of node "one"; start it/;
    assert.match((await refusal(one, store('two'))) ?? '', ofOther);
    await (await agentOf('two')).apply(store('two'), { fieldManager: 'pillion-agent' });
    assert.match((await refusal(one, store('two', 7))) ?? '', ofOther);
    const labelled = { ...typeOf(resources.wasmStores), metadata: { name: 'two', labels: { a: 'b' } } };
    assert.match((await refusal(one, labelled)) ?? '', ofOther);
  });

  await context.test('a token of the agent that is of no node writes nothing', async () => {
    const message = await refusal(await agentOf(undefined), store('one', 3));
    assert.match(message ?? '', /names no node; run it in a pod, .*ServiceAccountTokenPodNodeInfo/);
  });

  await context.test(
    'nobody else writes a report, whatever his rights; control takes away that of a node that is gone',
    async () => {
      const ofNode = await plane.kubeconfigOf(space, 'tenant', 'one');
      for (const kube of [tenant, plane.kube, connect({ kubeconfig: ofNode })]) {
        assert.match(
          (await refusal(kube, store('one', 4))) ?? '',
          /the agent of the node alone says .* kubectl .* logs/,
        );
        assert.match((await refusal(kube, store('three'))) ?? '', /Cannot write WasmStore "three"/);
      }
      const labelled = { ...typeOf(resources.wasmStores), metadata: { name: 'two', labels: { a: 'b' } } };
      assert.equal(await refusal(plane.kube, labelled), undefined);
      assert.equal(await control.remove(resources.wasmStores, 'two'), true);
    },
  );
}

async function checkStatus(context: TestContext, { tenant, control, plane }: PolicyWorld): Promise<void> {
  const metadata = { name: 'hello', namespace: space };
  const path = pathOf(resources.wasmExtensions, space, 'hello');
  const written = { body: { status: { observedGeneration: 1 } }, contentType: 'application/merge-patch+json' } as const;
  await tenant.apply(
    { ...typeOf(resources.wasmExtensions), metadata, spec: { source: { image: 'example.com/x:1' } } },
    manager,
  );

  await context.test('the status of an extension is written by control alone, its spec by whoever may', async () => {
    for (const kube of [tenant, plane.kube]) {
      const message = await messageOf(kube.call('PATCH', `${path}/status`, written));
      assert.match(
        message ?? '',
        /denied request: Cannot write the status of a WasmExtension: pillion control alone .*; change/,
      );
    }
    await control.call('PATCH', `${path}/status`, written);
    const spec = { body: { spec: { priority: 3 } }, contentType: 'application/merge-patch+json' } as const;
    await tenant.call('PATCH', path, spec);
    const found = await plane.kube.get(resources.wasmExtensions, 'hello', space);
    assert.deepEqual(found?.['status'], { observedGeneration: 1 });
  });
}

async function checkKept({ plane, policies }: PolicyWorld): Promise<void> {
  for (const object of policies) {
    const isBinding = object.kind.endsWith('Binding');
    const kind = isBinding ? resources.admissionPolicyBindings : resources.admissionPolicies;
    const read = (): Promise<KubeObject | undefined> => plane.kube.get(kind, object.metadata.name);
    assert.deepEqual(changesBetween(object, (await read()) ?? assert.fail()), []);
    if (isBinding) continue;
    const checked = async (): Promise<unknown> =>
      ((await read())?.['status'] as JsonObject | undefined)?.['typeChecking'];
    await until('its types are checked', async () => (await checked()) !== undefined, plane.directory);
    assert.deepEqual(await checked(), {}, object.metadata.name);
  }
}

async function checkAll(context: TestContext, world: PolicyWorld): Promise<void> {
  await checkFiles(context, world);
  await checkReports(context, world);
  await checkStatus(context, world);
}

test('the policies about Wasm', { skip: assets.skip }, async (context) => {
  const world = await startPolicyWorld(context, { controllers: true });
  await checkAll(context, world);
  await context.test('are kept as they were written, and the API server finds nothing wrong in them', () =>
    checkKept(world),
  );
});

test('the policies about Wasm on Kubernetes 1.32', { skip: assets132.skip }, async (context) => {
  await checkAll(context, await startPolicyWorld(context, { assets: assets132 }));
});
