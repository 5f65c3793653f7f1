// Answers: what can come out of an admission, and why. Answer, metrics, log line, warnings and `why` read this record
// and nothing else, so that no counter can disagree with the answer.
import type { Delivered } from './delivered.ts';
import type { Pod } from './pod.ts';
import type { Problem } from './problem.ts';

/** A JSON Patch operation (RFC 6902). We never emit move, copy or test. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

export interface ReasonRow {
  readonly kind: 'inject' | 'deliver' | 'skip' | 'deny';
  /** A pod that asked for a sidecar has none: told as decide/notice.ts says. */
  readonly tells?: 'warning';
  readonly doc: string;
  readonly remedy: string;
}

/**
 * Every reason that a decision can have. Public: a metric label, a log field and the text of docs/reasons.md; never
 * reused for something else.
 */
export const reasons = {
  // inject
  'policy-enabled': {
    kind: 'inject',
    doc: 'The policy is enabled and nothing on the pod speaks against it.',
    remedy: '',
  },
  'pod-opted-in': {
    kind: 'inject',
    doc: 'The pod asks for it: label or annotation sidecar.istio.io/inject is "true".',
    remedy: '',
  },
  'always-inject-selector': { kind: 'inject', doc: 'A selector of alwaysInjectSelector matches the pod.', remedy: '' },
  // deliver
  'modules-delivered': {
    kind: 'deliver',
    doc: 'Another injector injected the pod; its proxy gets the Wasm modules of the extensions that select it.',
    remedy: '',
  },
  // skip
  'no-proxy': {
    kind: 'skip',
    doc: 'Asked for Wasm modules alone: the pod has no container istio-proxy, or not yet; then the API server asks again once it has one.',
    remedy: 'Have the pod injected by the injector of its revision.',
  },
  'no-modules': {
    kind: 'skip',
    doc: 'Asked for Wasm modules alone: none can be delivered to the pod, because no extension selects it or for the reason that a warning names.',
    remedy: 'Give the pod the labels that an extension selects.',
  },
  'not-a-pod': {
    kind: 'skip',
    doc: 'The object is of another kind than Pod.',
    remedy: 'Send pods only: the registration should name the resource pods.',
  },
  'mirror-pod': {
    kind: 'skip',
    doc: 'A mirror pod shows a static pod of a node; the API server cannot change what runs.',
    remedy: 'Run the workload as a Deployment, Job or DaemonSet.',
  },
  'host-network': {
    kind: 'skip',
    tells: 'warning',
    doc: 'The pod uses the host network: redirection would change the routing of the node.',
    remedy: 'Set spec.hostNetwork to false.',
  },
  'ignored-namespace': {
    kind: 'skip',
    tells: 'warning',
    doc: 'Namespaces of the system are never injected.',
    remedy: 'Run the workload in a namespace of its own.',
  },
  'pod-opted-out': {
    kind: 'skip',
    doc: 'The pod says no: label or annotation sidecar.istio.io/inject is "false".',
    remedy: 'Remove the label or annotation sidecar.istio.io/inject, or set it to "true".',
  },
  'never-inject-selector': {
    kind: 'skip',
    doc: 'A selector of neverInjectSelector matches the pod.',
    remedy: 'Label the pod sidecar.istio.io/inject=true, or change neverInjectSelector in the injector configuration.',
  },
  'policy-disabled': {
    kind: 'skip',
    doc: 'The policy is disabled and the pod does not ask for injection.',
    remedy: 'Label the pod sidecar.istio.io/inject=true, or set the policy of the injector configuration to enabled.',
  },
  'policy-unknown': {
    kind: 'skip',
    tells: 'warning',
    doc: 'The policy is neither enabled nor disabled, so nothing is injected.',
    remedy: 'Set the policy of the injector configuration to enabled or disabled.',
  },
  'namespace-opted-out': {
    kind: 'skip',
    doc: 'The namespace has the label istio-injection with a value other than "enabled", which overrules everything on the pod.',
    remedy: 'Label the namespace istio-injection=enabled.',
  },
  'namespace-not-opted-in': {
    kind: 'skip',
    doc: 'Neither the namespace nor the pod is labelled for injection.',
    remedy: 'Label the namespace istio-injection=enabled, or the pod sidecar.istio.io/inject=true.',
  },
  'excluded-namespace': {
    kind: 'skip',
    doc: 'The labels ask for injection, but the webhook is never called for the namespace.',
    remedy: 'Run the workload in another namespace, or take this one out of excludedNamespaces in the options.',
  },
  'other-revision': {
    kind: 'skip',
    doc: 'The labels ask for another revision than ours; istio-injection=enabled asks for the default one.',
    remedy: 'Change the label to a revision or tag of ours, or ask the injector of that revision.',
  },
  // deny
  'invalid-pod': {
    kind: 'deny',
    tells: 'warning',
    doc: 'The object cannot be read as a pod, or two of its containers have one name.',
    remedy: 'Mend the pod as the message says.',
  },
  'invalid-annotation': {
    kind: 'deny',
    tells: 'warning',
    doc: 'An annotation that we read has a value that it cannot have.',
    remedy: 'Mend or remove the annotation.',
  },
  'unknown-template': {
    kind: 'deny',
    tells: 'warning',
    doc: 'The pod asks for a template that does not exist.',
    remedy: 'Name one of the templates that the message lists, or define it.',
  },
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof reasons;
type ReasonOf<K> = { [R in Reason]: (typeof reasons)[R]['kind'] extends K ? R : never }[Reason];
export type InjectReason = ReasonOf<'inject'>;
export type DeliverReason = ReasonOf<'deliver'>;
export type SkipReason = ReasonOf<'skip'>;
export type DenyReason = ReasonOf<'deny'>;

/** Why the sidecar is native or plain. Public, as the reasons are. "Too old" is before 1.33, or before the option says. */
export const nativeReasons = {
  'pod-annotation': 'The annotation sidecar.istio.io/nativeSidecar of the pod decides.',
  forced: 'The option native of the installation, or --native, is true or false.',
  'api-server-drops-it':
    'The API server takes restartPolicy away from init containers: the feature SidecarContainers is off.',
  'api-server-unknown':
    'Whether the API server keeps restartPolicy on init containers cannot be found out, and no kubelet is of 1.33 or later, which would prove it.',
  'kubelets-support-it': 'No kubelet is too old for native sidecars.',
  'kubelet-too-old':
    'A kubelet is too old for native sidecars, or its version cannot be read; all nodes count for the pod.',
  'nodes-of-pod-support-it':
    'Some kubelet is too old for native sidecars, but none on the nodes that the pod can land on: its nodeName, nodeSelector or required node affinity keeps it away from the others.',
  'node-of-pod-too-old':
    'The pod asks for certain nodes, and the kubelet of one of them is too old for native sidecars, or its version cannot be read.',
  'no-nodes': 'The cluster has no node yet, and its API server keeps restartPolicy on init containers.',
  'no-kubelets-known': 'No kubelet versions are known; native sidecars are stable since Kubernetes 1.33.',
  'template-has-none': 'The chosen templates place the proxy among the containers, or contribute no proxy.',
} as const;

export type NativeReason = keyof typeof nativeReasons;

export interface NativeDecision {
  readonly native: boolean;
  readonly reason: NativeReason;
  /** What exactly decided: the annotation's value, the node's version. */
  readonly detail: string;
}

/** One gate or step on the way, for `why`. */
export interface TraceEntry {
  /** The question that was asked: `host network`, `namespace labels`. */
  readonly gate: string;
  /** `pass` goes on, `inject`, `deliver`, `skip` and `deny` decide, `note` tells. */
  readonly outcome: 'pass' | 'inject' | 'deliver' | 'skip' | 'deny' | 'note';
  /** What was seen, in words. */
  readonly because: string;
}

interface Common {
  readonly trace: readonly TraceEntry[];
  /** For the user who creates the pod; each one line. */
  readonly warnings: readonly string[];
}

export interface Injected extends Common {
  readonly kind: 'inject';
  readonly reason: InjectReason;
  readonly patch: readonly Operation[];
  readonly pod: Pod;
  readonly native: NativeDecision;
  readonly templates: readonly string[];
  /** Wasm modules that the proxy gets; none where no extension selects the pod. */
  readonly modules: readonly Delivered[];
  /** One line for the user, where the sidecar keeps the pod from ever completing. */
  readonly notice?: string;
}

/** The pod keeps the sidecar that another injector gave it, and gets Wasm modules. */
export interface Supplied extends Common {
  readonly kind: 'deliver';
  readonly reason: DeliverReason;
  readonly patch: readonly Operation[];
  readonly pod: Pod;
  readonly modules: readonly Delivered[];
}

export interface Skipped extends Common {
  readonly kind: 'skip';
  readonly reason: SkipReason;
  /** One line for the user, where the pod asked for a sidecar and has none. */
  readonly notice?: string;
}

export interface Denied extends Common {
  readonly kind: 'deny';
  readonly reason: DenyReason;
  readonly problems: readonly Problem[];
}

export type Verdict = Injected | Supplied | Skipped | Denied;
