// Answers: what is the state of a cluster, for the doctor. Everything is read once, what may not be read says so, and
// lists that grow with the cluster go by page by page.
// Does not belong here: what it means (core/doctor/), which pods are sent by dry run (core/doctor/probes.ts).
import { secretKeys } from '../../core/certificates/secret.ts';
import { betaMinor } from '../../core/cluster/kubernetes-version.ts';
import { names, ownNamespace } from '../../core/cluster/names.ts';
import { type Resource, resources } from '../../core/cluster/resources.ts';
import { settingsPlaces } from '../../core/cluster/settings-documents.ts';
import { nodeFacts, proxyConfigResource } from '../../core/cluster/surroundings-objects.ts';
import { namespaceNameLabel } from '../../core/cluster/well-known.ts';
import { type Knowledge, knowledgeOf } from '../../core/doctor/knowledge.ts';
import { observedExtension } from '../../core/doctor/modules.ts';
import {
  type AskedByOptions,
  type CertificateParts,
  type ClusterState,
  type NamespaceView,
  type Observations,
  type Observed,
  type ObservedExtension,
  type PodSurvey,
  type QuotaView,
  seen,
  seenValue,
} from '../../core/doctor/observations.ts';
import { createSurveyor } from '../../core/doctor/pods.ts';
import { askAboutProxy } from '../../core/doctor/removal.ts';
import { askAboutRestartPolicy } from '../../core/doctor/strip.ts';
import { minorOfMinimum, type NativeFacts } from '../../core/model/facts.ts';
import { isObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { nobodyAround } from '../../core/wasm/delivery/store-pods.ts';
import { askWebhook } from './ask-webhook.ts';
import { collect, type Kube } from './client.ts';
import { KubeError, whereNotFound } from './kube-error.ts';
import { listOwn } from './list-own.ts';
import { probeNative } from './native-probe.ts';
import { observeReplicas } from './observe-replicas.ts';
import { observeStores } from './observe-stores.ts';
import { sendProbes } from './send-probes.ts';

export interface ObserveOptions {
  /** The only namespaces that are looked at besides our own and Istio's; all of them where there are none. */
  readonly namespaces: readonly string[];
  readonly now: Date;
}

/** Reads everything; throws only what is a defect. */
export async function observe(kube: Kube, options: ObserveOptions): Promise<Observations> {
  const state = await observeState(kube, options);
  const asked = await observeByOptions(kube, state);
  const known = knowledgeOf({ ...state, ...asked });
  const isThere = state.version.kind === 'seen';
  const probes = isThere ? await sendProbes(kube, state, known) : [];
  const questions = [...askAboutRestartPolicy(probes), ...askAboutProxy(probes)];
  return {
    ...state,
    ...asked,
    probes,
    asked: await Promise.all(questions.map((question) => askWebhook(kube, question))),
    pods: await surveyPods(kube, state, known, options),
    replicas: isThere ? await observeReplicas(kube) : [],
  };
}

async function observeState(kube: Kube, { namespaces, now }: ObserveOptions): Promise<ClusterState> {
  // first alone: where it does not answer, one wait is enough
  const version = await attempt(() => kube.call('GET', '/version'));
  const isSilent = version.kind === 'hidden' && !version.isForbidden;
  const parts = Object.entries<() => Promise<unknown>>(partsToRead(kube, namespaces));
  const seen = parts.map(async ([part, read]) => [part, isSilent ? version : await attempt(read)] as const);
  const state = Object.fromEntries(await Promise.all(seen)) as unknown as Pick<ClusterState, Part>;
  return { server: kube.server, now, version, ...state };
}

type Part = Exclude<keyof ClusterState, 'server' | 'now' | 'version'>;
type PartsToRead = {
  readonly [P in Part]: () => Promise<ClusterState[P] extends Observed<infer T> ? T : never>;
};

function partsToRead(kube: Kube, namespaces: readonly string[]): PartsToRead {
  return {
    ownNamespace: () => kube.get(resources.namespaces, ownNamespace),
    deployments: async () => (await kube.list(resources.deployments, { namespace: ownNamespace })).items,
    options: () => kube.get(resources.configMaps, names.options, ownNamespace),
    lease: () => kube.get(resources.leases, names.lease, ownNamespace),
    controlRole: () => kube.get(resources.clusterRoles, names.control),
    certificates: async () => certificateParts(await kube.get(resources.secrets, names.certificates, ownNamespace)),
    configurations: async () => (await kube.list(resources.mutatingWebhooks)).items,
    namespaces: () => observeNamespaces(kube, namespaces),
    nodes: () => collect(kube, resources.nodes, {}, nodeFacts),
    quotas: () => inNamespaces(kube, quotaResource, namespaces, quotaView),
    // a cluster that does not know the kind has none
    proxyConfigs: () => whereNotFound([], collect(kube, resources.proxyConfigs, {}, proxyConfigResource)),
  };
}

async function observeByOptions(kube: Kube, state: ClusterState): Promise<AskedByOptions> {
  const unknown: NativeFacts['apiServer'] = 'unknown';
  if (state.version.kind === 'hidden' && !state.version.isForbidden) {
    const { version } = state;
    const silent = { mesh: version, injector: version, extensions: version, stores: version, policies: version };
    return { ...silent, apiServer: unknown, restartPolicy: unknown };
  }
  const nothing = {
    ...state,
    mesh: seen(undefined),
    injector: seen(undefined),
    extensions: seen([]),
    stores: seen(nobodyAround),
    policies: seen([]),
    apiServer: unknown,
    restartPolicy: unknown,
  };
  const { options } = knowledgeOf(nothing);
  const places = settingsPlaces(options);
  const map = (place: { readonly name: string; readonly namespace: string }) =>
    attempt(() => kube.get(resources.configMaps, place.name, place.namespace));
  const minimumMinor = minorOfMinimum(options.nativeMinimumKubelet);
  const [mesh, injector, extensions, stores, policies, native, restartPolicy] = await Promise.all([
    map(places.mesh),
    map(places.injector),
    options.wasm.enabled ? attempt(() => observeExtensions(kube)) : seen([]),
    options.wasm.enabled ? attempt(() => observeStores(kube)) : seen(nobodyAround),
    options.wasm.enabled ? attempt(() => observePolicies(kube)) : seen([]),
    attempt(() => probeNative(kube, { minimumMinor })),
    attempt(() => probeNative(kube, { minimumMinor: betaMinor })),
  ]);
  return {
    ...{ mesh, injector, extensions, stores, policies },
    apiServer: seenValue(native) ?? unknown,
    restartPolicy: seenValue(restartPolicy) ?? unknown,
  };
}

function observeExtensions(kube: Kube): Promise<readonly ObservedExtension[] | undefined> {
  return whereNotFound(undefined, collect(kube, resources.wasmExtensions, {}, observedExtension));
}

async function observePolicies(kube: Kube): Promise<readonly KubeObject[]> {
  const kinds = [resources.admissionPolicies, resources.admissionPolicyBindings];
  return (await Promise.all(kinds.map((kind) => listOwn(kube, kind)))).flat();
}

/** What the call gives, or why it gives nothing. */
async function attempt<T>(call: () => Promise<T>): Promise<Observed<T>> {
  try {
    return seen(await call());
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { kind: 'hidden', why: error.message.replace(/\s+/g, ' '), isForbidden: error.code === 'forbidden' };
  }
}

/** The keys of the Secret are not even decoded. */
function certificateParts(secret: KubeObject | undefined): CertificateParts | undefined {
  if (secret === undefined) return undefined;
  const data = isObject(secret['data']) ? secret['data'] : {};
  const text = (key: string): string | undefined => {
    const value = data[key];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : undefined;
  };
  return { chain: text(secretKeys.leaf), bundle: text(secretKeys.bundle) };
}

async function observeNamespaces(kube: Kube, only: readonly string[]): Promise<readonly NamespaceView[]> {
  if (only.length === 0) return collect(kube, resources.namespaces, {}, namespaceView);
  const objects = await Promise.all(only.map((name) => kube.get(resources.namespaces, name)));
  return objects.filter((one) => one !== undefined).map(namespaceView);
}

function namespaceView({ metadata }: KubeObject): NamespaceView {
  const { name, labels = {}, annotations = {}, deletionTimestamp } = metadata;
  return {
    name,
    labels: { ...labels, [namespaceNameLabel]: name },
    annotations,
    isTerminating: deletionTimestamp !== undefined,
  };
}

const quotaResource: Resource = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  isNamespaced: true,
};

function quotaView({ metadata, spec }: KubeObject): QuotaView {
  const hard = isObject(spec) && isObject(spec['hard']) ? spec['hard'] : {};
  return { namespace: metadata.namespace ?? '', name: metadata.name, resources: Object.keys(hard) };
}

async function surveyPods(
  kube: Kube,
  state: ClusterState,
  known: Knowledge,
  { namespaces }: ObserveOptions,
): Promise<Observed<PodSurvey>> {
  if (state.namespaces.kind === 'hidden') return state.namespaces;
  const surveyor = createSurveyor(known, state.namespaces.value);
  const pods = await attempt(() => inNamespaces(kube, resources.pods, namespaces, (pod) => surveyor.look(pod)));
  return pods.kind === 'hidden' ? pods : seen(surveyor.survey());
}

async function inNamespaces<T>(
  kube: Kube,
  resource: Resource,
  namespaces: readonly string[],
  project: (object: KubeObject) => T,
): Promise<readonly T[]> {
  if (namespaces.length === 0) return collect(kube, resource, {}, project);
  const lists = await Promise.all(namespaces.map((namespace) => collect(kube, resource, { namespace }, project)));
  return lists.flat();
}
