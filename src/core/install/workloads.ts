// Answers: what runs: two Deployments, each with a second replica elsewhere, and budgets that keep one of them.
import type {
  V1Container,
  V1DeploymentSpec,
  V1PodDisruptionBudgetSpec,
  V1PodSpec,
  V1Probe,
  V1TopologySpreadConstraint,
  V1Volume,
} from '@kubernetes/client-node';
import { type Component, ownLabels, selectorLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { ports } from './network.ts';

interface WorkloadInput {
  readonly image: string;
  readonly version: string;
  readonly options?: { readonly wasm: Pick<ClusterOptions['wasm'], 'enabled' | 'maxModuleMegabytes'> };
}

/** Where the webhook finds its certificate. */
const certificateDirectory = '/var/run/pillion';

/** What differs between the two. The image starts `pillion`. */
interface Workload {
  readonly args: readonly string[];
  readonly ports: readonly (keyof typeof ports)[];
  readonly resources: NonNullable<V1Container['resources']>;
  readonly volumes: readonly V1Volume[];
  readonly volumeMounts: NonNullable<V1Container['volumeMounts']>;
}

const certificates: V1Volume = {
  name: 'certificate',
  secret: {
    secretName: names.certificates,
    // of the authority's key, which is in the Secret too, nothing gets here
    items: ['tls.crt', 'tls.key'].map((key) => ({ key, path: key })),
    defaultMode: 0o444, // the user that the pod runs as is not known on every platform
  },
};

const workloads: Readonly<Record<Component, Workload>> = {
  webhook: {
    args: [
      'serve',
      '--from-cluster',
      `--tls-cert=${certificateDirectory}/tls.crt`,
      `--tls-key=${certificateDirectory}/tls.key`,
    ],
    ports: ['webhook', 'management'],
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '2', memory: '512Mi' } },
    volumes: [certificates],
    volumeMounts: [{ name: 'certificate', mountPath: certificateDirectory, readOnly: true }],
  },
  control: {
    args: ['control'],
    ports: ['management'],
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    volumes: [],
    volumeMounts: [],
  },
};

export function workloadObjects(input: WorkloadInput): readonly KubeObject[] {
  // control first: the webhook waits for the certificate that it makes
  return (['control', 'webhook'] as const).flatMap((component) => [budget(component), deployment(component, input)]);
}

function deployment(component: Component, input: WorkloadInput): KubeObject {
  const labels = { ...ownLabels(component), 'app.kubernetes.io/version': input.version };
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(ports.management) };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: names[component], namespace: ownNamespace, labels },
    spec: {
      replicas: 2,
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorLabels(component) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels, annotations }, spec: podSpec(component, input) },
    } satisfies V1DeploymentSpec,
  };
}

function podSpec(component: Component, input: WorkloadInput): V1PodSpec {
  const workload = workloads[component];
  return {
    serviceAccountName: names[component],
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    priorityClassName: names.priorityClass,
    terminationGracePeriodSeconds: 45,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((key) =>
      spread(component, key),
    ),
    containers: [container(component, input)],
    ...(workload.volumes.length === 0 ? {} : { volumes: [...workload.volumes] }),
  };
}

function container(component: Component, { image, options }: WorkloadInput): V1Container {
  const { args, ports: open, volumeMounts } = workloads[component];
  return {
    name: component,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [...args],
    ports: open.map((name) => ({ name, containerPort: ports[name], protocol: 'TCP' })),
    readinessProbe: probe('/readyz', 5),
    livenessProbe: probe('/healthz', 10),
    resources: resourcesOf(component, options),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...(volumeMounts.length === 0 ? {} : { volumeMounts }),
  };
}

/** A module that control fetches and tries is in its memory: as it comes, as a whole, and on its way to the trial. */
function resourcesOf(component: Component, options: WorkloadInput['options']): Workload['resources'] {
  const { resources } = workloads[component];
  if (component !== 'control' || options?.wasm.enabled !== true) return resources;
  return { ...resources, limits: { ...resources.limits, memory: `${256 + 3 * options.wasm.maxModuleMegabytes}Mi` } };
}

/** A question to the management port. */
export function probe(path: string, periodSeconds: number): V1Probe {
  return {
    httpGet: { path, port: 'management', scheme: 'HTTP' },
    periodSeconds,
    timeoutSeconds: 3,
    failureThreshold: 3,
  };
}

/** Better together than not at all. */
function spread(component: Component, topologyKey: string): V1TopologySpreadConstraint {
  return {
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(component) },
  };
}

function budget(component: Component): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: names[component], namespace: ownNamespace, labels: ownLabels(component) },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: selectorLabels(component) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow', // a pod that is broken anyway keeps no node from being emptied
    } satisfies V1PodDisruptionBudgetSpec,
  };
}
