// Is a declaration read as it is meant, and is everything that is wrong with it told at once, with path, value and what
// is allowed.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { readExtension, standingOf } from '../../../src/core/wasm/declaration/read-extension.ts';
import type { Extension } from '../../../src/core/wasm/extension.ts';
import type { Refusal } from '../../../src/core/wasm/refusals.ts';
import { signer } from '../../wasm/signed.ts';
import { digestOf, revisionOf } from './revisions.ts';

const source = { image: 'registry.example.com/team/filter:1' };
const { pem } = signer('release').trusted;

function objectOf(spec: unknown, more: JsonObject = {}): KubeObject {
  const annotations = { 'pillion.dev/resolve': 'again' };
  const metadata = { name: 'hello', namespace: 'shop', uid: 'u', generation: 4, annotations };
  return { apiVersion: 'pillion.dev/v1alpha1', kind: 'WasmExtension', metadata, spec, ...more };
}

function read(spec: unknown): Extension {
  const found = readExtension(objectOf(spec), { httpSources: false });
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

function refused(spec: unknown): Refusal {
  const found = readExtension(objectOf(spec), { httpSources: false });
  if (found.ok) throw new Error('it was read');
  return found.error;
}

test('what is left out has its default', () => {
  assert.deepEqual(read({ source }), {
    namespace: 'shop',
    name: 'hello',
    uid: 'u',
    generation: 4,
    resolveAsked: 'again',
    reference: source.image,
    source: { kind: 'image', image: { registry: 'registry.example.com', repository: 'team/filter', tag: '1' } },
    matchLabels: {},
    phase: 'UNSPECIFIED_PHASE',
    priority: 0,
    failStrategy: 'FAIL_CLOSE',
    onMissing: 'block',
    delivery: 'auto',
    traffic: 'inbound',
    vmEnv: [],
  });
});

test('everything that may be said is read', () => {
  const vmConfig = {
    env: [
      { name: 'A', value: 'a' },
      { name: 'B', valueFrom: 'HOST' },
      { name: 'C', value: '' },
    ],
  };
  const found = read({
    source: { url: 'https://example.com/filter.wasm', sha256: 'b'.repeat(64) },
    trust: { keys: [{ name: 'release', pem }] },
    selector: { matchLabels: { app: 'web' } },
    ...{ phase: 'STATS', priority: -3, failStrategy: 'FAIL_OPEN', onMissing: 'run-without', delivery: 'agent-pull' },
    ...{ traffic: 'outbound', pluginName: 'root', pluginConfig: { a: 1 }, vmConfig },
  });
  assert.deepEqual(found.source, {
    kind: 'http',
    url: 'https://example.com/filter.wasm',
    moduleDigest: digestOf('b'),
  });
  assert.deepEqual(found.trust, { mode: 'enforce', keys: [{ name: 'release', pem }], threshold: 1 });
  assert.deepEqual(found.vmEnv, [
    { name: 'A', value: 'a' },
    { name: 'B', fromHost: true },
    { name: 'C', value: '' },
  ]);
  assert.deepEqual(
    [found.phase, found.priority, found.failStrategy, found.onMissing, found.delivery, found.traffic],
    ['STATS', -3, 'FAIL_OPEN', 'run-without', 'agent-pull', 'outbound'],
  );
});

test('everything that is wrong is told at once, with its path, its value and what is allowed', () => {
  const { reason, message } = refused({
    source: {},
    phase: 'FIRST',
    priority: 1.5,
    pluginConfig: [],
    selector: { matchLabels: { 'a b': 'c', app: 5 } },
    vmConfig: { env: [{ name: 'A' }, { name: 'A' }, {}] },
    trust: { threshold: 0 },
  });
  assert.equal(reason, 'InvalidSpec');
  for (const part of [
    'spec.source: must have either image or url',
    'spec.phase: Cannot read "FIRST": must be one of UNSPECIFIED_PHASE, AUTHN, AUTHZ, STATS',
    'spec.priority: Cannot read "1.5": must be a whole number',
    'spec.pluginConfig: Cannot read "[]": must be a JSON object',
    'spec.selector.matchLabels["a b"]',
    'spec.selector.matchLabels["app"]: Cannot read "5"',
    'spec.vmConfig.env[1].name: Cannot read "A": must be there once',
    'spec.vmConfig.env[2].name: must be there',
    'spec.trust.threshold: Cannot read "0"',
  ]) {
    assert.ok(message.includes(part), `${part}\n${message}`);
  }
});

test('what is meant but not there yet is refused as such, with what to use instead', () => {
  const { reason, message } = refused({ source, onMissing: 'deny', delivery: 'image-volume', traffic: 'gateway' });
  assert.equal(reason, 'Unsupported');
  assert.match(message, /spec\.onMissing: Cannot read "deny": is not there yet; use block or run-without/);
  assert.match(message, /spec\.delivery.*spec\.traffic/);
});

test('a source of a kind that is not taken has its own reason', () => {
  assert.equal(refused({ source: { image: 'file:///etc/passwd' } }).reason, 'SourceNotAllowed');
  const plain = { url: 'http://example.com/filter.wasm', sha256: digestOf('a') };
  assert.equal(refused({ source: plain }).reason, 'SourceNotAllowed');
  assert.ok(readExtension(objectOf({ source: plain }), { httpSources: true }).ok);
  assert.equal(refused({ source: { image: 'Not An Image' } }).reason, 'InvalidReference');
});

test('image and url are not mixed up', () => {
  assert.match(refused({ source: { image: 'https://example.com/a.wasm' } }).message, /must be an image; write url:/);
  assert.match(refused({ source: { url: 'oci://a/b:1', sha256: digestOf('a') } }).message, /must be https/);
  assert.match(refused({ source: { url: 'https://example.com' } }).message, /spec\.source\.sha256: must be the sha256/);
  assert.match(refused({ source: { ...source, sha256: digestOf('a') } }).message, /is for url alone/);
  assert.match(refused({ source: { ...source, url: 'https://a' } }).message, /either image or url/);
});

test('a private key in the place of a public one is refused without being repeated', () => {
  const secret = '-----BEGIN PRIVATE KEY-----\nsecret';
  const { message } = refused({ source, trust: { keys: [{ name: 'a', pem: secret }] } });
  assert.match(message, /spec\.trust\.keys\[0\]\.pem: Cannot read the key "a": it is no public key in PEM/);
  assert.doesNotMatch(message, /secret/);
});

test('a key that no signature can be checked with is refused where it is declared', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const other = publicKey.export({ type: 'spki', format: 'pem' });
  for (const [text, why] of [
    [other, /Cannot use the key "a": it is ed25519; ECDSA/],
    ['-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----', /Cannot read the key "a": it is no public key/],
  ] as const) {
    const { reason, message } = refused({ source, trust: { keys: [{ name: 'a', pem: text }] } });
    assert.equal(reason, 'InvalidSpec');
    assert.match(message, /spec\.trust\.keys\[0\]\.pem: /);
    assert.match(message, why);
  }
});

