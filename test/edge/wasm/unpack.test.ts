// Answers: does every archive that people's tools make give its module, and does an unpacking end as it should, however
// the blob, the sink or the caller end.
// Does not belong here: what has to be refused (hostile.test.ts).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Result } from '../../../src/core/model/problem.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import type { Refusal } from '../../../src/core/wasm/refusals.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { type UnpackedModule, type Unpacking, unpackModule } from '../../../src/edge/registry/unpack.ts';
import {
  compatLayer,
  paxHeader,
  repeatedGzip,
  sha256,
  storedGzip,
  streamed,
  tar,
  tarEntry,
  tarHeader,
} from '../../wasm/archive-builder.ts';
import { moduleOfSize, validModule } from '../../wasm/module-builder.ts';

const module = validModule('unpack');
const plugin = { name: 'plugin.wasm', content: module };

function tooLargeBy(bytes: number): string {
  return `Cannot unpack the layer: the module has more than ${bytes} bytes`;
}

interface Taken {
  readonly answer: Result<UnpackedModule, Refusal>;
  readonly bytes: Uint8Array;
}

async function unpack(blob: Uint8Array, changed: Partial<Unpacking> = {}, chunkBytes?: number): Promise<Taken> {
  const sink = memorySink();
  const answer = await unpackModule(streamed(blob, chunkBytes), {
    variant: 'compat-oci',
    layer: { mediaType: 'a/b', digest: sha256(blob), sizeBytes: blob.length },
    limits: usualLimits,
    sink,
    ...changed,
  });
  return { answer, bytes: sink.bytes() };
}

async function assertTaken(blob: Uint8Array, changed: Partial<Unpacking> = {}): Promise<void> {
  const { answer, bytes } = await unpack(blob, changed);
  const expected = { moduleDigest: sha256(module), sizeBytes: module.length, rootIds: [] };
  assert.deepEqual(answer, { ok: true, value: expected });
  assert.deepEqual(Buffer.from(bytes), Buffer.from(module));
}

const longName = `${'d/'.repeat(60)}plugin.wasm`;

suite('layers of images', () => {
  const layers: readonly (readonly [what: string, blob: Uint8Array])[] = [
    ['plugin.wasm alone', compatLayer(module)],
    ['./plugin.wasm', gzipSync(tar({ ...plugin, name: './plugin.wasm' }))],
    ['/plugin.wasm', gzipSync(tar({ ...plugin, name: '/plugin.wasm' }))],
    ['plugin.wasm in a directory', gzipSync(tar({ name: 'opt/', type: '5' }, { ...plugin, name: 'opt/plugin.wasm' }))],
    ['other files, links and long names beside it', gzipSync(manyTools())],
    ['a pax header with times, as build tools write', gzipSync(tar(paxHeader({ mtime: '1.5' }), plugin))],
    ['a comment for all entries, as git archive writes', gzipSync(tar(paxHeader({ comment: 'abc' }, 'g'), plugin))],
    ['no end', gzipSync(tarEntry(plugin))],
    ['an end of 10 KiB', gzipSync(Buffer.concat([tar(plugin), new Uint8Array(10_240)]))],
    ['a gzip of several members', inMembers(tar(plugin))],
    ['gzip that compresses nothing', storedGzip(tar(plugin))],
    [
      'the capabilities of another file, which are bytes',
      gzipSync(tar(paxHeader({ 'SCHILY.xattr.security.capability': '\x01\0\0\x02' }), { name: 'bin/ping' }, plugin)),
    ],
    [
      'a path that is too long for its header',
      gzipSync(
        tar({ name: '././@LongLink', type: 'L', content: longName }, { ...plugin, name: longName.slice(0, 100) }),
      ),
    ],
  ];
  for (const [what, blob] of layers) {
    test(`the module is found with ${what}`, () => assertTaken(blob, { diffId: sha256(gunzipSync(blob)) }));
  }

  test('the module arrives whole in chunks of one byte', async () => {
    const { answer, bytes } = await unpack(compatLayer(module), {}, 1);
    assert.ok(answer.ok);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(module));
  });

  test('a module of exactly 16 MiB is taken, one byte more is not', async () => {
    const most = usualLimits.maxModuleBytes;
    const layer = (sizeBytes: number): Uint8Array =>
      storedGzip(tar({ name: 'plugin.wasm', content: moduleOfSize(sizeBytes) }));
    assert.ok((await unpack(layer(most))).answer.ok);
    const { answer } = await unpack(layer(most + 1));
    assert.ok(!answer.ok && answer.error.reason === 'TooLarge');
  });

  test('root ids come from runtime-config.json, before or after the module', async () => {
    const config = { name: 'runtime-config.json', content: '{"type":"envoy_proxy","config":{"rootIds":["a","b"]}}' };
    for (const entries of [
      [config, plugin],
      [plugin, config],
    ]) {
      const { answer } = await unpack(gzipSync(tar(...entries)));
      assert.ok(answer.ok);
      assert.deepEqual(answer.value.rootIds, ['a', 'b']);
    }
  });

  test('a runtime-config.json that is no JSON, or large, keeps nobody from the module', async () => {
    await assertTaken(gzipSync(tar({ name: 'runtime-config.json', content: '{' }, plugin)));
    await assertTaken(
      gzipSync(tar({ name: 'runtime-config.json', content: `{"rootIds":["a"]${' '.repeat(100_000)}}` }, plugin)),
    );
  });

  test('what we pack ourselves is taken, its diff_id with it', async () => {
    const { layer, config } = packModule(module, { rootIds: ['root'] });
    const configuration = JSON.parse(Buffer.from(config.bytes).toString()) as { rootfs: { diff_ids: string[] } };
    const [diffId] = configuration.rootfs.diff_ids;
    const { answer } = await unpack(layer.bytes, diffId === undefined ? {} : { diffId });
    assert.ok(answer.ok);
    assert.equal(answer.value.moduleDigest, sha256(module));
    assert.deepEqual(answer.value.rootIds, ['root']);
  });

  for (const format of ['gnu', 'pax', 'ustar']) {
    test(`an archive of the program tar in format ${format} is taken`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'pillion-tar-'));
      try {
        const deep = join(
          directory,
          ...(format === 'ustar' ? ['a'] : Array.from({ length: 10 }, () => 'directory-name')),
        );
        mkdirSync(deep, { recursive: true });
        writeFileSync(join(deep, 'README'), 'x');
        writeFileSync(join(directory, 'plugin.wasm'), module);
        await assertTaken(execFileSync('tar', ['-cz', `--format=${format}`, '-C', directory, '.']));
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

/** An archive as a build of a whole image leaves it. */
function manyTools(): Uint8Array {
  const longName = `${'a/'.repeat(80)}file`;
  return tar(
    { name: 'bin/', type: '5' },
    { name: 'bin/sh', type: '2', linkName: 'busybox' },
    { name: 'dev/null', type: '3' },
    { name: '././@LongLink', type: 'L', content: `${longName}\0` },
    { name: longName.slice(0, 100), content: 'x' },
    paxHeader({ path: longName, mtime: '1' }),
    { name: 'short', content: 'y' },
    { name: 'etc/.wh.passwd' },
    plugin,
    { name: 'plugin.wasm.txt', content: 'z' },
  );
}

function inMembers(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(''), gzipSync(bytes.subarray(700))]);
}

