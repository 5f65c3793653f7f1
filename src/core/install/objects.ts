// Answers: which objects does an installation consist of, in the order in which they are applied. One source: `install`
// applies them, `install -o yaml` prints them, and manifests/ is made of them.
// Does not belong here: what `pillion control` writes: certificate, registration, guard.
import type { V1PriorityClass } from '@kubernetes/client-node';
import { ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { optionsKey } from '../cluster/settings-documents.ts';
import { injectionLabel } from '../cluster/well-known.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { customResources } from '../wasm/declaration/custom-resources.ts';
import { accessObjects, agentOptionsAccess } from './access.ts';
import { agentAccess, agentWorkload } from './agent.ts';
import { certificateObjects } from './cert-manager.ts';
import { networkObjects } from './network.ts';
import { wasmPolicies } from './policies.ts';
import { workloadObjects } from './workloads.ts';

export interface InstallInput {
  readonly options: ClusterOptions;
  /** The document that the options were read from, as it is kept in the cluster. */
  readonly optionsText: string;
  readonly image: string;
  readonly version: string;
  /** False where the cluster is too old for admission policies. */
  readonly hasPolicies?: boolean;
}

/** What belongs together, and the name of its file in manifests/. */
export interface InstallPart {
  readonly subject: string;
  /** What a reader of the file should know. */
  readonly about: readonly string[];
  readonly objects: readonly KubeObject[];
}

/** Everything, each object after those that it needs. */
export function installObjects(input: InstallInput): readonly KubeObject[] {
  return installParts(input).flatMap(({ objects }) => objects);
}

/** The same by subject. */
export function installParts(input: InstallInput): readonly InstallPart[] {
  return [
    {
      subject: 'namespace',
      about: ['Every pod in here meets the strictest level of Pod Security Standards, and none gets a sidecar.'],
      objects: [namespace],
    },
    ...kindsPart(input.options),
    {
      subject: 'access',
      about: [
        "What each component may do. The webhook reads: its options, Istio's settings, nodes, namespaces and ProxyConfigs.",
        'Secrets and the registration are for control alone, by name wherever Kubernetes can tell a name.',
      ],
      objects: accessObjects(input.options),
    },
    {
      subject: 'options',
      about: ['How the installation behaves; see docs/options.md. What is changed here is followed without a restart.'],
      objects: [optionsMap(input.optionsText)],
    },
    ...policiesPart(input),
    ...certificatePart(input.options),
    {
      subject: 'network',
      about: [
        'The API server calls the webhook through the Service. From where it calls differs by cluster, so the policy',
        'lets everybody reach the ports, and nothing else; egress is open, because the address of the API server is not known.',
      ],
      objects: networkObjects(input.options),
    },
    {
      subject: 'workloads',
      about: [
        'The webhook starts as soon as control has made the certificate. A restart or an upgrade fails no request: a new',
        'replica is ready before an old one ends, and an old one goes on answering while endpoints are updated.',
      ],
      objects: [priorityClass, ...workloadObjects(input)],
    },
    ...agentPart(input),
  ];
}

/** Before everything that speaks of them. */
function kindsPart(options: ClusterOptions): readonly InstallPart[] {
  const objects = customResources(options);
  if (objects.length === 0) return [];
  return [
    {
      subject: 'kinds',
      about: [
        'What Wasm extensions are declared with, and what nodes report. Deleting a kind deletes every object of it, so that',
        '"pillion uninstall" leaves them.',
      ],
      objects,
    },
  ];
}

function policiesPart({ options, hasPolicies = true }: InstallInput): readonly InstallPart[] {
  const objects = hasPolicies ? wasmPolicies(options) : [];
  if (objects.length === 0) return [];
  return [
    {
      subject: 'policies',
      about: [
        'What nobody but Pillion may write: files of the store in objects of Istio, reports of nodes, and what control found',
        'out about extensions. The API server asks it itself; Kubernetes 1.30 or later.',
      ],
      objects,
    },
  ];
}

function agentPart(input: InstallInput): readonly InstallPart[] {
  if (!input.options.wasm.enabled) return [];
  return [
    {
      subject: 'agent',
      about: [
        'The agent of each node keeps Wasm modules in a directory of the node, which pods see read-only. It is root, so that',
        'it may write there, and has no other privilege; that is why it has a namespace of its own.',
      ],
      objects: [...agentAccess(input.options), ...agentOptionsAccess(), ...agentWorkload(input)],
    },
  ];
}

const namespace: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: ownNamespace,
    labels: {
      ...ownLabels(),
      [injectionLabel]: 'disabled', // by any injector
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/audit': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
    },
  },
};

const priorityClass: KubeObject = {
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: names.priorityClass, labels: ownLabels() },
  ...({
    value: 1_000_000_000, // the highest that is not reserved for the system
    globalDefault: false,
    preemptionPolicy: 'PreemptLowerPriority',
    description:
      'For the admission webhook of Pillion: without it other pods cannot start, or start without a sidecar.',
  } satisfies V1PriorityClass),
};

function optionsMap(text: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: names.options, namespace: ownNamespace, labels: ownLabels() },
    data: { [optionsKey]: text },
  };
}

function certificatePart(options: ClusterOptions): readonly InstallPart[] {
  if (options.certificates.source !== 'cert-manager') return [];
  return [
    {
      subject: 'certificates',
      about: ['cert-manager makes the certificate of the webhook, and its cainjector writes the bundle.'],
      objects: certificateObjects(options.certificates),
    },
  ];
}
