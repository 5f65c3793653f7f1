// Answers: how are Wasm extensions rolled out, while this process leads and the options have them on. Whatever changes in
// the cluster has every extension looked at again; whoever leads next goes on from what their status tells.
// Does not belong here: one extension (wasm-road.ts), what comes next on its road (core/wasm/rollout/rollout.ts).

import { fieldManagers } from '../core/cluster/names.ts';
import type { ClusterOptions } from '../core/cluster/options.ts';
import { resources } from '../core/cluster/resources.ts';
import type { EventDraft } from '../core/model/event.ts';
import { isSameJson } from '../core/model/json.ts';
import type { Result } from '../core/model/problem.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { agentOptionsMap } from '../core/wasm/store/agent-options.ts';
import type { ControlTelemetry } from '../edge/control-telemetry.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { createFilterDeployments, type FilterDeployments } from './filter-deployments.ts';
import { createKeyQueue, type KeyQueue, type KeyQueueParts } from './key-queue.ts';
import { createTurns } from './turns.ts';
import { createWasmModules } from './wasm-modules.ts';
import type { HeldTrial } from './wasm-moment.ts';
import { createRoads, type Roads } from './wasm-road.ts';
import { createStatusKeeper } from './wasm-status.ts';
import { holdTrial, openTrialDesk } from './wasm-trial.ts';
import { type WasmView, watchWasm } from './wasm-view.ts';
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

/** Keys of the queue: what is of an extension, of an old object, and of nobody. */
const extensionKey = 'extension ';
const filterKey = 'filter ';
const goneKey = 'gone nodes';
const agentKey = 'agents';

const restorationKey = 'restoration ';

const mostRoadsAtOnce = 4;
const mostRestorationsAtOnce = 2;

/** A road may wait for a registry, or for a trial, for minutes: what runs is put right beside it. */
interface Queues {
  readonly roads: KeyQueue;
  readonly restorations: KeyQueue;
}

function startRollouts(parts: WasmRolloutParts, options: ClusterOptions): Rollouts {
  const { kube, telemetry, record } = parts;
  const { wasm, istioNamespace } = options;
  const times = { ...usualTimes, ...parts.times };
  const closing = new AbortController();
  const troubles = createTroubles(parts.trouble);
  let queues: Queues | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    if (queues === undefined || !view.hasSynced()) return;
    roads.forgetOthers(view.extensions());
    addAll(view, queues, telemetry);
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
  const queueOf = (mostAtOnce: number): KeyQueue =>
    createKeyQueue({
      work,
      mostAtOnce,
      failed: (key, error, waitMs) => failed(parts, troubles, { key, error, waitMs }),
    });
  queues = { roads: queueOf(mostRoadsAtOnce), restorations: queueOf(mostRestorationsAtOnce) };
  queues.roads.add(agentKey);
  return {
    close: async () => {
      closing.abort();
      clearTimeout(timer);
      view.close();
      await Promise.all([queues?.roads.close(), queues?.restorations.close()]);
      modules.close();
      parts.trouble(undefined);
      telemetry.wasm.extensions({ ready: 0, refused: 0, waiting: 0 });
    },
  };
}

interface Working {
  readonly kube: Kube;
  readonly options: ClusterOptions;
  readonly view: WasmView;
  readonly roads: Roads;
  readonly filters: FilterDeployments;
  readonly compareMs: number;
}

function workOf({ kube, options, view, roads, filters, compareMs }: Working) {
  return async (key: string, signal: AbortSignal): Promise<number | undefined> => {
    if (key === agentKey) {
      await keepAgentOptions(kube, options);
      return compareMs;
    }
    if (!view.hasSynced()) return undefined; // comes again with the next change
    if (key === goneKey) return removeGone(kube, view);
    if (key.startsWith(restorationKey)) return roads.restore(key.slice(restorationKey.length), signal);
    if (key.startsWith(filterKey)) return filters.take(key.slice(filterKey.length), signal);
    return roads.take(key.slice(extensionKey.length), signal);
  };
}

function addAll(view: WasmView, { roads, restorations }: Queues, telemetry: WasmRolloutParts['telemetry']): void {
  const counts = { ready: 0, refused: 0, waiting: 0 };
  for (const [key, object] of view.extensions()) {
    const { running, conditions } = standingOf(object);
    roads.add(`${extensionKey}${key}`);
    if (running !== undefined) restorations.add(`${restorationKey}${key}`);
    const ready = conditions?.find(({ type }) => type === 'Ready')?.status;
    counts[ready === 'True' ? 'ready' : ready === 'False' ? 'refused' : 'waiting'] += 1;
  }
  telemetry.wasm.extensions(counts);
  for (const key of view.filterDeployments().keys()) roads.add(`${filterKey}${key}`);
  if ([...view.stores().keys()].some((name) => !view.nodes().has(name))) roads.add(goneKey);
}

/** The object of a node outlives it; asked once more, because a watch may be behind. */
async function removeGone(kube: Kube, view: WasmView): Promise<undefined> {
  for (const name of view.stores().keys()) {
    if (view.nodes().has(name)) continue;
    if ((await kube.get(resources.nodes, name)) === undefined) await kube.remove(resources.wasmStores, name);
  }
}

/** The node agents read the options from a map of theirs. */
async function keepAgentOptions(kube: Kube, options: ClusterOptions): Promise<void> {
  const wanted = agentOptionsMap(options);
  const { name, namespace } = wanted.metadata;
  const found = await kube.get(resources.configMaps, name, namespace);
  if (isSameJson(found?.['data'], wanted['data'])) return;
  await kube.apply(wanted, { fieldManager: fieldManagers.control });
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
