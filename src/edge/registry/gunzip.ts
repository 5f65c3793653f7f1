// Answers: what is in gzip that a stranger sends, and when is it enough: a few kilobytes can hold gigabytes.
import { pipeline, Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { badArchive, Refused, tooLarge } from './refused.ts';

export interface GunzipLimits {
  readonly maxBytes: number;
  /** Output over input, looked at from `ratioFromBytes` of output on. */
  readonly maxRatio: number;
  readonly ratioFromBytes: number;
}

/** Small enough that the memory of a chunk is used again for the next: larger ones are left to the collector. */
const chunkSize = 16 * 1024;

/**
 * Unpacks in one pass. Several members one after the other are one stream (RFC 1952, 2.2); anything else after the end is
 * refused, though many readers pass over it: two readers must not see two archives. Throws Refused.
 */
export async function* gunzip(
  chunks: AsyncIterable<Uint8Array>,
  limits: GunzipLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const unpacked = createGunzip({ chunkSize });
  let givenBytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      givenBytes += chunk.byteLength;
      yield chunk;
    }
  };
  pipeline(Readable.from(counted(), { objectMode: true, highWaterMark: 1 }), unpacked, () => undefined);
  try {
    yield* bounded(unpacked, limits);
  } catch (error) {
    throw asRefused(error);
  } finally {
    unpacked.destroy();
  }
  if (unpacked.bytesWritten !== givenBytes) throw badArchive('something follows after the end of gzip');
}

async function* bounded(unpacked: Gunzip, limits: GunzipLimits): AsyncGenerator<Uint8Array, void, undefined> {
  const { maxBytes, maxRatio, ratioFromBytes } = limits;
  let bytes = 0;
  for await (const chunk of unpacked as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge('what it unpacks to', maxBytes);
    if (bytes > ratioFromBytes && bytes > maxRatio * unpacked.bytesWritten) {
      throw tooLarge(`what it unpacks to is more than ${maxRatio} times as large as it is, and`, ratioFromBytes);
    }
    yield chunk;
  }
}

/** Faults that zlib finds have codes of its own. */
function asRefused(error: unknown): unknown {
  if (error instanceof Refused || !(error instanceof Error) || !('code' in error)) return error;
  return String(error.code).startsWith('Z_') ? badArchive(`it is no whole gzip (${error.message})`) : error;
}
