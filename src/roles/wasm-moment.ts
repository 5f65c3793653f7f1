// Answers: what is an extension, and everything that it depends on, at one moment.
// Does not belong here: what follows from it (core/wasm/rollout/rollout.ts), going on (wasm-road.ts).
import type { ClusterOptions } from '../core/cluster/options.ts';
import { isObject, isSameJson } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { ok, type Result } from '../core/model/problem.ts';
import { readExtension, withoutSource } from '../core/wasm/declaration/read-extension.ts';
import { readRunning } from '../core/wasm/declaration/running.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import type { Extension, Revision, Standing } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { waysOf } from '../core/wasm/rollout/emitted.ts';
import {
  type JudgedPod,
  judgePod,
  nodesOf,
  type ObservedPod,
  pullsItself,
  selectedPods,
} from '../core/wasm/rollout/observed-pods.ts';
import { restoration } from '../core/wasm/rollout/restoration.ts';
import { type Step, walk } from '../core/wasm/rollout/rollout.ts';
import type { Attempt, RolloutInput, Running } from '../core/wasm/rollout/rollout-input.ts';
import type { InTurn } from './turns.ts';
import type { WasmModules } from './wasm-modules.ts';
import type { StatusKeeper } from './wasm-status.ts';
import type { WasmView } from './wasm-view.ts';
import type { WasmWrites } from './wasm-writes.ts';

/** One trial, as roles/wasm-trial.ts holds it. */
export interface HeldTrial {
  readonly extension: Extension;
  readonly revision: Revision;
  readonly bytes: Uint8Array;
  readonly proxyImage: string;
}

export interface RoadParts {
  readonly wasm: ClusterOptions['wasm'];
  readonly view: WasmView;
  readonly modules: WasmModules;
  readonly writes: WasmWrites;
  readonly status: StatusKeeper;
  readonly holdTrial: (trial: HeldTrial, signal: AbortSignal) => Promise<Result<void, Refusal>>;
  /** One module in memory: whoever fetches or tries one waits for its turn. */
  readonly inTurn: InTurn;
  readonly stepTaken: (step: TakenStep, refused: Refusal | undefined, extension: Extension) => void;
  /** How often a tag is looked at. */
  readonly tagCheckMs: number;
  /** Longest wait after a refusal that passes. */
  readonly mostWaitMs: number;
  /** All that a registry is asked for one step ends after so long: few steps are taken at once. */
  readonly longestAskMs: number;
}

export type TakenStep = Exclude<Step['kind'], 'rest'>;

/** What is remembered of one extension. */
export interface Memory {
  /** Of which declaration. */
  readonly of: string;
  attempt: Attempt;
  failures: number;
  /** When what was refused is tried again. */
  retryAt: number | undefined;
  /** When what runs is put right again, where that went wrong. */
  restoreAt: number | undefined;
  /** Istio's objects are written by one at a time. */
  readonly writeInTurn: InTurn;
  tagCheckAt: number;
}

/** One extension at one moment. */
export interface Moment {
  readonly parts: RoadParts;
  readonly memories: ReadonlyMap<string, Memory>;
  readonly object: KubeObject;
  readonly extension: Extension;
  /** Why the declaration cannot be read; `extension` is what runs then. */
  readonly unread?: Refusal;
  readonly memory: Memory;
  readonly signal: AbortSignal;
}

/** What comes next. Where the declaration cannot be read, only what runs is put right. */
export function stepOf(moment: Moment): Step {
  const rollout = inputOf(moment);
  if (moment.unread === undefined) return walk(rollout).step;
  const change = restoration(rollout);
  return change.ok && change.value !== undefined ? { kind: 'restore', ...change.value } : { kind: 'rest' };
}

/** Everything that the next step depends on. */
export function inputOf({ parts, memories, object, extension, memory }: Moment): RolloutInput {
  const { wasm, view, writes } = parts;
  const { proxyImage } = view.mesh();
  const standing = standingOf(object);
  const spec = isObject(object['spec']) ? withoutSource(object['spec']) : {};
  const declared = around(view, extension);
  const isSame = isSameJson(spec, standing.running);
  const runs = isSame ? extension : readRunning(object, standing);
  return {
    extension,
    spec,
    standing,
    attempt: memory.attempt,
    running: runs && (isSame ? declared : around(view, runs)),
    wasm,
    proxyImage,
    others: othersOf(view, memories, extension),
    ways: declared.ways,
    // anybody may write the uid of an extension into an object of another namespace
    objects: writes.emitted(extension.uid).filter(({ namespace }) => namespace === extension.namespace),
    nodes: { nodes: view.nodes(), stores: view.stores() },
    nodesOfPods: declared.nodesOfPods,
  };
}

/** The extension as it is declared, or as it runs, with what the cluster makes of it. */
function around(view: WasmView, extension: Extension): Running {
  const pods = podsOf(view, extension);
  return { extension, ways: waysIn(view, extension, pods), nodesOfPods: nodesOf(pods) };
}

/** The pods that the extension selects. */
function podsOf(view: WasmView, extension: Extension): readonly ObservedPod[] {
  const { namespace } = extension;
  return selectedPods(extension, view.pods(namespace === view.mesh().rootNamespace ? undefined : namespace));
}

function waysIn(view: WasmView, extension: Extension, pods: readonly ObservedPod[]): RolloutInput['ways'] {
  return waysOf(extension, {
    isRoot: extension.namespace === view.mesh().rootNamespace,
    namespaceLabels: view.namespaces().get(extension.namespace),
    hasPullingPods: pods.some(pullsItself),
  });
}

/** Every extension looks at those of all others, which seldom change. */
const kept = new WeakMap<KubeObject, Standing>();

function keptStanding(object: KubeObject): Standing {
  const before = kept.get(object);
  if (before !== undefined) return before;
  const standing = standingOf(object);
  kept.set(object, standing);
  return standing;
}

/** See RolloutInput. */
export function othersOf(
  { extensions }: Pick<WasmView, 'extensions'>,
  memories: ReadonlyMap<string, Pick<Memory, 'attempt'>>,
  { uid, namespace }: Pick<Extension, 'uid' | 'namespace'>,
): RolloutInput['others'] {
  const standings = [...extensions().values()]
    .filter(({ metadata }) => metadata.uid !== uid && metadata.namespace === namespace)
    .map(keptStanding);
  const fetched = [...memories.values()].flatMap(({ attempt }) => attempt.fetched ?? []);
  const tried = [...memories.values()].flatMap(({ attempt }) => attempt.tried ?? []);
  return {
    revisions: [
      ...standings.flatMap(({ active, candidate, previous }) => [active, candidate, previous]),
      ...fetched,
    ].filter((one) => one !== undefined),
    tried: [...standings.flatMap((one) => one.tried ?? []), ...tried],
  };
}

/** The pods of what runs, or, before anything does, of what is declared, each with what became of it. */
export function judgedPods({ view, wasm }: RoadParts, object: KubeObject): readonly JudgedPod[] {
  const running = readRunning(object);
  const read = running === undefined ? readExtension(object, wasm) : ok(running);
  if (!read.ok) return [];
  return judgedFor(view, around(view, read.value), standingOf(object).active);
}

/** @param active what runs, or will once the status is written */
export function judgedFor(
  view: WasmView,
  { extension, ways }: Pick<Running, 'extension' | 'ways'>,
  active: Revision | undefined,
): readonly JudgedPod[] {
  return podsOf(view, extension).map((pod) => judgePod(pod, ways.ok ? ways.value : [], active));
}
