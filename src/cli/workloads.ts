// Answers: which pod would a controller make of this workload. Admission sees pods, never workloads: the template with
// a generated name, an owner and the labels that the controller adds. All of that is taken away again afterwards.
// Does not belong here: which documents hold workloads (targets.ts).
import { isObject, type JsonObject } from '../core/model/json.ts';

/** How a controller makes pods. */
interface WorkloadKind {
  readonly kind: string;
  /** API group without version; empty for the core group. */
  readonly group: string;
  /** Where the pod template stands: a JSON pointer. */
  readonly template: string;
  /** What the pod gets from the controller. */
  readonly made: (name: string) => Made;
}

interface Made {
  readonly owner: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  readonly labels: { readonly [key: string]: string };
  /** Only a StatefulSet names its pods itself. */
  readonly name?: string;
}

// Real ones are random or hashes. These are constant, so that the same input gives the same output.
const hash = '5d8c5d8c5d';
const minute = '29000000'; // a Job of a CronJob ends in the minute it is due, since 1970
const uid = '00000000-0000-4000-8000-000000000000';

function own(
  apiVersion: string,
  kind: string,
  labels: (name: string) => Made['labels'] = () => ({}),
): WorkloadKind['made'] {
  return (name) => ({ owner: { apiVersion, kind, name }, labels: labels(name) });
}

const job = own('batch/v1', 'Job', (name) => ({ 'job-name': name, 'batch.kubernetes.io/job-name': name }));

// https://kubernetes.io/docs/concepts/workloads/controllers/ ; labels: https://kubernetes.io/docs/reference/labels-annotations-taints/
const kinds: readonly WorkloadKind[] = [
  {
    kind: 'Deployment',
    group: 'apps',
    template: '/spec/template',
    made: (name) => ({ ...own('apps/v1', 'ReplicaSet')(`${name}-${hash}`), labels: { 'pod-template-hash': hash } }),
  },
  {
    kind: 'StatefulSet',
    group: 'apps',
    template: '/spec/template',
    made: (name) => ({ ...own('apps/v1', 'StatefulSet', statefulSetLabels)(name), name: `${name}-0` }),
  },
  {
    kind: 'DaemonSet',
    group: 'apps',
    template: '/spec/template',
    made: own('apps/v1', 'DaemonSet', () => ({ 'controller-revision-hash': hash })),
  },
  { kind: 'ReplicaSet', group: 'apps', template: '/spec/template', made: own('apps/v1', 'ReplicaSet') },
  { kind: 'ReplicationController', group: '', template: '/spec/template', made: own('v1', 'ReplicationController') },
  { kind: 'Job', group: 'batch', template: '/spec/template', made: job },
  {
    kind: 'CronJob',
    group: 'batch',
    template: '/spec/jobTemplate/spec/template',
    made: (name) => job(`${name}-${minute}`),
  },
];

function statefulSetLabels(name: string): Made['labels'] {
  return {
    'controller-revision-hash': `${name}-${hash}`,
    'statefulset.kubernetes.io/pod-name': `${name}-0`,
    'apps.kubernetes.io/pod-index': '0',
  };
}

/** The kind of workload that an object is, undefined where it is none. Old manifests have some kinds in `extensions`. */
export function workloadKindOf(object: JsonObject): WorkloadKind | undefined {
  const { kind, apiVersion } = object;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return undefined;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return kinds.find(
    (one) => one.kind === kind && (one.group === group || (group === 'extensions' && one.group === 'apps')),
  );
}

/**
 * The pod that the controller would send to the API server. A part of the template that has a wrong type stays as it is:
 * admission says what is wrong with it.
 */
export function podOfWorkload(kind: WorkloadKind, workloadName: string, template: unknown): JsonObject {
  const made = kind.made(workloadName);
  const { metadata, ...rest } = isObject(template) ? template : { spec: template };
  const written = isObject(metadata) ? metadata : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...written,
      ...(made.name === undefined ? {} : { name: made.name }),
      generateName: `${made.owner.name}-`,
      labels:
        isObject(written['labels']) || written['labels'] === undefined
          ? { ...written['labels'], ...made.labels }
          : written['labels'],
      ownerReferences: [{ ...made.owner, uid, controller: true, blockOwnerDeletion: true }],
    },
    ...rest,
  };
}
