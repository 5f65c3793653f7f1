// Answers: under which path does the API server keep a kind. The one table of kinds that we speak of: paths of calls and
// rules of roles are made from it.
import type { KubeObject } from '../model/kube-object.ts';

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

function resource(apiVersion: string, kind: string, plural: string, isNamespaced = true): Resource {
  return { apiVersion, kind, plural, isNamespaced };
}

const cluster = false;

export const resources = {
  namespaces: resource('v1', 'Namespace', 'namespaces', cluster),
  nodes: resource('v1', 'Node', 'nodes', cluster),
  pods: resource('v1', 'Pod', 'pods'),
  configMaps: resource('v1', 'ConfigMap', 'configmaps'),
  secrets: resource('v1', 'Secret', 'secrets'),
  services: resource('v1', 'Service', 'services'),
  serviceAccounts: resource('v1', 'ServiceAccount', 'serviceaccounts'),
  events: resource('events.k8s.io/v1', 'Event', 'events'),
  deployments: resource('apps/v1', 'Deployment', 'deployments'),
  leases: resource('coordination.k8s.io/v1', 'Lease', 'leases'),
  endpointSlices: resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  podDisruptionBudgets: resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  networkPolicies: resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  priorityClasses: resource('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', cluster),
  roles: resource('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  roleBindings: resource('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  clusterRoles: resource('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', cluster),
  clusterRoleBindings: resource('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', cluster),
  mutatingWebhooks: resource(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    cluster,
  ),
  admissionPolicies: resource(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    cluster,
  ),
  admissionPolicyBindings: resource(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    cluster,
  ),
  issuers: resource('cert-manager.io/v1', 'Issuer', 'issuers'),
  certificates: resource('cert-manager.io/v1', 'Certificate', 'certificates'),
  proxyConfigs: resource('networking.istio.io/v1beta1', 'ProxyConfig', 'proxyconfigs'),
  daemonSets: resource('apps/v1', 'DaemonSet', 'daemonsets'),
  customResources: resource(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    cluster,
  ),
  wasmExtensions: resource('pillion.dev/v1alpha1', 'WasmExtension', 'wasmextensions'),
  wasmStores: resource('pillion.dev/v1alpha1', 'WasmStore', 'wasmstores', cluster),
  filterDeployments: resource('wasme.io/v1', 'FilterDeployment', 'filterdeployments'),
  wasmPlugins: resource('extensions.istio.io/v1alpha1', 'WasmPlugin', 'wasmplugins'),
  /** To follow WasmPlugin, from Istio 1.30 on. */
  trafficExtensions: resource('extensions.istio.io/v1alpha1', 'TrafficExtension', 'trafficextensions'),
  envoyFilters: resource('networking.istio.io/v1alpha3', 'EnvoyFilter', 'envoyfilters'),
} as const satisfies { readonly [name: string]: Resource };

/** Connections to ports of pods: no kind, but what a right is given on. */
export const portForwards: Resource = { ...resources.pods, plural: 'pods/portforward' };
/** What containers of pods wrote. */
export const podLogs: Resource = { ...resources.pods, plural: 'pods/log' };

/** The status of the kind, which has rights of its own. */
export function statusOf(resource: Resource): Resource {
  return { ...resource, plural: `${resource.plural}/status` };
}

/** The resource of an object; throws for a kind that is not in the table, which is a defect of ours. */
export function resourceOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): Resource {
  const found = Object.values(resources).find((one) => one.apiVersion === apiVersion && one.kind === kind);
  if (found === undefined) throw new Error(`Cannot find the path of ${apiVersion} ${kind}: add it to the table`);
  return found;
}

/** The URL path of a collection, or of one object in it. */
export function pathOf({ apiVersion, plural, isNamespaced }: Resource, namespace?: string, name?: string): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${group}${within}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
