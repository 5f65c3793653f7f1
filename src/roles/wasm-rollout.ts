// Answers: how are Wasm extensions rolled out, while this process leads and the options have them on. Whatever changes in
// the cluster has every extension looked at again; whoever leads next goes on from what their status tells.
// Does not belong here: what there is to be done (wasm-work.ts), one extension (wasm-road.ts).
import type { ClusterOptions } from '../core/cluster/options.ts';
import type { EventDraft } from '../core/model/event.ts';
import type { Result } from '../core/model/problem.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import type { ControlTelemetry } from '../edge/control-telemetry.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { createFilterDeployments } from './filter-deployments.ts';
import type { KeyQueueParts } from './key-queue.ts';
import { createTurns } from './turns.ts';
import { createWasmModules } from './wasm-modules.ts';
import type { HeldTrial } from './wasm-moment.ts';
import { createRoads } from './wasm-road.ts';
import { createStatusKeeper } from './wasm-status.ts';
import { holdTrial, openTrialDesk } from './wasm-trial.ts';
import { watchWasm } from './wasm-view.ts';
import { addAll, openQueues, workOf } from './wasm-work.ts';
import { createWasmWrites } from './wasm-writes.ts';

export interface WasmRolloutParts {
  readonly kube: Kube;
  readonly telemetry: Pick<ControlTelemetry, 'wasm' | 'failed'>;
  readonly record: (event: EventDraft) => void;
  /** What keeps it from working, in words; undefined where nothing does. Called when it is another. */
  readonly trouble: (reason: string | undefined) => void;
  /** In a pod of its own where absent. */
  readonly holdTrial?: (trial: HeldTrial, signal: AbortSignal) => Promise<Result<void, Refusal>>;
  readonly times?: Partial<RolloutTimes>;
}

export interface RolloutTimes {
  /** A tag is looked at about so often: between half of it and all of it. */
  readonly tagCheckMs: number;
  /** Longest wait before what was refused, and may pass, is tried again. */
  readonly mostWaitMs: number;
  /** One step may ask a registry for so long. */
  readonly longestAskMs: number;
  /** Counts in a status are written at most so often. */
  readonly quietMs: number;
  /** Everything that changes within this time is looked at together. */
  readonly gatherMs: number;
  /** The options of the agents are compared with ours about so often: somebody may have removed them. */
  readonly compareMs: number;
}

const usualTimes: RolloutTimes = {
  tagCheckMs: 600_000,
  mostWaitMs: 300_000,
  longestAskMs: 300_000,
  quietMs: 5_000,
  gatherMs: 250,
  compareMs: 60_000,
};

export interface WasmRollout {
  /** Begins, goes on or ends as the options say. */
  follow(options: ClusterOptions): void;
  /** Resolves when nothing is under way any more; nothing is followed from now on. */
  close(): Promise<void>;
}

export function createWasmRollout(parts: WasmRolloutParts): WasmRollout {
  let running: Rollouts | undefined;
  let followed: string | undefined;
  let isClosed = false;
  // one after the other, so that two never roll out the same
  let ending: Promise<void> = Promise.resolve();
  return {
    follow: (options) => {
      const { wasm, revision, istioNamespace } = options;
      const wanted = wasm.enabled ? JSON.stringify([wasm, revision, istioNamespace]) : undefined;
      if (isClosed || wanted === followed) return;
      followed = wanted;
      const before = running;
      running = undefined;
      ending = ending.then(async () => {
        await before?.close();
        if (wanted !== undefined && followed === wanted && !isClosed) running = startRollouts(parts, options);
      });
      ending.catch(parts.telemetry.failed);
    },
    close: async () => {
      isClosed = true;
      await ending;
      await running?.close();
      running = undefined;
    },
  };
}

interface Rollouts {
  close(): Promise<void>;
}

function startRollouts(parts: WasmRolloutParts, options: ClusterOptions): Rollouts {
  const { kube, telemetry, record } = parts;
  const { wasm, istioNamespace } = options;
  const times = { ...usualTimes, ...parts.times };
  const troubles = createTroubles(parts.trouble);
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    if (!view.hasSynced()) return;
    roads.forgetOthers(view.extensions());
    telemetry.wasm.extensions(addAll(view, queues));
  };
  const view = watchWasm({
    kube,
    istioNamespace,
    takesFilterDeployments: wasm.filterDeployments,
    changed: () => {
      timer ??= setTimeout(look, times.gatherMs);
    },
    trouble: troubles,
  });
  const modules = createWasmModules(kube, wasm);
  const writes = createWasmWrites(kube, view);
  const desk = openTrialDesk();
  const roads = createRoads({
    ...{ wasm, view, modules, writes },
    status: createStatusKeeper({ writes, record, quietMs: times.quietMs }),
    inTurn: createTurns(),
    holdTrial:
      parts.holdTrial ?? (({ proxyImage, ...trial }, signal) => holdTrial({ kube, desk, proxyImage }, trial, signal)),
    stepTaken: telemetry.wasm.step,
    tagCheckMs: times.tagCheckMs,
    mostWaitMs: times.mostWaitMs,
    longestAskMs: times.longestAskMs,
  });
  const filters = createFilterDeployments({ kube, view, writes, judge: roads.judge });
  const workOn = workOf({ kube, options, view, roads, filters, compareMs: times.compareMs });
  const work: KeyQueueParts['work'] = async (key, signal) => {
    const waitMs = await workOn(key, signal);
    troubles(key, undefined);
    return waitMs;
  };
  const queues = openQueues({ work, failed: (key, error, waitMs) => failed(parts, troubles, { key, error, waitMs }) });
  return {
    close: async () => {
      clearTimeout(timer);
      view.close();
      await Promise.all([queues.roads.close(), queues.restorations.close()]);
      modules.close();
      parts.trouble(undefined);
      telemetry.wasm.extensions({ ready: 0, refused: 0, waiting: 0 });
    },
  };
}

/** Of all that is wrong, one text; told only what is another. */
function createTroubles(tell: (reason: string | undefined) => void) {
  const reasons = new Map<string, string>();
  let told: string | undefined;
  return (of: string, reason: string | undefined): void => {
    if (reason === undefined) reasons.delete(of);
    else reasons.set(of, reason);
    const text = reasons.size === 0 ? undefined : [...reasons.values()].join('; ');
    if (text !== told) tell(text);
    told = text;
  };
}

interface Failure {
  readonly key: string;
  readonly error: unknown;
  readonly waitMs: number;
}

function failed(
  { telemetry }: WasmRolloutParts,
  trouble: (of: string, reason: string | undefined) => void,
  { key, error, waitMs }: Failure,
): void {
  if (!(error instanceof KubeError)) telemetry.failed(error);
  telemetry.wasm.failed(key, error, waitMs);
  if (error instanceof KubeError && error.code === 'forbidden') {
    trouble(key, `${error.message}; "pillion install" gives the right to`);
  }
}
