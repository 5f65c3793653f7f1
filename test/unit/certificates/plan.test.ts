// Answers: is each row of the table at the head of plan.ts taken where it should be, and does it leave what it says.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { generate } from 'selfsigned';
import {
  type CertificateSecret,
  readSecret,
  secretAnnotations,
  secretKeys,
} from '../../../src/core/certificates/secret.ts';
import { backdateMs, isSignedBy, leafNames, readBundle } from '../../../src/core/certificates/x509.ts';
import { registeredBundle } from '../../../src/core/cluster/registration.ts';
import { isObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { issueAuthority, issueLeaf } from '../../../src/edge/issue-certificate.ts';
import { certificateOptions, createWorld, type World } from './world.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A world in which everything is as it should be. */
async function calmWorld(changes: Readonly<Record<string, string>> = {}): Promise<World> {
  const world = createWorld(certificateOptions(changes));
  await world.round(); // the Secret
  await world.round(); // the registration
  await world.round();
  return world;
}

async function rounds(world: World, count: number, stepMs = 1_000): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    await world.round();
    world.nowMs += stepMs;
  }
}

function contents({ secret }: World): CertificateSecret {
  assert.ok(secret !== undefined);
  return readSecret(secret);
}

function registered({ registration }: World): readonly string[] {
  return readBundle((registration && registeredBundle(registration)) ?? '').authorities.map(({ id }) => id);
}

function states({ deeds }: World): readonly string[] {
  return deeds.map(({ state }) => state);
}

function edit(world: World, data: Readonly<Record<string, string | undefined>>, annotations = {}): void {
  const { secret } = world;
  assert.ok(secret !== undefined && isObject(secret['data']));
  const encoded = Object.entries(data).map(([key, text]) => [key, text && Buffer.from(text).toString('base64')]);
  const merged = { ...secret['data'], ...Object.fromEntries(encoded) };
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
  const metadata = { ...secret.metadata, annotations: { ...secret.metadata.annotations, ...annotations } };
  world.putSecret({ ...secret, metadata, data: kept } as KubeObject);
}

test('with nothing there an authority and a leaf are made at once, for all names, and valid a little in the past', async () => {
  const world = createWorld(certificateOptions());
  const plan = await world.round();
  assert.equal(plan.certificates?.plan.state, 'start');
  const { leaf, signer, bundle, successor } = contents(world);
  assert.ok(leaf !== undefined && signer !== undefined && successor === undefined);
  assert.ok(isSignedBy(leaf, signer));
  assert.ok(leaf.certificate.verify(signer.certificate.publicKey));
  assert.equal(signer.certificate.ca, true);
  assert.equal(leaf.certificate.ca, false);
  assert.deepEqual(
    bundle.map(({ id }) => id),
    [signer.id],
  );
  assert.equal(leaf.certificate.subjectAltName, leafNames.map((name) => `DNS:${name}`).join(', '));
  assert.equal(leaf.certificate.validFromDate.getTime(), world.nowMs - backdateMs);
  assert.equal(leaf.certificate.validToDate.getTime(), world.nowMs + 7 * dayMs);
  assert.equal((await world.round()).certificates?.plan.state, 'current');
  assert.deepEqual(registered(world), [signer.id]);
});

test('a leaf is renewed at two thirds of its life, by the same authority, and not before', async () => {
  const world = await calmWorld();
  const { signer } = contents(world);
  const lookAgainAt = (await world.round()).certificates?.plan.lookAgainAt;
  assert.equal(lookAgainAt?.getTime(), world.nowMs + (7 * dayMs * 2) / 3);
  world.nowMs += (7 * dayMs * 2) / 3 - 1;
  await world.round();
  assert.deepEqual(states(world), ['start']);
  world.nowMs += 1;
  await world.round();
  assert.deepEqual(states(world), ['start', 'renew']);
  assert.equal(contents(world).signer?.id, signer?.id);
});

test('a shorter lifetime in the options counts for the leaf that is there', async () => {
  const world = await calmWorld();
  const shorter = createWorld(certificateOptions({ leafLifetime: '24h' }), world.nowMs);
  shorter.putSecret(world.secret);
  shorter.putRegistration(world.registration);
  shorter.nowMs += 15 * hourMs;
  await shorter.round();
  assert.deepEqual(states(shorter), []);
  shorter.nowMs += hourMs;
  await shorter.round();
  assert.deepEqual(states(shorter), ['renew']);
});

