// Answers: of which objects does the node agent consist. It has a namespace of its own, because it writes into the node,
// which the level of Pod Security Standards of the other one forbids.
// Does not belong here: the kinds WasmExtension and WasmStore (core/wasm/declaration/custom-resources.ts).
import type {
  V1Container,
  V1DaemonSetSpec,
  V1NetworkPolicySpec,
  V1PodSpec,
  V1PolicyRule,
} from '@kubernetes/client-node';
import { ownLabels, selectorLabels } from '../cluster/labels.ts';
import { names } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { type Resource, resources } from '../cluster/resources.ts';
import { injectionLabel } from '../cluster/well-known.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { agentName, nodeNamespace, storeRoot } from '../wasm/names.ts';
import { agentOptionsMap } from '../wasm/store/agent-options.ts';
import { ports } from './network.ts';
import { probe } from './workloads.ts';

/**
 * What Node is told besides, so that the agent stays below 60 MB (docs/decisions/0011). It waits for networks and disks,
 * and hashes and unpacks in native code, so that it loses nothing without a compiler; what a fetch leaves behind is swept
 * at once, by one thread and before there is much of it; and it would rather end than take more of the node than it is
 * given.
 */
export const agentNodeFlags: readonly string[] = [
  '--jitless',
  '--no-node-snapshot',
  '--expose-gc',
  '--max-semi-space-size=1',
  '--minor-gc-task-trigger=20',
  '--single-threaded-gc',
  '--v8-pool-size=1',
  '--max-old-space-size=64',
];

/**
 * Of the environment, for the C library: what TLS reads at once, 16 KiB, goes back to the system when it is freed, and
 * few threads have memory of their own.
 */
export const agentEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '16000',
  MALLOC_TRIM_THRESHOLD_: '65536',
  UV_THREADPOOL_SIZE: '2',
};

/** The program in the image, beside the one of all other commands. */
const agentProgram = '/pillion/pillion-agent.cjs';

const metadata = { name: agentName, namespace: nodeNamespace, labels: ownLabels('agent') };

/** The namespace, and what the agent may do: read declarations and its options, write its report. */
export function agentAccess({ wasm }: Pick<ClusterOptions, 'wasm'>): readonly KubeObject[] {
  return [
    namespace,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    ...granted([rule(resources.configMaps, ['list', 'watch'], [agentName])], nodeNamespace),
    ...granted([
      rule(resources.wasmExtensions, ['list', 'watch']),
      // of every node, since a role cannot know on which one it is used; a policy does (policies.ts)
      rule(resources.wasmStores, ['get', 'create', 'patch']),
      rule(resources.nodes, ['get']),
    ]),
    agentOptionsMap({ wasm }),
  ];
}

/** What runs on every node, and what a NetworkPolicy lets in. */
export function agentWorkload(input: { readonly image: string; readonly version: string }): readonly KubeObject[] {
  return [networkPolicy, daemonSet(input)];
}

const namespace: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: nodeNamespace,
    labels: {
      ...ownLabels(),
      [injectionLabel]: 'disabled', // its pods start before any sidecar could
      'pod-security.kubernetes.io/enforce': 'privileged',
      'pod-security.kubernetes.io/audit': 'privileged',
      'pod-security.kubernetes.io/warn': 'privileged',
    },
  },
};

function rule({ apiVersion, plural }: Resource, verbs: string[], resourceNames?: string[]): V1PolicyRule {
  const apiGroups = [apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''];
  return { apiGroups, resources: [plural], ...(resourceNames && { resourceNames }), verbs };
}

const group = 'rbac.authorization.k8s.io';

function granted(rules: readonly V1PolicyRule[], within?: string): readonly KubeObject[] {
  const scope = within === undefined ? 'Cluster' : '';
  const { namespace: own, ...unplaced } = metadata;
  const place = within === undefined ? unplaced : metadata;
  return [
    { apiVersion: `${group}/v1`, kind: `${scope}Role`, metadata: place, rules },
    {
      apiVersion: `${group}/v1`,
      kind: `${scope}RoleBinding`,
      metadata: place,
      roleRef: { apiGroup: group, kind: `${scope}Role`, name: agentName },
      subjects: [{ kind: 'ServiceAccount', name: agentName, namespace: own }],
    },
  ];
}

const networkPolicy: KubeObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata,
  spec: {
    podSelector: { matchLabels: selectorLabels('agent') },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ protocol: 'TCP', port: ports.management }] }],
  } satisfies V1NetworkPolicySpec,
};

function daemonSet({ image, version }: { readonly image: string; readonly version: string }): KubeObject {
  const labels = { ...ownLabels('agent'), 'app.kubernetes.io/version': version };
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(ports.management) };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { ...metadata, labels },
    spec: {
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorLabels('agent') },
      // never two on one node: they would write into the same store
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%', maxSurge: 0 } },
      template: { metadata: { labels, annotations }, spec: podSpec(image) },
    } satisfies V1DaemonSetSpec,
  };
}

function podSpec(image: string): V1PodSpec {
  return {
    serviceAccountName: agentName,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    priorityClassName: names.priorityClass,
    terminationGracePeriodSeconds: 5, // it ends at once
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container(image)],
    volumes: [{ name: 'store', hostPath: { path: storeRoot, type: 'DirectoryOrCreate' } }],
  };
}

function container(image: string): V1Container {
  return {
    name: 'agent',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', ...agentNodeFlags, agentProgram],
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
      ...Object.entries(agentEnvironment).map(([name, value]) => ({ name, value })),
    ],
    ports: [{ name: 'management', containerPort: ports.management, protocol: 'TCP' }],
    readinessProbe: probe('/readyz', 5),
    livenessProbe: probe('/healthz', 10),
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } },
    securityContext: {
      runAsUser: 0, // the directory on the node is root's
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'store', mountPath: storeRoot }],
  };
}
