// Answers: does anything that a registry can send make the reading of modules throw, take long, or give out more than is
// allowed. Nothing may: the same process serves everybody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Result } from '../../src/core/model/problem.ts';
import { checkModule } from '../../src/core/wasm/bytes/module-check.ts';
import { isDigest } from '../../src/core/wasm/digests.ts';
import { lastDiffId, rootIdsOf } from '../../src/core/wasm/image/image-config.ts';
import { chooseChild, moduleLayer, readManifest } from '../../src/core/wasm/image/manifest.ts';
import { readSource, referenceText } from '../../src/core/wasm/image/read-source.ts';
import { usualLimits, type WasmLimits } from '../../src/core/wasm/limits.ts';
import { type Refusal, refusals } from '../../src/core/wasm/refusals.ts';
import { unpackModule } from '../../src/edge/registry/unpack.ts';
import { compatLayer, paxHeader, sha256, streamed, tar } from '../wasm/archive-builder.ts';
import { moduleOf } from '../wasm/module-builder.ts';
import { runs } from './runs.ts';

/** So long that a busy machine is no reason; what is quadratic in a megabyte takes longer. */
const longestMs = 5_000;

/** A refusal that can be shown; and none of this may take long. */
function assertAnswer(answer: Result<unknown, Refusal>, startMs: number): void {
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < longestMs, `it took ${tookMs} ms`);
  if (answer.ok) return;
  assert.ok(Object.hasOwn(refusals, answer.error.reason));
  assert.match(answer.error.message, /^Cannot .+: .+$/s);
  assert.ok(answer.error.message.length < 2_000);
}

interface Mutation {
  readonly at: number;
  readonly drop: number;
  readonly insert: Uint8Array;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  drop: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(1_000)),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom(...['ffffffff0f', '8080808080', '00', '7f', '80', 'ff'].map((hex) => Buffer.from(hex, 'hex'))),
  ),
});

/** The bytes with some places changed, from none to all that matter. */
function mutated(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const mutate = (before: Uint8Array, { at, drop, insert }: Mutation): Uint8Array => {
    const place = at % (before.length + 1);
    return Buffer.concat([before.subarray(0, place), insert, before.subarray(place + drop)]);
  };
  return fc.array(mutation, { maxLength: 4 }).map((mutations) => mutations.reduce(mutate, bytes));
}

const module = moduleOf({
  memory: [1, 2],
  imports: ['env.proxy_log', 'wasi_snapshot_preview1.fd_write'],
  custom: { producers: Buffer.from('010870726f6365737301017801', 'hex'), name: 'abc' },
});

const bytes = fc.oneof(fc.uint8Array({ maxLength: 2_000 }), mutated(module));

test('any bytes at all as module get facts or a refusal', () => {
  fc.assert(
    fc.property(bytes, (some) => {
      const startMs = performance.now();
      const checked = checkModule(some);
      assertAnswer(checked, startMs);
      if (checked.ok) assert.equal(checked.value.sizeBytes, some.length);
    }),
    runs(3_000),
  );
});

const limits: WasmLimits = { ...usualLimits, maxModuleBytes: 4_096, maxCompressedBytes: 8_192, maxTarEntries: 8 };

const archive = tar(
  { name: 'a/', type: '5' },
  paxHeader({ mtime: '1', comment: 'x' }),
  { name: 'runtime-config.json', content: '{"rootIds":["a"]}' },
  { name: '././@LongLink', type: 'L', content: 'README\0' },
  { name: 'README', content: 'x' },
  { name: 'plugin.wasm', content: module },
);

const blob = fc.oneof(
  fc.uint8Array({ maxLength: 10_000 }),
  mutated(archive).map((changed) => gzipSync(changed)),
  mutated(compatLayer(module)),
  mutated(archive),
  bytes,
);

const variants = ['compat-oci', 'compat-docker', 'oci', 'http'] as const;

test('any blob at all gives a module within its bounds or a refusal', async () => {
  await fc.assert(
    fc.asyncProperty(
      blob,
      fc.constantFrom(...variants),
      fc.integer({ min: 1, max: 5_000 }),
      async (some, variant, chunk) => {
        const startMs = performance.now();
        const written: Uint8Array[] = [];
        const answer = await unpackModule(streamed(some, chunk), {
          variant,
          ...(variant !== 'http' && { layer: { mediaType: 'a/b', digest: sha256(some), sizeBytes: some.length } }),
          limits,
          sink: { write: (part) => void written.push(part) },
        });
        assertAnswer(answer, startMs);
        const whole = Buffer.concat(written);
        assert.ok(whole.length <= limits.maxModuleBytes);
        if (!answer.ok) return;
        assert.equal(answer.value.sizeBytes, whole.length);
        assert.equal(answer.value.moduleDigest, sha256(whole));
      },
    ),
    runs(1_500),
  );
});

const digest = `sha256:${'a'.repeat(64)}`;
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 100, annotations: { a: 'b' } };
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const image = {
  schemaVersion: 2,
  mediaType: ociManifest,
  config: { ...layer, mediaType: 'application/vnd.oci.image.config.v1+json' },
  layers: [layer, layer],
};
const index = {
  schemaVersion: 2,
  mediaType: ociIndex,
  manifests: [{ ...layer, mediaType: ociManifest, platform: { os: 'linux', architecture: 'amd64' } }],
};

const manifest = fc.oneof(
  ...[image, index].map((value) => mutated(Buffer.from(JSON.stringify(value)))),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ ...image, layers: value }))),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ ...index, manifests: [value] }))),
  fc.uint8Array(),
);

test('any manifest at all gives a layer or a refusal, and any configuration root ids within their bounds', () => {
  fc.assert(
    fc.property(manifest, fc.oneof(fc.constantFrom(ociManifest, ociIndex), fc.string()), (some, contentType) => {
      const startMs = performance.now();
      const read = readManifest(some, contentType, usualLimits);
      assertAnswer(read, startMs);
      assertAnswer(lastDiffId(some), startMs);
      assert.ok(rootIdsOf(some).every((id) => typeof id === 'string' && id.length <= 256));
      if (!read.ok) return;
      const chosen = read.value.kind === 'index' ? chooseChild(read.value) : moduleLayer(read.value, usualLimits);
      assertAnswer(chosen, startMs);
      if (chosen.ok)
        assert.ok('digest' in chosen.value ? isDigest(chosen.value.digest) : chosen.value.layer.sizeBytes >= 0);
    }),
    runs(3_000),
  );
});

const reference = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.webUrl(),
  fc
    .array(
      fc.constantFrom(
        'oci://',
        'registry',
        '.example',
        ':5000',
        '/',
        'team',
        'A',
        '@',
        digest,
        ':',
        '1',
        '..',
        '_',
        '%2f',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);

test('any reference at all is read or refused, and what is read is read the same again', () => {
  fc.assert(
    fc.property(reference, (text) => {
      const startMs = performance.now();
      const source = readSource(text, { moduleDigest: digest, allowHttp: true });
      assertAnswer(source, startMs);
      if (!source.ok || source.value.kind !== 'image') return;
      assert.deepEqual(readSource(referenceText(source.value.image)), source);
    }),
    runs(5_000),
  );
});
