// Answers: what becomes of an object that is applied. By server-side apply: only the fields that we name are ours, and
// an object that is as it should be is not written.
// Does not belong here: which objects, and in which order (core/install/objects.ts).
import { fieldManagers, names } from '../../core/cluster/names.ts';
import { type Resource, resourceOf, resources } from '../../core/cluster/resources.ts';
import { type Change, changesBetween } from '../../core/install/change.ts';
import { ownNamespaces } from '../../core/install/removal.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';
import { listOwn } from './list-own.ts';

export interface Applied {
  readonly object: KubeObject;
  readonly outcome: 'created' | 'changed' | 'unchanged';
  readonly changes: readonly Change[];
}

export interface ApplyOptions {
  /** The API server says what would become of it, and keeps nothing. */
  readonly dryRun: boolean;
}

/** Applies one object. Throws KubeError where the API server refuses it. */
export async function applyObject(kube: Kube, object: KubeObject, { dryRun }: ApplyOptions): Promise<Applied> {
  const { name, namespace } = object.metadata;
  const before = await kube.get(resourceOf(object), name, namespace);
  const after = await write(kube, object, dryRun);
  if (before === undefined) return { object, outcome: 'created', changes: [] };
  const changes = changesBetween(before, after);
  return { object, outcome: changes.length === 0 ? 'unchanged' : 'changed', changes };
}

/** In a dry run our namespace may not be there yet, so that nobody can check what would be in it. */
async function write(kube: Kube, object: KubeObject, dryRun: boolean): Promise<KubeObject> {
  try {
    return await kube.apply(object, { fieldManager: fieldManagers.install, dryRun });
  } catch (error) {
    const isTooEarly = dryRun && ownNamespaces.includes(object.metadata.namespace ?? '');
    if (isTooEarly && error instanceof KubeError && error.code === 'not-found') return object;
    throw error;
  }
}

/**
 * Kinds of which an installation with other options leaves objects behind: the node agent with its namespace, policies
 * about Wasm, what trial pods may reach, roles elsewhere, requests to cert-manager.
 */
const varying: readonly Resource[] = [
  resources.admissionPolicyBindings,
  resources.admissionPolicies,
  resources.daemonSets,
  resources.networkPolicies,
  resources.clusterRoleBindings,
  resources.clusterRoles,
  resources.roleBindings,
  resources.roles,
  resources.certificates,
  resources.issuers,
  resources.namespaces,
];

/** Objects of an earlier installation that this one no longer has. The guard is control's, which looks after it. */
export async function findLeftOver(kube: Kube, objects: readonly KubeObject[]): Promise<readonly KubeObject[]> {
  const wanted = new Set(objects.map(objectKey));
  const found = await Promise.all(varying.map((resource) => listOwn(kube, resource)));
  return found.flat().filter((object) => !wanted.has(objectKey(object)) && object.metadata.name !== names.guard);
}

function objectKey({ kind, metadata }: KubeObject): string {
  return [kind, metadata.namespace, metadata.name].join('/');
}
