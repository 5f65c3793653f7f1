// Answers: what holds for this one pod, out of the mesh's settings, the namespace, the URL and the pod's annotations.
// Everything that builds the pod reads this record and never the sources behind it.
import type { Facts } from '../model/facts.ts';
import type { Pod, StringMap } from '../model/pod.ts';
import type { InterceptionMode, ProxyConfig } from '../model/settings.ts';
import { mergeProxyConfig } from '../proxy-config/proxy-config.ts';
import { type Annotations, labels as labelCatalogue } from './catalogue.ts';
import { bareInjectionPath, injectionParameters } from './injection-path.ts';
import { type ProxyIds, proxyIds } from './proxy-ids.ts';
import { type Workload, workloadOf } from './workload.ts';

export interface Effective {
  readonly facts: Facts;
  readonly annotations: Annotations;
  readonly labels: StringMap;
  readonly proxyConfig: ProxyConfig;
  readonly workload: Workload;
  readonly ids: ProxyIds;
  /** Whether the proxy becomes a native sidecar where the template leaves the choice. */
  readonly native: boolean;
  readonly interceptionMode: InterceptionMode;
  /** Whether the application waits for the proxy; without effect on native sidecars, which are waited for anyway. */
  readonly holdApplication: boolean;
  /** Port of the agent as text, from the annotation or the values: not the statusPort of the proxy configuration. */
  readonly statusPort: string;
  /** Cluster, network and what else the URL says: environment that nobody overrides, sorted by name. */
  readonly forcedEnv: readonly (readonly [name: string, value: string])[];
  /** Network of the pod; undefined where there is one network only. */
  readonly network: string | undefined;
}

export interface EffectiveInput {
  readonly pod: Pod;
  /** Namespace of the pod; of the request, where the pod names none. */
  readonly namespace: string;
  readonly path: string;
  readonly annotations: Annotations;
  readonly native: boolean;
}

const none: StringMap = Object.freeze({});

/** Resolves everything that building the pod needs to know. */
export function resolveEffective(input: EffectiveInput, facts: Facts): Effective {
  const { pod, annotations } = input;
  const labels = pod.metadata.labels ?? none;
  const proxyConfig = proxyConfigOf(input, labels, facts);
  const forced = forcedEnvironment(input.path, labels, facts);
  const namespaceAnnotations = facts.namespaces.get(input.namespace)?.annotations ?? none;
  return {
    facts,
    annotations,
    labels,
    proxyConfig,
    workload: workloadOf(pod.metadata, input.namespace),
    ids: proxyIds(facts.platform === 'openshift' ? namespaceAnnotations : undefined),
    native: input.native,
    interceptionMode: annotations.interceptionMode ?? proxyConfig.interceptionMode ?? 'REDIRECT',
    holdApplication:
      proxyConfig.holdApplicationUntilProxyStarts === true || facts.values.global.proxy.holdApplicationUntilProxyStarts,
    statusPort: annotations.statusPort ?? facts.values.global.proxy.statusPort,
    forcedEnv: forced.size === 0 ? [] : [...forced].sort(([a], [b]) => (a < b ? -1 : 1)),
    network: forced.get('ISTIO_META_NETWORK'),
  };
}

/**
 * The mesh's and the namespace's configuration, the pod's annotation, and the ProxyConfig resource that selects the pod:
 * each over the one before.
 */
function proxyConfigOf({ annotations, namespace }: EffectiveInput, labels: StringMap, facts: Facts): ProxyConfig {
  const { meshWide = facts.mesh.defaultConfig, byNamespace } = facts.proxyConfigs;
  const inNamespace = byNamespace.get(namespace);
  const base = inNamespace?.base ?? meshWide;
  const workload = inNamespace?.workloads.find(({ matchLabels }) => hasLabels(labels, matchLabels));
  if (annotations.proxyConfig === undefined) return workload?.merged ?? base;
  const annotated = mergeProxyConfig(base, annotations.proxyConfig);
  return workload === undefined ? annotated : mergeProxyConfig(annotated, workload.layer);
}

function hasLabels(labels: StringMap, wanted: StringMap): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}

/** The URL beats the values; the pod's network label beats both, even when it is empty. */
function forcedEnvironment(path: string, labels: StringMap, { values }: Facts): ReadonlyMap<string, string> {
  const forced = path === bareInjectionPath ? new Map<string, string>() : new Map(injectionParameters(path));
  const cluster = forced.get('ISTIO_META_CLUSTER_ID') || values.global.clusterName;
  const network = labels[labelCatalogue.network.key] ?? (forced.get('ISTIO_META_NETWORK') || values.global.network);
  if (cluster !== '') forced.set('ISTIO_META_CLUSTER_ID', cluster);
  if (network !== '') forced.set('ISTIO_META_NETWORK', network);
  return forced;
}
