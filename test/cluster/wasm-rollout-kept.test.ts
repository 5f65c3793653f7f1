// Is what runs kept whole, against a real API server, while something else is declared that is refused, waits, or cannot
// be read; and is nothing written where nothing is to be done. Trials and node agents are played.
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { pathOf, type Resource, resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import { fail, ok } from '../../src/core/model/problem.ts';
import { digestOf } from '../../src/core/wasm/digests.ts';
import type { Condition } from '../../src/core/wasm/extension.ts';
import { refusal } from '../../src/core/wasm/refusals.ts';
import { connect } from '../../src/edge/kube/client.ts';
import type { WasmRollout } from '../../src/roles/wasm-rollout.ts';
import { until } from '../until.ts';
import { skipWithoutRegistry } from '../wasm/distribution.ts';
import { validModule } from '../wasm/module-builder.ts';
import { assets } from './assets.ts';
import { usualDocuments, valuesWith, writeSettings } from './live-server.ts';
import { makePod, namespace, patience, setPodSecurity, specOf, startWasmWorld, type WasmWorld } from './wasm-world.ts';

const [first, second, third] = ['first', 'second', 'third'].map((label) => validModule(label)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const refused = fail(refusal('TrialRefused', 'Cannot load it: the proxy says no'));
/** With all that an API server could take for nothing, and long. */
const config = { greeting: 'old', nothing: null, empty: {}, none: [], text: '', more: 'x'.repeat(100_000) };

suite('what runs, while something else is declared', { skip: assets.skip || skipWithoutRegistry }, () => {
  let world: WasmWorld;
  let rollout: WasmRollout;
  let declared: JsonObject;
  let running: JsonObject;
  const cleanups: (() => unknown)[] = [];
  before(async () => {
    world = await startWasmWorld({ after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) });
    rollout = await world.start();
    await Promise.all([world.push(first, '1'), world.push(second, '2'), world.push(third, '3')]);
    for (const node of ['one', 'two']) await world.report(node, [digestOf(first), digestOf(second)]);
    const selector = { matchLabels: { app: 'web' } };
    await world.declare('hello', { source: source('1'), selector, priority: 7, pluginConfig: config });
    await world.untilReady('hello', 'Succeeded');
    declared = specOf(await world.extension('hello'));
    running = specOf(await world.plugin('hello'));
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const source = (tag: string): JsonObject => ({ image: `oci://${world.registry.host}/team/filter:${tag}` });
  /** Another version, with another configuration, for other pods. */
  const other = (tag: string): JsonObject => ({
    source: source(tag),
    selector: { matchLabels: { app: 'api' } },
    pluginConfig: { greeting: 'new' },
  });
  const untilIs = (name: string, spec: JsonObject, kind?: Resource): Promise<boolean> =>
    until(
      `${name} is as it was`,
      async () => isDeepStrictEqual(specOf(await world.plugin(name, kind)), spec),
      patience,
    );
  const untilRestored = async (name: string, spec: JsonObject, kind = resources.wasmPlugins): Promise<void> => {
    const { kube } = world.plane;
    await kube.remove(kind, name, namespace);
    await untilIs(name, spec, kind);
    await kube.call('PATCH', pathOf(kind, namespace, name), {
      body: { spec: kind === resources.wasmPlugins ? { url: 'file:///etc/passwd' } : { configPatches: [] } },
      contentType: 'application/merge-patch+json',
    });
    await untilIs(name, spec, kind);
  };
  const conditionOf = async (name: string, wanted: Condition['type']): Promise<Condition | undefined> =>
    (await world.standing(name)).conditions?.find(({ type }) => type === wanted);

  test('refused by its trial: what runs is made again as it was, and follows its namespace', async () => {
    world.verdict = () => refused;
    await world.declare('hello', other('2'));
    await world.untilReady('hello', 'TrialRefused');
    await untilRestored('hello', running);
    await setPodSecurity(world.plane, 'restricted');
    const { url, selector, pluginConfig } = await until(
      'agents pull what runs',
      async () => {
        const spec = specOf(await world.plugin('hello'));
        return String(spec['url']).startsWith('oci:') && spec;
      },
      patience,
    );
    const { active } = await world.standing('hello');
    assert.deepEqual([url, selector, pluginConfig], [active?.pinned, { matchLabels: { app: 'web' } }, config]);
    await setPodSecurity(world.plane, null);
    await untilIs('hello', running);
    assert.equal((await world.untilReady('hello', 'TrialRefused')).observedGeneration, 2);
    assert.ok(world.written.length > 0);
  });

  test('waiting for nodes: what runs is made again until the switch, and not after it', async () => {
    world.verdict = () => ok(undefined);
    await world.declare('hello', other('3'));
    await world.untilReady('hello', 'NodesPending');
    await untilRestored('hello', running);
    const { candidate, active } = await world.standing('hello');
    assert.deepEqual([candidate?.moduleDigest, active?.moduleDigest], [digestOf(third), digestOf(first)]);
    await world.declare('hello', { ...declared });
    await world.untilReady('hello', 'Succeeded');
    assert.deepEqual(specOf(await world.plugin('hello')), running);
  });

  test('that nobody can read: what runs is made again, and its pods are counted on', async () => {
    for (const [change, reason] of [
      [{ onMissing: 'deny' }, 'Unsupported'],
      [{ ...other('1'), source: { image: 'not an image' } }, 'InvalidReference'],
    ] as const) {
      await world.declare('hello', { ...declared, ...change });
      await world.untilReady('hello', reason);
      await untilRestored('hello', running);
    }
    const labels = { app: 'web', 'pillion.dev/wasm-delivery': 'node-store' };
    await makePod(world.plane, 'runs', { node: 'one', labels, started: true });
    const isCounted = async () => (await world.standing('hello')).shown?.pods === '1/1';
    await until('the pod is counted', isCounted, patience);
    await world.plane.kube.remove(resources.pods, 'runs', namespace);
  });

  test('while a registry keeps it waiting: nothing of that is waited for', async () => {
    const sockets: Socket[] = [];
    const silent: Server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
    const hangUp = (): void => {
      silent.close();
      for (const socket of sockets) socket.destroy();
    };
    cleanups.push(hangUp);
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const address = silent.address();
    assert.ok(typeof address === 'object' && address !== null);
    await world.declare('hello', { ...declared, source: { image: `127.0.0.1:${address.port}/team/filter:1` } });
    await until('it is asked', async () => sockets.length > 0, patience);
    await untilRestored('hello', running);
    assert.equal(sockets[0]?.readyState, 'open');
    hangUp();
  });

  test('a text as configuration: its EnvoyFilter is made again', async () => {
    await world.declare('text', { source: source('1'), rawConfig: 'tomorrow' });
    await world.untilReady('text', 'Succeeded');
    const spec = specOf(await world.plugin('text', resources.envoyFilters));
    await world.declare('text', { source: source('1'), pluginConfig: {}, pluginName: 'other', onMissing: 'deny' });
    await world.untilReady('text', 'Unsupported');
    await untilRestored('text', spec, resources.envoyFilters);
    assert.equal(await world.plugin('text'), undefined);
  });

  test('without what the status did not keep before, it is left alone as before, and kept from the next switch on', async () => {
    const { kube, kubeconfigOf } = world.plane;
    // as an older control would have left it: nobody else may write a status
    const control = connect({ kubeconfig: await kubeconfigOf(ownNamespace, names.control) });
    await control.call('PATCH', `${pathOf(resources.wasmExtensions, namespace, 'text')}/status`, {
      body: { status: { running: null } },
      contentType: 'application/merge-patch+json',
    });
    await kube.remove(resources.envoyFilters, 'text', namespace);
    await world.declare('text', { source: source('1'), rawConfig: 'today', traffic: 'gateway' });
    await world.untilReady('text', 'Unsupported');
    assert.equal(await world.plugin('text', resources.envoyFilters), undefined);
    assert.equal((await world.standing('text')).running, undefined);
    await world.declare('text', { source: source('1'), rawConfig: 'today' });
    await world.untilReady('text', 'Succeeded');
    assert.equal((await world.standing('text')).running?.['rawConfig'], 'today');
  });

  test('another proxy of the mesh tries what was refused anew, and what runs, which stays whatever it says', async () => {
    world.verdict = () => refused;
    await world.declare('picky', { source: source('2'), pluginConfig: { picky: true } });
    await world.untilReady('picky', 'TrialRefused');
    await world.declare('hello', declared);
    await world.untilReady('hello', 'Succeeded');
    const version = (await world.plugin('hello'))?.metadata.resourceVersion;
    const held = world.trials.length;
    world.verdict = ({ extension }) => (extension.name === 'picky' ? ok(undefined) : refused);
    await writeSettings(world.plane.kube, { values: valuesWith({ hub: 'example.com/two' }) });
    await world.untilReady('picky', 'Succeeded');
    const isTold = async () => (await conditionOf('hello', 'TrialLoaded'))?.reason === 'TrialRefused';
    await until('the trial of what runs is told', isTold, patience);
    await world.untilReady('hello', 'Succeeded');
    assert.equal((await world.plugin('hello'))?.metadata.resourceVersion, version);
    const images = new Set(world.trials.slice(held).map(({ proxyImage }) => proxyImage.split('/proxyv2')[0]));
    assert.deepEqual([...images], ['example.com/two']);
    const isEvent = ({ type, reason, regarding }: (typeof world.events)[number]): boolean =>
      type === 'Warning' && reason === 'TrialRefused' && regarding.name === 'hello';
    await until('an Event tells it', async () => world.events.slice(-20).some(isEvent), patience);
    world.verdict = () => ok(undefined);
    await writeSettings(world.plane.kube, { values: valuesWith({ hub: 'example.com/three' }) });
    const isGood = async () => (await conditionOf('hello', 'TrialLoaded'))?.status === 'True';
    await until('the next one loads it', isGood, patience);
    assert.equal((await world.plugin('hello'))?.metadata.resourceVersion, version);
  });

  test('of the whole mesh: settings of the mesh that nobody can read make it no extension of one namespace', async () => {
    const { kube } = world.plane;
    const mesh = { ...(usualDocuments.mesh as JsonObject), rootNamespace: namespace };
    await writeSettings(kube, { mesh });
    const pulling = 'hello-agent-pull';
    await until('pods of hardened namespaces pull it', () => world.plugin(pulling), patience);
    await writeSettings(kube, { mesh: '{' });
    // who has seen that nobody can read them
    await world.declare('unknown', { source: source('2'), pluginConfig: { unknown: true } });
    await world.untilReady('unknown', 'TrialImpossible');
    await world.report('one', [digestOf(first), digestOf(second), digestOf(third)]);
    await world.untilReady('hello', 'Succeeded');
    assert.notEqual(await world.plugin(pulling), undefined);
    await kube.remove(resources.wasmExtensions, 'unknown', namespace);
    await writeSettings(kube, { mesh: undefined });
    await until('it is of one namespace again', async () => (await world.plugin(pulling)) === undefined, patience);
  });

  test('where nothing is to be done nothing is written, whatever is declared', async () => {
    await world.declare('refused', { source: source('1') });
    await world.untilReady('refused', 'Succeeded');
    world.verdict = () => refused;
    await world.declare('refused', { source: source('1'), pluginConfig: { b: 1 } });
    await world.untilReady('refused', 'TrialRefused');
    await world.declare('unread', { source: { image: 'not an image' } });
    await world.untilReady('unread', 'InvalidReference');
    world.verdict = () => ok(undefined);
    await world.declare('waits', { source: source('3') });
    await world.untilReady('waits', 'NodesPending');
    await world.declare('text', { source: source('1'), rawConfig: 'today', onMissing: 'deny' });
    await world.untilReady('text', 'Unsupported');
    for (const name of ['hello', 'refused', 'waits', 'text']) {
      const { metadata, status } = await world.extension(name);
      const { conditions } = status as { readonly conditions: readonly Condition[] };
      assert.deepEqual([...new Set(conditions.map((one) => one.observedGeneration))], [metadata.generation]);
    }
    let looks = 0;
    /** What is written while everything is looked at once more. */
    const look = async (): Promise<readonly string[]> => {
      const name = `witness-${++looks}`;
      world.written.length = 0;
      // something that is looked at after them
      await world.declare(name, { source: { image: 'not an image' } });
      await world.untilReady(name, 'InvalidReference');
      return world.written.filter((one) => !one.includes('/witness-'));
    };
    // what came before may still be under way
    await until('everything is at rest', async () => (await look()).length === 0, patience);
    assert.deepEqual([await look(), await look()], [[], []]);
    await rollout.close();
    assert.equal(world.troubles(), undefined);
  });
});
