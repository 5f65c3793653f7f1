// Answers: how is one extension taken along its road: look at what is there, decide, take the step, look again.
// What is found on the way is kept in memory for as long as the declaration is the same; what lasts is in its status.
// Does not belong here: which step comes next (core/wasm/rollout/rollout.ts), when there is something to do (wasm-rollout.ts),
// how a step is taken (wasm-steps.ts).
import type { KubeObject } from '../core/model/kube-object.ts';
import { readExtension } from '../core/wasm/declaration/read-extension.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import type { Extension } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { type JudgedPod, judgePod, podSummary } from '../core/wasm/rollout/observed-pods.ts';
import { type Road, walk } from '../core/wasm/rollout/rollout.ts';
import type { RolloutInput } from '../core/wasm/rollout/rollout-input.ts';
import { nextStanding, refusedStanding } from '../core/wasm/rollout/rollout-status.ts';
import { spread } from '../edge/pause.ts';
import { inputOf, judgedPods, type Memory, type Moment, podsOf, type RoadParts } from './wasm-moment.ts';
import { takeStep, tryAgain } from './wasm-steps.ts';

export interface Roads {
  /** Takes the extension as far as it goes now; returns when to come again by itself. */
  take(key: string, signal: AbortSignal): Promise<number | undefined>;
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
  const read = readExtension(object, parts.wasm);
  if (!read.ok) return tellUnread(parts, object, read.error, signal);
  const memory = memoryOf(parts, memories, key, read.value);
  return goOn({ parts, memories, object, extension: read.value, memory, signal });
}

function memoryOf({ tagCheckMs }: RoadParts, all: Map<string, Memory>, key: string, extension: Extension): Memory {
  const { uid, generation, resolveAsked } = extension;
  const of = JSON.stringify([uid, generation, resolveAsked]);
  const before = all.get(key);
  if (before?.of === of) return before;
  // the first look at a tag is soon, and not at once for all
  const tagCheckAt = performance.now() + tagCheckMs - spread(tagCheckMs);
  const memory: Memory = { of, attempt: {}, failures: 0, retryAt: undefined, tagCheckAt };
  all.set(key, memory);
  return memory;
}

async function tellUnread({ status }: RoadParts, object: KubeObject, refused: Refusal, signal: AbortSignal) {
  const before = { standing: standingOf(object), generation: object.metadata.generation ?? 0 };
  return status.keep(object, refusedStanding(before, refused, new Date().toISOString()), signal);
}

/** One step; returns when to come again by itself where there is none. */
async function goOn(moment: Moment): Promise<number | undefined | 'again'> {
  const { memory, extension, signal } = moment;
  if (memory.retryAt !== undefined && performance.now() >= memory.retryAt) tryAgain(memory);
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
  const now = performance.now();
  const retryMs = memory.retryAt === undefined ? undefined : memory.retryAt - now;
  const tagMs = goesByTag(extension) ? memory.tagCheckAt - now : undefined;
  const waits = [toldMs, retryMs, tagMs].filter((one) => one !== undefined);
  return signal.aborted || waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
}

/** Writes the status where it is another; returns when it may be written at last where it waits. */
function tell({ parts, object, extension, signal }: Moment, rollout: RolloutInput, road: Road) {
  const ways = rollout.ways.ok ? rollout.ways.value : [];
  const pods = podsOf(parts.view, extension);
  const standing = nextStanding({
    rollout,
    road,
    pods: (active) =>
      podSummary(
        pods.map((pod) => judgePod(pod, ways, active)),
        active,
      ),
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
