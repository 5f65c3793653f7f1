// Answers: is the store there and usable: its directories, and nothing left in it of what was being written.
import { chmod, lstat, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import { diskFault, whereNone } from './disk-fault.ts';
import type { StorePaths } from './store-paths.ts';

/** Proxies of any user go through; only the agent writes. */
const open = 0o755;
const own = 0o700;

/** Makes what is missing and puts right what is something else. Done again in each round: people clean up. */
export async function openStore({
  root,
  modules,
  byDigest,
  tmp,
  extensions,
}: StorePaths): Promise<Result<void, Refusal>> {
  try {
    await mkdir(root, { recursive: true, mode: open });
    for (const path of [modules, byDigest, extensions]) await ensureDirectory(path, open);
    await ensureDirectory(tmp, own);
    return ok(undefined);
  } catch (error) {
    return fail(diskFault(error, `use the store ${root}`));
  }
}

/** What a process that was killed left behind. Only before anything is being written. */
export async function emptyTmp({ tmp }: StorePaths): Promise<Result<void, Refusal>> {
  try {
    for (const name of await readdir(tmp)) await rm(join(tmp, name), { recursive: true, force: true });
    return ok(undefined);
  } catch (error) {
    return fail(diskFault(error, `empty ${tmp}`));
  }
}

/** A directory of ours; a link or a file in its place is taken away. */
export async function ensureDirectory(path: string, mode = open): Promise<void> {
  const found = await whereNone(lstat(path));
  if (found !== undefined && !found.isDirectory()) await unlink(path);
  if (!found?.isDirectory()) await mkdir(path, { mode });
  else if ((found.mode & 0o7777) !== mode) await chmod(path, mode);
}
