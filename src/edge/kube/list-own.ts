// Answers: which objects of a kind are ours.
import { ownSelector } from '../../core/cluster/labels.ts';
import type { Resource } from '../../core/cluster/resources.ts';
import { isOfInstallation } from '../../core/install/removal.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import type { Kube } from './client.ts';
import { whereNotFound } from './kube-error.ts';

/** In all namespaces; none where the cluster does not know the kind. */
export async function listOwn(kube: Kube, resource: Resource): Promise<readonly KubeObject[]> {
  const found = await whereNotFound(undefined, kube.list(resource, { labelSelector: ownSelector }));
  return found?.items.filter(isOfInstallation) ?? [];
}
