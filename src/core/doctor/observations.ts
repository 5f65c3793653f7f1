// Answers: what does the doctor know of a cluster. Each part was seen, or was not and says why: a user who may not read
// something still gets everything else.
// Does not belong here: reading it (edge/kube/observe.ts), what follows from it (checks.ts).
import type { PodWebhook } from '../cluster/webhooks.ts';
import type { NodeFacts, ProxyConfigResource } from '../configuration/surroundings.ts';
import type { NativeFacts } from '../model/facts.ts';
import type { JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';
import type { ReadDeliverable } from '../wasm/delivery/extension-table.ts';
import type { StoreAround, StorePod } from '../wasm/delivery/store-pods.ts';

/** A WasmExtension: what pods get of it, and how it gets on. */
export interface ObservedExtension extends ReadDeliverable {
  /** `namespace/name (reason)` where its status says that what it declares does not run, and why. */
  readonly notReady?: string;
}

export type Observed<T> =
  | { readonly kind: 'seen'; readonly value: T }
  | {
      readonly kind: 'hidden';
      /** What the API server says, on one line. */
      readonly why: string;
      readonly isForbidden: boolean;
    };

export interface NamespaceView {
  readonly name: string;
  /** With the label of its name that every namespace has. */
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly isTerminating: boolean;
}

export interface QuotaView {
  readonly namespace: string;
  readonly name: string;
  /** What it counts: `limits.cpu`, `pods`. */
  readonly resources: readonly string[];
}

/** Of the Secret: never the keys. */
export interface CertificateParts {
  /** Leaf and what follows it, PEM; undefined where the Secret has none. */
  readonly chain: string | undefined;
  /** Trusted authorities, newest first, PEM. */
  readonly bundle: string | undefined;
}

/** What can be asked for at once. */
export interface ClusterState {
  /** `https://host:port`. */
  readonly server: string;
  readonly now: Date;
  /** The answer of /version. */
  readonly version: Observed<JsonObject>;
  readonly ownNamespace: Observed<KubeObject | undefined>;
  readonly deployments: Observed<readonly KubeObject[]>;
  readonly options: Observed<KubeObject | undefined>;
  readonly lease: Observed<KubeObject | undefined>;
  /** What control may do in the whole cluster. */
  readonly controlRole: Observed<KubeObject | undefined>;
  readonly certificates: Observed<CertificateParts | undefined>;
  /** Every MutatingWebhookConfiguration. */
  readonly configurations: Observed<readonly KubeObject[]>;
  readonly namespaces: Observed<readonly NamespaceView[]>;
  readonly nodes: Observed<readonly NodeFacts[]>;
  readonly quotas: Observed<readonly QuotaView[]>;
  /** None where the cluster does not know the kind. */
  readonly proxyConfigs: Observed<readonly ProxyConfigResource[]>;
}

/** What is asked once the options are known: they say where, and from which version on. */
export interface AskedByOptions {
  readonly mesh: Observed<KubeObject | undefined>;
  readonly injector: Observed<KubeObject | undefined>;
  /** Undefined where the cluster does not know the kind; none where Wasm modules are not delivered. */
  readonly extensions: Observed<readonly ObservedExtension[] | undefined>;
  /** Who brings Wasm modules to nodes. */
  readonly stores: Observed<StoreAround>;
  /** Policies and bindings of ours; none where Wasm modules are not delivered. */
  readonly policies: Observed<readonly KubeObject[]>;
  /** Whether the API server keeps `restartPolicy` on init containers, as far as the webhook asks. */
  readonly apiServer: NativeFacts['apiServer'];
  /** The same, whatever the options are. */
  readonly restartPolicy: NativeFacts['apiServer'];
}

/** Where a probe pod goes, and what labels it has there. */
export interface Place {
  readonly namespace: string;
  readonly labels: StringMap;
}

/** `injection`: a plain pod that we inject; `restartable`: one with a native sidecar of its own; `plain`: neither. */
export type ProbePurpose = 'injection' | 'restartable' | 'plain';

export type ProbeOutcome =
  | { readonly kind: 'created'; readonly pod: JsonObject }
  | { readonly kind: 'refused'; readonly message: string }
  /** The user may not create pods there. */
  | { readonly kind: 'forbidden'; readonly message: string };

/** What the API server made of a pod, by a dry run: nothing was kept. */
export interface ProbeResult {
  readonly purpose: ProbePurpose;
  readonly place: Place;
  /** Webhooks of others that are called for it. */
  readonly called: readonly PodWebhook[];
  readonly outcome: ProbeOutcome;
}

/** What a webhook is asked: whether a native sidecar keeps its restartPolicy, or an injected pod its proxy. */
export interface Question {
  readonly webhook: PodWebhook;
  readonly about: 'restartPolicy' | 'proxy';
}

/** What a webhook itself did with such a pod. */
export interface AskedWebhook extends Question {
  readonly answer: 'strips' | 'keeps' | 'unknown';
  /** Why it is unknown. */
  readonly because?: string;
}

/** Pods of one workload. */
export interface WorkloadPods {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly pods: number;
}

export interface PodSurvey {
  readonly examined: number;
  /** Should have a sidecar and have none. */
  readonly withoutSidecar: readonly WorkloadPods[];
  /** Jobs with a plain sidecar that would get a native one now. */
  readonly plainJobs: readonly WorkloadPods[];
  /** Have a proxy that lacks volumes of Wasm modules that it would have now. */
  readonly withoutModules: readonly WorkloadPods[];
  /** Wait for a Wasm module of their node. */
  readonly held: readonly StorePod[];
}

/** Since when a replica uses its settings, and what it says about them. */
export interface ReplicaReadiness {
  readonly pod: string;
  /** What is not met, or the settings that are in use are not those of the cluster. */
  readonly conditions: readonly { readonly condition: string; readonly met: boolean; readonly reason: string }[];
}

export interface Observations extends ClusterState, AskedByOptions {
  readonly probes: readonly ProbeResult[];
  readonly asked: readonly AskedWebhook[];
  readonly pods: Observed<PodSurvey>;
  /** Replicas that can be asked through the API server; often none. */
  readonly replicas: readonly ReplicaReadiness[];
}

export function seen<T>(value: T): Observed<T> {
  return { kind: 'seen', value };
}

/** The value where it was seen. */
export function seenValue<T>(observed: Observed<T>): T | undefined {
  return observed.kind === 'seen' ? observed.value : undefined;
}
