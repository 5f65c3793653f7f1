// Answers: what do the settings of a cluster say at this moment, asked once: for a person at a terminal.
// Does not belong here: following them (live-settings.ts).
import { resources } from '../../core/cluster/resources.ts';
import {
  type ConfigMapPlace,
  defaultInstallation,
  type Overriding,
  optionsPlace,
  placesOf,
  placeText,
  readClusterFacts,
  readInjectorMap,
  readInstallation,
  readMeshMap,
} from '../../core/cluster/settings-documents.ts';
import { namespaceFacts, nodeFacts, proxyConfigResource } from '../../core/cluster/surroundings-objects.ts';
import { proxyConfigProblems, type Surroundings, withSurroundings } from '../../core/configuration/surroundings.ts';
import type { Facts, NamespaceFacts } from '../../core/model/facts.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { fail, problemLine, quoted, type Result } from '../../core/model/problem.ts';
import { extensionProblems, extensionTable, readDeliverable } from '../../core/wasm/delivery/extension-table.ts';
import type { Kube } from './client.ts';
import { KubeError, whereNotFound } from './kube-error.ts';
import { probeNative } from './native-probe.ts';

export interface ReadSettings {
  /** Without namespaces: see readNamespaces. */
  readonly facts: Facts;
  /** What was passed over, or could not be asked, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads the ConfigMaps, the nodes and the ProxyConfig resources. Where nothing is installed, the options have their
 * defaults. What only refines a decision may be forbidden; then there is a warning.
 * Throws KubeError where the ConfigMaps cannot be asked for.
 */
export async function readSettings(kube: Kube, over: Overriding): Promise<Result<ReadSettings>> {
  const get = ({ namespace, name }: ConfigMapPlace): Promise<KubeObject | undefined> =>
    kube.get(resources.configMaps, name, namespace);
  const optionsMap = await get(optionsPlace);
  const installation = optionsMap === undefined ? undefined : readInstallation(optionsMap);
  if (installation?.ok === false) return installation;
  const found = installation?.value ?? defaultInstallation();
  const places = placesOf(found, over);
  const [mesh, injector] = await Promise.all([get(places.mesh), get(places.injector)]);
  const documents = { ...readMeshMap(mesh, places.mesh), ...readInjectorMap(injector, places.injector) };
  const read = readClusterFacts(found, documents, over);
  if (!read.ok) return fail(read.error);
  const warnings = [...(optionsMap === undefined ? [notInstalled] : []), ...read.warnings.map(problemLine)];
  const around = await readSurroundings(kube, read.value, warnings);
  return { ok: true, value: { facts: withSurroundings(read.value, around), warnings } };
}

/** The labels and annotations of namespaces; with a warning for each that cannot be told. */
export async function readNamespaces(
  kube: Kube,
  names: Iterable<string>,
): Promise<{ readonly namespaces: ReadonlyMap<string, NamespaceFacts>; readonly warnings: readonly string[] }> {
  const namespaces = new Map<string, NamespaceFacts>();
  const warnings: string[] = [];
  for (const name of new Set(names)) {
    const object = await orWarning(kube.get(resources.namespaces, name), `namespace ${quoted(name)}`, warnings);
    if (object.value !== undefined) namespaces.set(name, namespaceFacts(object.value));
    else if (object.isKnown)
      warnings.push(`There is no namespace ${quoted(name)} in the cluster: it counts as opted in`);
  }
  return { namespaces, warnings };
}

const notInstalled = `There is no ${placeText(optionsPlace)} in the cluster: Pillion is not installed, and its options have their defaults`;

async function readSurroundings(kube: Kube, { native, extensions }: Facts, warnings: string[]): Promise<Surroundings> {
  const { mode, minimumMinor, nodes: named } = native;
  const isAsked = mode === 'auto' && named === undefined;
  const [nodes, proxyConfigs, wasmExtensions, apiServer] = await Promise.all([
    isAsked ? orWarning(kube.list(resources.nodes), 'the nodes', warnings) : undefined,
    // a cluster need not know the kind
    orWarning(whereNotFound(undefined, kube.list(resources.proxyConfigs)), 'the ProxyConfig resources', warnings),
    extensions &&
      orWarning(whereNotFound(undefined, kube.list(resources.wasmExtensions)), 'the WasmExtensions', warnings),
    isAsked ? orWarning(probeNative(kube, { minimumMinor }), 'the version of the API server', warnings) : undefined,
  ]);
  const proxyConfigList = proxyConfigs.value?.items.map(proxyConfigResource) ?? [];
  warnings.push(...proxyConfigProblems(proxyConfigList).map(problemLine));
  const deliverables = wasmExtensions?.value?.items.map(readDeliverable) ?? [];
  warnings.push(...extensionProblems(deliverables).map(problemLine));
  return {
    nodes: isAsked ? nodes?.value?.items.map(nodeFacts) : named?.nodes,
    apiServer: isAsked ? (apiServer?.value ?? 'unknown') : native.apiServer,
    namespaces: new Map(),
    proxyConfigs: proxyConfigList,
    ...(extensions && { extensions: extensionTable(deliverables) }),
  };
}

async function orWarning<T>(
  asked: Promise<T>,
  what: string,
  warnings: string[],
): Promise<{ readonly value: T | undefined; readonly isKnown: boolean }> {
  try {
    return { value: await asked, isKnown: true };
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'forbidden') throw error;
    warnings.push(`Cannot read ${what}: ${error.message}`);
    return { value: undefined, isKnown: false };
  }
}
