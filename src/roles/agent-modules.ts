// Answers: how does a node come to have what it should have, and stay so: one round after the other looks at the store,
// puts right, sets the gates, lets go what nobody needs, and begins to fetch what is missing.
// Does not belong here: where the wishes come from, and the report (agent.ts).
import type { ClusterOptions } from '../core/cluster/options.ts';
import type { ModuleDigest } from '../core/wasm/digests.ts';
import type { StoreStatus } from '../core/wasm/extension.ts';
import { evictionOf, type LastUse, usualBudgetBytes } from '../core/wasm/store/evict.ts';
import { storeStatus } from '../core/wasm/store/store-status.ts';
import type { Wanted, WantedGate } from '../core/wasm/store/wanted.ts';
import type { AgentTelemetry } from '../edge/agent-telemetry.ts';
import type { KubeCalls } from '../edge/kube/calls.ts';
import { returnMemory } from '../edge/return-memory.ts';
import { fetchToStore } from '../edge/store/fetch-to-store.ts';
import { setGates } from '../edge/store/gates.ts';
import type { SeenModule } from '../edge/store/list-modules.ts';
import { readLastUse, writeLastUse } from '../edge/store/state-file.ts';
import type { StorePaths } from '../edge/store/store-paths.ts';
import { createPulls, type Pulls } from './agent-pulls.ts';
import { createStoreLook, type StoreLook } from './agent-store.ts';
import { type Outcome, startLoop } from './loop.ts';

/** What the API server says, once it has said all of it. */
export interface Wishes {
  readonly wanted: Wanted;
  readonly wasm: ClusterOptions['wasm'];
}

export interface KeeperParts {
  readonly paths: StorePaths;
  readonly kube: Pick<KubeCalls, 'get'>;
  readonly agentVersion: string;
  readonly telemetry: AgentTelemetry;
  /** Undefined before everything is known: nothing is taken away then. */
  readonly wishes: () => Wishes | undefined;
  readonly tell: (status: StoreStatus) => void;
  /** Whether the store can be used; the reason where it cannot. */
  readonly usable: (reason: string | undefined) => void;
  readonly times: KeeperTimes;
}

export interface KeeperTimes {
  /** Between two looks at the files. */
  readonly lookMs: number;
  /** Between two readings of every file. */
  readonly rehashMs: number;
  /** The longest wait between two attempts to fetch a module. */
  readonly mostWaitMs: number;
}

export interface Keeper {
  /** Something may have changed: a wish, a file. */
  wake(): void;
  /** The options have changed: what could not be fetched is tried again at once. */
  retryAll(): void;
  readonly ended: Promise<void>;
}

/** After a round, once what belongs to it is over. */
const sweepAfterMs = 1_000;
/** How often it is written down when modules were last referred to, where nothing else about them changes. */
const writeStateMs = 10 * 60_000;

/** Works until the signal aborts. */
export function startKeeper(parts: KeeperParts, signal: AbortSignal): Keeper {
  const { paths, kube, telemetry, times } = parts;
  const store = createStoreLook({ paths, found: telemetry.found, rehashMs: times.rehashMs });
  const pulls = createPulls(
    {
      fetch: async (wanted, flight) => {
        const wasm = parts.wishes()?.wasm;
        if (wasm === undefined) throw new Error('a module is fetched that nobody wants');
        returnMemory(); // what the start or the fetch before has left is not there beside this one
        return fetchToStore({ paths, kube, wasm }, wanted, flight);
      },
      ended: (digest, result) => {
        telemetry.pulled(digest, result);
        loop.wake();
      },
      failed: telemetry.failed,
      mostWaitMs: times.mostWaitMs,
    },
    signal,
  );
  const memory: Memory = { lastUse: undefined, writtenAtMs: 0 };
  const sweep = setTimeout(returnMemory, sweepAfterMs);
  signal.addEventListener('abort', () => clearTimeout(sweep));
  const loop = startLoop(
    {
      observe: store.look,
      decide: (whole) => whole,
      act: async (whole) => {
        sweep.refresh();
        return act(parts, { store, pulls, memory }, whole);
      },
      succeeded: () => parts.usable(undefined),
      failed: (error, waitMs) => {
        parts.usable(error instanceof Error ? error.message : String(error));
        telemetry.storeFailed(error, waitMs);
      },
    },
    signal,
  );
  return { wake: loop.wake, retryAll: pulls.retryAll, ended: loop.ended };
}

interface Memory {
  lastUse: LastUse | undefined;
  writtenAtMs: number;
}

interface Working {
  readonly store: StoreLook;
  readonly pulls: Pulls;
  readonly memory: Memory;
}

type Whole = ReadonlyMap<ModuleDigest, SeenModule>;

async function act(parts: KeeperParts, { store, pulls, memory }: Working, whole: Whole): Promise<Outcome> {
  const { paths, telemetry, times } = parts;
  const wishes = parts.wishes();
  if (wishes === undefined) return { kind: 'rest', milliseconds: times.lookMs };
  const { wanted } = wishes;
  const missing = new Map(
    [...wanted.modules].filter(([digest, { sources }]) => !whole.has(digest) && mayFetch(sources)),
  );
  // first, since it waits for nothing
  const nextMs = pulls.start(missing, performance.now());
  const tell = (kept: Whole): void => {
    const status = storeStatus({ agentVersion: parts.agentVersion, wanted, whole: kept, setback: pulls.setback });
    telemetry.status(status);
    parts.tell(status);
  };
  try {
    const gates = wanted.gates.map((gate) => (isThere(gate, whole) ? gate : { ...gate, digest: undefined }));
    telemetry.gates(await setGates(paths, gates));
    await lookAgain(store, gates);
    tell(await evict(parts, store, memory, whole));
  } catch (error) {
    tell(whole); // also where nothing can be written: what is missing, and why
    throw error;
  }
  return { kind: 'rest', milliseconds: Math.max(0, Math.min(times.lookMs, nextMs ?? times.lookMs)) };
}

/** What is refused for good by the declaration is not asked for; it is looked at again when that changes. */
function mayFetch(sources: { readonly ok: boolean }): boolean {
  return sources.ok;
}

function isThere({ digest }: WantedGate, whole: Whole): boolean {
  return digest !== undefined && whole.has(digest);
}

/** Another name changes what a look sees of the file. */
async function lookAgain(store: StoreLook, gates: readonly WantedGate[]): Promise<void> {
  const open = new Set(gates.map(({ digest }) => digest));
  for (const digest of open) if (digest !== undefined) await store.touched(digest);
}

async function evict(parts: KeeperParts, store: StoreLook, memory: Memory, whole: Whole): Promise<Whole> {
  const { paths, telemetry, wishes } = parts;
  const referenced = wishes()?.wanted.modules ?? whole;
  const before = memory.lastUse ?? (await readLastUse(paths));
  const nowMs = performance.timeOrigin + performance.now(); // a clock that is set meanwhile makes nothing old
  const input = { files: [...whole.values()], referenced, lastUse: before, nowMs, budgetBytes: usualBudgetBytes };
  const { remove, lastUse } = evictionOf(input);
  for (const digest of remove) {
    await store.remove(digest);
    telemetry.evicted(digest);
  }
  const isOther = memory.lastUse === undefined || [...before.keys()].join() !== [...lastUse.keys()].join();
  memory.lastUse = lastUse;
  if (isOther || nowMs - memory.writtenAtMs >= writeStateMs) {
    memory.writtenAtMs = nowMs;
    await writeLastUse(paths, lastUse);
  }
  return new Map([...whole].filter(([digest]) => !remove.includes(digest)));
}
