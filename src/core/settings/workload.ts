// Answers: which workload does a pod belong to, judged by the pod alone. The API server has not stored the pod yet, and
// no lookup of owners is made: names of ReplicaSets and Jobs tell their own owners by convention.
import type { Metadata, OwnerReference } from '../model/pod.ts';
import { labels } from './catalogue.ts';

export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly kind: string;
  readonly apiVersion: string;
}

/** Jobs of a CronJob are named after it and the minute they are due, as 8 to 10 digits. */
const cronJobName = /^(.+)-[0-9]{8,10}$/;

/**
 * The workload of a pod: its controller, or what the controller's name and the pod's labels say stands behind it.
 * A pod whose name was not generated counts as its own workload, whatever owns it, as at the peer.
 */
export function workloadOf(metadata: Metadata, namespace: string): Workload {
  const controller = metadata.generateName
    ? metadata.ownerReferences?.find(({ controller }) => controller === true)
    : undefined;
  const { name, kind, apiVersion } = controller ? controllerWorkload(controller, metadata) : podItself(metadata);
  return { name: name || (metadata.name ?? ''), namespace, kind, apiVersion };
}

function podItself(metadata: Metadata): Omit<Workload, 'namespace'> {
  return { name: metadata.name ?? '', kind: 'Pod', apiVersion: 'v1' };
}

function controllerWorkload(
  { name = '', kind = '', apiVersion = '' }: OwnerReference,
  metadata: Metadata,
): Omit<Workload, 'namespace'> {
  const label = (key: string): string => metadata.labels?.[key] ?? '';
  if (kind === 'ReplicaSet') {
    const hash = label(labels.podTemplateHash.key);
    if (hash !== '' && name.endsWith(hash))
      return { name: withoutEnd(name, `-${hash}`), kind: 'Deployment', apiVersion };
    const rollout = label(labels.rolloutHash.key);
    if (rollout !== '' && name.endsWith(rollout)) {
      return { name: withoutEnd(name, `-${rollout}`), kind: 'Rollout', apiVersion: 'v1alpha1' };
    }
  }
  const deploymentConfig = label(labels.deploymentConfig.key);
  if (kind === 'ReplicationController' && deploymentConfig !== '') {
    return { name: deploymentConfig, kind: 'DeploymentConfig', apiVersion };
  }
  const cronJob = kind === 'Job' ? cronJobName.exec(name)?.[1] : undefined;
  if (cronJob !== undefined) return { name: cronJob, kind: 'CronJob', apiVersion: 'batch/v1' };
  return { name, kind, apiVersion };
}

function withoutEnd(text: string, end: string): string {
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}
