// Answers: does the controller bring certificate, registration and guard into a cluster and keep them right, and does
// only one of several write.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { type RotationRequest, secretAnnotations } from '../../src/core/certificates/secret.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { writeSettings } from './live-server.ts';
import { type Condition, metric, ready } from './management.ts';
import type { PillionProcess } from './pillion-process.ts';
import { type Installation, installHere, leafInSecret, plainPod, registeredAuthorities, shownAt } from './replicas.ts';
import { isInjected } from './webhook.ts';

suite('control', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let installation: Installation;
  let control: PillionProcess;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    plane = await startControlPlane(context);
    installation = await installHere(context, plane, { options: { certificates: { settle: '2s' } } });
    control = await installation.startControl();
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const registration = (): Promise<KubeObject | undefined> =>
    plane.kube.get(resources.mutatingWebhooks, names.registration);
  const merge = (path: string, body: JsonObject): Promise<JsonObject> =>
    plane.kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
  const registrationPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pillion';
  const entries = async (): Promise<readonly JsonObject[]> =>
    ((await registration())?.['webhooks'] ?? []) as JsonObject[];
  const rotate = (what: RotationRequest): Promise<unknown> =>
    merge(`/api/v1/namespaces/${ownNamespace}/secrets/${names.certificates}`, {
      metadata: { annotations: { [secretAnnotations.rotate]: what } },
    });
  const timed = async (test: TestContext, what: string, condition: () => Promise<boolean>): Promise<void> => {
    const started = performance.now();
    await until(what, condition, plane.directory);
    test.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms`);
  };

  test('the certificate is there at once, the registration only once a replica answers through the Service', async (test) => {
    await until('the Secret is there', async () => (await leafInSecret(plane)) !== undefined);
    const waits = async (): Promise<boolean> =>
      /registered as soon as a replica answers at/.test((await condition(control, 'upkeep')).reason);
    await until('it waits for a replica', waits);
    assert.equal(await registration(), undefined);
    await installation.startReplica();
    await timed(test, 'registered after the replica was ready', async () => (await registration()) !== undefined);
    const [authority] = (await registeredAuthorities(plane)) ?? [];
    assert.equal((await shownAt(installation.balancer.address)).issuer, authority);
    await until('pods are injected', async () =>
      isInjected(await plane.kube.create(plainPod('first'), { dryRun: true })),
    );
  });

  test('the guard is there, and asks what the injector configuration says', async () => {
    await until(
      'the policy is there',
      async () => (await plane.kube.get(resources.admissionPolicies, names.guard)) !== undefined,
    );
    await until(
      'its binding too',
      async () => (await plane.kube.get(resources.admissionPolicyBindings, names.guard)) !== undefined,
    );
  });

  test('a cluster in which nothing changes sees no writes', async () => {
    await until(
      'a round went through',
      async () => (await metric(control, 'pillion_control_last_success_timestamp_seconds')) > 0,
    );
    const versions = async (): Promise<readonly (string | undefined)[]> =>
      Promise.all([
        registration(),
        plane.kube.get(resources.secrets, names.certificates, ownNamespace),
        plane.kube.get(resources.admissionPolicies, names.guard),
        plane.kube.get(resources.admissionPolicyBindings, names.guard),
      ]).then((objects) => objects.map((object) => object?.metadata.resourceVersion));
    const before = await versions();
    const done = await metric(control, 'pillion_control_last_success_timestamp_seconds');
    // somebody touches the options: another round, with nothing to do
    await merge(`/api/v1/namespaces/${ownNamespace}/configmaps/${names.options}`, {
      metadata: { labels: { touched: 'yes' } },
    });
    await until(
      'another round went through',
      async () => (await metric(control, 'pillion_control_last_success_timestamp_seconds')) > done,
    );
    assert.deepEqual(await versions(), before);
    assert.equal(await metric(control, 'pillion_corrections_total{object="registration"}'), 0);
  });

  const meddlings: readonly (readonly [what: string, meddle: () => Promise<unknown>])[] = [
    [
      'an emptied caBundle',
      async () =>
        meddle((webhook) => ({ ...webhook, clientConfig: { ...(webhook['clientConfig'] as object), caBundle: '' } })),
    ],
    ['a changed failurePolicy', async () => meddle((webhook) => ({ ...webhook, failurePolicy: 'Ignore' }))],
    [
      'a condition that was added',
      async () =>
        meddle((webhook) => ({
          ...webhook,
          matchConditions: [...(webhook['matchConditions'] as object[]), { name: 'never', expression: 'false' }],
        })),
    ],
    ['webhooks that were removed', async () => merge(registrationPath, { webhooks: (await entries()).slice(0, 1) })],
    [
      'a webhook that was added',
      async () =>
        merge(registrationPath, {
          webhooks: [...(await entries()), { ...(await entries())[0], name: 'foreign.example.com' }],
        }),
    ],
    ['a deleted registration', () => plane.kube.remove(resources.mutatingWebhooks, names.registration)],
    ['a deleted policy', () => plane.kube.remove(resources.admissionPolicies, names.guard)],
    [
      'a changed binding',
      () =>
        merge('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/pillion-guard', {
          spec: { validationActions: ['Audit'] },
        }),
    ],
    [
      'a binding that was narrowed',
      () =>
        merge('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/pillion-guard', {
          spec: { matchResources: { objectSelector: { matchLabels: { guarded: 'yes' } } } },
        }),
    ],
  ];
  const meddle = async (change: (webhook: JsonObject) => JsonObject): Promise<JsonObject> =>
    merge(registrationPath, { webhooks: (await entries()).map(change) });
  const contents = async (): Promise<unknown> => {
    const [one, ...guard] = await Promise.all([
      registration(),
      plane.kube.get(resources.admissionPolicies, names.guard),
      plane.kube.get(resources.admissionPolicyBindings, names.guard),
    ]);
    return [one?.['webhooks'], ...guard.map((object) => object?.['spec'])];
  };
  for (const [what, change] of meddlings) {
    test(`${what} is put right`, async (test) => {
      const before = JSON.stringify(await contents());
      await change();
      await timed(test, `${what} is put right`, async () => JSON.stringify(await contents()) === before);
    });
  }

  test('an owner that was added is taken away', async () => {
    const { ownerReferences = [] } = (await registration())?.metadata ?? {};
    assert.equal(ownerReferences.length, 1);
    const other = { apiVersion: 'v1', kind: 'Namespace', name: 'default', uid: '0b7b1b3c-0000-4000-8000-000000000000' };
    await merge(registrationPath, { metadata: { ownerReferences: [...ownerReferences, other] } });
    await until('it is gone', async () => (await registration())?.metadata.ownerReferences?.length === 1);
  });

  test('options count when they change', async () => {
    await writeSettings(plane.kube, {
      options: { failurePreset: 'safe-start', guard: 'off', certificates: { settle: '2s' } },
    });
    await until('failurePolicy is Ignore', async () =>
      (await entries()).every(({ failurePolicy }) => failurePolicy === 'Ignore'),
    );
    await until(
      'the guard is gone',
      async () => (await plane.kube.get(resources.admissionPolicies, names.guard)) === undefined,
    );
    await writeSettings(plane.kube, { options: { nonsense: true } });
    await until('it says so', async () => /nonsense/.test((await condition(control, 'upkeep')).reason));
    await until('an Event says so', async () => {
      const { items } = await plane.kube.list(resources.events, { namespace: ownNamespace });
      return items.some(({ reason }) => reason === 'OptionsRejected');
    });
    assert.ok(
      (await entries()).every(({ failurePolicy }) => failurePolicy === 'Ignore'),
      'the last good ones count',
    );
    await writeSettings(plane.kube, { options: { certificates: { settle: '2s' } } });
    await until('failurePolicy is Fail', async () =>
      (await entries()).every(({ failurePolicy }) => failurePolicy === 'Fail'),
    );
  });

  test('a leaf that is asked for is made, and the annotation is taken away', async () => {
    const before = (await leafInSecret(plane))?.fingerprint256;
    await rotate('leaf');
    await until('there is another leaf', async () => (await leafInSecret(plane))?.fingerprint256 !== before);
    const secret = await plane.kube.get(resources.secrets, names.certificates, ownNamespace);
    assert.equal(secret?.metadata.annotations?.[secretAnnotations.rotate], undefined);
  });

  test('a revision whose injector configuration may not be read keeps nothing else from being done', async () => {
    const before = (await leafInSecret(plane))?.fingerprint256;
    await writeSettings(plane.kube, { options: { revision: 'other', certificates: { settle: '2s' } } });
    await until('it says so', async () =>
      /"istio-sidecar-injector-other" is forbidden/.test((await condition(control, 'upkeep')).reason),
    );
    await rotate('leaf');
    await until('there is another leaf', async () => (await leafInSecret(plane))?.fingerprint256 !== before);
    await writeSettings(plane.kube, { options: { certificates: { settle: '2s' } } });
    await until('the registration is the one before', async () => (await entries()).length > 2);
  });

  test('of two one writes; when it is killed the other goes on, and one that ends gives the Lease up', async (test) => {
    const second = await installation.startControl();
    assert.equal(await metric(control, 'pillion_control_leader'), 1);
    assert.equal(await metric(second, 'pillion_control_leader'), 0);
    assert.equal((await ready(second)).status, 200);
    await control.stop('SIGKILL');
    await plane.kube.remove(resources.mutatingWebhooks, names.registration);
    await timed(
      test,
      'the other put the registration right after the leader was killed',
      async () => (await registration()) !== undefined,
    );
    assert.equal(await metric(second, 'pillion_control_leader'), 1);
    const third = await installation.startControl();
    assert.equal(await second.stop(), 0);
    await timed(
      test,
      'the third leads after the second ended',
      async () => (await metric(third, 'pillion_control_leader')) === 1,
    );
    control = third;
  });

  test('one that begins with options that cannot be read is not ready and says why, until they are mended', async () => {
    await writeSettings(plane.kube, { options: { nonsense: true } });
    assert.equal(await control.stop(), 0);
    control = await installation.startControl();
    await until('it says so', async () => {
      const { status, conditions } = await ready(control);
      return status === 503 && conditions.some(({ reason }) => /nonsense: there is no such option/.test(reason));
    });
    const succeededAt = (): Promise<number> => metric(control, 'pillion_control_last_success_timestamp_seconds');
    assert.equal(await succeededAt(), 0);
    await writeSettings(plane.kube, { options: { certificates: { settle: '2s' } } });
    await until('it works', async () => (await succeededAt()) > 0);
    assert.equal((await ready(control)).status, 200);
  });
});

async function condition(process: PillionProcess, name: string): Promise<Condition> {
  const found = (await ready(process)).conditions.find(({ condition: one }) => one === name);
  assert.ok(found !== undefined);
  return found;
}
