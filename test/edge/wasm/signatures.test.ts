// The verdicts on what the real cosign 2 and 3 write into a real registry. Each altered or copied signature is put where
// an attacker would put it who may write into the registry and has no key.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hexOf, type ManifestDigest } from '../../../src/core/wasm/digests.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { readImageReference } from '../../../src/core/wasm/image/read-source.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { bundleType } from '../../../src/core/wasm/signature/sigstore-bundle.ts';
import { signatureTag } from '../../../src/core/wasm/signature/simple-signing.ts';
import type { ImageReference } from '../../../src/core/wasm/source.ts';
import type { Trust } from '../../../src/core/wasm/trust.ts';
import { pushImage } from '../../../src/edge/registry/push-image.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { verifyImage } from '../../../src/edge/registry/verify-image.ts';
import {
  type CosignKey,
  type CosignVersion,
  importKey,
  makeKey,
  signImage,
  skipWithoutCosign,
} from '../../wasm/cosign.ts';
import { type Distribution, startDistribution } from '../../wasm/distribution.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

interface BlobDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Written {
  readonly layers: readonly BlobDescriptor[];
  readonly manifests: readonly BlobDescriptor[];
}

describe('An image that cosign signed', { skip: skipWithoutCosign }, () => {
  let distribution: Distribution;
  let registry: Registry;
  let image: ImageReference;
  let folder: string;
  let release: CosignKey;
  let ops: CosignKey;

  before(async () => {
    distribution = await startDistribution();
    folder = mkdtempSync(join(tmpdir(), 'pillion-cosign-'));
    registry = createRegistry({ plainHttp: [distribution.host], limits: usualLimits });
    const read = readImageReference(`${distribution.host}/team/filter`);
    assert.ok(read.ok);
    image = read.value;
    [release, ops] = await Promise.all([makeKey(folder, 'release', 2), makeKey(folder, 'ops', 3)]);
  });
  after(async () => {
    registry?.close();
    await distribution?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function push(text: string): Promise<ManifestDigest> {
    const pushed = await pushImage(registry, image, packModule(Buffer.from(text)));
    assert.ok(pushed.ok, JSON.stringify(pushed));
    return pushed.value.manifestDigest;
  }

  async function signed(text: string, version: CosignVersion, key: CosignKey): Promise<ManifestDigest> {
    const digest = await push(text);
    await sign(version, key, digest);
    return digest;
  }

  function sign(version: CosignVersion, key: CosignKey, digest: ManifestDigest): Promise<void> {
    return signImage(version, key, `${distribution.host}/team/filter@${digest}`);
  }

  /** Who signed, or the refusal as one text. */
  async function verdict(digest: ManifestDigest, ...trusts: readonly Trust[]): Promise<string> {
    const verified = await verifyImage(registry, { image, manifestDigest: digest }, trusts);
    if (!verified.ok) return `${verified.error.reason}: ${verified.error.message}`;
    return verified.value.signedBy.map(({ key, form }) => `${key} (${form})`).join(', ');
  }

  async function fetched(path: string): Promise<Buffer> {
    const answer = await fetch(`http://${distribution.host}/v2/team/filter/${path}`, {
      headers: { accept: `${manifestType}, ${indexType}` },
    });
    assert.equal(answer.status, 200, path);
    return Buffer.from(await answer.arrayBuffer());
  }

  async function manifestAt(reference: string): Promise<Written> {
    return JSON.parse((await fetched(`manifests/${reference}`)).toString());
  }

  async function putManifest(
    tag: string | undefined,
    value: unknown,
    mediaType = manifestType,
  ): Promise<BlobDescriptor> {
    const bytes = Buffer.from(JSON.stringify(value));
    const { registry: host, repository } = image;
    const put = await registry.putManifest({ registry: host, repository, ...(tag && { tag }) }, bytes, mediaType);
    assert.ok(put.ok, JSON.stringify(put));
    return { mediaType, digest: put.value, size: bytes.length };
  }

  async function putBlob(mediaType: string, bytes: Uint8Array): Promise<BlobDescriptor> {
    const sent = await registry.uploadBlob(image, bytes);
    assert.ok(sent.ok, JSON.stringify(sent));
    return { mediaType, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length };
  }

  /** The signature of the one image where that of the other is looked for, its text changed on the way. */
  async function carryOver(
    version: CosignVersion,
    from: ManifestDigest,
    to: ManifestDigest,
    change: (text: string) => string = (text) => text,
  ): Promise<void> {
    const source = await (version === 2 ? manifestAt(signatureTag(from)) : bundleManifest(from));
    const [layer] = source.layers;
    assert.ok(layer);
    const changed = await putBlob(layer.mediaType, Buffer.from(change(`${await fetched(`blobs/${layer.digest}`)}`)));
    const manifest = { ...source, layers: [{ ...layer, ...changed }] };
    if (version === 2) await putManifest(signatureTag(to), manifest);
    else await refer(to, manifest);
  }

  async function bundleManifest(digest: ManifestDigest): Promise<Written> {
    const [referrer] = (await manifestAt(`sha256-${hexOf(digest)}`)).manifests;
    assert.ok(referrer);
    return manifestAt(referrer.digest);
  }

  async function refer(to: ManifestDigest, manifest: Written): Promise<void> {
    const subject = { mediaType: manifestType, digest: to, size: (await fetched(`manifests/${to}`)).length };
    const put = await putManifest(undefined, { ...manifest, subject });
    const manifests = [{ ...put, artifactType: bundleType }];
    await putManifest(`sha256-${hexOf(to)}`, { schemaVersion: 2, mediaType: indexType, manifests }, indexType);
  }

  /** One byte of the signed text changes on the registry's disk. */
  async function alterOnDisk(version: CosignVersion, digest: ManifestDigest): Promise<void> {
    const { layers } = await (version === 2 ? manifestAt(signatureTag(digest)) : bundleManifest(digest));
    const hex = hexOf((layers[0]?.digest ?? '') as ManifestDigest);
    const path = join(distribution.root, `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replace(/[0-9](?=[^0-9]*$)/, (digit) => `${(Number(digit) + 1) % 10}`),
    );
  }

  const trusted = (keys: readonly CosignKey[], threshold = 1, mode: Trust['mode'] = 'enforce'): Trust => ({
    mode,
    keys: keys.map(({ trusted: key }) => key),
    threshold,
  });

  for (const [version, form] of [
    [2, 'tag'],
    [3, 'bundle'],
  ] as const) {
    test(`by cosign ${version} with the right key is taken`, async () => {
      const digest = await signed(`right ${version}`, version, release);
      assert.equal(await verdict(digest, trusted([release])), `release (${form})`);
    });

    test(`by cosign ${version} with another key is refused as KeyUnknown`, async () => {
      const digest = await signed(`wrong ${version}`, version, ops);
      assert.match(
        await verdict(digest, trusted([release])),
        new RegExp(`^KeyUnknown: .* a signature in ${form} form fits none of the trusted keys; key "release" has to`),
      );
    });

    test(`by cosign ${version} is refused as SignatureInvalid where the signed text was altered on disk`, async () => {
      const digest = await signed(`altered ${version}`, version, release);
      await alterOnDisk(version, digest);
      assert.match(
        await verdict(digest, trusted([release])),
        new RegExp(`^SignatureInvalid: .* a signature in ${form} form cannot be read \\(DigestMismatch\\)`),
      );
    });

    test(`with the signature of another image by cosign ${version} is refused as SignatureInvalid`, async () => {
      const digest = await push(`copied to ${version}`);
      await carryOver(version, await signed(`copied from ${version}`, version, release), digest);
      assert.match(
        await verdict(digest, trusted([release])),
        new RegExp(`^SignatureInvalid: .* a signature in ${form} form is of another image`),
      );
    });
  }

  test('is refused where the text of cosign 2 was made to name it: the signature fits no key then', async () => {
    const digest = await push('renamed to 2');
    const other = await signed('renamed from 2', 2, release);
    await carryOver(2, other, digest, (text) => text.replace(other, digest));
    assert.match(await verdict(digest, trusted([release])), /^KeyUnknown: .* fits none of the trusted keys/);
  });

  test('is refused where the statement of cosign 3 was made to name it: the bundle names its key', async () => {
    const digest = await push('renamed to 3');
    const other = await signed('renamed from 3', 3, release);
    await carryOver(3, other, digest, (text) => {
      const bundle = JSON.parse(text);
      const statement = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
      bundle.dsseEnvelope.payload = Buffer.from(statement.replace(hexOf(other), hexOf(digest))).toString('base64');
      return JSON.stringify(bundle);
    });
    assert.match(
      await verdict(digest, trusted([release])),
      /^SignatureInvalid: .* names key "release" and was altered/,
    );
  });

  test('by cosign 2 in the form of cosign 3 is taken', async () => {
    const digest = await push('bundle of cosign 2');
    await signImage(2, release, `${distribution.host}/team/filter@${digest}`, ['--new-bundle-format']);
    assert.equal(await verdict(digest, trusted([release])), 'release (bundle)');
    assert.match(await verdict(digest, trusted([ops])), /^KeyUnknown: /);
  });

  test('by two keys, one in each form, has both of two', async () => {
    const digest = await signed('two of two', 2, release);
    const both = trusted([release, ops], 2);
    assert.match(await verdict(digest, both), /^KeyUnknown: .* is signed by "release" alone; 2 of the keys/);
    await sign(3, ops, digest);
    assert.equal(await verdict(digest, both), 'release (tag), ops (bundle)');
    assert.equal(await verdict(digest, trusted([release]), trusted([ops])), 'release (tag), ops (bundle)');
  });

  test('twice in the same form has both signatures looked at', async () => {
    for (const version of [2, 3] as const) {
      const digest = await signed(`twice ${version}`, version, ops);
      await sign(version, release, digest);
      const form = version === 2 ? 'tag' : 'bundle';
      const signers = (await verdict(digest, trusted([release, ops], 2))).split(', ');
      assert.deepEqual(signers.sort(), [`ops (${form})`, `release (${form})`]);
    }
  });

  test('by nobody is refused as SignatureMissing, and taken with a warning where the mode is warn', async () => {
    const digest = await push('unsigned');
    assert.match(await verdict(digest, trusted([release])), /^SignatureMissing: Cannot trust oci:\/\/.*@sha256:/);
    const warned = await verifyImage(registry, { image, manifestDigest: digest }, [trusted([release], 1, 'warn')]);
    assert.ok(warned.ok);
    assert.deepEqual(warned.value.signedBy, []);
    assert.match(warned.value.warning ?? '', /^SignatureMissing: Cannot trust oci:\/\/.*; key "release" has to have/);
    assert.deepEqual(await verifyImage(registry, { image, manifestDigest: digest }, []), {
      ok: true,
      value: { signedBy: [] },
    });
  });

  test('with other kinds of keys than its own default is taken too', async () => {
    const pairs = {
      p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    };
    for (const [name, { privateKey }] of Object.entries(pairs)) {
      const pem = join(folder, `${name}.pem`);
      writeFileSync(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      const key = await importKey(folder, name, pem);
      for (const version of [2, 3] as const) {
        const digest = await signed(`${name} ${version}`, version, key);
        assert.equal(await verdict(digest, trusted([key])), `${name} (${version === 2 ? 'tag' : 'bundle'})`);
      }
    }
  });
});
