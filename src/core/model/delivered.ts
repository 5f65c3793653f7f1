// Answers: how does a Wasm module come to the proxy of a pod, and why that way. The record of what was decided, and the
// table of extensions that it is decided by.
// Does not belong here: deciding (core/wasm/delivery/delivery.ts), the pod's volumes (core/wasm/delivery/deliver-modules.ts).
import type { StringMap, Volume, VolumeMount } from './pod.ts';

/** Path under which the API server calls the webhook for pods that another injector injects. */
export const deliveryPath = '/wasm';
/** Annotation of pods: for each extension that selects the pod, how it is delivered and why. JSON; we write it. */
export const extensionsAnnotation = 'pillion.dev/wasm-extensions';
/** Annotation of pods that users write: modules to mount by digest, without any extension. `sha256:…,sha256:…` */
export const modulesAnnotation = 'pillion.dev/wasm-modules';

/**
 * `node-store`: from a directory of the node, that the node agent fills. `agent-pull`: the istio-agent in the pod fetches
 * it for itself.
 */
export const deliveries = ['node-store', 'agent-pull'] as const;
export type Delivery = (typeof deliveries)[number];

/** Every reason that a delivery can have. Public: a metric label, an annotation of pods, the text of docs/reasons.md. */
export const deliveryReasons = {
  usual: 'Nothing speaks against the node store: one verified copy for each node, there before the proxy starts.',
  'extension-asks': 'The field delivery of the extension decides.',
  'run-without':
    'The extension says onMissing: run-without. A pod never waits for what the istio-agent fetches, and failStrategy says what happens where it cannot be fetched.',
  'pod-security':
    'The namespace enforces the level baseline or restricted of the Pod Security Standards, which forbid hostPath volumes; the node store is one.',
  'pod-annotation': 'The annotation pillion.dev/wasm-modules of the pod names modules of the node store by digest.',
} as const;

export type DeliveryReason = keyof typeof deliveryReasons;

/** What was decided for an extension and the pods of a namespace. */
export interface DeliveryDecision {
  readonly delivery: Delivery;
  readonly reason: DeliveryReason;
  /** What exactly decided: the value of the field or of the label. */
  readonly detail: string;
}

/** Levels of the Pod Security Standards under which no pod has a hostPath volume. */
export const withoutHostPath = ['baseline', 'restricted'] as const;
export type HardenedLevel = (typeof withoutHostPath)[number];

/** A path of the node, and where the proxy sees it. The volume's name is a proposal: it may be taken. */
export interface HostFile {
  readonly volume: Volume & { readonly hostPath: { readonly path: string; readonly type: 'File' | 'Directory' } };
  readonly mount: VolumeMount;
}

/** An extension as the webhook needs it: everything that does not depend on the pod is decided already. */
export interface DeliverableExtension {
  readonly namespace: string;
  readonly name: string;
  /** Labels that a pod must have; none selects every pod of the namespace. */
  readonly labels: readonly (readonly [key: string, value: string])[];
  /** What the kubelet waits for before it starts a pod that gets the module from the node store. */
  readonly gate: HostFile;
  /** By the level that the pod's namespace enforces, where that forbids hostPath volumes. */
  readonly decisions: { readonly [level in HardenedLevel | 'other']: DeliveryDecision | Undelivered };
  /** By the declaration that runs, where another one stands there by now. */
  readonly isFormer?: true;
}

/** Why the module of an extension does not come to a pod. */
export interface Undelivered {
  readonly delivery: 'none';
  /** Of docs/wasm-reasons.md. */
  readonly reason: string;
  /** One sentence. */
  readonly detail: string;
}

/** The extensions of a cluster by namespace, each list sorted by name. Those of Istio's root namespace count everywhere. */
export type ExtensionFacts = ReadonlyMap<string, readonly DeliverableExtension[]>;

/** What was done for one pod. */
export interface Delivered extends DeliveryDecision {
  /** `namespace/name`; undefined where the pod itself names the module. */
  readonly extension?: string;
  readonly module?: string;
}

/** Label of namespaces: the level of the Pod Security Standards that Kubernetes holds their pods to. */
const enforceLabel = 'pod-security.kubernetes.io/enforce';

/** The level that a namespace enforces, where it forbids hostPath volumes; undefined for everything else. */
export function hardenedLevel(namespaceLabels: StringMap | undefined): HardenedLevel | undefined {
  const level = namespaceLabels?.[enforceLabel];
  return withoutHostPath.find((one) => one === level);
}
