// Answers: what is in the store at this moment, as far as can be told without reading it: one look costs one stat for
// each file. What is no module of ours there is taken away.
import { lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleDigest } from '../../core/wasm/digests.ts';
import { whereNone } from './disk-fault.ts';
import { digestOfName, type StorePaths } from './store-paths.ts';
import { moduleMode } from './write-module.ts';

export interface SeenModule {
  readonly digest: ModuleDigest;
  readonly sizeBytes: number;
  /** Is another as soon as anybody has touched the file: content, rights, owner, number of links. */
  readonly print: string;
  readonly inode: string;
  /** Proxies can read it and nobody writes it. */
  readonly hasRights: boolean;
}

/** The modules by digest. Links, directories and files of other names are removed, and counted. */
export async function listModules({ byDigest }: StorePaths): Promise<{
  readonly modules: ReadonlyMap<ModuleDigest, SeenModule>;
  readonly strangers: number;
}> {
  const modules = new Map<ModuleDigest, SeenModule>();
  let strangers = 0;
  // entry by entry: whatever number of files somebody left there, their names take no memory
  for await (const { name } of await opendir(byDigest)) {
    const seen = await look(join(byDigest, name), digestOfName(name));
    if (seen === 'none') continue;
    if (seen !== undefined) modules.set(seen.digest, seen);
    else {
      await rm(join(byDigest, name), { recursive: true, force: true });
      strangers += 1;
    }
  }
  return { modules, strangers };
}

/** The module of that digest, where a regular file is in its place. */
export async function lookAtModule(paths: StorePaths, digest: ModuleDigest): Promise<SeenModule | undefined> {
  const seen = await look(paths.module(digest), digest);
  return seen === 'none' ? undefined : seen;
}

async function look(path: string, digest: ModuleDigest | undefined): Promise<SeenModule | 'none' | undefined> {
  const found = await whereNone(lstat(path, { bigint: true }));
  if (found === undefined) return 'none'; // gone since it was listed
  if (digest === undefined || !found.isFile()) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs, mode, uid } = found;
  return {
    digest,
    sizeBytes: Number(size),
    print: [dev, ino, size, mtimeNs, ctimeNs, mode, uid].join(':'),
    inode: `${dev}:${ino}`,
    hasRights: (Number(mode) & 0o7777) === moduleMode,
  };
}
