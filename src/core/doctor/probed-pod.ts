// Answers: what does a pod that came back from the API server, or from a webhook, still have of its sidecars.
// Does not belong here: who took them away (suspects.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import { type Metadata, proxyContainerName } from '../model/pod.ts';
import { type InjectionStatus, readInjectionStatus } from '../settings/injection-status.ts';

/** True where the pod has an init container of that name with restartPolicy Always. */
export function staysOnPod({ spec }: JsonObject, container: string): boolean {
  return namedIn(spec, 'initContainers', container).some((one) => one['restartPolicy'] === 'Always');
}

/** True where the pod has the proxy, native or plain. */
export function hasProxy({ spec }: JsonObject): boolean {
  return lists.some((list) => namedIn(spec, list, proxyContainerName).length > 0);
}

/** True where the pod says that it was injected, whatever the templates brought. */
export function isMarkedInjected(pod: JsonObject): boolean {
  return statusOf(pod) !== undefined;
}

/** True where the pod says that the injection brought the proxy, and it is not there. */
export function hasLostProxy(pod: JsonObject): boolean {
  const status = statusOf(pod);
  return lists.some((list) => status?.[list].includes(proxyContainerName)) && !hasProxy(pod);
}

const lists = ['initContainers', 'containers'] as const;

function statusOf({ metadata }: JsonObject): InjectionStatus | undefined {
  return isObject(metadata) ? readInjectionStatus((metadata as Metadata).annotations) : undefined;
}

function namedIn(spec: unknown, list: (typeof lists)[number], name: string): readonly JsonObject[] {
  const containers: unknown = isObject(spec) ? spec[list] : undefined;
  return Array.isArray(containers) ? containers.filter((one) => isObject(one) && one['name'] === name) : [];
}
