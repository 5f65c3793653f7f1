// Is an image taken by a signature of its index, on the command line, by control and on a node alike; and never by one of
// an index that does not list it. With a real registry and the real cosign.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ClusterOptions, readOptions } from '../../../src/core/cluster/options.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import { ok } from '../../../src/core/model/problem.ts';
import { hexOf, type LayerDigest, type ManifestDigest, type ModuleDigest } from '../../../src/core/wasm/digests.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import type { ModuleSource } from '../../../src/core/wasm/source.ts';
import { type WantedModule, type WantedSource, wantedOf } from '../../../src/core/wasm/store/wanted.ts';
import type { Trust, Verification } from '../../../src/core/wasm/trust.ts';
import { resolveModule } from '../../../src/edge/registry/fetch-module.ts';
import { pushImage } from '../../../src/edge/registry/push-image.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { type ToVerify, verifyResolved } from '../../../src/edge/registry/verify-resolved.ts';
import { fetchToStore } from '../../../src/edge/store/fetch-to-store.ts';
import { openStore } from '../../../src/edge/store/open-store.ts';
import { type StorePaths, storePaths } from '../../../src/edge/store/store-paths.ts';
import { type CosignKey, type CosignVersion, makeKey, signImage, skipWithoutCosign } from '../../wasm/cosign.ts';
import { type Distribution, startDistribution } from '../../wasm/distribution.ts';
import { moduleOf } from '../../wasm/module-builder.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const attestation = { 'vnd.docker.reference.type': 'attestation-manifest' };

interface Pushed {
  readonly moduleDigest: ModuleDigest;
  readonly layerDigest: LayerDigest;
  readonly manifestDigest: ManifestDigest;
  readonly sizeBytes: number;
}

/** An image under a tag that names an index, as build tools make it. */
interface Listed extends Pushed {
  readonly indexDigest: ManifestDigest;
}

