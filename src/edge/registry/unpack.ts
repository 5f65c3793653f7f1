// Answers: which module is in a blob that somebody sends.
import { createHash, type Hash } from 'node:crypto';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { looksLike } from '../../core/wasm/bytes/looks-like.ts';
import type { ModuleDigest } from '../../core/wasm/digests.ts';
import type { Descriptor } from '../../core/wasm/image/manifest.ts';
import { beginsTar, blockBytes } from '../../core/wasm/image/tar-header.ts';
import type { WasmLimits } from '../../core/wasm/limits.ts';
import type { Variant } from '../../core/wasm/module.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import { type ByteReader, byteReader } from './byte-reader.ts';
import { type CheckedBlob, checkedBlob, type Order } from './checked-blob.ts';
import { gunzip } from './gunzip.ts';
import type { ModuleSink } from './module-sink.ts';
import { badArchive, Refused, tooLarge } from './refused.ts';
import { besidesModuleBytes, type Untarring, untarModule } from './untar.ts';

export { Refused } from './refused.ts';

export interface Unpacking {
  /** compat-*: a gzipped tar; oci: the raw bytes; http: raw, gzip, tar or gzipped tar, as its first bytes say. */
  readonly variant: Exclude<Variant, 'file'>;
  /** Size and digest that the blob has to have. None for http, where the caller compares moduleDigest. */
  readonly layer?: Descriptor;
  /** Digest of the unpacked archive, of the image's configuration. */
  readonly diffId?: string;
  readonly limits: WasmLimits;
  readonly sink: ModuleSink;
}

export interface UnpackedModule {
  readonly moduleDigest: ModuleDigest;
  readonly sizeBytes: number;
  /** Of runtime-config.json in the archive; empty for oci and http. */
  readonly rootIds: readonly string[];
}

/**
 * Unpacks while it streams. Only after it answered ok are the sink's bytes the module: then layer digest, size and diff_id
 * matched. A blob that throws Refused is refused so; its other errors become RegistryUnreachable, but AbortError and the
 * errors of the sink are thrown on. The blob is let go of in every case.
 */
export async function unpackModule(
  blob: AsyncIterable<Uint8Array>,
  unpacking: Unpacking,
): Promise<Result<UnpackedModule, Refusal>> {
  const arriving = checkedBlob(blob, orderOf(unpacking));
  try {
    return ok(await unpack(arriving, unpacking));
  } catch (error) {
    if (error instanceof Refused) return fail(error.refusal);
    throw error;
  } finally {
    await arriving.close();
  }
}

function orderOf({ layer, limits }: Unpacking): Order {
  return { maxBytes: limits.maxCompressedBytes, ...(layer !== undefined && { expected: layer }) };
}

async function unpack(arriving: CheckedBlob, unpacking: Unpacking): Promise<UnpackedModule> {
  const { layer, limits } = unpacking;
  if (layer !== undefined && layer.sizeBytes > limits.maxCompressedBytes)
    throw tooLarge('it', limits.maxCompressedBytes);
  const module = moduleWriter(unpacking);
  const reader = byteReader(arriving.chunks());
  try {
    const rootIds = await unpackKind(reader, unpacking, module.write);
    await arriving.finish();
    return { ...module.end(), rootIds };
  } catch (error) {
    // An altered blob is no whole archive either: then it is the registry's fault, not the publisher's.
    if (error instanceof Refused && error.refusal.reason === 'BadArchive') await arriving.finish();
    throw error;
  } finally {
    await reader.close();
  }
}

interface ModuleWriter {
  readonly write: (chunk: Uint8Array) => Promise<void>;
  readonly end: () => { readonly moduleDigest: ModuleDigest; readonly sizeBytes: number };
}

function moduleWriter({ limits, sink }: Unpacking): ModuleWriter {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    write: async (chunk) => {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limits.maxModuleBytes) throw tooLarge('the module', limits.maxModuleBytes);
      hash.update(chunk);
      await sink.write(chunk);
    },
    end: () => {
      const moduleDigest = `sha256:${hash.digest('hex')}` as const;
      return { moduleDigest, sizeBytes };
    },
  };
}

type Write = ModuleWriter['write'];

async function unpackKind(reader: ByteReader, unpacking: Unpacking, write: Write): Promise<readonly string[]> {
  if (unpacking.variant === 'oci') return passAll(reader, write);
  if (unpacking.variant === 'http') return unpackHttp(reader, unpacking, write);
  const head = await reader.peek(blockBytes);
  if (!isGzip(head)) throw badArchive(`${beginsTar(head) ? 'it is a plain tar' : looksLike(head)}, not gzip`);
  return unpackCompat(reader, unpacking, write);
}

async function unpackCompat(reader: ByteReader, unpacking: Unpacking, write: Write): Promise<readonly string[]> {
  const hash = createHash('sha256');
  const archive = byteReader(hashed(gunzip(rest(reader), gunzipLimits(unpacking)), hash));
  try {
    const rootIds = await untarModule(archive, untarring(unpacking, 'plugin.wasm', write));
    const digest = `sha256:${hash.digest('hex')}`;
    if (unpacking.diffId === undefined || unpacking.diffId === digest) return rootIds;
    throw badArchive(`its archive has digest ${digest}, and the image's configuration says ${unpacking.diffId}`);
  } finally {
    await archive.close();
  }
}

/** What a proxy takes from an HTTP server: one gzip at most around a module or an archive of it. */
async function unpackHttp(reader: ByteReader, unpacking: Unpacking, write: Write): Promise<readonly string[]> {
  if (!isGzip(await reader.peek(2))) return unpackPlain(reader, unpacking, write);
  const inner = byteReader(gunzip(rest(reader), gunzipLimits(unpacking)));
  try {
    return await unpackPlain(inner, unpacking, write);
  } finally {
    await inner.close();
  }
}

async function unpackPlain(reader: ByteReader, unpacking: Unpacking, write: Write): Promise<readonly string[]> {
  const head = await reader.peek(blockBytes);
  if (beginsTar(head)) {
    await untarModule(reader, untarring(unpacking, 'first entry', write));
    return [];
  }
  if (Buffer.from(head.subarray(0, 4)).toString('latin1') === '\0asm') return passAll(reader, write);
  throw new Refused(refusal('NotWasm', `Cannot take the module: ${looksLike(head)}, not a module, gzip or tar`));
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function gunzipLimits({ limits }: Unpacking): Parameters<typeof gunzip>[1] {
  return { ...limits, maxBytes: limits.maxModuleBytes + besidesModuleBytes };
}

function untarring({ limits }: Unpacking, find: Untarring['find'], write: Write): Untarring {
  return { find, write, maxEntries: limits.maxTarEntries, maxModuleBytes: limits.maxModuleBytes };
}

const someBytes = 64 * 1024;

async function* rest(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (let chunk = await reader.some(someBytes); chunk !== undefined; chunk = await reader.some(someBytes)) yield chunk;
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function passAll(reader: ByteReader, write: Write): Promise<readonly string[]> {
  for await (const chunk of rest(reader)) await write(chunk);
  return [];
}
