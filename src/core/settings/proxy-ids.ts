// Answers: as which user and group does the proxy run. OpenShift gives every namespace a range of its own; elsewhere
// it is 1337, which the redirection rules know.
import type { Container, Pod, StringMap } from '../model/pod.ts';
import { findProxy, initContainerName, proxyContainerName, validationContainerName } from '../model/pod.ts';

export interface ProxyIds {
  readonly user: number;
  readonly group: number;
}

export const defaultProxyId = 1337;

const uidRange = 'openshift.io/sa.scc.uid-range';
const supplementalGroups = 'openshift.io/sa.scc.supplemental-groups';
const uint32 = 2 ** 32;

/** The ids for a namespace with these annotations; undefined annotations mean a platform without ranges. */
export function proxyIds(namespaceAnnotations: StringMap | undefined): ProxyIds {
  if (namespaceAnnotations === undefined) return { user: defaultProxyId, group: defaultProxyId };
  const users = namespaceAnnotations[uidRange];
  const groups = namespaceAnnotations[supplementalGroups] ?? users;
  return { user: lastOf(users) || defaultProxyId, group: lastOfFirst(groups) || defaultProxyId };
}

/** The last id of a block `start/size` or `start-end`; 0 where the text is neither. */
function lastOf(block: string | undefined): number {
  const match = /^\s*([0-9]+)([/-])\s*([0-9]+)/.exec(block ?? '');
  if (match === null) return 0;
  const [start, second] = [Number(match[1]), Number(match[3])];
  if (start >= uint32 || second >= uint32) return 0;
  return match[2] === '-' ? second : (start + second - 1) % uint32;
}

/** Of a list of blocks all must be sound; the first counts. */
function lastOfFirst(blocks: string | undefined): number {
  const ends = (blocks ?? '').split(',').map(lastOf);
  return ends.every((end) => end > 0) ? (ends[0] ?? 0) : 0;
}

/**
 * The pod as far as it speaks for its own istio-proxy. OpenShift writes one user id into all containers of a pod; where
 * the proxy's equals the application's it was not the user who chose it, so it does not count.
 */
export function withoutAssignedProxyUser(pod: Pod): Pod {
  const proxy = findProxy(pod);
  if (proxy?.securityContext === undefined) return pod;
  if ((proxy.securityContext.runAsUser ?? 0) !== applicationUser(pod)) return pod;
  const { runAsUser: _user, runAsGroup: _group, ...securityContext } = proxy.securityContext;
  const cleared = { ...proxy, securityContext };
  const replace = (list: readonly Container[] | undefined) =>
    list?.map((container) => (container === proxy ? cleared : container));
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(containers && { containers: replace(containers) ?? [] }),
      ...(initContainers && { initContainers: replace(initContainers) ?? [] }),
    },
  };
}

/** The user of the last container of the application that sets one, init containers after the others; else 0. */
function applicationUser(pod: Pod): number {
  const own = [proxyContainerName, initContainerName, validationContainerName];
  const users = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]
    .filter(({ name }) => !own.includes(name))
    .map(({ securityContext }) => securityContext?.runAsUser)
    .filter((user) => user !== undefined);
  return users.at(-1) ?? 0;
}
