// Answers: what becomes of pods whose sidecar the webhook of somebody else takes away or breaks, and who is named for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cluster, sharedCluster } from '../cluster.ts';
import { askDoctor } from '../doctor.ts';
import { withOptions } from '../installation.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { isNativeInjected } from '../pods.ts';
import { type DeployedWebhook, deployTestWebhook, type TestWebhook } from '../test-webhook.ts';
import { userCreatesPod } from '../user-creates.ts';

const cluster: Cluster = sharedCluster();

const removes = { answer: { kind: 'removes the sidecar' } } as const;
const strips = { answer: { kind: 'strips restartPolicy' } } as const;
const doesNothing = { answer: { kind: 'constant patch', patch: [] } } as const;

async function isCreatedInjected(namespace: Namespace, name: string): Promise<boolean> {
  const { ok, stderr } = await userCreatesPod(cluster, namespace, name);
  assert.ok(ok, stderr);
  const stored = await namespace.get('Pod', name);
  return stored !== undefined && isNativeInjected(stored);
}

/** Runs the body while these webhooks are called for pods of the namespace. */
async function withWebhooks(
  namespace: Namespace,
  wanted: readonly TestWebhook[],
  body: (deployed: readonly DeployedWebhook[]) => Promise<void>,
): Promise<void> {
  const deploying = await Promise.allSettled(wanted.map((one) => deployTestWebhook(cluster, namespace, one)));
  const deployed = deploying.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    for (const one of deploying) if (one.status === 'rejected') throw one.reason;
    await body(deployed);
  } finally {
    for (const { remove } of deployed) await remove();
  }
}

function nameOf(deployed: DeployedWebhook | undefined): string {
  return `ebhook "${deployed?.webhook}" of configuration "${deployed?.configuration}"`;
}

test('a sidecar that another webhook removes is put back by us where we are called last', async (t) => {
  await inNamespace(t, cluster, injected, (namespace) =>
    withWebhooks(namespace, [{ name: 'zz-removes', ...removes, reinvocationPolicy: 'Never' }], async () => {
      assert.ok(await isCreatedInjected(namespace, 'whole'));
      const { findings, all } = await askDoctor(cluster, namespace.name);
      assert.deepEqual(findings, [], all);
    }),
  );
});

test('the guard warns of a sidecar that another webhook removed, with deny it refuses the pod, and the doctor names who did it', async (t) => {
  await inNamespace(t, cluster, injected, (namespace) => {
    const hostile: TestWebhook = { name: 'zz-removes', ...removes, reinvocationPolicy: 'IfNeeded' };
    const innocent: TestWebhook = { name: 'zz-innocent', ...doesNothing };
    return withWebhooks(namespace, [innocent, hostile], async ([, guilty]) => {
      const lost = /'pillion-guard'.*Pod has lost its sidecar: .*another webhook removed.*run "pillion doctor"/;
      const warned = await userCreatesPod(cluster, namespace, 'warned');
      assert.ok(warned.ok, warned.stderr);
      assert.match(warned.stderr, /^Warning: /);
      assert.match(warned.stderr, lost);
      await namesTheGuilty(namespace, guilty);

      await withOptions(cluster, ['guard=deny'], async () => {
        const refused = await namespace.until('the pod is refused', async () => {
          const { ok, stderr } = await userCreatesPod(cluster, namespace, 'refused');
          if (ok) await cluster.kubectl(['delete', '-n', namespace.name, 'pod', 'refused', '--grace-period=0']);
          return !ok && stderr;
        });
        assert.match(refused, lost);
        assert.match(refused, /denied request/);
        await namesTheGuilty(namespace, guilty);
        await guilty?.remove();
        await namespace.until('pods get in again, whole', () => isCreatedInjected(namespace, 'whole'));
      });
    });
  });
});

async function namesTheGuilty(namespace: Namespace, guilty: DeployedWebhook | undefined): Promise<void> {
  const { findings, texts, all } = await askDoctor(cluster, namespace.name);
  assert.ok(findings.includes('sidecar-removed'), all);
  assert.ok(!findings.includes('webhook-not-called'), all);
  assert.ok(texts['sidecar-removed']?.includes(nameOf(guilty)), all);
  assert.doesNotMatch(texts['sidecar-removed'] ?? '', /innocent/);
}

for (const [title, name, reinvocationPolicy] of [
  ['before ours', 'aa-strips', 'Never'],
  ['after ours', 'zz-strips', 'IfNeeded'],
] as const) {
  test(`the doctor names a webhook called ${title} that strips restartPolicy, and not one that does nothing`, async (t) => {
    await inNamespace(t, cluster, injected, (namespace) => {
      const innocent: TestWebhook = { name: 'mm-innocent', ...doesNothing };
      return withWebhooks(namespace, [innocent, { name, ...strips, reinvocationPolicy }], async ([, guilty]) => {
        const { exitCode, findings, texts, all } = await askDoctor(cluster, namespace.name);
        assert.equal(exitCode, 1);
        assert.deepEqual(findings, ['restart-policy-stripped'], all);
        assert.ok(texts['restart-policy-stripped']?.includes(nameOf(guilty)), all);
        assert.doesNotMatch(texts['restart-policy-stripped'] ?? '', /innocent/);
        const isAfterUs = reinvocationPolicy === 'IfNeeded';
        const { ok, stderr } = await userCreatesPod(cluster, namespace, 'app');
        assert.equal(ok, !isAfterUs, stderr);
        if (isAfterUs) assert.match(stderr, /without restartPolicy=Always/);
      });
    });
  });
}
