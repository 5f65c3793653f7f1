// Answers: in which order is an installation taken away. First who would write the registration again, then the
// registration, so that nobody is called who is gone; what gives rights comes last.
// Does not belong here: doing it (edge/kube/remove-own.ts).
import { names } from '../cluster/names.ts';
import { type Resource, resources } from '../cluster/resources.ts';
import type { KubeObject } from '../model/kube-object.ts';

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
  resources.namespaces, // and with it whatever else is in it: events, pods that are ending
];
