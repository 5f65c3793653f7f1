// Answers: are the bytes of a file of the store those that its name says.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ModuleDigest } from '../../core/wasm/digests.ts';

const bufferBytes = 256 * 1024;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * The digest of a regular file; undefined for anything else, a link among them. Reads into one buffer, so that a large
 * store costs no memory. Throws where the file cannot be read.
 */
export async function hashModule(path: string): Promise<ModuleDigest | undefined> {
  // without waiting for somebody to write into a pipe
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return (await handle.stat()).isFile() ? await hashOf(handle) : undefined;
  } finally {
    await handle.close();
  }
}

async function hashOf(handle: FileHandle): Promise<ModuleDigest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, bufferBytes, null);
    if (bytesRead === 0) return `sha256:${hash.digest('hex')}` as const;
    hash.update(buffer.subarray(0, bytesRead));
  }
}
