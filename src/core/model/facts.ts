// Answers: what may a decision know besides the review. Facts are a value, frozen and swapped whole: a request takes
// the pointer once, and nothing on the way asks a clock, a file or the network.
import type { ExtensionFacts, HardenedLevel } from './delivered.ts';
import type { StringMap } from './pod.ts';
import type { CustomTemplates, InjectorConfig, MeshConfig, ProxyConfig, Values } from './settings.ts';

export interface Facts {
  readonly revision: string;
  readonly registration: RegistrationFacts;
  readonly values: Values;
  readonly mesh: MeshConfig;
  readonly injector: InjectorConfig;
  readonly customTemplates: CustomTemplates;
  readonly native: NativeFacts;
  readonly platform: 'kubernetes' | 'openshift';
  /** `COMPLIANCE_POLICY` of the control plane; empty where none is set. */
  readonly compliancePolicy: string;
  /** Whether plain sidecars are ended once the containers of their pods have; absent where nobody says, as offline. */
  readonly jobCompletion?: boolean;
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly proxyConfigs: ProxyConfigFacts;
  /** Wasm extensions; absent where the installation delivers none. */
  readonly extensions?: ExtensionFacts;
}

/** What the registration selects. */
export interface RegistrationFacts {
  /** Values of the label istio.io/rev that are answered: the revision, and revision tags that point to it. */
  readonly revisions: readonly string[];
  /** Pods count as opted in where no label says anything. */
  readonly namespacesByDefault: boolean;
  /** Namespaces that the webhook is never called for. */
  readonly excludedNamespaces: readonly string[];
}

export interface NamespaceFacts {
  /** Undefined where nobody said what they are: then the namespace counts as opted in, as the registration has decided. */
  readonly labels: StringMap | undefined;
  readonly annotations: StringMap;
  /** The level of the Pod Security Standards, for one who keeps no labels; absent where hostPath volumes are allowed. */
  readonly hardened?: HardenedLevel;
}

/** What may be the oldest kubelet for native sidecars: before 1.29 the feature is off, before 1.33 it can be off. */
export const minimumKubelets = ['1.29', '1.30', '1.31', '1.32', '1.33'] as const;

/** The minor version of such a text: 29 of `1.29`. */
export function minorOfMinimum(version: string): number {
  return Number(version.split('.')[1]);
}

/** Minor version of Kubernetes since which native sidecars are stable and their feature gate is locked on (KEP-753). */
export const stableMinor = 33;

export interface NativeFacts {
  readonly mode: 'auto' | 'true' | 'false';
  /** A kubelet of this minor version or later counts as able to run native sidecars. */
  readonly minimumMinor: number;
  /**
   * Whether the API server keeps `restartPolicy` on an init container. Offline nobody can ask, and it counts as one that
   * does: there the kubelets' versions are all that is given.
   */
  readonly apiServer: 'keeps' | 'drops' | 'unknown';
  /** Undefined where the nodes are not known. */
  readonly nodes: NodeTable | undefined;
}

/** What of a node decides which pods it takes, and how. */
export interface NodeFacts {
  /** Empty where only the version is known, as from an option. */
  readonly name: string;
  readonly labels: StringMap;
  /** As the kubelet reports it: `v1.33.4-gke.1`. */
  readonly kubeletVersion: string;
}

/** The nodes, prepared so that no request has to look at all of them. */
export interface NodeTable {
  readonly nodes: readonly NodeFacts[];
  /** Those that have a name. */
  readonly byName: ReadonlyMap<string, NodeFacts>;
  /** Nodes whose kubelet cannot run native sidecars, or whose version cannot be read. */
  readonly tooOld: ReadonlySet<NodeFacts>;
  /** Largest minor version of a kubelet; -1 where there is none that can be read. */
  readonly newestMinor: number;
  /** The versions in words, few of them. */
  readonly versions: string;
}

/** What ProxyConfig resources change, prepared: a namespace without resources of its own is not in the map. */
export interface ProxyConfigFacts {
  /** The mesh's defaultConfig with the resource of the root namespace over it; undefined where no resource changes it. */
  readonly meshWide: ProxyConfig | undefined;
  readonly byNamespace: ReadonlyMap<string, NamespaceProxyConfig>;
}

export interface NamespaceProxyConfig {
  /** What holds in the namespace before anything on the pod. */
  readonly base: ProxyConfig;
  /** Resources for some workloads, oldest first; the first that fits is the one that counts. */
  readonly workloads: readonly WorkloadProxyConfig[];
}

export interface WorkloadProxyConfig {
  readonly matchLabels: StringMap;
  /** Goes over the pod's annotation. */
  readonly layer: ProxyConfig;
  /** The layer over the base, for pods without the annotation. */
  readonly merged: ProxyConfig;
}
