// Answers: who may do what: ServiceAccounts and roles. By name wherever it can be, and nothing that is not called.
// Creating cannot be allowed by name, because the name is not in the call; server-side apply names it.
import type { V1PolicyRule } from '@kubernetes/client-node';
import { type Component, ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { portForwards, type Resource, resources } from '../cluster/resources.ts';
import { settingsPlaces } from '../cluster/settings-documents.ts';
import type { KubeObject } from '../model/kube-object.ts';

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

function ownRules(component: Component, { nativeMinimumKubelet }: ClusterOptions): readonly Rule[] {
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
  ];
}

/** The ConfigMaps of the revision. Control needs what the guard asks: the injector configuration. */
function settingsRules(component: Component, options: ClusterOptions): readonly Rule[] {
  const { mesh, injector } = settingsPlaces(options);
  if (component === 'webhook') return [rule(resources.configMaps, follow, mesh.name, injector.name)];
  return [rule(resources.configMaps, read, injector.name)];
}

const written = [...read, 'create', 'patch'];
const record = rule(resources.events, ['create', 'patch']);

/** Anybody's pods, whose names nobody knows beforehand. */
const completePods: readonly Rule[] = [
  rule(resources.pods, follow),
  // a web socket is a GET; newer API servers ask for the right to create as well
  rule(portForwards, ['get', 'create']),
];

function clusterRules(component: Component, { jobCompletion }: ClusterOptions): readonly Rule[] {
  if (component === 'webhook') {
    return [
      rule(resources.nodes, follow),
      rule(resources.namespaces, follow),
      rule(resources.proxyConfigs, follow),
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
