// Answers: which modules are whole in the store at this moment. A file is read when it is first seen, when somebody has
// touched it since, and every hour; else a look costs one stat.
// Does not belong here: what is wanted (core/wasm/store/wanted.ts), fetching (agent-modules.ts).
import type { ModuleDigest } from '../core/wasm/digests.ts';
import type { StoreFault } from '../edge/agent-metrics.ts';
import { listModules, lookAtModule, type SeenModule } from '../edge/store/list-modules.ts';
import { emptyTmp, openStore } from '../edge/store/open-store.ts';
import { checkModule, removeFile } from '../edge/store/put-right.ts';
import type { StorePaths } from '../edge/store/store-paths.ts';

export interface StoreLookParts {
  readonly paths: StorePaths;
  /** Something was otherwise than it should be; it is put right already, or gone. */
  readonly found: (fault: StoreFault, digest: ModuleDigest | undefined) => void;
  readonly rehashMs: number;
}

export interface StoreLook {
  /** What is whole. Throws where the store cannot be used. */
  look(): Promise<ReadonlyMap<ModuleDigest, SeenModule>>;
  /** We have touched the file ourselves: another name was given to it. */
  touched(digest: ModuleDigest): Promise<void>;
  remove(digest: ModuleDigest): Promise<void>;
}

export function createStoreLook({ paths, found, rehashMs }: StoreLookParts): StoreLook {
  let whole: Whole = new Map();
  let rehashAt = 0;
  let isOpened = false;
  return {
    look: async () => {
      await open(paths, !isOpened);
      isOpened = true;
      const { modules, strangers } = await listModules(paths);
      for (let one = 0; one < strangers; one += 1) found('stranger', undefined);
      for (const digest of whole.keys()) if (!modules.has(digest)) found('missing', digest);
      const isDue = performance.now() >= rehashAt;
      if (isDue) rehashAt = performance.now() + rehashMs;
      whole = await wholeOf({ paths, found, known: isDue ? new Map() : whole }, modules);
      return whole;
    },
    touched: async (digest) => {
      const seen = await lookAtModule(paths, digest);
      if (seen !== undefined && whole.get(digest)?.inode === seen.inode) whole.set(digest, seen);
    },
    remove: async (digest) => {
      whole.delete(digest);
      await removeFile(paths.module(digest));
    },
  };
}

type Whole = Map<ModuleDigest, SeenModule>;

/** Those of the modules that are what their names say; what is known and was not touched is not read again. */
async function wholeOf(
  { paths, found, known }: Pick<StoreLookParts, 'paths' | 'found'> & { readonly known: Whole },
  modules: ReadonlyMap<ModuleDigest, SeenModule>,
): Promise<Whole> {
  const whole: Whole = new Map();
  for (const [digest, seen] of modules) {
    const isKnown = seen.hasRights && known.get(digest)?.print === seen.print;
    const checked = isKnown ? seen : await checkModule(paths, digest);
    if (typeof checked === 'object') whole.set(digest, checked);
    else if (checked !== undefined) found(checked, digest);
  }
  return whole;
}

/** What was being written is of no worth once the process that wrote it has ended. */
async function open(paths: StorePaths, isFirst: boolean): Promise<void> {
  const opened = await openStore(paths);
  const emptied = opened.ok && isFirst ? await emptyTmp(paths) : opened;
  if (!emptied.ok) throw new StoreUnusable(emptied.error.reason, emptied.error.message);
}

/** Nothing can be kept on this node for now. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';
  readonly reason: 'DiskFull' | 'StoreBroken';

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason === 'DiskFull' ? 'DiskFull' : 'StoreBroken';
  }
}
