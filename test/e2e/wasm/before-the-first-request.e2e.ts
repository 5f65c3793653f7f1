// The promise of `onMissing: block`: a pod is answered for by its filter from its first request on, however late the
// module comes; and however many pods there are, the registry is asked for the module once by the controller and once by
// each node.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { gatePath } from '../../../src/core/wasm/names.ts';
import { sharedCluster } from '../cluster.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { declare, standingOf, untilReady } from './extensions.ts';
import { compiled, neverSeen, type PushedModule, pushed } from './modules.ts';
import { blobGets, whileHeld } from './registry.ts';
import { askFromTheStart, startClient, startServer, untilAvailable } from './requests.ts';

const cluster = sharedCluster();
/** Not more: with 128 instances of inotify for each user, the default of Linux, some 40 sidecars are too many. */
const heldCount = 30;
const requestsEach = 20;
const patienceMs = 400_000;

test('30 pods wait while the registry is held, and from then on every answer of each comes through the filter', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const module = await pushed('held/hello:1', neverSeen(await compiled('add-header', 3)));
    await startClient(namespace);
    await whileHeld(async () => {
      await declare(namespace, { name: 'hello', image: module.image, labels: { app: 'web' } });
      await startServer(namespace, 'web', heldCount);
      await untilAllWait(namespace);
    });
    const asked = new Map<string, Promise<readonly string[]>>();
    await namespace.until(
      'all pods have an address',
      async () => {
        for (const { metadata, status } of await namespace.list('Pod', 'app=web')) {
          const { podIP } = (status ?? {}) as { readonly podIP?: string };
          if (podIP === undefined || asked.has(metadata.name)) continue;
          asked.set(
            metadata.name,
            askFromTheStart(namespace, `http://${podIP}:8080/`, 'x-filter-version', requestsEach),
          );
        }
        return asked.size === heldCount;
      },
      patienceMs,
    );
    const answers = await Promise.all(asked.values());
    for (const one of answers) {
      // the app may need a moment longer than its proxy; but for that, all is well from the first answer on
      assert.match(one.join(), /^(503 3,)*(200 3,?)+$/);
    }
    await untilReady(namespace, 'hello');
    t.diagnostic(`${answers.flat().length} answers of ${answers.length} pods`);
    await once(t, module, `${heldCount} pods`, 'held/hello');
  }));

test('the module is asked for once by the controller and once by the node, with 20 pods and with 40', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const module = await pushed('once/hello:1', neverSeen(await compiled('add-header', 4)));
    await declare(namespace, { name: 'hello', image: module.image });
    for (const wave of ['first', 'second']) {
      await startServer(namespace, wave, 20);
      await namespace.until(
        '20 pods are ready',
        () => untilAvailable(namespace, wave, 20).then(() => true),
        patienceMs,
      );
      await untilReady(namespace, 'hello');
      await once(t, module, `${wave} 20 pods`, 'once/hello');
      await cluster.kubectl(['delete', 'deployment', wave, '-n', namespace.name]);
      await namespace.until('its pods are gone', async () => (await namespace.list('Pod', `app=${wave}`)).length === 0);
    }
  }));

/** The kubelet holds every pod for the file, and says which. */
async function untilAllWait(namespace: Namespace): Promise<void> {
  await namespace.until(
    'all pods are there',
    async () => (await namespace.list('Pod', 'app=web')).length === heldCount,
  );
  const { object } = await standingOf(namespace, 'hello');
  const path = gatePath(namespace.name, 'hello', object.metadata.uid ?? '');
  await namespace.until('the kubelet tells the path that it waits for', async () => {
    const events = await namespace.list('Event');
    const failed = events.filter(({ reason }) => reason === 'FailedMount');
    return failed.some((event) => String(event['note'] ?? event['message']).includes(path));
  });
  const started = (await namespace.list('Pod', 'app=web')).filter(hasStarted);
  assert.deepEqual(started, [], 'none has started');
}

function hasStarted({ status }: KubeObject): boolean {
  const { initContainerStatuses = [] } = (status ?? {}) as {
    readonly initContainerStatuses?: readonly { readonly state?: { readonly waiting?: unknown } }[];
  };
  return initContainerStatuses.some(({ state }) => state?.waiting === undefined);
}

/** One GET of the layer by each: the controller, and the agent of the only node. */
async function once(t: TestContext, { layer }: PushedModule, when: string, repository: string): Promise<void> {
  const gets = (await blobGets(repository)).filter(({ digest }) => digest === layer);
  t.diagnostic(`${when}: ${gets.map(({ userAgent, address }) => `${userAgent} at ${address}`).join('; ')}`);
  assert.deepEqual(gets.map(({ userAgent }) => userAgent.split('/')[0]).sort(), ['pillion-agent', 'pillion-control']);
}
