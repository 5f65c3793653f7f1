// Answers: how does a module come into the store, so that its final name never stands for anything but all of its bytes:
// a file of another name on the same file system, hashed while it is written, synced, made read-only, renamed, and the
// directory synced.
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { ModuleDigest } from '../../core/wasm/digests.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ModuleSink } from '../registry/module-sink.ts';
import { countPassed } from '../return-memory.ts';
import { diskFault } from './disk-fault.ts';
import { type StorePaths, shortName } from './store-paths.ts';

export interface ModuleFile extends ModuleSink {
  /** Why the last write failed; undefined where none did. */
  fault(): Refusal | undefined;
  /** Gives the file its final name where its bytes are those of the digest. Nothing is left of it otherwise. */
  commit(): Promise<Result<{ readonly sizeBytes: number }, Refusal>>;
  /** Throws it away; does nothing after a commit. */
  discard(): Promise<void>;
}

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW, O_RDONLY, O_DIRECTORY } = constants;
const whileWritten = 0o600;
/** Every proxy reads it, whatever its user. */
export const moduleMode = 0o444;

/** Begins a module of which the digest is known. */
export async function beginModule(paths: StorePaths, digest: ModuleDigest): Promise<Result<ModuleFile, Refusal>> {
  const path = join(paths.tmp, randomUUID());
  const action = `write module ${shortName(digest)}`;
  try {
    const handle = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, whileWritten);
    return ok(moduleFile({ paths, digest, path, handle, action }));
  } catch (error) {
    return fail(diskFault(error, action));
  }
}

interface Begun {
  readonly paths: StorePaths;
  readonly digest: ModuleDigest;
  readonly path: string;
  readonly handle: FileHandle;
  readonly action: string;
}

function moduleFile({ paths, digest, path, handle, action }: Begun): ModuleFile {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let fault: Refusal | undefined;
  let isOver = false;
  const discard = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await handle.close().catch(() => {});
    await unlink(path).catch(() => {}); // the next start of the agent empties the directory
  };
  const commit = async (): Promise<Result<{ readonly sizeBytes: number }, Refusal>> => {
    if (fault !== undefined) return fail(fault);
    const written = `sha256:${hash.digest('hex')}`;
    if (written !== digest)
      return fail(refusal('DigestMismatch', `Cannot keep ${digest}: the bytes are of ${written}`));
    try {
      await handle.chmod(moduleMode);
      await handle.sync();
      await rename(path, paths.module(digest));
      isOver = true;
      await handle.close();
      await syncDirectory(paths.byDigest);
      return ok({ sizeBytes });
    } catch (error) {
      return fail(diskFault(error, action));
    }
  };
  return {
    fault: () => fault,
    write: async (chunk) => {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      countPassed(chunk.byteLength);
      try {
        await writeAll(handle, chunk);
      } catch (error) {
        fault ??= diskFault(error, action);
        throw error; // whoever reads for us has to end
      }
    },
    commit: async () => {
      const done = await commit();
      if (!done.ok) await discard();
      return done;
    },
    discard,
  };
}

/** On a disk that fills, a write may take less than it was given. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await handle.write(chunk, at, chunk.byteLength - at)).bytesWritten;
}

/** A new name survives a loss of power once its directory is synced. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
