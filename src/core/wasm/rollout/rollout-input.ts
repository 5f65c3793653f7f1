// Answers: what does the next step of a rollout depend on: what is declared, what lasts (Standing), what was found on the
// way (Attempt), and what is in the cluster.
// Does not belong here: the step (rollout.ts).
import type { ClusterOptions } from '../../cluster/options.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Result } from '../../model/problem.ts';
import type { ManifestDigest } from '../digests.ts';
import type { Condition, Extension, Revision, Standing } from '../extension.ts';
import type { Refusal } from '../refusals.ts';
import type { ModuleSource } from '../source.ts';
import type { Way } from './emitted.ts';
import type { FoundObject } from './emitted-change.ts';
import type { NodeView } from './observed-nodes.ts';

/** What a tag was found to mean. */
export interface Resolved {
  /** The same by digest. */
  readonly source: ModuleSource;
  readonly pinned: string;
  readonly manifestDigest?: ManifestDigest;
  readonly indexDigest?: ManifestDigest;
}

/** Each has a condition. */
export type Stage = Condition['type'];

/** What was found since the declaration is as it is; forgotten when it changes. */
export interface Attempt {
  readonly resolved?: Resolved;
  readonly verified?: { readonly trusted: string; readonly signedBy: readonly string[]; readonly warning?: string };
  /** Fetched and checked. */
  readonly fetched?: Revision;
  readonly warnings?: readonly string[];
  /** Print of the trial that went well. */
  readonly tried?: string;
  /** What the tag names now. */
  readonly tagNow?: ManifestDigest;
  /** Where it ended the last time; the step is taken again once this is taken out. */
  readonly refused?: {
    readonly stage: Stage;
    readonly refusal: Refusal;
    /** Of the trial: with another proxy it is another one. */
    readonly print?: string;
  };
  /** Why what runs could not be put right the last time. */
  readonly notRestored?: Refusal;
}

/** What runs, by the declaration that it was switched on with. */
export interface Running {
  readonly extension: Extension;
  readonly ways: Result<readonly Way[], Refusal>;
  /** Nodes of pods that have the store mounted for it. */
  readonly nodesOfPods: ReadonlySet<string>;
}

export interface RolloutInput {
  readonly extension: Extension;
  /** Its `spec`, without the source: what the status keeps of it once it runs. */
  readonly spec: JsonObject;
  readonly standing: Standing;
  readonly attempt: Attempt;
  /** Undefined where nothing runs, or the status does not tell by what declaration. */
  readonly running: Running | undefined;
  readonly wasm: Pick<ClusterOptions['wasm'], 'signatures' | 'keys' | 'threshold' | 'deniedDigests'>;
  /** Undefined where nobody knows it. */
  readonly proxyImage: string | undefined;
  /**
   * What was found out for other extensions, so that a module is fetched once and the same is tried once: by this process,
   * and what the status tells of those of the same namespace. Whoever may write the status of an extension says nothing
   * about those of other namespaces.
   */
  readonly others: { readonly revisions: readonly Revision[]; readonly tried: readonly string[] };
  readonly ways: Result<readonly Way[], Refusal>;
  /** Istio's objects that belong to the extension, and others that have their names. */
  readonly objects: readonly FoundObject[];
  readonly nodes: NodeView;
  /** Nodes of pods that have the store mounted for it. */
  readonly nodesOfPods: ReadonlySet<string>;
}
