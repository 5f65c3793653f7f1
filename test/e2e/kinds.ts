// Answers: where does the API server keep the kinds that tests make, besides those that the product itself asks for.
import { type Resource, resources } from '../../src/core/cluster/resources.ts';

function namespaced(apiVersion: string, kind: string, plural: string): Resource {
  return { apiVersion, kind, plural, isNamespaced: true };
}

const kinds: readonly Resource[] = [
  ...Object.values(resources),
  namespaced('batch/v1', 'Job', 'jobs'),
  namespaced('batch/v1', 'CronJob', 'cronjobs'),
  namespaced('apps/v1', 'ReplicaSet', 'replicasets'),
  namespaced('v1', 'ReplicationController', 'replicationcontrollers'),
  namespaced('apps/v1', 'StatefulSet', 'statefulsets'),
  namespaced('apps/v1', 'DaemonSet', 'daemonsets'),
  namespaced('security.istio.io/v1', 'PeerAuthentication', 'peerauthentications'),
  namespaced('security.istio.io/v1', 'AuthorizationPolicy', 'authorizationpolicies'),
  namespaced('networking.istio.io/v1', 'Sidecar', 'sidecars'),
  namespaced('networking.istio.io/v1', 'DestinationRule', 'destinationrules'),
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    isNamespaced: false,
  },
];

/** By kind or plural, in upper or lower case (`Pod`, `pods`); throws for one that is not in the table. */
export function resourceNamed(name: string): Resource {
  const wanted = name.toLowerCase();
  const found = kinds.find(({ kind, plural }) => kind.toLowerCase() === wanted || plural === wanted);
  if (found === undefined) throw new Error(`Cannot find the path of "${name}": add it to the table in kinds.ts`);
  return found;
}
