// Answers: what is an extension, and everything that it depends on, at one moment.
// Does not belong here: what follows from it (core/wasm/rollout/rollout.ts), going on (wasm-road.ts).
import type { ClusterOptions } from '../core/cluster/options.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { Result } from '../core/model/problem.ts';
import { readExtension } from '../core/wasm/declaration/read-extension.ts';
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
import type { Step } from '../core/wasm/rollout/rollout.ts';
import type { Attempt, RolloutInput } from '../core/wasm/rollout/rollout-input.ts';
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
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
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
  tagCheckAt: number;
}

/** One extension at one moment. */
export interface Moment {
  readonly parts: RoadParts;
  readonly memories: ReadonlyMap<string, Memory>;
  readonly object: KubeObject;
  readonly extension: Extension;
  readonly memory: Memory;
  readonly signal: AbortSignal;
}

/** Everything that the next step depends on. */
export function inputOf({ parts, memories, object, extension, memory }: Moment): RolloutInput {
  const { wasm, view, writes } = parts;
  const { proxyImage } = view.mesh();
  const pods = podsOf(view, extension);
  return {
    extension,
    standing: standingOf(object),
    attempt: memory.attempt,
    wasm,
    proxyImage,
    others: othersOf(view, memories, extension),
    ways: waysIn(view, extension, pods),
    // anybody may write the uid of an extension into an object of another namespace
    objects: writes.emitted(extension.uid).filter(({ namespace }) => namespace === extension.namespace),
    nodes: { nodes: view.nodes(), stores: view.stores() },
    nodesOfPods: nodesOf(pods),
  };
}

/** The pods that the extension selects. */
export function podsOf(view: WasmView, extension: Extension): readonly ObservedPod[] {
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

/** The pods of the extension, each with what became of it. */
export function judgedPods({ view, wasm }: RoadParts, object: KubeObject): readonly JudgedPod[] {
  const read = readExtension(object, wasm);
  if (!read.ok) return [];
  const pods = podsOf(view, read.value);
  const ways = waysIn(view, read.value, pods);
  const { active } = standingOf(object);
  return pods.map((pod) => judgePod(pod, ways.ok ? ways.value : [], active));
}
