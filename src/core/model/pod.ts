// Answers: which parts of a pod do we look at. These are views on JSON: fields that are not named here are kept as they
// are, because a pod is only ever copied shallowly and patched, never parsed and printed.
// Does not belong here: whether a pod is well formed (pod-shape.ts).
import type { JsonObject } from './json.ts';

export type StringMap = { readonly [key: string]: string };

export interface OwnerReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

export interface Metadata {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: JsonObject;
}

/** A variable with a literal value; Kubernetes keeps no empty one. */
export function variable(name: string, value: string): EnvVar {
  return value === '' ? { name } : { name, value };
}

export interface ContainerPort {
  readonly name?: string;
  readonly hostPort?: number;
  readonly containerPort?: number;
  readonly protocol?: string;
  readonly hostIP?: string;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

/** What a probe or a lifecycle hook does. Kubernetes calls it a handler; exactly one member is set. */
export interface Handler {
  readonly httpGet?: JsonObject;
  readonly tcpSocket?: JsonObject;
  readonly grpc?: JsonObject;
  readonly exec?: JsonObject;
}

/** In an overlay a null takes the field away. */
export interface Probe extends Handler {
  readonly initialDelaySeconds?: number | null;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number | null;
  readonly failureThreshold?: number | null;
}

export interface Lifecycle {
  readonly postStart?: Handler;
  readonly preStop?: Handler;
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: JsonObject;
  readonly seccompProfile?: JsonObject;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly ContainerPort[];
  readonly resources?: JsonObject;
  readonly restartPolicy?: string;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly securityContext?: SecurityContext;
  readonly lifecycle?: Lifecycle;
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

/** A pod volume: its name and, besides, one source. */
export type Volume = { readonly name: string; readonly [source: string]: unknown };

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly restartPolicy?: string;
  readonly hostNetwork?: boolean;
  readonly nodeName?: string;
  readonly nodeSelector?: StringMap;
  readonly affinity?: JsonObject;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: JsonObject;
}

export interface Pod {
  readonly metadata: Metadata;
  readonly spec: PodSpec;
}

/** Part of a pod, to be merged onto one: what a template contributes. `null` takes a field away. */
export type PodOverlay = JsonObject;

export const proxyContainerName = 'istio-proxy';
export const initContainerName = 'istio-init';
export const validationContainerName = 'istio-validation';
export const coreDumpContainerName = 'enable-core-dump';

/** The first container of that name: of `containers`, else of `initContainers`. The peer looks in this order too. */
export function findContainer(pod: Pod, name: string): Container | undefined {
  const named = (container: Container): boolean => container.name === name;
  return pod.spec.containers?.find(named) ?? pod.spec.initContainers?.find(named);
}

/** The proxy's container, wherever it is. */
export function findProxy(pod: Pod): Container | undefined {
  return findContainer(pod, proxyContainerName);
}
