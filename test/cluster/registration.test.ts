// Does the API server call us for the pods for which the registration should. The Service is not there: every call
// fails, and the answer names the entry that matched.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fieldManagers } from '../../src/core/cluster/names.ts';
import { answeredRevisions, type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { askRegistration } from '../../src/core/decide/registration.ts';
import { changesBetween } from '../../src/core/install/change.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { allLabelled, namespaceLabels, selections } from './labelled.ts';
import { makeNamespace } from './webhook.ts';

function optionsOf(document: object): ClusterOptions {
  const read = readOptions(document);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function podIn(namespace: string, labels: StringMap = {}, annotations: StringMap = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', namespace, labels, annotations },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  };
}

/** The entry that the API server calls for the pod. */
async function entryCalled({ kube }: ControlPlane, pod: JsonObject): Promise<string | undefined> {
  try {
    await kube.create(pod, { dryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const entry = /failed calling webhook "([^"]+)"/.exec(error.message)?.[1];
    if (entry === undefined) throw error;
    return entry;
  }
}

function spaceOf(labels: StringMap): string {
  return `space-${namespaceLabels.indexOf(labels)}`;
}

async function register(plane: ControlPlane, object: KubeObject): Promise<void> {
  await plane.kube.remove(resources.mutatingWebhooks, object.metadata.name);
  // two configurations in a row would be told apart by nothing
  await until('nobody is called', async () => (await entryCalled(plane, probe)) === undefined, plane.directory);
  await plane.kube.apply(object, { fieldManager: fieldManagers.control });
  await until('somebody is called', async () => (await entryCalled(plane, probe)) !== undefined, plane.directory);
}

/** Every one of the selections calls for it. */
const probe = podIn('probe', { 'istio.io/rev': 'canary' });

async function checkSelection(context: TestContext, plane: ControlPlane, document: object): Promise<void> {
  const options = optionsOf(document);
  const { namespacesByDefault } = options;
  const facts = {
    registration: { revisions: answeredRevisions(options), namespacesByDefault, excludedNamespaces: [] },
  };
  await context.test(`with ${JSON.stringify(document)} it calls for the pods that "why" says it does`, async () => {
    await register(plane, registration({ options, caBundle: undefined, hasMatchConditions: true }));
    const counts = { called: 0, left: 0 };
    for (const { namespace, pod } of allLabelled) {
      const name = spaceOf(namespace);
      const entry = await entryCalled(plane, podIn(name, pod));
      const { reason, because } = askRegistration({ name, labels: namespace }, pod, facts);
      assert.equal(entry === undefined, reason !== undefined, JSON.stringify({ namespace, pod, entry, because }));
      counts[entry === undefined ? 'left' : 'called'] += 1;
    }
    assert.ok(counts.called >= 20 && counts.left > 20, JSON.stringify(counts));
  });
}

test('the registration', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context);
  await makeNamespace(plane, 'probe');
  for (const labels of namespaceLabels) await makeNamespace(plane, spaceOf(labels), { labels });

  const canary = selections.filter((one) => /canary/.test(JSON.stringify(one)));
  for (const document of canary) await checkSelection(context, plane, document);

  await context.test('is kept as it was written, so that a comparison finds no difference', async () => {
    const object = registration({
      options: optionsOf({ tags: ['canary'], namespacesByDefault: true }),
      caBundle: undefined,
      hasMatchConditions: true,
    });
    await register(plane, object);
    const there = await plane.kube.get(resources.mutatingWebhooks, object.metadata.name);
    assert.ok(there !== undefined);
    assert.deepEqual(changesBetween(object, there), []);
  });

  await context.test('does not call for mirror pods', async () => {
    const mirror = podIn('probe', { 'istio.io/rev': 'canary' }, { 'kubernetes.io/config.mirror': 'x' });
    assert.equal(
      await entryCalled(plane, podIn('probe', { 'istio.io/rev': 'canary' }, { other: 'x' })),
      'canary.rev-object.pillion.dev',
    );
    // the API server takes mirror pods only of nodes, so that this one is refused, but not for the webhook
    await assert.rejects(entryCalled(plane, mirror), /mirror pod|node/i);
  });

  await context.test('does not call for the namespaces of the system, of Istio and of its own', async () => {
    for (const name of ['kube-system', 'kube-node-lease', 'istio-system', 'pillion-system', 'pillion-node']) {
      await makeNamespace(plane, name, { labels: { 'istio-injection': 'enabled' } });
      assert.equal(await entryCalled(plane, podIn(name)), undefined, name);
    }
  });
});
