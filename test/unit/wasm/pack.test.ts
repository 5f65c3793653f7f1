import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { gzipOf } from '../../../src/core/wasm/image/gzip.ts';
import { type PackedImage, packModule } from '../../../src/core/wasm/image/pack.ts';

const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function json(bytes: Uint8Array): Record<string, never> {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

interface Entry {
  readonly header: string;
  readonly bytes: Uint8Array;
}

function entriesOf({ layer }: PackedImage): readonly Entry[] {
  const archive = gunzipSync(layer.bytes);
  assert.equal(archive.length % 512, 0);
  const entries: Entry[] = [];
  for (let at = 0; archive[at] !== 0; ) {
    const header = archive.subarray(at, at + 512);
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
    entries.push({ header: header.toString('latin1'), bytes: archive.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  assert.ok(archive.subarray(-1024).every((byte) => byte === 0));
  return entries;
}

describe('A packed image', () => {
  test('has the same bytes everywhere and always', () => {
    assert.equal(
      packModule(module).manifest.digest,
      'sha256:157c506bc29310dec1e532ffac4d735a33c536fb764bc5f61933365e1c64b9e4',
    );
    const text = Buffer.from('every module of every team and every module of every mesh\n'.repeat(500));
    const rich = packModule(text, { rootIds: ['b', 'a'], annotations: { z: '1', a: '2' } });
    assert.equal(rich.manifest.digest, 'sha256:87363f895de4b1289a1f69f0ab1187737dc3a184ff23c95e243ae778185d23cd');
    const other = packModule(text, { annotations: { a: '2', z: '1' }, rootIds: ['b', 'a'] });
    assert.equal(other.manifest.digest, rich.manifest.digest);
  });

  test('is one manifest of the variant compat whose digests and sizes fit', () => {
    const image = packModule(module, { annotations: { 'org.opencontainers.image.title': 'hello' } });
    for (const { digest, bytes } of [image.manifest, image.config, image.layer]) assert.equal(digest, digestOf(bytes));
    assert.equal(image.moduleDigest, digestOf(module));
    assert.equal(image.diffId, digestOf(gunzipSync(image.layer.bytes)));
    assert.deepEqual(json(image.manifest.bytes), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: image.config.digest,
        size: image.config.bytes.length,
      },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: image.layer.digest,
          size: image.layer.bytes.length,
        },
      ],
      annotations: { 'module.wasm.image/variant': 'compat', 'org.opencontainers.image.title': 'hello' },
    });
    const config = json(image.config.bytes);
    assert.deepEqual([config['os'], config['architecture']], ['linux', 'amd64']);
    assert.deepEqual(config['rootfs'], { type: 'layers', diff_ids: [image.diffId] });
  });

  test('keeps its variant, whatever annotation is given', () => {
    const image = packModule(module, { annotations: { 'module.wasm.image/variant': 'other' } });
    assert.deepEqual(json(image.manifest.bytes)['annotations'], { 'module.wasm.image/variant': 'compat' });
  });

  test('holds one read-only file of root without a time', () => {
    const [only, ...more] = entriesOf(packModule(module));
    assert.ok(only);
    assert.deepEqual([...only.bytes], [...module]);
    const zeros = '0'.repeat(11);
    assert.equal(
      only.header.slice(0, 148),
      `${'plugin.wasm'.padEnd(100, '\0')}0000444\x000000000\x000000000\x0000000000010\0${zeros}\0`,
    );
    assert.equal(only.header.slice(156, 265), `0${'\0'.repeat(100)}ustar\x0000`);
    assert.equal(more.length, 0);
  });

  test('holds runtime-config.json besides where root ids are given', () => {
    const [plugin, config, ...more] = entriesOf(packModule(module, { rootIds: ['add_header'] }));
    assert.ok(plugin && config && more.length === 0);
    assert.ok(config.header.startsWith('runtime-config.json\0'));
    assert.deepEqual(json(config.bytes), {
      type: 'envoy_proxy',
      abiVersions: [],
      config: { rootIds: ['add_header'] },
    });
  });
});

describe('The compressed bytes', () => {
  test('have no name, time or operating system in their header', () => {
    assert.deepEqual([...gzipOf(module).subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  });

  test('unpack to what was packed, with few and with many repetitions', () => {
    const few = fc.uint8Array({ maxLength: 5_000 });
    const many = fc.tuple(few, fc.nat(300), few).map(([one, times, other]) => {
      const parts = Array.from({ length: times }, (_, at) => (at % 7 === 0 ? other : one.subarray(0, at)));
      return Buffer.concat([...parts, other]);
    });
    fc.assert(
      fc.property(fc.oneof(few, many), (bytes) => {
        assert.ok(gunzipSync(gzipOf(bytes)).equals(bytes));
      }),
      { numRuns: 200 },
    );
  });

  test('unpack where every length and every distance of a match occurs', () => {
    const noise = Buffer.alloc(33_500, 0);
    for (let at = 0, seed = 1; at < noise.length; at += 1) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      noise[at] = seed >>> 24;
    }
    const lengths = Array.from({ length: 300 }, (_, at) => noise.subarray(at * 100, at * 100 + at));
    for (const bytes of [
      Buffer.concat([noise.subarray(0, 32_768), noise.subarray(0, 600)]),
      Buffer.concat([noise, noise]),
      Buffer.concat([noise.subarray(0, 31_000), ...lengths]),
      ...[1, 2, 3, 4, 257, 258, 259, 260, 516, 517].map((count) => Buffer.alloc(count, 7)),
      Buffer.alloc(0),
    ]) {
      assert.ok(gunzipSync(gzipOf(bytes)).equals(bytes));
    }
  });

  test('are fewer where something repeats, and hardly more where nothing does', () => {
    assert.ok(gzipOf(Buffer.alloc(1_000_000)).length < 10_000);
    const hashes = Array.from({ length: 2_000 }, (_, at) => createHash('sha256').update(`${at}`).digest());
    assert.ok(gzipOf(Buffer.concat(hashes)).length < 64_000 * 1.13);
  });
});
