// Answers: what may a decision know besides the review. Facts are a value, frozen and swapped whole: a request takes
// the pointer once, and nothing on the way asks a clock, a file or the network.
import type { StringMap } from './pod.ts';
import type { CustomTemplates, InjectorConfig, MeshConfig, Values } from './settings.ts';

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
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
}

/** What the registration selects besides the revision itself. */
export interface RegistrationFacts {
  /** Revision tags: further names of the revision in the label istio.io/rev. */
  readonly tags: readonly string[];
  /** Pods count as opted in where no label says anything. */
  readonly namespacesByDefault: boolean;
  /** Namespaces that the webhook is never called for. */
  readonly excludedNamespaces: readonly string[];
}

export interface NamespaceFacts {
  /** Undefined where nobody said what they are: then the namespace counts as opted in, as the registration has decided. */
  readonly labels: StringMap | undefined;
  readonly annotations: StringMap;
}

export interface NativeFacts {
  readonly mode: 'auto' | 'true' | 'false';
  /** Kubelet versions of the nodes, as the nodes report them; undefined where they are not known. */
  readonly kubeletVersions: readonly string[] | undefined;
}
