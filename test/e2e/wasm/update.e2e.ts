// An update that nobody notices but by what it does: the next version, and back, while requests pass.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sharedCluster } from '../cluster.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { change, declare, standingOf, untilReady } from './extensions.ts';
import { compiled, type PushedModule, pushed } from './modules.ts';
import { whileHeld } from './registry.ts';
import { startClient, startServer, underLoad, untilAvailable, untilHeader, urlOf } from './requests.ts';

const cluster = sharedCluster();
const rounds = 3;

test('a new version and the way back cost no request of 50 per second and no restart; the way back needs no registry', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const first = await pushed('update/hello:1', await compiled('add-header', 1));
    const second = await pushed('update/hello:2', await compiled('add-header', 2));
    await declare(namespace, { name: 'hello', image: first.image });
    await Promise.all([startClient(namespace), startServer(namespace, 'web', 2)]);
    await untilAvailable(namespace, 'web', 2);
    await untilReady(namespace, 'hello');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
    const before = await podsOf(namespace);

    const load = await underLoad(
      namespace,
      { url: urlOf('web'), header: 'x-filter-version', perSecond: 50 },
      async () => {
        for (let round = 0; round < rounds; round++) await forthAndBack(namespace, second);
      },
    );
    t.diagnostic(`${load.total} requests, versions seen: ${load.values.join(', ')}`);
    assert.deepEqual(load.failures, []);
    assert.ok(load.total > rounds * 100, 'there was a load');
    assert.equal(load.values[0], '1');
    assert.equal(load.values.at(-1), '1');
    assert.ok(load.values.includes('2'));
    assert.deepEqual(await podsOf(namespace), before);
  }));

test('a change of the configuration alone costs no restart either, and the file stays the same', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('update/config:1', await compiled('add-header'));
    await declare(namespace, { name: 'hello', image, config: { name: 'x-hello', value: 'one' } });
    await Promise.all([startClient(namespace), startServer(namespace, 'web')]);
    await untilAvailable(namespace, 'web');
    await untilHeader(namespace, urlOf('web'), 'x-hello', 'one');
    const [before, { active }] = await Promise.all([podsOf(namespace), untilReady(namespace, 'hello')]);
    await change(namespace, 'hello', { pluginConfig: { value: 'two' } });
    await untilHeader(namespace, urlOf('web'), 'x-hello', 'two');
    assert.deepEqual((await untilReady(namespace, 'hello')).active, active);
    assert.deepEqual(await podsOf(namespace), before);
  }));

test('a tag that moved is rolled out when that is asked for, and not before', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const first = await pushed('update/moving:1', await compiled('add-header', 1));
    await declare(namespace, { name: 'hello', image: first.image });
    await Promise.all([startClient(namespace), startServer(namespace, 'web')]);
    await untilAvailable(namespace, 'web');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
    await pushed('update/moving:1', await compiled('add-header', 2));
    await change(namespace, 'hello', { priority: 3 }); // the declaration is looked at anew, and keeps its digest
    await untilReady(namespace, 'hello');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
    const object = ['wasmextension', 'hello', '-n', namespace.name];
    await cluster.kubectl(['annotate', ...object, 'pillion.dev/resolve=now']);
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '2');
    await untilReady(namespace, 'hello');
  }));

/** The next version, then the one before while the registry answers nobody. */
async function forthAndBack(namespace: Namespace, next: PushedModule): Promise<void> {
  await change(namespace, 'hello', { source: { image: next.image } });
  await untilReady(namespace, 'hello');
  await untilHeader(namespace, urlOf('web'), 'x-filter-version', '2');
  const { previous } = await standingOf(namespace, 'hello');
  assert.ok(previous, 'the previous one is kept');
  await whileHeld(async () => {
    const rolledBack = await cluster.pillion(['wasm', 'rollback', 'hello', '-n', namespace.name]);
    assert.equal(rolledBack.code, 0, rolledBack.stderr);
    await untilReady(namespace, 'hello');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
  });
}

/** Who they are and how often each container was started. */
async function podsOf(namespace: Namespace): Promise<unknown> {
  const pods = await namespace.list('Pod', 'app=web');
  return pods
    .map(({ metadata, status }) => {
      const { containerStatuses = [], initContainerStatuses = [] } = (status ?? {}) as {
        readonly containerStatuses?: readonly Counted[];
        readonly initContainerStatuses?: readonly Counted[];
      };
      const restarts = [...initContainerStatuses, ...containerStatuses].map((one) => `${one.name} ${one.restartCount}`);
      return [metadata.name, ...restarts].join(' ');
    })
    .sort();
}

interface Counted {
  readonly name: string;
  readonly restartCount: number;
}
