// Answers: what does a WasmExtension say, and what is written back into it. A view on the object: `declared` is what a
// person wrote, `Standing` what the controller keeps in its status and everybody else acts by.
import type { JsonObject } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import type { LayerDigest, ManifestDigest, ModuleDigest } from './digests.ts';
import type { Variant } from './module.ts';
import type { Delivery } from './names.ts';
import type { RefusalReason } from './refusals.ts';
import type { ModuleSource } from './source.ts';
import type { Trust } from './trust.ts';

export const phases = ['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'] as const;
export const failStrategies = ['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'] as const;
/** Of these `deny` is refused with its reason until it is built. */
export const onMissings = ['block', 'run-without', 'deny'] as const;
/** What may be asked for; what comes of it is a `Delivery`. `image-volume` is refused with its reason until it is built. */
export const askedDeliveries = ['auto', 'node-store', 'agent-pull', 'image-volume'] as const;

/** `gateway` is refused with its reason until it is built. */
export const traffics = ['inbound', 'outbound', 'any', 'gateway'] as const;

/** What a person declares: `spec`, read and checked (read-extension.ts). */
export interface Extension {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** Value of the annotation pillion.dev/resolve; empty where there is none. */
  readonly resolveAsked: string;
  /** As written: `spec.source.image` or `spec.source.url`. */
  readonly reference: string;
  readonly source: ModuleSource;
  /** Secret in the same namespace. */
  readonly pullSecret?: string;
  readonly trust?: Trust;
  /** `spec.selector.matchLabels`; empty selects every pod of the namespace. */
  readonly matchLabels: StringMap;
  readonly phase: (typeof phases)[number];
  readonly priority: number;
  readonly failStrategy: (typeof failStrategies)[number];
  readonly onMissing: 'block' | 'run-without';
  readonly delivery: 'auto' | Delivery;
  /** Root id of Envoy's plugin. */
  readonly pluginName?: string;
  readonly pluginConfig?: JsonObject;
  /** `spec.rawConfig`: text that is no JSON object; the filter is then switched on by an EnvoyFilter. */
  readonly rawConfig?: string;
  /** Where an EnvoyFilter puts it, and `match.mode` of a WasmPlugin. */
  readonly traffic: (typeof traffics)[number];
  readonly vmEnv: readonly { readonly name: string; readonly value?: string; readonly fromHost?: boolean }[];
}

/** One module that was resolved, verified, validated and tried: `status.active`, `.candidate`, `.previous`. */
export interface Revision {
  readonly reference: string;
  readonly pinned: string;
  readonly variant: Variant;
  readonly manifestDigest?: ManifestDigest;
  /** Of the index that the tag names, where it names one: what the tag is compared with later. */
  readonly indexDigest?: ManifestDigest;
  readonly layerDigest?: LayerDigest;
  readonly moduleDigest: ModuleDigest;
  readonly sizeBytes: number;
  readonly abi: string;
  readonly rootIds: readonly string[];
  readonly signedBy: readonly string[];
  /** What was trusted when it was verified, as a print (prints.ts); verified anew where it is another. */
  readonly trusted?: string;
}

export const conditionTypes = ['Resolved', 'Verified', 'Validated', 'TrialLoaded', 'Distributed', 'Ready'] as const;

export interface Condition {
  readonly type: (typeof conditionTypes)[number];
  readonly status: 'True' | 'False' | 'Unknown';
  /** `Succeeded`, `Waiting`, or why not. */
  readonly reason: 'Succeeded' | 'Waiting' | 'NotNeeded' | RefusalReason;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

/** `status`. Nodes fetch active, candidate and previous; the WasmPlugin names active. */
export interface Standing {
  readonly observedGeneration?: number;
  /** The value of pillion.dev/resolve that the candidate or active revision was resolved for. */
  readonly resolvedFor?: string;
  readonly conditions?: readonly Condition[];
  readonly candidate?: Revision;
  readonly active?: Revision;
  readonly previous?: Revision;
  /** `spec` without its source, as it was when `active` was switched on. Absent where an older version wrote the status. */
  readonly running?: JsonObject;
  readonly nodes?: {
    readonly wanted: number;
    readonly ready: number;
    readonly failed?: readonly { readonly node: string; readonly reason: string; readonly message: string }[];
  };
  readonly pods?: JsonObject;
  /** The tag names this manifest now, which is neither active nor on its way. */
  readonly moved?: { readonly manifestDigest: ManifestDigest };
  /** Prints of what passed its trial: module, configuration and proxy (prints.ts). */
  readonly tried?: readonly string[];
  /** For the columns of `kubectl get` alone. */
  readonly shown?: { readonly digest: string; readonly nodes: string; readonly pods: string };
}

export const moduleStates = ['Ready', 'Fetching', 'Failed'] as const;

/** What `kubectl get wasmstores` shows: one object per node, named as the node, written by its agent. */
export interface StoredModule {
  readonly digest: ModuleDigest;
  readonly state: (typeof moduleStates)[number];
  readonly reason?: RefusalReason;
  /** At most 256 characters. */
  readonly message?: string;
  readonly attempts?: number;
  /** RFC 3339. */
  readonly nextRetryTime?: string;
  readonly sizeBytes?: number;
}

export interface StoreStatus {
  /** Of the node that the agent runs on: one that is made anew under its name has another, and an empty disk. */
  readonly nodeUID?: string;
  readonly agentVersion: string;
  readonly usedBytes: number;
  readonly modules: readonly StoredModule[];
}
