// Answers: what counts of a node, a namespace or a ProxyConfig resource. Whoever keeps thousands of them keeps this.
// Does not belong here: what follows from it (core/configuration/surroundings.ts).
import type { NodeFacts, ProxyConfigResource } from '../configuration/surroundings.ts';
import { hardenedLevel } from '../model/delivered.ts';
import type { NamespaceFacts } from '../model/facts.ts';
import { isObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';

export function nodeFacts({ metadata, status }: KubeObject): NodeFacts {
  const info = isObject(status) && isObject(status['nodeInfo']) ? status['nodeInfo'] : {};
  const version = info['kubeletVersion'];
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    kubeletVersion: typeof version === 'string' ? version : '',
  };
}

export function proxyConfigResource({ metadata, spec }: KubeObject): ProxyConfigResource {
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    creationTimestamp: metadata.creationTimestamp ?? '',
    spec: isObject(spec) ? spec : {},
  };
}

/** Labels and annotations as they are: for one who decides as the registration would. */
export function namespaceFacts({ metadata }: KubeObject): NamespaceFacts {
  return { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} };
}

/**
 * For the webhook: only what the platform says, and whether pods may have volumes of the node. The registration has decided by the labels of the moment, which a cache
 * that is behind must not undo; and the other annotations of thousands of namespaces are nothing to it.
 */
export function namespaceOfWebhook({ metadata }: KubeObject): NamespaceFacts {
  const kept = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith('openshift.io/'));
  const hardened = hardenedLevel(metadata.labels);
  return { labels: undefined, annotations: Object.fromEntries(kept), ...(hardened !== undefined && { hardened }) };
}
