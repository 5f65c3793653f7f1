// Answers: what does the controller do where others make the certificate, on older clusters, and with a guard that is off
// or cannot be decided.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noTrust } from '../../src/core/certificates/trust.ts';
import { type GuardedConfig, guard } from '../../src/core/cluster/guard.ts';
import { type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { registeredBundle, registration } from '../../src/core/cluster/registration.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { planUpkeep, type UpkeepFacts, type UpkeepPlan } from '../../src/core/upkeep.ts';
import { issueAuthority } from '../../src/edge/issue-certificate.ts';

const now = new Date(Date.UTC(2026, 0, 1));
const injector: GuardedConfig = { policy: 'enabled', neverInjectSelector: [], alwaysInjectSelector: [] };

function optionsOf(document: JsonObject): ClusterOptions {
  const read = readOptions(document);
  assert.ok(read.ok);
  return read.value;
}

function plan(options: JsonObject, facts: Partial<UpkeepFacts> = {}): UpkeepPlan {
  return planUpkeep({
    options: optionsOf(options),
    injector,
    secret: undefined,
    registration: undefined,
    guard: [],
    namespace: undefined,
    minor: 34,
    trust: noTrust,
    now,
    ...facts,
  });
}

async function authority(): Promise<string> {
  const { cert } = await issueAuthority({ now, notAfter: new Date(now.getTime() + 86_400_000) });
  return `${cert}\n`;
}

function secretOf(bundle: string): KubeObject {
  const metadata = { name: 'pillion-certificates', namespace: 'pillion-system' };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: { 'ca.crt': Buffer.from(bundle).toString('base64') } };
}

function registered(options: JsonObject, caBundle: string | undefined): KubeObject {
  return registration({ options: optionsOf(options), caBundle, hasMatchConditions: true });
}

const external = { certificates: { source: 'external' } };
const certManager = { certificates: { source: 'cert-manager' } };

test('with a certificate of somebody else the Secret is only read, and its ca.crt is registered', async () => {
  const [first, second] = [await authority(), await authority()];
  const made = plan(external, { secret: secretOf(first) });
  assert.equal(made.certificates, undefined);
  assert.equal(made.registration?.drift, undefined);
  assert.equal(registeredBundle(made.registration?.object as KubeObject), first);
  const changed = plan(external, { secret: secretOf(second), registration: registered(external, first) });
  assert.equal(changed.registration?.drift?.path, 'webhooks[0].clientConfig.caBundle');
});

test('without an authority nothing is registered, and what is registered stays as it is', async () => {
  const none = plan(external);
  assert.equal(none.registration, undefined);
  assert.match(none.waitsFor.join(), /no authority in ca.crt/);
  assert.equal(plan(external, { registration: registered(external, await authority()) }).registration, undefined);
});

test('with cert-manager the bundle is left to it, begun with that of the Secret so that no moment is without one', async () => {
  const [own, injected] = [await authority(), await authority()];
  const begun = plan(certManager, { secret: secretOf(own) });
  assert.equal(registeredBundle(begun.registration?.object as KubeObject), own);
  assert.equal(
    plan(certManager, { secret: secretOf(own), registration: registered(certManager, injected) }).registration,
    undefined,
  );
  // moving there from our own certificate
  const moved = plan(certManager, { secret: secretOf(own), registration: registered({}, injected) });
  assert.match(moved.registration?.drift?.path ?? '', /metadata.annotations.cert-manager/);
  assert.equal(registeredBundle(moved.registration?.object as KubeObject), injected);
});

test('a registration is put right only as the one that was looked at', async () => {
  const bundle = await authority();
  const there = registered(external, bundle);
  const metadata = { ...there.metadata, uid: 'of-it', resourceVersion: '7' };
  const { registration: write } = plan(external, {
    secret: secretOf(`${bundle}${await authority()}`),
    registration: { ...there, metadata },
  });
  assert.equal(write?.object.metadata.resourceVersion, '7');
  assert.equal(write?.object.metadata.uid, 'of-it', 'by which kubectl describe finds the Event');
});

test('before Kubernetes 1.30 there is neither guard nor matchConditions', async () => {
  const old = plan(external, { secret: secretOf(await authority()), minor: 29 });
  assert.deepEqual(old.guard, []);
  assert.doesNotMatch(JSON.stringify(old.registration?.object), /matchConditions/);
  const registration = registered({}, await authority());
  const current = plan(external, { secret: secretOf(await authority()), registration, minor: 30 });
  assert.deepEqual(
    current.guard.map(({ object }) => object.kind),
    ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
  );
});

test('a guard that is off is removed, but only ours', () => {
  const there = guard(optionsOf({}), injector);
  const foreign = there.map((object) => ({ ...object, metadata: { name: object.metadata.name } }));
  assert.deepEqual(
    plan({ guard: 'off' }, { guard: there }).guard.map(({ kind }) => kind),
    ['remove', 'remove'],
  );
  assert.deepEqual(plan({ guard: 'off' }, { guard: foreign as KubeObject[] }).guard, []);
});

test('there is no guard before there is a registration, and it stays when the registration is lost', async () => {
  const secret = secretOf(await authority());
  assert.deepEqual(plan(external, { secret }).guard, []);
  const registration = registered(external, await authority());
  const made = plan(external, { secret, registration }).guard.map(({ object }) => object);
  assert.equal(made.length, 2);
  assert.deepEqual(plan(external, { secret, guard: made }).guard, []);
  const [policy, binding] = made;
  const stale = { ...(binding as KubeObject), spec: {} };
  const mended = plan(external, { secret, guard: [policy as KubeObject, stale] }).guard;
  assert.deepEqual(
    mended.map(({ object }) => object.kind),
    ['ValidatingAdmissionPolicyBinding'],
  );
});

test("the guard is left as it is while Istio's injector configuration cannot be read", () => {
  const waiting = plan({}, { injector: undefined });
  assert.deepEqual(waiting.guard, []);
  assert.match(waiting.waitsFor.join(), /injector configuration/);
});

test('registration and guard belong to our namespace, and to the new one after it was made anew', async () => {
  const secret = secretOf(await authority());
  const namespace = (uid: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'pillion-system', uid },
  });
  const owners = (uid: string) => [{ apiVersion: 'v1', kind: 'Namespace', name: 'pillion-system', uid }];
  const first = { secret, namespace: namespace('first') };
  const registration = plan(external, first).registration?.object;
  const made = plan(external, { ...first, registration });
  const objects = [registration, ...made.guard.map(({ object }) => object)].filter((one) => one !== undefined);
  assert.equal(objects.length, 3);
  for (const { metadata } of objects) assert.deepEqual(metadata.ownerReferences, owners('first'));
  const [there, ...guards] = objects;
  const again = plan(external, { secret, namespace: namespace('first'), registration: there, guard: guards });
  assert.deepEqual([again.registration, ...again.guard], [undefined]);
  const anew = plan(external, { secret, namespace: namespace('second'), registration: there, guard: guards });
  for (const write of [anew.registration, ...anew.guard]) {
    assert.match(write?.drift?.path ?? '', /^metadata\.ownerReferences/);
    assert.deepEqual(write?.object.metadata.ownerReferences, owners('second'));
  }
});