test('a text as configuration has no phase, and needs the node store', () => {
  const { message } = refused({
    source,
    rawConfig: 'a',
    pluginConfig: {},
    phase: 'AUTHN',
    onMissing: 'run-without',
    delivery: 'agent-pull',
  });
  for (const part of ['spec.rawConfig: cannot', 'spec.phase', 'spec.onMissing', 'spec.delivery']) {
    assert.ok(message.includes(part), part);
  }
  assert.equal(read({ source, rawConfig: 'tomorrow' }).rawConfig, 'tomorrow');
});

test('an object without a spec is refused, not a fault', () => {
  assert.equal(refused(undefined).reason, 'InvalidSpec');
  assert.equal(refused('text').reason, 'InvalidSpec');
  assert.equal(refused({ source: 'text' }).reason, 'InvalidSpec');
});

test('a status is read back as it was written', () => {
  const status = {
    observedGeneration: 2,
    resolvedFor: '',
    active: revisionOf('a', { signedBy: ['release'], indexDigest: digestOf('f') }),
    previous: revisionOf('b'),
    nodes: { wanted: 2, ready: 1, failed: [{ node: 'one', reason: 'DiskFull', message: 'no room' }] },
    pods: { selected: 0 },
    moved: { manifestDigest: digestOf('c') },
    tried: ['a.b'],
    shown: { digest: 'aaaaaaaaaaaa', nodes: '1/2', pods: '0/0' },
    conditions: [
      {
        ...{ type: 'Ready', status: 'True', reason: 'Succeeded', message: '', observedGeneration: 2 },
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  };
  assert.deepEqual(standingOf(objectOf({}, { status })), status);
});

test('what cannot be a revision counts as none, because its digest would become a path', () => {
  const active = { ...revisionOf('a'), moduleDigest: '../../etc/passwd' };
  assert.deepEqual(standingOf(objectOf({}, { status: { active, conditions: [{ type: 'Ready' }], tried: [1] } })), {
    conditions: [],
    tried: [],
  });
  assert.deepEqual(standingOf(objectOf({}, { status: 'text' })), {});
});
