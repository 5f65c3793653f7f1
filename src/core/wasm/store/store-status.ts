// Answers: what does a node report of its modules: the status of its WasmStore.
import type { ModuleDigest } from '../digests.ts';
import type { StoredModule, StoreStatus } from '../extension.ts';
import type { Refusal } from '../refusals.ts';
import type { Wanted } from './wanted.ts';

export interface StoreStatusInput {
  readonly agentVersion: string;
  readonly wanted: Wanted;
  /** What is whole in the store. */
  readonly whole: ReadonlyMap<ModuleDigest, { readonly sizeBytes: number }>;
  readonly setback: (
    digest: ModuleDigest,
  ) => { readonly refusal: Refusal; readonly failures: number; readonly nextAtMs: number } | undefined;
}

/** In the order of the digests. What is in the store and not wanted counts among the bytes alone. */
export function storeStatus({ agentVersion, wanted, whole, setback }: StoreStatusInput): StoreStatus {
  const modules = [...wanted.modules.values()].map(({ digest, sources }): StoredModule => {
    const denied = !sources.ok && sources.error.reason === 'DigestDenied';
    const file = whole.get(digest);
    if (file !== undefined && !denied) return { digest, state: 'Ready', sizeBytes: file.sizeBytes };
    const failed = setback(digest);
    const refused = failed?.refusal ?? (sources.ok ? undefined : sources.error);
    if (refused === undefined) return { digest, state: 'Fetching' };
    const { reason, message } = refused;
    return {
      digest,
      state: 'Failed',
      reason,
      message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message,
      ...(failed && { attempts: failed.failures, nextRetryTime: new Date(failed.nextAtMs).toISOString() }),
    };
  });
  const usedBytes = [...whole.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { agentVersion, usedBytes, modules };
}

const longestMessage = 256;
