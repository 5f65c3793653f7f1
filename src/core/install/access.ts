// Answers: who may do what: ServiceAccounts and roles. By name wherever it can be, and nothing that is not called.
// Creating cannot be allowed by name, because the name is not in the call; server-side apply names it.
import type { V1PolicyRule } from '@kubernetes/client-node';
import { type Component, ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { podLogs, portForwards, type Resource, resources, statusOf } from '../cluster/resources.ts';
import { settingsPlaces } from '../cluster/settings-documents.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { agentName, nodeNamespace } from '../wasm/names.ts';

type Rule = Omit<V1PolicyRule, 'nonResourceURLs'>;

const follow = ['list', 'watch'];
const read = ['get', ...follow];
const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;

/** ServiceAccounts, and for each its roles: in the own namespace, in Istio's, and in the whole cluster. */
export function accessObjects(options: ClusterOptions): readonly KubeObject[] {
  return (['webhook', 'control'] as const).flatMap((component) => [
    serviceAccount(component),
    ...granted(component, ownRules(component, options), ownNamespace),
    ...granted(component, settingsRules(component, options), options.istioNamespace),
    ...granted(component, clusterRules(component, options)),
  ]);
}

/** The rule for calls about the resource; with names, about those objects alone. */
function rule({ apiVersion, plural }: Resource, verbs: readonly string[], ...resourceNames: readonly string[]): Rule {
  const [first = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  return {
    apiGroups: [first],
    resources: [plural],
    ...(resourceNames.length === 0 ? {} : { resourceNames: [...resourceNames] }),
    verbs: [...verbs],
  };
}

function ownRules(component: Component, { nativeMinimumKubelet, wasm }: ClusterOptions): readonly Rule[] {
  const options = rule(resources.configMaps, component === 'webhook' ? follow : read, names.options);
  if (component === 'webhook') {
    // the probe of an API server that may have native sidecars switched off, by dry run
    const probe = nativeMinimumKubelet === '1.33' ? [] : [rule(resources.pods, ['create'])];
    return [options, ...probe];
  }
  return [
    options,
    rule(resources.namespaces, ['get'], ownNamespace), // the owner of what is written into the whole cluster
    rule(resources.secrets, [...read, 'update'], names.certificates),
    rule(resources.secrets, ['create']),
    rule(resources.leases, ['get', 'update'], names.lease),
    rule(resources.leases, ['create']),
    ...(wasm.enabled ? tryModules : []),
  ];
}

/** Trials of Wasm modules: pods of our own, one after the other, and what their proxies wrote. */
const tryModules: readonly Rule[] = [rule(resources.pods, ['get', 'list', 'create', 'delete']), rule(podLogs, ['get'])];

/** The ConfigMaps of the revision. Control needs what the guard asks: the injector configuration. */
function settingsRules(component: Component, options: ClusterOptions): readonly Rule[] {
  const { mesh, injector } = settingsPlaces(options);
  if (component === 'webhook') return [rule(resources.configMaps, follow, mesh.name, injector.name)];
  // a rollout needs the root namespace too
  const asked = options.wasm.enabled ? [mesh.name, injector.name] : [injector.name];
  return [rule(resources.configMaps, read, ...asked)];
}

const written = [...read, 'create', 'patch'];
const record = rule(resources.events, ['create', 'patch']);

/** Anybody's pods, whose names nobody knows beforehand. */
const completePods: readonly Rule[] = [
  rule(resources.pods, follow),
  // a web socket is a GET; newer API servers ask for the right to create as well
  rule(portForwards, ['get', 'create']),
];

/** Rollouts of Wasm modules. Secrets are not among it: whoever owns a pull secret gives the right to read that one. */
function rollOut({ filterDeployments }: ClusterOptions['wasm']): readonly Rule[] {
  const made = filterDeployments ? ['create', 'patch'] : [];
  return [
    rule(resources.wasmExtensions, [...read, ...made]),
    rule(statusOf(resources.wasmExtensions), ['patch']),
    rule(resources.wasmStores, [...read, 'delete']),
    rule(resources.wasmPlugins, [...written, 'delete']),
    rule(resources.envoyFilters, [...written, 'delete']),
    rule(resources.nodes, read),
    rule(resources.namespaces, follow),
    rule(resources.pods, follow),
    ...(filterDeployments
      ? [rule(resources.filterDeployments, read), rule(statusOf(resources.filterDeployments), ['patch'])]
      : []),
  ];
}

/** Control writes the options of the node agents, in their namespace, also where somebody has removed them. */
export function agentOptionsAccess(): readonly KubeObject[] {
  return granted('control', [rule(resources.configMaps, written, agentName)], nodeNamespace);
}

function clusterRules(component: Component, { jobCompletion, wasm }: ClusterOptions): readonly Rule[] {
  if (component === 'webhook') {
    return [
      rule(resources.nodes, follow),
      rule(resources.namespaces, follow),
      rule(resources.proxyConfigs, follow),
      ...(wasm.enabled ? [rule(resources.wasmExtensions, follow)] : []),
      record,
    ];
  }
  return [
    // only who may delete an object may give it an owner, where OwnerReferencesPermissionEnforcement is on (OpenShift)
    rule(resources.mutatingWebhooks, [...written, 'delete'], names.registration),
    rule(resources.admissionPolicies, [...written, 'delete'], names.guard),
    rule(resources.admissionPolicyBindings, [...written, 'delete'], names.guard),
    record,
    ...(jobCompletion ? completePods : []),
    ...(wasm.enabled ? rollOut(wasm) : []),
  ];
}

function serviceAccount(component: Component): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: names[component], namespace: ownNamespace, labels: ownLabels(component) },
    automountServiceAccountToken: false, // the pods say themselves that they want it
  };
}

/** A role with the rules and its binding; without a namespace, for the whole cluster. */
function granted(component: Component, rules: readonly Rule[], namespace?: string): readonly KubeObject[] {
  const scope = namespace === undefined ? 'Cluster' : '';
  const name = names[component];
  const place = namespace === undefined ? {} : { namespace };
  const metadata = { name, ...place, labels: ownLabels(component) };
  return [
    { apiVersion, kind: `${scope}Role`, metadata, rules },
    {
      apiVersion,
      kind: `${scope}RoleBinding`,
      metadata,
      roleRef: { apiGroup: group, kind: `${scope}Role`, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: ownNamespace }],
    },
  ];
}