suite('other sources', () => {
  test('the raw bytes of the artifact of wasme', () => assertTaken(module, { variant: 'oci' }));

  const sources: readonly (readonly [what: string, blob: Uint8Array])[] = [
    ['the module', module],
    ['gzip of it', gzipSync(module)],
    [
      'an archive of it under any name',
      tar({ ...plugin, name: 'build/filter.wasm' }, { name: 'LICENSE', content: 'x' }),
    ],
    ['a gzipped archive of it', gzipSync(tar({ ...plugin, name: 'filter.wasm' }))],
  ];
  for (const [what, blob] of sources) {
    test(`an HTTP server may give ${what}`, async () => {
      const sink = memorySink();
      const answer = await unpackModule(streamed(blob, 100), { variant: 'http', limits: usualLimits, sink });
      assert.ok(answer.ok, JSON.stringify(answer));
      assert.equal(answer.value.moduleDigest, sha256(module));
      assert.deepEqual(Buffer.from(sink.bytes()), Buffer.from(module));
    });
  }
});

suite('how an unpacking ends', () => {
  /** A blob that tells whether it was let go of. */
  function watched(blob: AsyncIterable<Uint8Array>): { readonly chunks: AsyncIterable<Uint8Array>; isOpen: boolean } {
    const state = { isOpen: true, chunks: follow() };
    async function* follow(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* blob;
      } finally {
        state.isOpen = false;
      }
    }
    return state;
  }

  const order = (blob: Uint8Array): Pick<Unpacking, 'layer'> => ({
    layer: { mediaType: 'a/b', digest: sha256(blob), sizeBytes: blob.length },
  });

  async function run(blob: AsyncIterable<Uint8Array>, changed: Partial<Unpacking>): Promise<Taken['answer']> {
    return unpackModule(blob, { variant: 'compat-oci', limits: usualLimits, sink: memorySink(), ...changed });
  }

  test('a fault of the sink is thrown as it is, and the blob let go of', async () => {
    const blob = compatLayer(moduleOfSize(1_000_000));
    const state = watched(streamed(blob, 100));
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const sink = {
      write: () => {
        throw full;
      },
    };
    await assert.rejects(run(state.chunks, { ...order(blob), sink }), (error) => error === full);
    assert.equal(state.isOpen, false);
  });

  test('the blob is let go of after the end, after a refusal and after a fault', async () => {
    const good = compatLayer(module);
    const bad = gzipSync(tar({ name: 'plugin.wasm', type: '2' }));
    for (const [blob, changed] of [
      [good, order(good)],
      [bad, order(bad)],
      [good, { variant: 'oci' as const, limits: { ...usualLimits, maxModuleBytes: 10 } }],
    ] as const) {
      const state = watched(streamed(blob, 10));
      await run(state.chunks, changed);
      assert.equal(state.isOpen, false);
    }
  });

  test('whoever aborts sees the abort, not a refusal', async () => {
    const abort = AbortSignal.abort();
    async function* aborted(): AsyncGenerator<Uint8Array, void, undefined> {
      yield compatLayer(module).subarray(0, 30);
      abort.throwIfAborted();
    }
    await assert.rejects(run(aborted(), {}), { name: 'AbortError' });
  });

  test('a bomb ends by its ratio where large modules are allowed', async () => {
    const mebibyte = 1024 * 1024;
    const head = tarHeader({ name: 'plugin.wasm', sizeBytes: 200 * mebibyte });
    let bytes = 0;
    const answer = await run(repeatedGzip({ head, piece: new Uint8Array(mebibyte), times: 10_000 }), {
      limits: { ...usualLimits, maxModuleBytes: 256 * mebibyte },
      sink: {
        write: (chunk) => {
          bytes += chunk.length;
        },
      },
    });
    assert.ok(!answer.ok);
    assert.equal(answer.error.reason, 'TooLarge');
    assert.match(answer.error.message, /more than 200 times as large/);
    assert.ok(bytes < 17 * mebibyte, `${bytes} bytes were written`);
  });

  test('a blob that is too long is left at its first byte too many', async () => {
    const blob = compatLayer(moduleOfSize(300_000));
    let given = 0;
    async function* long(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of streamed(Buffer.concat([blob, new Uint8Array(1_000_000)]), 10)) {
        given += chunk.length;
        yield chunk;
      }
    }
    const answer = await run(long(), order(blob));
    assert.ok(!answer.ok && answer.error.reason === 'DigestMismatch');
    assert.ok(given <= blob.length + 10, `${given} of ${blob.length} bytes`);
  });

  test('a slow sink is waited for', async () => {
    let busy = 0;
    let mostBusy = 0;
    const sink = {
      write: async () => {
        busy += 1;
        mostBusy = Math.max(mostBusy, busy);
        for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => setImmediate(resolve));
        busy -= 1;
      },
    };
    const blob = compatLayer(moduleOfSize(300_000));
    assert.ok((await run(streamed(blob), { ...order(blob), sink })).ok);
    assert.equal(mostBusy, 1);
  });

  for (const [what, variant, pack] of [
    ['artifact', 'oci', (bytes: Uint8Array) => bytes],
    ['file', 'http', (bytes: Uint8Array) => bytes],
    ['packed file', 'http', gzipSync],
  ] as const) {
    test(`a module of one byte too many is refused without an archive around it (${what})`, async () => {
      const limits = { ...usualLimits, maxModuleBytes: module.length };
      assert.ok((await unpack(pack(module), { variant, limits })).answer.ok);
      const { answer } = await unpack(pack(module), {
        variant,
        limits: { ...limits, maxModuleBytes: module.length - 1 },
      });
      assert.equal(answer.ok ? undefined : answer.error.message, tooLargeBy(module.length - 1));
    });
  }

  test('a layer that claims to be too large is not even begun', async () => {
    const state = watched(
      (async function* () {
        yield await Promise.reject(new Error('it was read'));
      })(),
    );
    const layer = { mediaType: 'a/b', digest: sha256(module), sizeBytes: usualLimits.maxCompressedBytes + 1 };
    const answer = await run(state.chunks, { layer });
    assert.ok(!answer.ok && answer.error.reason === 'TooLarge');
  });

  test('the blob is never asked for two chunks at once', async () => {
    const bytes = gzipSync(randomBytes(300_000));
    const chunks = streamed(bytes, 10_000);
    let asked = 0;
    let mostAsked = 0;
    const blob = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          asked += 1;
          mostAsked = Math.max(mostAsked, asked);
          await new Promise((resolve) => setImmediate(resolve));
          const result = await chunks.next();
          asked -= 1;
          return result;
        },
      }),
    };
    const answer = await run(blob, order(bytes));
    assert.ok(!answer.ok && answer.error.reason === 'BadArchive', 'the rest was read, and its digest is right');
    assert.equal(mostAsked, 1);
  });
});