describe('An image that is signed by its index', { skip: skipWithoutCosign }, () => {
  const repository = 'team/filter';
  let distribution: Distribution;
  let registry: Registry;
  let folder: string;
  let paths: StorePaths;
  let release: CosignKey;
  let ops: CosignKey;
  let pushes = 0;

  before(async () => {
    distribution = await startDistribution();
    folder = mkdtempSync(join(tmpdir(), 'pillion-index-'));
    registry = createRegistry({ plainHttp: [distribution.host], limits: usualLimits });
    paths = storePaths(join(folder, 'store'));
    assert.ok((await openStore(paths)).ok);
    [release, ops] = await Promise.all([makeKey(folder, 'release', 2), makeKey(folder, 'ops', 3)]);
  });
  after(async () => {
    registry?.close();
    await distribution?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** An image that is like no other. */
  async function push(): Promise<Pushed> {
    pushes += 1;
    const bytes = moduleOf({ custom: { fill: Buffer.from(`${pushes}`) } });
    const packed = packModule(bytes);
    const pushed = await pushImage(registry, { registry: distribution.host, repository }, packed);
    assert.ok(pushed.ok, JSON.stringify(pushed));
    const { moduleDigest, layer, manifest } = packed;
    return { moduleDigest, layerDigest: layer.digest, manifestDigest: manifest.digest, sizeBytes: bytes.length };
  }

  async function putIndex(tag: string, ...children: readonly (Pushed & { annotations?: object })[]) {
    const manifests = await Promise.all(
      children.map(async ({ manifestDigest: digest, annotations }) => {
        const found = await registry.manifest({ registry: distribution.host, repository, digest });
        assert.ok(found.ok);
        return { mediaType: manifestType, digest, size: found.value.bytes.length, ...(annotations && { annotations }) };
      }),
    );
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
    const put = await registry.putManifest({ registry: distribution.host, repository, tag }, bytes, indexType);
    assert.ok(put.ok, JSON.stringify(put));
    return put.value;
  }

  async function listed(tag: string): Promise<Listed> {
    const pushed = await push();
    return { ...pushed, indexDigest: await putIndex(tag, pushed, { ...(await push()), annotations: attestation }) };
  }

  function sign(version: CosignVersion, key: CosignKey, digest: ManifestDigest): Promise<void> {
    return signImage(version, key, `${distribution.host}/${repository}@${digest}`);
  }

  const trusted = (keys: readonly CosignKey[], threshold = 1, mode: Trust['mode'] = 'enforce'): Trust => ({
    mode,
    keys: keys.map(({ trusted: key }) => key),
    threshold,
  });

  function wasmOptions(changes: JsonObject = {}): ClusterOptions['wasm'] {
    const wasm = { enabled: true, plainHttpRegistries: [distribution.host], ...changes };
    const read = readOptions({ wasm });
    assert.ok(read.ok, JSON.stringify(read));
    return read.value.wasm;
  }

  const enforced = () => ({ signatures: 'enforce', keys: [{ name: 'release', pem: release.trusted.pem }] });

  /** What control and `pillion wasm verify` do with a tag. */
  async function verified(tag: string, ...trusts: readonly Trust[]): Promise<Verification | string> {
    const source = { kind: 'image', image: { registry: distribution.host, repository, tag } } as const;
    const resolved = await resolveModule(source, { registry, limits: usualLimits });
    assert.ok(resolved.ok, JSON.stringify(resolved));
    return verdict(resolved.value, ...trusts);
  }

  async function verdict(resolved: ToVerify, ...trusts: readonly Trust[]): Promise<Verification | string> {
    const found = await verifyResolved(registry, resolved, trusts);
    return found.ok ? found.value : `${found.error.reason}: ${found.error.message}`;
  }

  const imageOf = (digest: ManifestDigest): ModuleSource => ({
    kind: 'image',
    image: { registry: distribution.host, repository, digest },
  });

  function wantedFrom(
    { moduleDigest: digest, sizeBytes, manifestDigest, indexDigest }: Pushed & Partial<Listed>,
    changes: Partial<WantedSource> = {},
  ): WantedModule {
    const source = { source: imageOf(manifestDigest), manifestDigest, ...(indexDigest && { indexDigest }), ...changes };
    return { digest, sizeBytes, sources: ok([source]) };
  }

  /** What the agent of a node does: whether the file is there then, or why not. */
  async function storedOf(wanted: WantedModule, wasm: ClusterOptions['wasm']): Promise<string> {
    const kube = { get: () => assert.fail('there is no pull secret') };
    const fetched = await fetchToStore({ paths, kube, wasm }, wanted, AbortSignal.timeout(60_000));
    assert.equal(existsSync(paths.module(wanted.digest)), fetched.ok);
    return fetched.ok ? 'stored' : `${fetched.error.reason}: ${fetched.error.message}`;
  }

  /** The same with what the status tells of the image. */
  function stored(
    image: Pushed & Partial<Listed>,
    wasm: ClusterOptions['wasm'] = wasmOptions(enforced()),
    changes: Partial<WantedSource> = {},
  ): Promise<string> {
    return storedOf(wantedFrom(image, changes), wasm);
  }

  for (const [version, form] of [
    [2, 'tag'],
    [3, 'bundle'],
  ] as const) {
    test(`alone, by cosign ${version}, is taken everywhere, as long as its index is known`, async () => {
      const image = await listed(`signed-${version}`);
      await sign(version, release, image.indexDigest);
      const signedBy = [{ key: 'release', form }];
      assert.deepEqual(await verified(`signed-${version}`, trusted([release])), { signedBy });
      const { indexDigest: _, ...alone } = image;
      assert.match(await stored(alone), /^SignatureMissing: /);
      assert.equal(await stored(image), 'stored');
    });

    test(`by cosign ${version} is refused where that index does not list it`, async () => {
      const image = await listed(`other-${version}`);
      const other = await listed(`stranger-${version}`);
      await sign(version, release, other.indexDigest);
      const swapped = { ...image, indexDigest: other.indexDigest };
      assert.match(await stored(swapped), /^SignatureInvalid: .*@sha256:\w+: its index sha256:\w+ does not list it$/);
      const { manifestDigest, indexDigest } = swapped;
      const resolved = { source: imageOf(manifestDigest), manifestDigest, indexDigest };
      assert.match(`${await verdict(resolved, trusted([release]))}`, /^SignatureInvalid: .* does not list it$/);
      assert.deepEqual(await verdict(resolved, trusted([release], 1, 'warn')), {
        signedBy: [],
        warning: `${await verdict(resolved, trusted([release]))}`,
      });
    });
  }

  test('is refused where the index names it as something that was said about an image', async () => {
    const [image, said] = [await push(), await push()];
    const indexDigest = await putIndex('said', image, { ...said, annotations: attestation });
    await sign(2, release, indexDigest);
    assert.match(await stored({ ...said, indexDigest }), /^SignatureInvalid: .* does not list it$/);
    assert.equal(await stored({ ...image, indexDigest }), 'stored');
  });

  test('is refused where what is named as the index is an image that is signed', async () => {
    const [image, signed] = [await push(), await push()];
    await sign(2, release, signed.manifestDigest);
    assert.match(
      await stored({ ...image, indexDigest: signed.manifestDigest }),
      /^SignatureInvalid: .* does not list it$/,
    );
  });

  test('is refused where the registry has other bytes for the index, and where it has none any more', async () => {
    const image = await listed('altered');
    await sign(2, release, image.indexDigest);
    const hex = hexOf(image.indexDigest);
    const path = join(distribution.root, `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
    const other = await push();
    writeFileSync(path, readFileSync(path, 'utf8').replace(image.manifestDigest, other.manifestDigest));
    const swapped = { ...other, indexDigest: image.indexDigest };
    assert.match(
      await stored(swapped),
      /^SignatureInvalid: .* its index sha256:\w+ cannot be read \(DigestMismatch\)$/,
    );
    const gone = { ...image, indexDigest: `sha256:${'0'.repeat(64)}` as const };
    assert.match(await stored(gone), /^SignatureMissing: /);
  });

  test('by one key and itself by another is signed by both', async () => {
    const image = await listed('both');
    await sign(2, release, image.manifestDigest);
    assert.match(`${await verified('both', trusted([release, ops], 2))}`, /^KeyUnknown: .* by "release" alone/);
    await sign(3, ops, image.indexDigest);
    const signedBy = [
      { key: 'release', form: 'tag' },
      { key: 'ops', form: 'bundle' },
    ];
    assert.deepEqual(await verified('both', trusted([release, ops], 2)), { signedBy });
    assert.equal(await stored(image, wasmOptions(enforced()), { trust: trusted([ops]) }), 'stored');
  });

  test('by a key that is not trusted is refused', async () => {
    const image = await listed('stranger');
    await sign(2, ops, image.indexDigest);
    assert.match(await stored(image), /^KeyUnknown: .* fits none of the trusted keys; key "release" has to/);
  });

  test('is followed from the options, which name the index or a tag', async () => {
    const image = await listed('options');
    await sign(2, release, image.indexDigest);
    const place = `oci://${distribution.host}/${repository}`;
    for (const source of [`${place}@${image.indexDigest}`, `${place}:options`]) {
      const wasm = wasmOptions({ ...enforced(), modules: [{ source, sha256: image.moduleDigest }] });
      assert.equal(await storedOf(wantedOf([], wasm).modules.get(image.moduleDigest) ?? assert.fail(), wasm), 'stored');
      rmSync(paths.module(image.moduleDigest));
    }
  });

  test('is refused where any of its digests is denied, also where only a tag is named', async () => {
    const image = await listed('denied');
    await sign(2, release, image.indexDigest);
    const source = { kind: 'image', image: { registry: distribution.host, repository, tag: 'denied' } } as const;
    const tagged = { ...wantedFrom(image), sources: ok([{ source }]) };
    const found = await resolveModule(source, { registry, limits: usualLimits });
    assert.ok(found.ok && found.value.indexDigest === image.indexDigest);
    for (const digest of [image.indexDigest, image.manifestDigest, image.layerDigest]) {
      const wasm = wasmOptions({ ...enforced(), deniedDigests: [digest] });
      const denied = new RegExp(`^DigestDenied: Cannot take ${digest}`);
      assert.match(await stored(image, wasm), denied);
      assert.match(await storedOf(tagged, wasm), denied);
    }
    assert.equal(await storedOf(tagged, wasmOptions(enforced())), 'stored');
  });

  test('is what a file is not: with signatures asked for, a node takes none from a URL', async () => {
    const image = await push();
    const source = { kind: 'http', url: 'https://127.0.0.1:1/plugin.wasm', moduleDigest: image.moduleDigest } as const;
    const resolved = await verdict({ source }, trusted([release], 1, 'warn'));
    assert.match(JSON.stringify(resolved), /"warning":"SignatureMissing: .* only images have signatures"/);
    assert.match(await stored(image, undefined, { source }), /^SignatureMissing: .* only images have signatures$/);
  });
});
