// Answers: how does a test get an archive, right or wrong: tar with any header, gzip, blobs larger than any memory.
// Does not belong here: the archive that we publish (src/core/wasm/image/pack.ts).
import { createHash } from 'node:crypto';
import { finished } from 'node:stream/promises';
import { constants, crc32, createDeflateRaw, gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly name: string;
  readonly content?: Uint8Array | string;
  /** `0` a file, `1` a hard link, `2` a symbolic one, `3` a device, `5` a directory, `x` pax, `L` a long name, `S` sparse. */
  readonly type?: string;
  readonly linkName?: string;
  /** What the header says, whatever is there. */
  readonly sizeBytes?: number;
  /** The field of the size as it is, 12 characters of Latin-1. */
  readonly sizeField?: string;
  readonly magic?: string;
  readonly checksum?: number;
  readonly prefix?: string;
}

const blockBytes = 512;

/** A tar archive with its end. */
export function tar(...entries: readonly TarEntry[]): Uint8Array {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(2 * blockBytes)]);
}

/** An entry without what follows. */
export function tarEntry(entry: TarEntry): Uint8Array {
  const content = Buffer.from(entry.content ?? '');
  return Buffer.concat([tarHeader(entry, content.length), content, Buffer.alloc(-content.length & (blockBytes - 1))]);
}

/** A header alone. */
export function tarHeader(entry: TarEntry, sizeBytes = 0): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const put = (at: number, text: string): unknown => block.write(text, at, 'latin1');
  block.write(entry.name, 0, 100, 'utf8');
  put(100, '0000444\x000000000\x000000000\0');
  put(124, entry.sizeField ?? `${(entry.sizeBytes ?? sizeBytes).toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(156, entry.type ?? '0');
  put(157, entry.linkName ?? '');
  put(257, entry.magic ?? 'ustar\x0000');
  put(345, entry.prefix ?? '');
  block.fill(' ', 148, 156);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** The entry of a pax header for the entry after it: `paxHeader({path: 'plugin.wasm'})`. */
export function paxHeader(records: Readonly<Record<string, string>>, type: 'x' | 'g' = 'x'): TarEntry {
  const content = Object.entries(records).map(([key, value]) => paxRecord(`${key}=${value}\n`));
  return { name: 'PaxHeaders/x', type, content: content.join('') };
}

/** Its length, which counts itself, and the rest. */
function paxRecord(rest: string): string {
  const length = Buffer.byteLength(rest) + 1;
  const digits = [1, 2, 3, 4, 5, 6, 7].find((many) => String(length + many).length === many) ?? 0;
  return `${length + digits} ${rest}`;
}

/** The usual layer: `plugin.wasm` alone, gzipped. */
export function compatLayer(module: Uint8Array): Uint8Array {
  return gzipSync(tar({ name: 'plugin.wasm', content: module }));
}

export function sha256(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const gzipHeader = Buffer.from('1f8b0800000000000003', 'hex');

export interface Repeated {
  /** What it holds first: headers of an archive. */
  readonly head?: Uint8Array;
  /** What it holds then, so many times. */
  readonly piece: Uint8Array;
  readonly times: number;
}

/**
 * A gzip that holds all that, without its checksum and length: whoever gets so far has read too much. The piece is
 * compressed once, so that 10 GB cost neither time nor memory.
 */
export async function* repeatedGzip({ head, piece, times }: Repeated): AsyncGenerator<Uint8Array, void, undefined> {
  yield gzipHeader;
  if (head !== undefined) yield await deflated(head);
  const compressed = await deflated(piece);
  for (let count = 0; count < times; count += 1) yield compressed;
}

/** Blocks of DEFLATE that end at a byte and are not the last ones: a full flush forgets what came before. */
async function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = createDeflateRaw({ level: 9 });
  const chunks: Uint8Array[] = [];
  stream.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  stream.write(bytes);
  await new Promise<void>((resolve) => stream.flush(constants.Z_FULL_FLUSH, resolve));
  stream.destroy();
  await finished(stream).catch(() => undefined);
  return Buffer.concat(chunks);
}

/** A whole gzip whose DEFLATE is stored, so that nothing gets smaller. */
export function storedGzip(bytes: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 0xffff) {
    const content = bytes.subarray(at, at + 0xffff);
    const head = Buffer.alloc(5);
    head[0] = at + 0xffff >= bytes.length ? 1 : 0;
    head.writeUInt16LE(content.length, 1);
    head.writeUInt16LE(content.length ^ 0xffff, 3);
    blocks.push(head, content);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([gzipHeader, ...blocks, tail]);
}

/** The bytes in chunks, as they come from a network. */
export async function* streamed(
  bytes: Uint8Array,
  chunkBytes = 16 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
