// Answers: how is one extension taken along its road: look at what is there, decide, take the step, look again.
// What is found on the way is kept in memory for as long as the declaration is the same; what lasts is in its status.
// Does not belong here: which step comes next (core/wasm/rollout/rollout.ts), when there is something to do (wasm-work.ts),
// how a step is taken (wasm-steps.ts).
import type { KubeObject } from '../core/model/kube-object.ts';
import { ok, type Result } from '../core/model/problem.ts';
import { readExtension } from '../core/wasm/declaration/read-extension.ts';
import { readRunning } from '../core/wasm/declaration/running.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import type { Extension } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { type JudgedPod, podSummary } from '../core/wasm/rollout/observed-pods.ts';
import { restoration, runningDistribution } from '../core/wasm/rollout/restoration.ts';
import { type Road, walk } from '../core/wasm/rollout/rollout.ts';
import type { RolloutInput } from '../core/wasm/rollout/rollout-input.ts';
import { nextStanding, refusedStanding, type UnreadInput } from '../core/wasm/rollout/rollout-status.ts';
import { spread } from '../edge/pause.ts';
import { createTurns } from './turns.ts';
import { inputOf, judgedFor, judgedPods, type Memory, type Moment, type RoadParts, stepOf } from './wasm-moment.ts';
import { restoreAgain, takeStep, tryAgain } from './wasm-steps.ts';

