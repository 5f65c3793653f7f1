// Answers: what becomes of new pods, and what is said, while no replica of the webhook is there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Cluster, sharedCluster } from '../cluster.ts';
import { askDoctor } from '../doctor.ts';
import { editOptions, optionsText, withOptions, withoutReplicas } from '../installation.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { deployment } from '../objects.ts';
import { isNativeInjected, isReady } from '../pods.ts';
import { userCreatesPod } from '../user-creates.ts';

const cluster: Cluster = sharedCluster();

const ourWebhook = /failed calling webhook "namespace\.pillion\.dev"/;
const guardWarning = /^Warning: .*'pillion-guard'.*Pod has no sidecar: .*run "pillion doctor"/m;
const startAgain = 'kubectl -n pillion-system scale deployment pillion-webhook --replicas=2';

/** The only pod of the Deployment, once it is ready. */
function readyPodOf(namespace: Namespace, app: string) {
  return namespace.until(`the pod of ${app} is ready`, async () => {
    const pods = await namespace.list('pods', `app=${app}`);
    const [only] = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return pods.length === 1 && only !== undefined && isReady(only) && only;
  });
}

test('with strict, pods are refused with our name until a replica is back, and the doctor says what to do', async (t) => {
  await inNamespace(t, cluster, injected, async (namespace) => {
    await withoutReplicas(cluster, namespace.name, async () => {
      const refused = await userCreatesPod(cluster, namespace, 'refused');
      assert.equal(refused.ok, false);
      assert.match(refused.stderr, ourWebhook);

      await namespace.create(deployment({ name: 'patient' }));
      await namespace.until('the ReplicaSet says why it has no pod', async () => {
        const [set] = await namespace.list('replicasets', 'app=patient');
        const events = set === undefined ? [] : await namespace.events(set.metadata.name);
        return events.some(({ reason, note }) => reason === 'FailedCreate' && ourWebhook.test(String(note)));
      });

      const elsewhere = await userCreatesPod(cluster, { name: 'default' }, 'no-concern', ['--dry-run=server']);
      assert.deepEqual([elsewhere.ok, elsewhere.stderr], [true, '']);

      const { exitCode, findings, texts, all } = await askDoctor(cluster, namespace.name);
      assert.equal(exitCode, 1);
      assert.deepEqual(findings, ['no-replica', 'webhook-refused'], all);
      assert.ok(texts['no-replica']?.includes(startAgain), all);
    });
    assert.ok(isNativeInjected(await readyPodOf(namespace, 'patient')), 'its pod comes by itself, with a sidecar');
    const after = await askDoctor(cluster, namespace.name);
    assert.deepEqual(after.findings, [], after.all);
  });
});

test('with safe-start, pods get in without sidecar, the guard warns, and the doctor lists them afterwards', async (t) => {
  await inNamespace(t, cluster, injected, (namespace) =>
    withOptions(cluster, ['failurePreset=safe-start'], async () => {
      await withoutReplicas(cluster, namespace.name, async () => {
        const bare = await userCreatesPod(cluster, namespace, 'bare');
        assert.ok(bare.ok, bare.stderr);
        assert.match(bare.stderr, guardWarning);
        await namespace.create(deployment({ name: 'shop' }));
        assert.equal(isNativeInjected(await readyPodOf(namespace, 'shop')), false);

        const { findings, texts, all } = await askDoctor(cluster, namespace.name);
        assert.deepEqual(findings, ['no-replica', 'webhook-not-called', 'sidecar-missing'], all);
        assert.ok(texts['no-replica']?.includes(startAgain), all);
      });

      const { findings, texts, all } = await askDoctor(cluster, namespace.name);
      assert.deepEqual(findings, ['sidecar-missing'], all);
      const listed = texts['sidecar-missing'] ?? '';
      assert.ok(listed.includes(`${namespace.name}/Pod/bare`), listed);
      assert.ok(listed.includes(`${namespace.name}/Deployment/shop`), listed);
      const [, restart] = /(kubectl -n \S+ rollout restart deployment shop)/.exec(listed) ?? [];
      assert.ok(restart !== undefined, listed);

      await cluster.kubectl(restart.split(' ').slice(1));
      await cluster.kubectl(['delete', '-n', namespace.name, 'pod', 'bare']);
      assert.ok(isNativeInjected(await readyPodOf(namespace, 'shop')));
      const after = await askDoctor(cluster, namespace.name);
      assert.deepEqual(after.findings, [], after.all);
    }),
  );
});

const page = readFileSync(new URL('../../../docs/when-the-webhook-is-down.md', import.meta.url), 'utf8');

/** The arguments of kubectl in the first block of commands under this step of the page. */
function commandsOfStep(step: number): readonly (readonly string[])[] {
  const [, , block = ''] = page.split(`\n${step}. `)[1]?.split(/(```console|```)/) ?? [];
  return [...block.matchAll(/\$ kubectl (.*)/g)].map(([, args = '']) => args.split(' '));
}

/** What is said to who creates it, once a pod gets in without sidecar. */
function untilOneGetsIn(namespace: Namespace, name: string): Promise<string> {
  return namespace.until('a pod gets in', async () => {
    const { ok, stderr } = await userCreatesPod(cluster, namespace, name);
    return ok && `${stderr} `;
  });
}

async function byTheOptions(namespace: Namespace): Promise<void> {
  const before = await optionsText(cluster);
  try {
    await editOptions(cluster, 'failurePreset: safe-start\n');
    assert.match(await untilOneGetsIn(namespace, 'by-the-options'), guardWarning);
  } finally {
    await editOptions(cluster, before);
  }
}

async function byHand(namespace: Namespace): Promise<void> {
  const [away, back] = [commandsOfStep(1), commandsOfStep(3)];
  assert.deepEqual([away.length, back.length], [3, 1]);
  try {
    for (const command of away) await cluster.kubectl(command);
    assert.match(await untilOneGetsIn(namespace, 'by-hand'), guardWarning);
  } finally {
    for (const command of back) await cluster.kubectl(command);
  }
}

test('in the middle of an outage both documented ways let pods in, and all is as before afterwards', async (t) => {
  await inNamespace(t, cluster, injected, async (namespace) => {
    await withoutReplicas(cluster, namespace.name, async () => {
      assert.match((await userCreatesPod(cluster, namespace, 'refused')).stderr, ourWebhook);
      await byTheOptions(namespace);
      await namespace.until('pods are refused again', async () =>
        ourWebhook.test((await userCreatesPod(cluster, namespace, 'refused', ['--dry-run=server'])).stderr),
      );
      await byHand(namespace);
    });
    const { findings, texts, all } = await askDoctor(cluster, namespace.name);
    assert.deepEqual(findings, ['sidecar-missing'], all);
    assert.ok(texts['sidecar-missing']?.includes(`${namespace.name}/Pod/by-hand`), all);
  });
});
