// Against a small registry that has the API of referrers, and that fails where a test wants it to.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { bundleType, predicateAnnotation, signPredicate } from '../../../src/core/wasm/signature/sigstore-bundle.ts';
import {
  signatureAnnotation,
  signatureTag,
  simpleSigningType,
} from '../../../src/core/wasm/signature/simple-signing.ts';
import type { Trust } from '../../../src/core/wasm/trust.ts';
import { createRegistry } from '../../../src/edge/registry/registry.ts';
import { verifyImage } from '../../../src/edge/registry/verify-image.ts';
import { bundleOf, claimOf, type Signer, signer, statementOf } from '../../wasm/signed.ts';

const digest = `sha256:${'12'.repeat(32)}` as const;
const release = signer('release');
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const attestation = 'https://slsa.dev/provenance/v1';

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Fake {
  /** By what follows `/v2/team/filter/`; what is not there is answered with 404. */
  readonly answers: Map<string, Answer>;
  readonly asked: string[];
  verify(...trusts: readonly Trust[]): Promise<string>;
}

async function startFake(context: TestContext): Promise<Fake> {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    const path = url.replace('/v2/team/filter/', '');
    asked.push(path);
    const { status = 200, type, bytes = new Uint8Array(), headers } = answers.get(path) ?? { status: 404 };
    response.writeHead(status, { ...(type && { 'content-type': type }), ...headers }).end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry = createRegistry({ plainHttp: [host], limits: usualLimits, patienceMs: 60_000 });
  context.after(() => {
    registry.close();
    server.close();
    server.closeAllConnections();
  });
  const verify = async (...trusts: readonly Trust[]) => {
    const image = { registry: host, repository: 'team/filter' };
    const verified = await verifyImage(registry, { image, manifestDigest: digest }, trusts);
    if (!verified.ok) return `${verified.error.reason}: ${verified.error.message}`;
    const signed = verified.value.signedBy.map(({ key, form }) => `${key} (${form})`).join(', ');
    return verified.value.warning === undefined ? signed : `warning: ${verified.value.warning}`;
  };
  return { answers, asked, verify };
}

