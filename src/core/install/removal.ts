// Answers: in which order is an installation taken away. First who would write the registration again, then the
// registration, so that nobody is called who is gone; what gives rights comes last.
// Does not belong here: doing it (edge/kube/remove-own.ts).
import { isOurs } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import { type Resource, resources } from '../cluster/resources.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { agentName, nodeNamespace, policyNames } from '../wasm/names.ts';
import { declaredObjects, type ExtensionsThere } from './extensions-there.ts';

/** Namespaces that are ours with all that is in them. */
export const ownNamespaces: readonly string[] = [ownNamespace, nodeNamespace];
const ownNames: ReadonlySet<string> = new Set([
  ...ownNamespaces,
  agentName,
  ...Object.values(names),
  ...Object.values(policyNames),
]);
/** Kinds of which there is something of ours in Istio's namespace. */
const elsewhere: readonly string[] = [resources.roles.kind, resources.roleBindings.kind];

/**
 * True for what an installation consists of. The label alone does not say it: people put it on what they made around
 * Pillion, a dashboard or a namespace of theirs.
 */
export function isOfInstallation(object: KubeObject): boolean {
  if (!isOurs(object)) return false;
  const { kind, metadata } = object;
  if (metadata.namespace !== undefined && ownNamespaces.includes(metadata.namespace)) return true;
  return ownNames.has(metadata.name) && (metadata.namespace === undefined || elsewhere.includes(kind));
}

const ofControl: readonly string[] = [resources.deployments.kind, resources.clusterRoleBindings.kind];

/**
 * True for what lets control write the registration. Without its rights not even a replica on a node that is out of reach
 * can write it again.
 */
export function isOfControl({ kind, metadata }: KubeObject): boolean {
  return ofControl.includes(kind) && metadata.name === names.control;
}

/** Kinds of which anything of ours is taken away, in this order, after control has ended. */
export const removalOrder: readonly Resource[] = [
  resources.mutatingWebhooks,
  resources.admissionPolicyBindings,
  resources.admissionPolicies,
  resources.podDisruptionBudgets,
  resources.deployments,
  resources.daemonSets, // the modules stay on the nodes: running proxies read them again when they restart
  resources.networkPolicies,
  resources.services,
  resources.certificates, // of cert-manager, before the Secrets that it would make again
  resources.issuers,
  resources.leases,
  resources.secrets,
  resources.configMaps,
  resources.priorityClasses,
  resources.clusterRoleBindings,
  resources.clusterRoles,
  resources.roleBindings, // those in Istio's namespace are found by their labels too
  resources.roles,
  resources.serviceAccounts,
  resources.namespaces, // and with them whatever else is in them: events, pods that are ending
];

/** What goes before Wasm extensions do, what is declared, and what goes after them. */
export interface RemovalPlan {
  readonly before: readonly KubeObject[];
  readonly declared: readonly KubeObject[];
  readonly after: readonly KubeObject[];
}

const agentsAt = removalOrder.indexOf(resources.daemonSets);

/**
 * First who would write extensions again, or have new pods wait for them; last the agents, which let the pods go that
 * wait, and what follows in the order.
 */
export function removalPlan(own: readonly KubeObject[], there: ExtensionsThere): RemovalPlan {
  const isBefore = (object: KubeObject): boolean =>
    isOfControl(object) || removalOrder.findIndex(({ kind }) => kind === object.kind) < agentsAt;
  const { before = [], after = [] } = Object.groupBy(own, (object) => (isBefore(object) ? 'before' : 'after'));
  return { before, declared: declaredObjects(there), after };
}
