// Answers: is there one pod that cannot be created, or gets no sidecar, while replicas of the webhook are restarted, while
// one is deleted, or while the authority is replaced that the API server trusts.
// Does not belong here: all replicas gone, which has its own rules.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readSecret, secretAnnotations } from '../../../src/core/certificates/secret.ts';
import { componentSelector } from '../../../src/core/cluster/labels.ts';
import { names, ownNamespace } from '../../../src/core/cluster/names.ts';
import { registeredBundle } from '../../../src/core/cluster/registration.ts';
import { pathOf, type Resource, resources } from '../../../src/core/cluster/resources.ts';
import { deploymentStep } from '../../../src/core/install/rollout.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { observeReplicas } from '../../../src/edge/kube/observe-replicas.ts';
import { sharedCluster } from '../cluster.ts';
import { createPods, durationsText, faultsOf, openCreator } from '../create-pods.ts';
import { withOptions } from '../installation.ts';
import { injected, inNamespace } from '../namespace.ts';
import { pod } from '../objects.ts';
import { isReady } from '../pods.ts';
import { until } from '../until.ts';

const rate = { perSecond: 20, seconds: 30 };
const halfMs = (rate.seconds / 2) * 1000;
const options = { timeout: 180_000 };
const mostShown = 5;

const cluster = sharedCluster();

test('while the webhook is restarted twice within 30 s, every pod is created and injected', options, (t) =>
  underLoad(t, async (note) => {
    await restart('first');
    // where it takes longer, the second one comes on top of it
    const isThrough = await until('the first restart is through', isRolledOut, halfMs).catch(() => false);
    note(isThrough ? 'first restart through' : 'the first restart goes on');
    await restart('second');
    await until('the second restart is through', isRolledOut);
    note('second restart through');
  }),
);

test('while a replica of the webhook is deleted, and then the other, every pod is created and injected', options, (t) =>
  underLoad(t, async (note) => {
    for (const { metadata } of await webhookPods()) {
      await cluster.kube.remove(resources.pods, metadata.name, ownNamespace);
      await until('the deleted replica is replaced', () => isReplaced(metadata.name));
      note(`${metadata.name} replaced`);
    }
  }),
);

test('while the authority and the certificate are replaced, every pod is created and injected', options, async (t) => {
  // one that is in the registration for a shorter time than usual, so that all of it lies within the load
  await withOptions(cluster, ['certificates.settle=3s'], () =>
    underLoad(t, async (note) => {
      const [before, oldLeaf] = [await authorities(), await leafExpiry()];
      await patch(resources.secrets, names.certificates, { [secretAnnotations.rotate]: 'authority' });
      await until('old and new authority are registered', async () => (await authorities()) !== before);
      note('both authorities registered');
      const leaf = await until('the Secret has a certificate of the new one', async () => {
        const found = await leafExpiry();
        return found !== oldLeaf && found;
      });
      note('new certificate in the Secret');
      await hurryKubelet();
      await until('every replica shows it', () => isShown(leaf));
      note('new certificate shown by every replica');
    }),
  );
});

/** Creates pods while the cluster is disturbed, for 30 s at least, and expects every one to have its sidecar. */
async function underLoad(t: TestContext, disturb: (note: (what: string) => void) => Promise<void>): Promise<void> {
  await until('nothing of before is going on', isSettled);
  await inNamespace(t, cluster, injected, async ({ name: namespace }) => {
    const creator = await openCreator(cluster);
    try {
      await createPods(creator, namespace, loadPod, { perSecond: rate.perSecond, seconds: 2 }); // opens connections
      const startedMs = performance.now();
      const note = (what: string): void =>
        t.diagnostic(`${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${what}`);
      let isNeeded = true;
      const load = createPods(creator, namespace, loadPod, { ...rate, isNeeded: () => isNeeded });
      const disturbed = disturb(note).finally(() => {
        isNeeded = false;
      });
      const [creations] = await Promise.all([load, disturbed]);
      const faults = faultsOf(creations);
      const { length } = creations;
      t.diagnostic(`${length - faults.length} of ${length} created and injected; ${durationsText(creations)}`);
      assert.deepEqual(faults.slice(0, mostShown), []);
      assert.ok(length >= rate.perSecond * rate.seconds);
    } finally {
      creator.close();
    }
  });
}

function loadPod(index: number): JsonObject {
  return pod({ name: `load-${index}` });
}

async function webhookPods(): Promise<readonly KubeObject[]> {
  const place = { namespace: ownNamespace, labelSelector: componentSelector('webhook') };
  return (await cluster.kube.list(resources.pods, place)).items;
}

async function isRolledOut(): Promise<boolean> {
  const found = await cluster.kube.get(resources.deployments, names.webhook, ownNamespace);
  return deploymentStep(names.webhook, found).isDone;
}

/** There is another in its place, which serves. */
async function isReplaced(name: string): Promise<boolean> {
  const others = (await webhookPods()).filter(
    ({ metadata }) => metadata.name !== name && metadata['deletionTimestamp'] === undefined,
  );
  return others.length === 2 && others.every(isReady);
}

/** Both replicas serve and none is still ending. */
async function isSettled(): Promise<boolean> {
  return (await isRolledOut()) && (await webhookPods()).length === 2;
}

/** As `kubectl rollout restart` does. */
async function restart(value: string): Promise<void> {
  const path = pathOf(resources.deployments, ownNamespace, names.webhook);
  const template = { metadata: { annotations: { restart: `${value} ${Date.now()}` } } };
  await cluster.kube.call('PATCH', path, { body: { spec: { template } }, contentType });
}

const contentType = 'application/merge-patch+json';

async function patch(resource: Resource, name: string, annotations: JsonObject): Promise<void> {
  await cluster.kube.call('PATCH', pathOf(resource, ownNamespace, name), {
    body: { metadata: { annotations } },
    contentType,
  });
}

/** What the registration trusts. */
async function authorities(): Promise<string | undefined> {
  const found = await cluster.kube.get(resources.mutatingWebhooks, names.registration);
  return found && registeredBundle(found);
}

/** Until when the certificate in the Secret is valid. */
async function leafExpiry(): Promise<string | undefined> {
  const secret = await cluster.kube.get(resources.secrets, names.certificates, ownNamespace);
  return secret && readSecret(secret).leaf?.certificate.validToDate.toISOString();
}

/** A kubelet brings a changed Secret with the next look at the pod, which is up to a minute away, or now if it changes. */
async function hurryKubelet(): Promise<void> {
  for (const { metadata } of await webhookPods()) {
    await patch(resources.pods, metadata.name, { touched: String(Date.now()) });
  }
}

async function isShown(expiry: string): Promise<boolean> {
  const replicas = await observeReplicas(cluster.kube);
  const shown = replicas.flatMap(({ conditions }) =>
    conditions.filter(({ condition, reason }) => condition === 'certificate' && reason.includes(expiry)),
  );
  return replicas.length === 2 && shown.length === 2;
}