function enforced(...keys: readonly Signer[]): Trust {
  return { mode: 'enforce', keys: keys.map(({ trusted }) => trusted), threshold: keys.length };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function putBlob({ answers }: Fake, mediaType: string, bytes: Uint8Array) {
  answers.set(`blobs/${digestOf(bytes)}`, { type: 'application/octet-stream', bytes });
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function manifestOf(fake: Fake, layers: readonly unknown[], more: object = {}): Uint8Array {
  const config = putBlob(fake, 'application/vnd.oci.empty.v1+json', Buffer.from('{}'));
  return jsonBytes({ schemaVersion: 2, mediaType: manifestType, config, layers, ...more });
}

/** A manifest that holds the bundle; what an index says about it. */
function putBundle(fake: Fake, bundle: Uint8Array, predicate = signPredicate) {
  const annotations = { [predicateAnnotation]: predicate };
  const more = { artifactType: bundleType, annotations };
  const bytes = manifestOf(fake, [putBlob(fake, bundleType, bundle)], more);
  fake.answers.set(`manifests/${digestOf(bytes)}`, { type: manifestType, bytes });
  return { mediaType: manifestType, digest: digestOf(bytes), size: bytes.length, artifactType: bundleType };
}

function putTag(fake: Fake, signature: string): void {
  const layer = putBlob(fake, simpleSigningType, Buffer.from(claimOf(digest)));
  const bytes = manifestOf(fake, [{ ...layer, annotations: { [signatureAnnotation]: signature } }]);
  fake.answers.set(`manifests/${signatureTag(digest)}`, { type: manifestType, bytes });
}

const firstPage = `referrers/${digest}?artifactType=${encodeURIComponent(bundleType)}`;

function putPage({ answers }: Fake, path: string, manifests: readonly unknown[], headers: Record<string, string> = {}) {
  const bytes = jsonBytes({ schemaVersion: 2, mediaType: indexType, manifests });
  answers.set(path, { type: indexType, bytes, headers });
}

test('A bundle on the second page of the API, behind others, is found', async (context) => {
  const fake = await startFake(context);
  const stranger = putBundle(fake, bundleOf(signer('stranger'), statementOf(digest)));
  const ours = putBundle(fake, bundleOf(release, statementOf(digest)));
  const link = '</v2/team/filter/referrers/next?page=2>; rel="next"';
  putPage(fake, firstPage, [stranger], { link, 'OCI-Filters-Applied': 'artifactType' });
  putPage(fake, 'referrers/next?page=2', [ours]);
  assert.equal(await fake.verify(enforced(release)), 'release (bundle)');
});

test('A registry that filters nothing has what is no bundle left alone', async (context) => {
  const fake = await startFake(context);
  const ours = putBundle(fake, bundleOf(release, statementOf(digest)));
  const sbom = { ...ours, artifactType: 'application/spdx+json', digest: `sha256:${'34'.repeat(32)}` };
  putPage(fake, firstPage, [sbom, ours]);
  assert.equal(await fake.verify(enforced(release)), 'release (bundle)');
  assert.ok(!fake.asked.includes(`manifests/${sbom.digest}`));
});

test('Without the API the index under the referrers tag is read', async (context) => {
  const fake = await startFake(context);
  const ours = putBundle(fake, bundleOf(release, statementOf(digest)));
  putPage(fake, `manifests/sha256-${'12'.repeat(32)}`, [ours]);
  assert.equal(await fake.verify(enforced(release)), 'release (bundle)');
});

test('Attestations are no signatures, and their bundles are not fetched', async (context) => {
  const fake = await startFake(context);
  const provenance = bundleOf(release, statementOf(digest, { predicateType: attestation }));
  putPage(fake, firstPage, [putBundle(fake, provenance, attestation)]);
  assert.match(await fake.verify(enforced(release)), /^SignatureMissing: .*, only attestations of other kinds;/);
  assert.ok(!fake.asked.includes(`blobs/${digestOf(provenance)}`));
});

test('Of very many bundles fifty are looked at', async (context) => {
  const fake = await startFake(context);
  const stranger = signer('stranger');
  const many = Array.from({ length: 60 }, (_, at) =>
    putBundle(fake, bundleOf(stranger, statementOf(digest, { predicate: { at } }))),
  );
  putPage(fake, firstPage, many);
  assert.match(await fake.verify(enforced(release)), /^KeyUnknown: .* each of 50 other signatures in bundle form/);
  assert.equal(fake.asked.filter((path) => path.startsWith('blobs/')).length, 50);
});

test('A signature under the tag that suffices has nothing else asked', async (context) => {
  const fake = await startFake(context);
  putTag(fake, release.sign(claimOf(digest)));
  assert.equal(await fake.verify(enforced(release)), 'release (tag)');
  assert.ok(!fake.asked.some((path) => path.startsWith('referrers/')));
});

test('A layer of another type under the tag is no signature', async (context) => {
  const fake = await startFake(context);
  const layer = putBlob(fake, 'application/vnd.oci.image.layer.v1.tar+gzip', Buffer.from(claimOf(digest)));
  const signed = { ...layer, annotations: { [signatureAnnotation]: release.sign(claimOf(digest)) } };
  fake.answers.set(`manifests/${signatureTag(digest)}`, { type: manifestType, bytes: manifestOf(fake, [signed]) });
  assert.match(await fake.verify(enforced(release)), /^SignatureMissing: /);
});

test('A signature that is too large is not read', async (context) => {
  const fake = await startFake(context);
  const padded = bundleOf(release, statementOf(digest, { predicate: { padding: 'x'.repeat(300_000) } }));
  putPage(fake, firstPage, [putBundle(fake, padded)]);
  assert.match(await fake.verify(enforced(release)), /^SignatureInvalid: .* a signature in bundle form cannot be read/);
});

test('What stands under the tag and is no manifest does not keep a bundle from counting', async (context) => {
  const fake = await startFake(context);
  fake.answers.set(`manifests/${signatureTag(digest)}`, { type: manifestType, bytes: Buffer.from('[') });
  assert.match(await fake.verify(enforced(release)), /^SignatureInvalid: .* in tag form cannot be read \(InvalidMan/);
  putPage(fake, firstPage, [putBundle(fake, bundleOf(release, statementOf(digest)))]);
  assert.equal(await fake.verify(enforced(release)), 'release (bundle)');
});

test('A registry that fails says nothing about signatures: its fault is the answer, and in mode warn the warning', async (context) => {
  const fake = await startFake(context);
  fake.answers.set(`manifests/${signatureTag(digest)}`, { status: 503 });
  assert.match(await fake.verify(enforced(release)), /^RegistryUnreachable: /);
  assert.match(await fake.verify({ ...enforced(release), mode: 'warn' }), /^warning: RegistryUnreachable: /);
  putPage(fake, firstPage, [putBundle(fake, bundleOf(release, statementOf(digest)))]);
  assert.equal(await fake.verify(enforced(release)), 'release (bundle)');
});

test('A registry that fails refuses nothing where all that is enforced holds already', async (context) => {
  const fake = await startFake(context);
  putTag(fake, release.sign(claimOf(digest)));
  fake.answers.set(firstPage, { status: 503 });
  const warned: Trust = { ...enforced(signer('other')), mode: 'warn' };
  assert.match(await fake.verify(enforced(release), warned), /^warning: RegistryUnreachable: /);
});

test('A key that is none is refused by its name, without asking the registry', async (context) => {
  const fake = await startFake(context);
  const broken: Trust = { mode: 'enforce', keys: [{ name: 'old', pem: 'nonsense' }], threshold: 1 };
  assert.match(await fake.verify(broken), /^InvalidSpec: .* the key "old": it is no public key in PEM$/);
  assert.deepEqual(fake.asked, []);
});