test('a new authority is registered beside the old one, signs after the settling time, and the old one goes after the overlap', async () => {
  const world = await calmWorld({ settle: '60s', overlap: '1h' });
  const before = contents(world);
  world.nowMs += (365 * dayMs * 2) / 3;
  await rounds(world, 3);
  const during = contents(world);
  assert.deepEqual(states(world).slice(-2), ['announce', 'renew'], 'the old one signs meanwhile');
  assert.equal(during.signer?.id, before.signer?.id);
  assert.deepEqual(registered(world), [during.successor?.id, before.signer?.id]);
  await rounds(world, 50);
  assert.equal(contents(world).signer?.id, before.signer?.id, 'not before it has settled');
  await rounds(world, 15);
  const after = contents(world);
  assert.equal(after.signer?.id, during.successor?.id);
  assert.equal(after.successor, undefined);
  assert.ok(after.leaf !== undefined && after.signer !== undefined && isSignedBy(after.leaf, after.signer));
  assert.deepEqual(registered(world), [after.signer.id, before.signer?.id]);
  await rounds(world, 50, 60_000);
  assert.equal(registered(world).length, 2, 'before the overlap is over');
  await rounds(world, 15, 60_000);
  assert.deepEqual(registered(world), [after.signer.id]);
  assert.equal(world.secret?.metadata.annotations?.[secretAnnotations.retired], undefined, 'and is forgotten');
});

test('a restart of the controller lets a new authority settle anew', async () => {
  const world = await calmWorld({ settle: '60s' });
  edit(world, {}, { [secretAnnotations.rotate]: 'authority' });
  await rounds(world, 40);
  world.restart();
  await rounds(world, 40);
  assert.deepEqual(states(world), ['start', 'announce']);
  await rounds(world, 40);
  assert.deepEqual(states(world), ['start', 'announce', 'promote']);
});

test('where the Secret is deleted its authority stays registered, and a leaf comes when the new one has settled', async () => {
  const world = await calmWorld({ settle: '60s' });
  const { signer } = contents(world);
  world.putSecret(undefined);
  await rounds(world, 3);
  assert.equal(contents(world).leaf, undefined, 'replicas go on with that they have');
  assert.deepEqual(registered(world), [contents(world).successor?.id, signer?.id]);
  await rounds(world, 65);
  assert.ok(contents(world).leaf !== undefined);
  assert.deepEqual(registered(world), [contents(world).signer?.id, signer?.id]);
  assert.deepEqual(states(world), ['start', 'announce', 'promote']);
});

test('what an operator asks for is done once, and anything else is told and taken away', async () => {
  const world = await calmWorld({ settle: '1s' });
  const request = (): string | undefined => world.secret?.metadata.annotations?.[secretAnnotations.rotate];
  edit(world, {}, { [secretAnnotations.rotate]: 'leaf' });
  await rounds(world, 3);
  assert.deepEqual(states(world), ['start', 'renew']);
  assert.equal(request(), undefined);
  edit(world, {}, { [secretAnnotations.rotate]: 'authority' });
  await world.round();
  assert.equal(request(), 'authority', 'while it is under way');
  await rounds(world, 5);
  assert.deepEqual(states(world), ['start', 'renew', 'announce', 'promote']);
  assert.equal(request(), undefined);
  edit(world, {}, { [secretAnnotations.rotate]: 'everything' });
  await world.round();
  assert.match(world.deeds.at(-1)?.why ?? '', /rotate is "everything"; it must be leaf or authority/);
  assert.equal(request(), undefined);
});

test('a leaf without a name of ours, or with the key of another one, is replaced', async () => {
  const world = await calmWorld({ settle: '1s' });
  const { signer, leaf } = contents(world);
  assert.ok(signer !== undefined && leaf !== undefined);
  const now = new Date(world.nowMs);
  const lifetime = { now, notAfter: new Date(world.nowMs + dayMs) };
  const subject = { commonName: 'x', dnsNames: leafNames.slice(1) };
  const other = await issueLeaf(subject, lifetime, { cert: signer.pem, key: signer.key });
  edit(world, { [secretKeys.leaf]: other.cert, [secretKeys.leafKey]: other.key });
  await world.round();
  assert.equal(world.deeds.at(-1)?.why, `the certificate is not made for ${leafNames[0]}`);
  edit(world, { [secretKeys.leafKey]: other.key });
  world.nowMs += 2_000;
  await world.round();
  assert.equal(world.deeds.at(-1)?.why, 'there is no certificate with its key');
  assert.equal(contents(world).faults.length, 0);
});

test('no leaf is written while the registration does not trust the authority that would sign it', async () => {
  const world = await calmWorld();
  const { leaf } = contents(world);
  const there = world.registration;
  assert.ok(there !== undefined);
  edit(world, {}, { [secretAnnotations.rotate]: 'leaf' });
  world.putRegistration({ ...there, webhooks: [] });
  const plan = await world.round();
  assert.equal(plan.certificates?.plan.state, 'wait');
  assert.equal(contents(world).leaf?.chain, leaf?.chain);
  assert.equal((await world.round()).certificates?.plan.state, 'renew', 'once it was put right');
});

