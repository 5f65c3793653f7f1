// Answers: how do containers that the injection adds come by the token of the pod's ServiceAccount. The API server would
// mount it in them once the webhooks are through, and then ask each webhook again that wants to see what others changed:
// a second call for every pod. With the mounts in the answer nothing is left to change, and one call is enough.
import { replaceContainers } from '../merge/reinject.ts';
import type { Container, Pod } from '../model/pod.ts';

/** Kubernetes, "Managing Service Accounts", bound service account token volume mechanism. */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumeName = /^kube-api-access-/;

/**
 * The pod with the mounts that the API server would add: in every container that has none at the path, as its last. Only
 * where it has given them to all the containers of the original, which it does before it calls webhooks.
 */
export function mountApiAccess(pod: Pod, original: Pod): Pod {
  const { containers = [], initContainers = [], volumes = [], automountServiceAccountToken } = original.spec;
  const volume = volumes.find(({ name }) => volumeName.test(name));
  if (volume === undefined || automountServiceAccountToken === false) return pod;
  if (![...initContainers, ...containers].every(hasToken)) return pod;
  const mount = { name: volume.name, readOnly: true, mountPath: tokenPath };
  return replaceContainers(pod, (container) =>
    hasToken(container) ? container : { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] },
  );
}

function hasToken({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some(({ mountPath }) => mountPath === tokenPath);
}
