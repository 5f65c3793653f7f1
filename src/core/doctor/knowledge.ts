// Answers: what follows from the state of a cluster before anything is judged: options, facts, who is called for pods.
// Does not belong here: what is wrong with it (checks.ts).
import { hasPolicies, minorOf } from '../cluster/kubernetes-version.ts';
import { names } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { isForInjection, registration } from '../cluster/registration.ts';
import {
  defaultInstallation,
  type Installation,
  readClusterFacts,
  readInjectorMap,
  readInstallation,
  readMeshMap,
  settingsPlaces,
} from '../cluster/settings-documents.ts';
import { inCallOrder, isCalledFor, type PodWebhook, podWebhooks } from '../cluster/webhooks.ts';
import type { Checked } from '../configuration/injector-config.ts';
import { withSurroundings } from '../configuration/surroundings.ts';
import { hardenedLevel } from '../model/delivered.ts';
import type { Facts } from '../model/facts.ts';
import type { JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';
import type { Result } from '../model/problem.ts';
import { extensionTable } from '../wasm/delivery/extension-table.ts';
import { type AskedByOptions, type ClusterState, type NamespaceView, seenValue } from './observations.ts';

export interface KubernetesVersion {
  /** As the API server says it: `v1.34.4`. */
  readonly text: string;
  readonly minor: number;
}

export interface Knowledge {
  readonly kubernetes: KubernetesVersion | undefined;
  /** Undefined where the ConfigMap could not be read at all. */
  readonly installation: Result<Installation> | undefined;
  /** The defaults where there are none that can be read. */
  readonly options: ClusterOptions;
  /** With what is around; undefined where the ConfigMaps of the control plane could not be read at all. */
  readonly facts: Checked<Facts> | undefined;
  /** The registration as it should be, without a caBundle. */
  readonly expected: KubeObject;
  /** Those by which we are asked to inject. */
  readonly ours: readonly PodWebhook[];
  /** Those and the ones that are about Wasm modules alone. */
  readonly delivering: readonly PodWebhook[];
  /** Webhooks of everybody else that are called for pods, in the order of their calls. */
  readonly others: readonly PodWebhook[];
}

export function knowledgeOf(state: ClusterState & AskedByOptions): Knowledge {
  const kubernetes = versionOf(seenValue(state.version));
  const installation = state.options.kind === 'seen' ? readInstallation(state.options.value) : undefined;
  const known = installation?.ok ? installation.value : defaultInstallation();
  const { options } = known;
  const hasMatchConditions = hasPolicies(kubernetes?.minor);
  const expected = registration({ options, caBundle: undefined, hasMatchConditions });
  const configurations = seenValue(state.configurations) ?? [];
  return {
    kubernetes,
    installation,
    options,
    facts: factsOf(known, state),
    expected,
    ours: podWebhooks(expected).filter(isForInjection),
    delivering: podWebhooks(expected),
    others: inCallOrder(configurations.filter(({ metadata }) => metadata.name !== names.registration)),
  };
}

function versionOf(version: JsonObject | undefined): KubernetesVersion | undefined {
  if (version === undefined) return undefined;
  const minor = minorOf(version);
  return minor === undefined ? undefined : { text: String(version['gitVersion']), minor };
}

function factsOf(installation: Installation, state: ClusterState & AskedByOptions): Checked<Facts> | undefined {
  if (state.mesh.kind === 'hidden' || state.injector.kind === 'hidden') return undefined;
  const places = settingsPlaces(installation.options);
  const documents = {
    ...readMeshMap(state.mesh.value, places.mesh),
    ...readInjectorMap(state.injector.value, places.injector),
  };
  const facts = readClusterFacts(installation, documents);
  if (!facts.ok) return facts;
  // labels are left to the selectors of the registration, as the webhook does
  const namespaces = (seenValue(state.namespaces) ?? []).map(({ name, labels, annotations }) => {
    const hardened = hardenedLevel(labels);
    return [name, { labels: undefined, annotations, ...(hardened !== undefined && { hardened }) }] as const;
  });
  const surroundings = {
    nodes: seenValue(state.nodes),
    apiServer: state.apiServer,
    namespaces: new Map(namespaces),
    proxyConfigs: seenValue(state.proxyConfigs) ?? [],
    ...(facts.value.extensions && { extensions: extensionTable(seenValue(state.extensions) ?? []) }),
  };
  return { ...facts, value: withSurroundings(facts.value, surroundings) };
}

/** True where we are called for a pod with these labels in the namespace. */
export function areCalledFor({ ours }: Knowledge, namespace: NamespaceView, pod: StringMap): boolean {
  return ours.some((webhook) => isCalledFor(webhook, namespace.labels, pod));
}