export interface Roads {
  /** Takes the extension as far as it goes now; returns when to come again by itself. */
  take(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Puts right what runs, where something else is declared, while its road waits for somebody. */
  restore(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Its pods, each with what became of it. */
  judge(object: KubeObject): readonly JudgedPod[];
  /** Forgets extensions that are not there any more. */
  forgetOthers(there: ReadonlyMap<string, unknown>): void;
}

/** So many steps have an end; more are a fault of ours. */
const mostSteps = 24;

export function createRoads(parts: RoadParts): Roads {
  const memories = new Map<string, Memory>();
  return {
    judge: (object) => judgedPods(parts, object),
    forgetOthers: (there) => {
      for (const key of memories.keys()) if (!there.has(key)) memories.delete(key);
    },
    restore: async (key, signal) => {
      const object = parts.view.extensions().get(key);
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
      return restoreBeside(parts, memories, { key, object, signal });
    },
    take: async (key, signal) => {
      for (let steps = 0; steps < mostSteps; steps += 1) {
        const object = parts.view.extensions().get(key);
        if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
          memories.delete(key);
          return undefined;
        }
        const waitMs = await lookAt(parts, memories, { key, object, signal });
        if (waitMs !== 'again') return waitMs;
        if (signal.aborted) return undefined;
      }
      throw new Error(`${mostSteps} steps with "${key}", and no end`);
    },
  };
}

interface Looked {
  readonly key: string;
  readonly object: KubeObject;
  readonly signal: AbortSignal;
}

async function lookAt(parts: RoadParts, memories: Map<string, Memory>, { key, object, signal }: Looked) {
  const read = momentOf(parts, memories, { key, object, signal });
  if (!read.ok) return tellUnread(parts, object, { refused: read.error, signal });
  const moment = read.value;
  const { memory, unread } = moment;
  if (isDue(memory.retryAt)) tryAgain(memory);
  return unread === undefined ? goOn(moment) : goOnUnread(moment, unread);
}

/** Refused where the declaration cannot be read, and nobody knows by which one the extension runs. */
function momentOf(
  parts: RoadParts,
  memories: Map<string, Memory>,
  { key, object, signal }: Looked,
): Result<Moment, Refusal> {
  const momentWith = (extension: Extension): Moment => {
    const memory = memoryOf(parts, memories, key, extension);
    if (isDue(memory.restoreAt)) restoreAgain(memory);
    return { parts, memories, object, extension, memory, signal };
  };
  const read = readExtension(object, parts.wasm);
  if (read.ok) return ok(momentWith(read.value));
  const running = readRunning(object);
  return running === undefined ? read : ok({ ...momentWith(running), unread: read.error });
}

function isDue(at: number | undefined): boolean {
  return at !== undefined && performance.now() >= at;
}

/** Does what the road would do, beside it. */
async function restoreBeside(parts: RoadParts, memories: Map<string, Memory>, looked: Looked) {
  const read = momentOf(parts, memories, looked);
  if (!read.ok) return undefined;
  const step = stepOf(read.value);
  if (step.kind === 'restore') await takeStep(read.value, step);
  return earliestMs(looked.signal, [untilMs(read.value.memory.restoreAt)]);
}

function memoryOf({ tagCheckMs }: RoadParts, all: Map<string, Memory>, key: string, extension: Extension): Memory {
  const { uid, generation, resolveAsked } = extension;
  const of = JSON.stringify([uid, generation, resolveAsked]);
  const before = all.get(key);
  if (before?.of === of) return before;
  // the first look at a tag is soon, and not at once for all
  const tagCheckAt = performance.now() + tagCheckMs - spread(tagCheckMs);
  const memory: Memory = {
    of,
    attempt: {},
    failures: 0,
    retryAt: undefined,
    restoreAt: undefined,
    writeInTurn: before?.writeInTurn ?? createTurns(),
    tagCheckAt,
  };
  all.set(key, memory);
  return memory;
}

interface Unread {
  /** Why it cannot be read. */
  readonly refused: Refusal;
  readonly counts?: UnreadInput['counts'];
  readonly signal: AbortSignal;
}

async function tellUnread({ status }: RoadParts, object: KubeObject, { refused, counts, signal }: Unread) {
  const { generation = 0 } = object.metadata;
  const now = new Date().toISOString();
  const standing = refusedStanding({ standing: standingOf(object), generation, refused, counts, now });
  return status.keep(object, standing, signal);
}

/** What runs is put right, whatever stands in the declaration. */
async function goOnUnread(moment: Moment, refused: Refusal): Promise<number | undefined | 'again'> {
  const { parts, object, memory, signal } = moment;
  const step = stepOf(moment);
  if (step.kind !== 'rest') {
    await takeStep(moment, step);
    return 'again';
  }
  const rollout = inputOf(moment);
  const change = restoration(rollout);
  const { active } = rollout.standing;
  const pods = podSummary(judgedFor(parts.view, rollout.running ?? rollout, active), active);
  const notRestored = change.ok ? {} : { notRestored: change.error };
  const counts = { pods, distribution: runningDistribution(rollout), ...notRestored };
  const toldMs = await tellUnread(parts, object, { refused, counts, signal });
  return earliestMs(signal, [toldMs, untilMs(memory.restoreAt)]);
}

/** One step; returns when to come again by itself where there is none. */
async function goOn(moment: Moment): Promise<number | undefined | 'again'> {
  const { memory, extension, signal } = moment;
  const rollout = inputOf(moment);
  const road = walk(rollout);
  const { step } = road;
  const isTold = step.kind === 'rest' || step.kind === 'try' || step.kind === 'switch';
  const toldMs = isTold ? await tell(moment, rollout, road) : undefined;
  if (step.kind !== 'rest') {
    await takeStep(moment, step);
    return 'again';
  }
  if (await lookAtTag(moment, road)) return 'again';
  const tagMs = goesByTag(extension) ? untilMs(memory.tagCheckAt) : undefined;
  return earliestMs(signal, [toldMs, untilMs(memory.retryAt), untilMs(memory.restoreAt), tagMs]);
}

function untilMs(at: number | undefined): number | undefined {
  return at === undefined ? undefined : at - performance.now();
}

function earliestMs(signal: AbortSignal, all: readonly (number | undefined)[]): number | undefined {
  const waits = all.filter((one) => one !== undefined);
  return signal.aborted || waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
}

/** Writes the status where it is another; returns when it may be written at last where it waits. */
function tell({ parts, object, signal }: Moment, rollout: RolloutInput, road: Road) {
  const standing = nextStanding({
    rollout,
    road,
    pods: (active, by) => {
      const of = by === 'running' && rollout.running !== undefined ? rollout.running : rollout;
      return podSummary(judgedFor(parts.view, of, active), active);
    },
    now: new Date().toISOString(),
  });
  return parts.status.keep(object, standing, signal);
}

function goesByTag({ source }: Extension): boolean {
  return source.kind === 'image' && source.image.digest === undefined;
}

/** True where something was found out. Only what runs is looked at: anything else is resolved anyway. */
async function lookAtTag({ parts, extension, memory, signal }: Moment, road: Road): Promise<boolean> {
  if (!goesByTag(extension) || performance.now() < memory.tagCheckAt || signal.aborted) return false;
  memory.tagCheckAt = performance.now() + spread(parts.tagCheckMs);
  if (road.verdicts.get('Ready')?.kind !== 'done') return false;
  const tagNow = await parts.modules.tagNow(extension, signal);
  if (tagNow === undefined || tagNow === memory.attempt.tagNow) return false;
  memory.attempt = { ...memory.attempt, tagNow };
  return true;
}
