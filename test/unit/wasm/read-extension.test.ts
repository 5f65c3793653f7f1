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

test('what is asked for in a text too long is a text all the same, as the status gives it back', () => {
  const object = objectOf({ source });
  const annotations = { 'pillion.dev/resolve': `a${'🦀'.repeat(1_000)}` };
  const found = readExtension({ ...object, metadata: { ...object.metadata, annotations } }, { httpSources: false });
  assert.ok(found.ok && found.value.resolveAsked.length === 1_024 && found.value.resolveAsked.isWellFormed());
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

test('every word that may be said is read as itself', () => {
  const words = {
    phase: ['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'],
    failStrategy: ['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'],
    onMissing: ['block', 'run-without'],
    delivery: ['auto', 'node-store', 'agent-pull'],
    traffic: ['inbound', 'outbound', 'any'],
  } as const;
  for (const [field, all] of Object.entries(words))
    for (const word of all) assert.equal(read({ source, [field]: word })[field as keyof typeof words], word);
  for (const signatures of ['enforce', 'warn', 'off'])
    assert.equal(read({ source, trust: { signatures } }).trust?.mode, signatures);
});

test('what asks for more signatures than it names keys is refused, unless the keys are those of the installation', () => {
  const keys = [{ name: 'release', pem }];
  assert.match(
    refused({ source, trust: { keys, threshold: 2 } }).message,
    /spec\.trust\.threshold: Cannot read "2": must be at most the number of keys, 1/,
  );
  assert.equal(read({ source, trust: { keys, threshold: 1 } }).trust?.threshold, 1);
  assert.equal(read({ source, trust: { threshold: 2 } }).trust?.threshold, 2);
  assert.equal(read({ source, trust: { signatures: 'off', keys, threshold: 2 } }).trust?.mode, 'off');
});

test('a key has a name and a text, and is told by its place where one of them is missing', () => {
  const toldOf = (key: unknown): string => refused({ source, trust: { keys: [key] } }).message;
  assert.equal(toldOf({ pem }), 'spec.trust.keys[0].name: must be there');
  assert.match(toldOf({ name: 'a' }), /^spec\.trust\.keys\[0\]\.pem: must be a public key in PEM[^;]*$/);
  assert.match(toldOf({ name: 'a'.repeat(64), pem }), /^spec\.trust\.keys\[0\]\.name: .*1 to 63 characters$/);
  assert.match(toldOf({ name: '', pem }), /^spec\.trust\.keys\[0\]\.name: [^;]*1 to 63 characters$/);
  assert.match(toldOf({ name: 'a', pem: 7 }), /^spec\.trust\.keys\[0\]\.pem: [^;]*1 to 10000 characters$/);
  assert.match(refused({ source, trust: { keys: 'a' } }).message, /^spec\.trust\.keys: .*must be a list/);
});

test('labels are those that a pod can have', () => {
  const labelled = (value: unknown) => ({ source, selector: { matchLabels: { app: value } } });
  for (const value of ['', 'a', '1', 'a_b.c-d', 'A'.repeat(63)])
    assert.deepEqual(read(labelled(value)).matchLabels, { app: value });
  for (const value of ['-a', 'a-', 'a b', 'ä', 'a/b', 'a\n', 'A'.repeat(64), 1, null, ['a']])
    assert.match(
      refused(labelled(value)).message,
      /^spec\.selector\.matchLabels\["app"\]: .*must be the value of a label/,
    );
});

test('a list is read up to its bound, and told where it goes beyond', () => {
  const env = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `A${at}` }));
  assert.equal(read({ source, vmConfig: { env: env(256) } }).vmEnv.length, 256);
  assert.match(
    refused({ source, vmConfig: { env: env(257) } }).message,
    /^spec\.vmConfig\.env: Cannot read "257 entries": must have at most 256 entries$/,
  );
});

test('a variable of the host has no value of its own', () => {
  const vmConfig = { env: [{ name: 'A', valueFrom: 'HOST', value: 'a' }] };
  assert.match(refused({ source, vmConfig }).message, /^spec\.vmConfig\.env\[0\]\.value: .*is for INLINE alone$/);
  assert.deepEqual(read({ source, vmConfig: { env: [{ name: 'A', valueFrom: 'INLINE', value: 'a' }] } }).vmEnv, [
    { name: 'A', value: 'a' },
  ]);
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

test('what is wrong for several reasons is an invalid declaration', () => {
  assert.equal(refused({ source, onMissing: 'deny', phase: 'FIRST' }).reason, 'InvalidSpec');
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

test('of a status that others have written only what can be read counts', () => {
  const good = { type: 'Ready', status: 'True', reason: 'Succeeded', message: '', lastTransitionTime: 'then' };
  const conditions = [
    good,
    { ...good, type: 'Resolved', status: 'Unknown', reason: 'Waiting' },
    { ...good, type: 'Verified', status: 'False', reason: 'NotFound' },
  ];
  const broken = [
    ...[{ type: 'Other' }, { status: 'yes' }, { reason: 'Whatever' }, { reason: 'toString' }, { reason: 7 }],
    ...[{ message: null }, { lastTransitionTime: 0 }],
  ].map((change) => ({ ...good, ...change }));
  const read = (status: JsonObject) => standingOf(objectOf({}, { status }));
  assert.deepEqual(read({ conditions: [...conditions, ...broken, null, 'Ready'] }), { conditions });
  const revision = revisionOf('a');
  for (const change of [{ reference: 1 }, { pinned: undefined }, { variant: 'other' }, { variant: 7 }])
    assert.deepEqual(read({ active: { ...revision, ...change } }), {});
  for (const variant of ['compat-oci', 'compat-docker', 'oci', 'http', 'file'])
    assert.equal(read({ active: { ...revision, variant } }).active?.variant, variant);
  const { active } = read({
    active: { ...revision, manifestDigest: 'a', indexDigest: 'b', layerDigest: 'c', sizeBytes: 'd' },
  });
  assert.deepEqual(
    [active?.manifestDigest, active?.indexDigest, active?.layerDigest, active?.sizeBytes],
    [undefined, undefined, undefined, 0],
  );
  for (const nodes of [{ wanted: 1 }, { ready: 1 }, { wanted: '1', ready: 1 }, 'all'])
    assert.deepEqual(read({ nodes }), {});
  assert.deepEqual(read({ nodes: { wanted: 1, ready: 0, failed: [1] } }).nodes, { wanted: 1, ready: 0 });
  assert.equal(read({ tried: Array(20).fill('a.b') }).tried?.length, 8);
});

test('what cannot be a revision counts as none, because its digest would become a path', () => {
  const active = { ...revisionOf('a'), moduleDigest: '../../etc/passwd' };
  assert.deepEqual(standingOf(objectOf({}, { status: { active, conditions: [{ type: 'Ready' }], tried: [1] } })), {
    conditions: [],
    tried: [],
  });
  assert.deepEqual(standingOf(objectOf({}, { status: 'text' })), {});
});
