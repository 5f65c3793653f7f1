// Answers: how does a test get an object for a cluster in one line: `pod({ name: 'web' })` is a whole pod that runs.
// Does not belong here: pods that are only looked at (../builders.ts).
import { demoImages } from '../../kind/images.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Container, ContainerPort, EnvVar, PodSpec, StringMap } from '../../src/core/model/pod.ts';

/** The images that nodes have: nothing else may be used, for nobody pulls during a test. */
export const images = {
  /** BusyBox and curl. */
  sleep: demoImages.curl,
  node: 'node:24-bookworm-slim',
  /** Listens on 8080. */
  httpbin: demoImages.httpbin,
} as const;

/** Where httpbin() is reached from within its namespace. */
export const httpbinUrl = 'http://httpbin:8000';

/** Annotation of a pod: in plain mode, whatever the cluster can do. */
export const plainMode: StringMap = { 'sidecar.istio.io/nativeSidecar': 'false' };

export interface PodParts {
  readonly name: string;
  /** Besides `app: <name>`. */
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  /** Of the only container, `app`: curl's where absent. */
  readonly image?: string;
  /** `/bin/sleep infinity` where absent and the image is curl's. */
  readonly command?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly ContainerPort[];
  /** In the place of the only container. */
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly restartPolicy?: 'Always' | 'OnFailure' | 'Never';
  /** More fields of the spec. */
  readonly spec?: PodSpec & JsonObject;
}

/** Metadata and spec, as a pod and a template have them. A deleted pod is gone after 2 s. */
function podTemplate(parts: PodParts): { readonly metadata: JsonObject; readonly spec: JsonObject } {
  const { name, labels, annotations = {}, initContainers, restartPolicy, spec } = parts;
  return {
    metadata: { labels: { app: name, ...labels }, annotations },
    spec: {
      terminationGracePeriodSeconds: 2, // as PID 1 /bin/sleep does not hear SIGTERM
      containers: parts.containers ?? [appContainer(parts)],
      ...(initContainers && { initContainers }),
      ...(restartPolicy && { restartPolicy }),
      ...spec,
    },
  };
}

function appContainer({ image = images.sleep, command, env, ports }: PodParts): Container {
  const run = command ?? (image === images.sleep ? ['/bin/sleep', 'infinity'] : undefined);
  return {
    name: 'app',
    image,
    imagePullPolicy: 'IfNotPresent',
    ...(run && { command: run }),
    ...(env && { env }),
    ...(ports && { ports }),
  };
}

/** A container that runs a shell script on curl's image. */
export function shell(name: string, script: string): Container {
  return { name, image: images.sleep, imagePullPolicy: 'IfNotPresent', command: ['/bin/sh', '-c', script] };
}

export function pod(parts: PodParts): KubeObject {
  const { metadata, spec } = podTemplate(parts);
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: parts.name, ...metadata }, spec };
}

export interface JobParts extends PodParts {
  /** Fields of the Job's spec besides its template: `completions`, `backoffLimit`, … */
  readonly job?: JsonObject;
}

/** A Job whose pods are not restarted, and made anew no more often than `job` says: never where it says nothing. */
export function job(parts: JobParts): KubeObject {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: parts.name }, spec: jobSpec(parts) };
}

function jobSpec(parts: JobParts): JsonObject {
  return { backoffLimit: 0, ...parts.job, template: podTemplate({ restartPolicy: 'Never', ...parts }) };
}

export interface CronJobParts extends JobParts {
  readonly schedule: string;
  /** Fields of the CronJob's spec. */
  readonly cronJob?: JsonObject;
}

export function cronJob(parts: CronJobParts): KubeObject {
  const { name, schedule } = parts;
  const spec = { schedule, ...parts.cronJob, jobTemplate: { spec: jobSpec(parts) } };
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name }, spec };
}

export interface DeploymentParts extends PodParts {
  readonly replicas?: number;
  /** Fields of the Deployment's spec. */
  readonly deployment?: JsonObject;
}

export function deployment(parts: DeploymentParts): KubeObject {
  const { name, replicas = 1 } = parts;
  const selector = { matchLabels: { app: name } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector, ...parts.deployment, template: podTemplate(parts) },
  };
}

export interface ServiceParts {
  readonly name: string;
  readonly port: number;
  readonly targetPort?: number | string;
  /** Tells the mesh the protocol. */
  readonly portName?: string;
  /** `app: <name>` where absent. */
  readonly selector?: StringMap;
}

export function service({ name, port, targetPort, portName = 'http', selector }: ServiceParts): KubeObject {
  const ports = [{ name: portName, port, targetPort: targetPort ?? port }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: selector ?? { app: name }, ports },
  };
}

/** Deployment and Service `httpbin`, which answers at httpbinUrl and shows what it was asked. */
export function httpbin(parts: Partial<DeploymentParts> = {}): readonly KubeObject[] {
  const ports = [{ name: 'http', containerPort: 8080 }];
  return [
    deployment({ name: 'httpbin', image: images.httpbin, ports, ...parts }),
    service({ name: 'httpbin', port: 8000, targetPort: 8080 }),
  ];
}
