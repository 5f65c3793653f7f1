// Answers: what is counted and logged of what the node agent does.
// Does not belong here: which metrics there are (agent-metrics.ts), how a line gets out (plain-log.ts).
import type { Result } from '../core/model/problem.ts';
import type { ModuleDigest } from '../core/wasm/digests.ts';
import { moduleStates, type StoreStatus } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { type AgentMetrics, createAgentMetrics, type StoreFault } from './agent-metrics.ts';
import { KubeError } from './kube/kube-error.ts';
import type { PlainLog } from './plain-log.ts';
import { codeOf } from './store/disk-fault.ts';
import type { GateChanges } from './store/gates.ts';

export interface AgentTelemetry {
  readonly log: PlainLog;
  readonly metrics: AgentMetrics;
  pulled(digest: ModuleDigest, result: Result<{ readonly sizeBytes: number }, Refusal>): void;
  /** A file of the store was otherwise than it should be. */
  found(fault: StoreFault, digest: ModuleDigest | undefined): void;
  gates(changes: GateChanges): void;
  evicted(digest: ModuleDigest): void;
  status(status: StoreStatus): void;
  /** The store could not be used, or something of ours is broken. */
  storeFailed(error: unknown, waitMs: number): void;
  /** Said once, and again only where the reason is another. */
  trouble(what: string, reason: string | undefined): void;
  failed(error: unknown): void;
}

export function createAgentTelemetry(log: PlainLog): AgentTelemetry {
  const metrics = createAgentMetrics();
  const troubles = new Map<string, string>();
  const failed = (error: unknown): void => {
    metrics.add('defects');
    log.error({ err: error instanceof Error ? error.stack : String(error) }, 'defect; please report it');
  };
  const trouble = (what: string, reason: string | undefined): void => {
    if (troubles.get(what) === reason) return;
    if (reason === undefined) {
      troubles.delete(what);
      log.info({ what }, 'the trouble is over');
    } else {
      troubles.set(what, reason);
      log.warn({ what, reason }, 'in trouble');
    }
  };
  return {
    log,
    metrics,
    failed,
    trouble,
    pulled: (digest, result) => {
      metrics.add('pulls', 1, result.ok ? 'Succeeded' : result.error.reason);
      if (result.ok) {
        metrics.add('pulledBytes', result.value.sizeBytes);
        log.info({ digest, sizeBytes: result.value.sizeBytes }, 'module fetched');
      } else log.warn({ digest, reason: result.error.reason, error: result.error.message }, 'module not fetched');
    },
    found: (fault, digest) => {
      metrics.add('healed', 1, fault);
      log.warn({ digest, fault }, 'a file of the store is otherwise than it should be');
    },
    gates: (changes) => {
      const { opened, closed, left } = changes;
      if (opened.length + closed.length + left.length > 0) log.info({ ...changes }, 'gates of extensions set');
    },
    evicted: (digest) => {
      metrics.add('evicted');
      log.info({ digest }, 'module removed: nothing refers to it any more');
    },
    status: ({ modules, usedBytes }) => {
      metrics.set('storeBytes', usedBytes);
      for (const state of moduleStates) {
        metrics.set('modules', modules.filter((one) => one.state === state).length, state);
      }
    },
    storeFailed: (error, waitMs) => {
      const isExpected = codeOf(error) !== undefined || error instanceof KubeError || isNamed(error, 'StoreUnusable');
      if (!isExpected) failed(error);
      else trouble('store', error instanceof Error ? error.message : String(error));
      log.debug({ tryAgainInMs: Math.round(waitMs) }, 'the round failed');
    },
  };
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
