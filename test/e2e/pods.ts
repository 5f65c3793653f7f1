// Answers: what does a stored object say that a test asks about: which containers a pod has, how they fare, how a Job ended.
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { type Container, proxyContainerName } from '../../src/core/model/pod.ts';

export interface Terminated {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339, whole seconds. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly started?: boolean;
  readonly restartCount: number;
  readonly state: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: Terminated;
  };
  readonly lastState?: { readonly terminated?: Terminated };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function initContainers(pod: KubeObject): readonly Container[] {
  return listAt(pod, 'spec', 'initContainers') as readonly Container[];
}

export function containers(pod: KubeObject): readonly Container[] {
  return listAt(pod, 'spec', 'containers') as readonly Container[];
}

/** In their order. */
export function initNames(pod: KubeObject): readonly string[] {
  return initContainers(pod).map(({ name }) => name);
}

/** In their order. */
export function containerNames(pod: KubeObject): readonly string[] {
  return containers(pod).map(({ name }) => name);
}

/** The proxy is an init container that goes on running. */
export function isNativeInjected(pod: KubeObject): boolean {
  return initContainers(pod).some(
    ({ name, restartPolicy }) => name === proxyContainerName && restartPolicy === 'Always',
  );
}

/** The proxy is a container like the app's. */
export function isPlainInjected(pod: KubeObject): boolean {
  return containerNames(pod).includes(proxyContainerName);
}

export function phaseOf(pod: KubeObject): string | undefined {
  const phase = objectAt(pod, 'status')['phase'];
  return typeof phase === 'string' ? phase : undefined;
}

/** Of init containers and containers. */
export function statusOf(pod: KubeObject, container: string): ContainerStatus | undefined {
  return containerStatuses(pod).find(({ name }) => name === container);
}

function containerStatuses(pod: KubeObject): readonly ContainerStatus[] {
  return ['initContainerStatuses', 'containerStatuses'].flatMap((key) =>
    listAt(pod, 'status', key),
  ) as ContainerStatus[];
}

/** How the container ended; undefined where it runs or waits. */
export function terminatedOf(pod: KubeObject, container: string): Terminated | undefined {
  return statusOf(pod, container)?.state.terminated;
}

export function isRunning(pod: KubeObject, container: string): boolean {
  return statusOf(pod, container)?.state.running !== undefined;
}

export function restartsOf(pod: KubeObject, container: string): number {
  return statusOf(pod, container)?.restartCount ?? 0;
}

export function isReady(pod: KubeObject): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

/** As kubectl's column READY counts: containers and native sidecars. */
export function readyCount(pod: KubeObject): { readonly ready: number; readonly total: number } {
  const counted = new Set([
    ...containerNames(pod),
    ...initContainers(pod).flatMap(({ name, restartPolicy }) => (restartPolicy === 'Always' ? [name] : [])),
  ]);
  const ready = containerStatuses(pod).filter((status) => counted.has(status.name) && status.ready).length;
  return { ready, total: counted.size };
}

/** Of a pod, a Job, a Deployment. */
export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return (listAt(object, 'status', 'conditions') as readonly Condition[]).find((one) => one.type === type);
}

/** How the Job ended; undefined where it has not. */
export function jobEnd(job: KubeObject): 'Complete' | 'Failed' | undefined {
  return (['Complete', 'Failed'] as const).find((type) => conditionOf(job, type)?.status === 'True');
}

/** A number of the status, 0 where it is not there: `succeeded`, `failed`, `readyReplicas`. */
export function statusNumber(object: KubeObject, field: string): number {
  const value = objectAt(object, 'status')[field];
  return typeof value === 'number' ? value : 0;
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isObject(value) ? value : {};
}

function listAt(object: KubeObject, key: string, list: string): readonly unknown[] {
  const value = objectAt(object, key)[list];
  return Array.isArray(value) ? value : [];
}
