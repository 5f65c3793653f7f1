// Answers: what do the ProxyConfig resources of a cluster (networking.istio.io) change, and for which pods. Prepared once
// for a list of resources:
//
//   mesh config                            the base of everything
//   root namespace, without selector       over it, for every pod
//   the pod's namespace, without selector  over that, for every pod of the namespace
//   (the pod's annotation                  over that: settings/effective.ts)
//   the pod's namespace, matchLabels       over that, for the pods that have the labels
//
// Of several in one place the oldest counts. Source: ProxyConfigs in pilot/pkg/model of Istio.
import type { NamespaceProxyConfig, ProxyConfigFacts } from '../model/facts.ts';
import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { MeshConfig, ProxyConfig } from '../model/settings.ts';
import { decodeMessage, type Field, message } from '../proxy-config/proto-json.ts';
import { mergeProxyConfig } from '../proxy-config/proxy-config.ts';

export interface ProxyConfigResource {
  readonly name: string;
  readonly namespace: string;
  /** As the API server writes it: RFC 3339, UTC, whole seconds. */
  readonly creationTimestamp: string;
  readonly spec: JsonObject;
}

/** A resource as it counts. */
interface Layer {
  /** Undefined for all pods of the namespace; without any label for none. */
  readonly matchLabels: StringMap | undefined;
  readonly config: ProxyConfig;
}

const string: Field = { kind: 'string' };
const texts: Field = { kind: 'map', of: string };

/** istio.networking.v1beta1.ProxyConfig: much less than the ProxyConfig of the mesh config. */
const resourceMessage = message({
  selector: message({ matchLabels: texts }),
  concurrency: { kind: 'wrapper', of: 'int32' },
  environmentVariables: texts,
  image: message({ imageType: string }),
});

/** Where no resource is. */
export const noProxyConfigs: ProxyConfigFacts = freeze({ meshWide: undefined, byNamespace: new Map() });

/** What the resources make of the mesh's configuration; those that cannot be read are passed over. */
export function proxyConfigFacts(resources: readonly ProxyConfigResource[], mesh: MeshConfig): ProxyConfigFacts {
  if (resources.length === 0) return noProxyConfigs;
  const byNamespace = layersByNamespace(resources);
  const { defaultConfig, rootNamespace } = mesh;
  const below = mergeLayer(defaultConfig, forNamespace(byNamespace.get(rootNamespace)));
  const prepared = [...byNamespace].map(([namespace, layers]): [string, NamespaceProxyConfig] => {
    const base = mergeLayer(below, forNamespace(layers)); // in the root namespace the same layer again, to no effect
    return [namespace, { base, workloads: layers.flatMap((layer) => forWorkloads(layer, base)) }];
  });
  return freeze({ meshWide: below === defaultConfig ? undefined : below, byNamespace: new Map(prepared) });
}

/** What keeps resources from being read, with the resource in the path: `ProxyConfig shop/web: spec.concurrency`. */
export function proxyConfigProblems(resources: readonly ProxyConfigResource[]): readonly Problem[] {
  return resources.flatMap((resource) => {
    const read = readResource(resource);
    return read.ok ? [] : read.error;
  });
}

function layersByNamespace(resources: readonly ProxyConfigResource[]): ReadonlyMap<string, readonly Layer[]> {
  const byNamespace = new Map<string, Layer[]>();
  for (const resource of resources.toSorted(byAge)) {
    const read = readResource(resource);
    if (!read.ok) continue;
    const layers = byNamespace.get(resource.namespace);
    if (layers === undefined) byNamespace.set(resource.namespace, [read.value]);
    else layers.push(read.value);
  }
  return byNamespace;
}

function byAge(one: ProxyConfigResource, other: ProxyConfigResource): number {
  return compared(one.creationTimestamp, other.creationTimestamp) || compared(one.name, other.name);
}

function compared(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function readResource({ name, namespace, spec }: ProxyConfigResource): Result<Layer> {
  const { value, problems } = decodeMessage(resourceMessage, spec, 'spec');
  if (problems.length > 0) {
    return fail(problems.map((problem) => ({ ...problem, path: `ProxyConfig ${namespace}/${name}: ${problem.path}` })));
  }
  const { concurrency, environmentVariables, image } = value;
  const config = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(environmentVariables === undefined ? {} : { proxyMetadata: environmentVariables }),
    ...(image === undefined ? {} : { image }),
  };
  return ok({ matchLabels: matchLabelsOf(spec, value), config: config as ProxyConfig });
}

/** A selector that is written without labels is none for all pods, but one for no pod. */
function matchLabelsOf({ selector: written }: JsonObject, { selector: read }: JsonObject): StringMap | undefined {
  if (written === undefined || written === null) return undefined;
  return isObject(read) && isObject(read['matchLabels']) ? (read['matchLabels'] as StringMap) : {};
}

function forNamespace(layers: readonly Layer[] | undefined): Layer | undefined {
  return layers?.find(({ matchLabels }) => matchLabels === undefined);
}

function forWorkloads({ matchLabels, config }: Layer, base: ProxyConfig): NamespaceProxyConfig['workloads'] {
  if (matchLabels === undefined || Object.keys(matchLabels).length === 0) return [];
  return [{ matchLabels, layer: config, merged: mergeProxyConfig(base, config) }];
}

function mergeLayer(base: ProxyConfig, layer: Layer | undefined): ProxyConfig {
  return layer === undefined ? base : mergeProxyConfig(base, layer.config);
}
