// Answers: is a file of the store what its name says, and if not, how is it got rid of.
import { chmod, unlink } from 'node:fs/promises';
import type { ModuleDigest } from '../../core/wasm/digests.ts';
import { whereNone } from './disk-fault.ts';
import { hashModule } from './hash-module.ts';
import { lookAtModule, type SeenModule } from './list-modules.ts';
import type { StorePaths } from './store-paths.ts';
import { moduleMode } from './write-module.ts';

/** Why a file was taken away. */
export type Fault = 'altered' | 'unreadable';

/**
 * Reads the module and compares it with its name; rights that somebody changed are set again. A file that cannot be put
 * right is removed, so that it is fetched again.
 * @returns how it is now, or what was wrong with it; undefined where it is not there
 */
export async function checkModule(paths: StorePaths, digest: ModuleDigest): Promise<SeenModule | Fault | undefined> {
  const path = paths.module(digest);
  try {
    const found = await whereNone(hashModule(path));
    if (found === undefined && (await lookAtModule(paths, digest)) === undefined) return undefined;
    if (found !== digest) return await taken(path, 'altered');
    const seen = await lookAtModule(paths, digest);
    if (seen === undefined || seen.hasRights) return seen;
    await chmod(path, moduleMode);
    return await lookAtModule(paths, digest);
  } catch {
    return taken(path, 'unreadable'); // of another owner, or on a broken sector
  }
}

async function taken(path: string, fault: Fault): Promise<Fault> {
  await removeFile(path);
  return fault;
}

/** Removes a file; nothing happens where it is gone already. */
export async function removeFile(path: string): Promise<void> {
  await whereNone(unlink(path));
}
