// Answers: which modules may leave a node. What anybody still refers to never does: a proxy reads its file again when it
// restarts. The rest goes a day after it was last referred to, so that who goes back and forth fetches nothing twice.
// Does not belong here: who refers to what (wanted.ts), removing it (edge/store/).
import type { ModuleDigest } from '../digests.ts';

/** When each module was last referred to, in milliseconds of the epoch. Kept beside the modules, and made anew where lost. */
export type LastUse = ReadonlyMap<ModuleDigest, number>;

export interface EvictionInput {
  readonly files: readonly { readonly digest: ModuleDigest; readonly sizeBytes: number }[];
  readonly referenced: { has(digest: ModuleDigest): boolean };
  readonly lastUse: LastUse;
  /** Milliseconds of the epoch. */
  readonly nowMs: number;
  /** Beyond it what nobody refers to goes earlier, the longest unused first. */
  readonly budgetBytes: number;
}

export interface Eviction {
  readonly remove: readonly ModuleDigest[];
  /** Of what stays. */
  readonly lastUse: LastUse;
}

const keptUnusedMs = 24 * 3_600_000;
export const usualBudgetBytes = 2 * 1024 ** 3;

/**
 * What may go now. A file of which nothing is known counts as used now: a lost memory must not cost a module. So does
 * one whose last use lies ahead, which is what a clock leaves behind that was put back.
 */
export function evictionOf({ files, referenced, lastUse, nowMs, budgetBytes }: EvictionInput): Eviction {
  const used = (digest: ModuleDigest): number =>
    referenced.has(digest) ? nowMs : Math.min(lastUse.get(digest) ?? nowMs, nowMs);
  const unused = files
    .filter(({ digest }) => !referenced.has(digest))
    .sort((one, other) => used(one.digest) - used(other.digest));
  let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const remove = new Set<ModuleDigest>();
  for (const { digest, sizeBytes } of unused) {
    if (nowMs - used(digest) < keptUnusedMs && bytes <= budgetBytes) continue;
    remove.add(digest);
    bytes -= sizeBytes;
  }
  const stays = files.filter(({ digest }) => !remove.has(digest));
  return { remove: [...remove], lastUse: new Map(stays.map(({ digest }) => [digest, used(digest)])) };
}
