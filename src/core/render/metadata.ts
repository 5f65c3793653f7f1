// Answers: which labels and annotations do the templates put on the pod.
// Does not belong here: the status annotation and what follows from the merged pod (finish/metadata.ts).
import { isObject, parseJson } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import { annotations as annotationCatalogue, labels as labelCatalogue } from '../settings/catalogue.ts';
import type { RenderContext } from './context.ts';
import { excludedInboundPorts } from './traffic.ts';

/** Label values have at most 63 characters and begin and end with a letter or digit (Kubernetes, labels). */
const longestLabel = 63;
const istioCniNetwork = { namespace: 'default', name: 'istio-cni' };

/** Labels of the sidecar template. */
export function sidecarLabels(context: RenderContext): StringMap {
  const { labels, proxyConfig } = context.effective;
  const hbone = proxyConfig.proxyMetadata?.['ISTIO_META_ENABLE_HBONE'] === 'true';
  const name = canonicalName(context)
    .slice(0, longestLabel)
    .replace(/^[-_.]+|[-_.]+$/g, '');
  return {
    'security.istio.io/tlsMode': labels[labelCatalogue.tlsMode.key] || 'istio',
    ...(hbone && { 'networking.istio.io/tunnel': labels[labelCatalogue.tunnel.key] || 'http' }),
    'service.istio.io/canonical-name': name,
    'service.istio.io/canonical-revision': canonicalRevision(context),
  };
}

/** Labels of the templates gateway and grpc-agent: the same names for telemetry, as they are. */
export function canonicalLabels(context: RenderContext): StringMap {
  return {
    'service.istio.io/canonical-name': canonicalName(context),
    'service.istio.io/canonical-revision': canonicalRevision(context),
  };
}

function canonicalName({ effective: { labels, workload } }: RenderContext): string {
  const { canonicalName, appName, app } = labelCatalogue;
  return labels[canonicalName.key] || labels[appName.key] || labels[app.key] || workload.name;
}

function canonicalRevision({ effective: { labels } }: RenderContext): string {
  const { canonicalRevision, appVersion, version } = labelCatalogue;
  return labels[canonicalRevision.key] || labels[appVersion.key] || labels[version.key] || 'latest';
}

/** Who injected, and which container kubectl means when none is named. */
export function commonAnnotations({ effective, apps }: RenderContext): StringMap {
  const { annotations, facts } = effective;
  const [first] = apps;
  return {
    'istio.io/rev': facts.revision || 'default',
    ...(first !== undefined &&
      annotations.defaultLogsContainer === undefined && { [annotationCatalogue.defaultLogsContainer.key]: first }),
    ...(first !== undefined &&
      annotations.defaultContainer === undefined && { [annotationCatalogue.defaultContainer.key]: first }),
  };
}

/** With Istio's CNI plugin the redirection is set up from these annotations, not by an init container. */
export function cniAnnotations(context: RenderContext): StringMap {
  const { annotations, interceptionMode, facts } = context.effective;
  const { cni, global } = facts.values;
  if (!cni.enabled) return {};
  const { proxy } = global;
  const result: Record<string, string> = {};
  const set = (name: keyof typeof annotationCatalogue, value: string): void => {
    result[annotationCatalogue[name].key] = value;
  };
  const setUnlessEmpty = (name: keyof typeof annotationCatalogue, value: string | undefined): void => {
    if (value) set(name, value);
  };
  if (cni.provider === 'multus') set('cniNetworks', withIstioNetwork(annotations.cniNetworks ?? ''));
  set('interceptionMode', interceptionMode);
  setUnlessEmpty('includeOutboundIPRanges', annotations.includeOutboundIPRanges ?? proxy.includeIPRanges);
  setUnlessEmpty('excludeOutboundIPRanges', annotations.excludeOutboundIPRanges ?? proxy.excludeIPRanges);
  set('includeInboundPorts', annotations.includeInboundPorts ?? proxy.includeInboundPorts);
  set('excludeInboundPorts', excludedInboundPorts(context.effective));
  if (annotations.includeOutboundPorts !== undefined) set('includeOutboundPorts', annotations.includeOutboundPorts);
  else setUnlessEmpty('includeOutboundPorts', proxy.includeOutboundPorts);
  if (annotations.excludeOutboundPorts !== undefined) set('excludeOutboundPorts', annotations.excludeOutboundPorts);
  else setUnlessEmpty('excludeOutboundPorts', proxy.excludeOutboundPorts);
  setUnlessEmpty('kubevirtInterfaces', annotations.kubevirtInterfaces);
  setUnlessEmpty('rerouteVirtualInterfaces', annotations.rerouteVirtualInterfaces);
  setUnlessEmpty('excludeInterfaces', annotations.excludeInterfaces);
  return result;
}

/**
 * Multus takes a comma-separated list or a JSON array of objects; Istio's network joins whichever the user wrote.
 * An array that cannot be read is left alone, and so is a list that has the network already.
 */
export function withIstioNetwork(networks: string): string {
  const { namespace, name } = istioCniNetwork;
  const qualified = `${namespace}/${name}`;
  if (networks === '') return qualified;
  const end = networks.lastIndexOf(']');
  if (end < 0) {
    const has = networks.split(',').some((network) => network.trim() === qualified);
    return has ? networks : `${networks}, ${qualified}`;
  }
  const listed = parseJson(networks);
  if (!Array.isArray(listed) || !listed.every(isObject)) return networks;
  if (listed.some((network) => network['name'] === name && (network['namespace'] ?? '') === namespace)) return networks;
  const separator = listed.length === 0 ? '' : ', ';
  return `${networks.slice(0, end)}${separator}{"name": "${name}", "namespace": "${namespace}"}${networks.slice(end)}`;
}
