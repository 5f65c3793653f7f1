// Answers: what stands for extensions at the paths that the kubelet looks at before it starts a pod that needs one, and
// how does it change. At each path there is
// - a hard link to the module that the extension runs: the gate is open, and costs no space;
// - a directory, which is no file to the kubelet: it is closed, since no module may run yet or this node lacks it;
// - an empty file: the extension is gone, and nobody need wait for it.
// None is taken away for its age: a pod that was made while there was an extension names the path for as long as it lives,
// and would wait for ever after the next start of its node; nobody here knows which pods there are. What stays holds no
// space of the disk. Only of a namespace that has had more extensions than anybody needs, the oldest ones go.
import { chmod, link, lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { ModuleDigest } from '../../core/wasm/digests.ts';
import type { WantedGate } from '../../core/wasm/store/wanted.ts';
import { countPassed } from '../return-memory.ts';
import { whereNone } from './disk-fault.ts';
import { ensureDirectory } from './open-store.ts';
import { putInPlace } from './put-in-place.ts';
import { isPathSafe, type StorePaths } from './store-paths.ts';
import { moduleMode } from './write-module.ts';

/** Below the directory of all gates, as `shop/hello_1a2b3c4d.wasm`. */
export interface GateChanges {
  /** Also those that were open and go over to another module. */
  readonly opened: readonly string[];
  readonly closed: readonly string[];
  /** Their extension is gone. */
  readonly left: readonly string[];
}

/** Of memory that is needed to look at a gate and to change it, and is of no use a moment later. */
const gateBytes = 8 * 1024;

/** Empty files of one namespace. */
const usuallyLeft = 1_000;

/**
 * Makes the gates of all extensions be as they should, and what stands for none an empty file; to be called only once all
 * extensions are known. The modules that are named are in the store. A gate that is right is not touched; one that is open
 * and stays so is replaced in one step, so that it is never missing.
 */
export async function setGates(
  paths: StorePaths,
  gates: readonly WantedGate[],
  mostLeft = usuallyLeft,
): Promise<GateChanges> {
  const safe = gates.filter(({ namespace, name }) => isPathSafe(namespace, name));
  const wanted = new Map(safe.map(({ namespace, name, uid, digest }) => [paths.gate(namespace, name, uid), digest]));
  const others = (await pathsThere(paths)).filter((path) => !wanted.has(path));
  const changes = { opened: [] as string[], closed: [] as string[], left: [] as string[] };
  const told = (path: string): string => relative(paths.extensions, path);
  for (const path of others) {
    countPassed(gateBytes);
    if (await leave(paths, path)) changes.left.push(told(path));
  }
  for (const [path, digest] of wanted) {
    countPassed(gateBytes);
    if (digest === undefined) {
      if (await close(path)) changes.closed.push(told(path));
    } else if (await open(paths, path, digest)) changes.opened.push(told(path));
  }
  for (const left of Map.groupBy(others, dirname).values()) await removeOldest(left, mostLeft);
  return changes;
}

/** Who makes extensions to delete them fills neither the table of files of a node nor the rounds of its agent. */
async function removeOldest(left: readonly string[], most: number): Promise<void> {
  if (left.length <= most) return;
  const seen: { readonly path: string; readonly leftAt: number }[] = [];
  for (const path of left) seen.push({ path, leftAt: (await whereNone(lstat(path)))?.mtimeMs ?? 0 });
  const oldest = seen.sort((one, other) => one.leftAt - other.leftAt).slice(0, seen.length - most);
  for (const { path } of oldest) await rm(path, { force: true });
}

/** False where it was right already, as below. */
async function open(paths: StorePaths, path: string, digest: ModuleDigest): Promise<boolean> {
  const module = paths.module(digest);
  const [target, found] = [await lstat(module), await whereNone(lstat(path))];
  if (found?.isFile() && found.ino === target.ino && found.dev === target.dev) return false;
  await put(paths, path, (between) => link(module, between));
  return true;
}

async function close(path: string): Promise<boolean> {
  const found = await whereNone(lstat(path));
  if (found?.isDirectory()) return false;
  await ensureDirectory(dirname(path));
  await ensureDirectory(path);
  return true;
}

async function leave(paths: StorePaths, path: string): Promise<boolean> {
  const found = await whereNone(lstat(path));
  if (found?.isFile() && found.size === 0 && (found.mode & 0o7777) === moduleMode) return false;
  await put(paths, path, async (between) => {
    await writeFile(between, '');
    await chmod(between, moduleMode);
  });
  return true;
}

async function put(paths: StorePaths, path: string, make: (between: string) => Promise<void>): Promise<void> {
  await putInPlace(paths, path, async (between) => {
    await make(between);
    await ensureDirectory(dirname(path));
    const found = await whereNone(lstat(path));
    // a closed gate, or what a container runtime makes where the source of a mount is missing
    if (found?.isDirectory()) await rm(path, { recursive: true, force: true });
  });
}

/** All that may be gates. What cannot be one is taken away. */
async function pathsThere({ extensions }: StorePaths): Promise<readonly string[]> {
  const found: string[] = [];
  for (const namespace of await readdir(extensions, { withFileTypes: true })) {
    const directory = join(extensions, namespace.name);
    const names = namespace.isDirectory() ? await readdir(directory) : [];
    if (!namespace.isDirectory()) await rm(directory, { force: true });
    for (const name of names) {
      if (name.endsWith('.wasm')) found.push(join(directory, name));
      else await rm(join(directory, name), { recursive: true, force: true });
    }
  }
  return found;
}