test("somebody else's certificate gives way to ours, and stays trusted meanwhile", async () => {
  const now = new Date(Date.UTC(2026, 0, 1));
  const lifetime = { now, notAfter: new Date(now.getTime() + 30 * dayMs) };
  const foreign = await issueAuthority(lifetime);
  const leaf = await issueLeaf({ commonName: 'x', dnsNames: leafNames }, lifetime, foreign);
  const world = await calmWorld({ settle: '1s' });
  const data = { 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'ca.crt': foreign.cert, 'notes.txt': 'keep me' };
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  const metadata = { name: 'pillion-certificates', namespace: 'pillion-system', labels: { team: 'mesh' } };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata,
    data: Object.fromEntries(encoded),
  };
  world.putSecret(secret as KubeObject);
  await rounds(world, 6);
  const after = contents(world);
  assert.ok(after.leaf !== undefined && after.signer !== undefined && isSignedBy(after.leaf, after.signer));
  const subjects = after.bundle.map(({ certificate }) => certificate.subject);
  assert.ok(subjects.includes(new X509Certificate(foreign.cert).subject));
  assert.equal(world.secret?.['type'], 'kubernetes.io/tls');
  assert.deepEqual(world.secret?.metadata.labels, { team: 'mesh' });
  const kept = world.secret?.['data'] as Record<string, string> | undefined;
  assert.equal(kept?.['notes.txt'], Buffer.from('keep me').toString('base64'));
});

test('a Secret of type kubernetes.io/tls keeps the keys that this type must have, also while there is no certificate', async () => {
  const world = await calmWorld({ settle: '60s' });
  const { secret } = world;
  assert.ok(secret !== undefined);
  const garbage = Buffer.from('garbage').toString('base64');
  world.putSecret({ ...secret, type: 'kubernetes.io/tls', data: { 'tls.crt': garbage, 'tls.key': garbage } });
  await world.round();
  assert.equal(contents(world).leaf, undefined);
  const kept = world.secret?.['data'] as Record<string, string>;
  assert.deepEqual([kept['tls.crt'], kept['tls.key']], ['', '']);
  assert.deepEqual(contents(world).faults, []);
  await rounds(world, 65);
  assert.ok(contents(world).leaf !== undefined);
});

test('an authority of somebody else does not sign, even with its key: ours does, and it stays trusted meanwhile', async () => {
  const world = await calmWorld({ settle: '1s' });
  const extensions = [{ name: 'basicConstraints' as const, cA: true, critical: true }];
  const notAfterDate = new Date(world.nowMs + 300 * dayMs);
  const notBeforeDate = new Date(world.nowMs - dayMs);
  const name = [{ name: 'commonName', value: 'Corp Root' }];
  const options = { algorithm: 'sha256', notBeforeDate, notAfterDate, extensions };
  for (const keyType of ['ec', 'rsa'] as const) {
    const { cert, private: key } = await generate(name, { ...options, keyType });
    edit(world, { [secretKeys.signer]: cert, [secretKeys.signerKey]: key, [secretKeys.bundle]: cert });
    const before = registered(world);
    await rounds(world, 6);
    const { leaf, signer, bundle, faults } = contents(world);
    assert.deepEqual(faults, []);
    assert.ok(leaf !== undefined && signer !== undefined && isSignedBy(leaf, signer));
    assert.match(signer.certificate.subject, /^CN=pillion-ca-/);
    assert.ok(before.every((id) => registered(world).includes(id)));
    assert.ok(
      bundle.some(({ certificate }) => certificate.fingerprint256 === new X509Certificate(cert).fingerprint256),
    );
  }
});

test('an authority that somebody put into the caBundle by hand is not taken over', async () => {
  const world = await calmWorld();
  const { registration } = world;
  assert.ok(registration !== undefined);
  const now = new Date(world.nowMs);
  const { cert } = await issueLeaf(
    { commonName: 'evil', dnsNames: [] },
    { now, notAfter: new Date(world.nowMs + dayMs) },
  );
  const text = Buffer.from(`${registeredBundle(registration)}${cert}`).toString('base64');
  const webhooks = (registration['webhooks'] as { clientConfig: object }[]).map((webhook) => ({
    ...webhook,
    clientConfig: { ...webhook.clientConfig, caBundle: text },
  }));
  world.putRegistration({ ...registration, webhooks });
  await rounds(world, 3);
  assert.deepEqual(registered(world), [contents(world).signer?.id]);
  assert.deepEqual(states(world), ['start']);
});

test('two authorities have two names, and nothing of a key is in what is said', async () => {
  const world = await calmWorld();
  const first = contents(world).signer;
  edit(world, { [secretKeys.signerKey]: 'garbage that is secret' });
  await rounds(world, 2);
  assert.notEqual(contents(world).successor?.certificate.subject, first?.certificate.subject);
  assert.doesNotMatch(JSON.stringify(world.deeds), /garbage/);
});
