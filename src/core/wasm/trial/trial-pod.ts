// Answers: in which pod is a module tried. It meets PodSecurity `restricted`, gets its files from control and from nobody
// else, needs no shell, and ends by itself where nobody ends it.
// Does not belong here: what the proxy in it runs (trial.ts), what is read from it (trial-verdict.ts).
import type { V1Container, V1NetworkPolicySpec, V1PodSpec, V1Toleration } from '@kubernetes/client-node';
import { ownLabels, ownSelector, selectorLabels } from '../../cluster/labels.ts';
import { ownNamespace } from '../../cluster/names.ts';
import { isObject, type JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { hexOf, type ModuleDigest } from '../digests.ts';
import { modulePath, storeRoot } from '../names.ts';
import { proxyArguments } from './trial.ts';

/** Port of control on which its trial pods, and by the NetworkPolicy nobody else, get their files. */
export const trialPort = 15_013;
/** The init container that gets the files, and the proxy. Not named as a sidecar is: nobody shall take it for one. */
export const containers = { files: 'files', proxy: 'proxy' } as const;

const componentLabel = { 'app.kubernetes.io/component': 'trial' };
/** Label of trial pods: the process that tries. Pods of others have been left behind. */
const byLabel = 'pillion.dev/trial-by';
const bootstrapName = 'bootstrap.json';
/** Longer than any trial: what a control that died leaves behind comes to rest. */
const lifetimeSeconds = 300;
/** As Istio's chart limits a proxy: a module that needs more breaks proxies too. */
export const proxyMemory = '1Gi';

/** What a pod of control says about itself, as far as its trial pods take it over. */
export interface OwnPod {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly imagePullSecrets?: V1PodSpec['imagePullSecrets'];
  readonly nodeSelector?: V1PodSpec['nodeSelector'];
  readonly tolerations?: readonly V1Toleration[];
  /** As what users it may run, where the platform says so. */
  readonly user?: number;
  readonly group?: number;
}

/** Undefined where the pod has no address yet, or is none of control. */
export function readOwnPod({ metadata, ...pod }: KubeObject): OwnPod | undefined {
  const [spec, status] = [pod['spec'], pod['status']] as readonly [
    V1PodSpec | undefined,
    { podIP?: unknown } | undefined,
  ];
  const container = spec?.containers.find(({ name }) => name === 'control');
  if (!isObject(status) || typeof status['podIP'] !== 'string' || container?.image === undefined) return undefined;
  const user = container.securityContext?.runAsUser ?? spec?.securityContext?.runAsUser;
  const group = spec?.securityContext?.fsGroup;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    address: status['podIP'],
    image: container.image,
    ...(container.imagePullPolicy !== undefined && { imagePullPolicy: container.imagePullPolicy }),
    ...(spec?.imagePullSecrets !== undefined && { imagePullSecrets: spec.imagePullSecrets }),
    ...(spec?.nodeSelector !== undefined && { nodeSelector: spec.nodeSelector }),
    ...(spec?.tolerations !== undefined && { tolerations: spec.tolerations }),
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
  };
}

export interface TrialPodInput {
  /** Unguessable, of lower-case letters and digits: end of the pod's name. */
  readonly id: string;
  /** Which process tries (trialsOf). */
  readonly by: string;
  readonly own: OwnPod;
  readonly proxyImage: string;
  /** `namespace/name`, for whoever looks at the pod. */
  readonly tries: string;
  readonly moduleDigest: ModuleDigest;
  readonly bootstrapDigest: `sha256:${string}`;
  /** Where control offers the two files, each under the digits of its digest. */
  readonly filesUrl: string;
}

/** The pod. */
export function trialPod(input: TrialPodInput): KubeObject {
  const { id, by, own, tries } = input;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pillion-trial-${id}`,
      namespace: ownNamespace,
      labels: { ...ownLabels(), ...componentLabel, [byLabel]: by, 'sidecar.istio.io/inject': 'false' },
      annotations: { 'pillion.dev/tries': tries },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: own.name, uid: own.uid }],
    },
    spec: podSpec(input),
  };
}

/** Selects the trial pods that another process has left behind. */
export function leftBehindSelector(by: string): string {
  const [[key, value] = ['', '']] = Object.entries(componentLabel);
  return `${ownSelector},${key}=${value},${byLabel}!=${by}`;
}

function podSpec(input: TrialPodInput): V1PodSpec {
  const { own } = input;
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: lifetimeSeconds,
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: own.user ?? 1_337, // the user that a proxy runs as
      ...(own.group !== undefined && { fsGroup: own.group }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(own.imagePullSecrets !== undefined && { imagePullSecrets: own.imagePullSecrets }),
    ...(own.nodeSelector !== undefined && { nodeSelector: own.nodeSelector }),
    ...(own.tolerations !== undefined && { tolerations: [...own.tolerations] }),
    initContainers: [filesOf(input)],
    containers: [proxyOf(input)],
    volumes: [{ name: 'files', emptyDir: { sizeLimit: '300Mi' } }],
  };
}

const restricted: NonNullable<V1Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** From control, and by no registry: the module is fetched once. */
function filesOf({ own, moduleDigest, bootstrapDigest, filesUrl }: TrialPodInput): V1Container {
  const below = (path: string): string => path.slice(storeRoot.length + 1);
  return {
    name: containers.files,
    image: own.image,
    ...(own.imagePullPolicy !== undefined && { imagePullPolicy: own.imagePullPolicy }),
    args: [
      'trial-files',
      `--from=${filesUrl}`,
      `--directory=${storeRoot}`,
      `--file=${below(modulePath(moduleDigest))}=${moduleDigest}`,
      `--file=${bootstrapName}=${bootstrapDigest}`,
    ],
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    securityContext: restricted,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: 'files', mountPath: storeRoot }],
  };
}

function proxyOf({ proxyImage }: TrialPodInput): V1Container {
  return {
    name: containers.proxy,
    image: proxyImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/local/bin/envoy'],
    args: [...proxyArguments(`${storeRoot}/${bootstrapName}`)],
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '2', memory: proxyMemory } },
    securityContext: restricted,
    volumeMounts: [{ name: 'files', mountPath: storeRoot, readOnly: true }],
  };
}

/** Where control offers the files of a trial; IPv6 addresses in brackets. */
export function filesUrlOf(address: string, port: number, token: string): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/${token}`;
}

/** Path under which a file is offered. */
export function filePath(token: string, digest: `sha256:${string}`): string {
  return `/${token}/${hexOf(digest)}`;
}

/** For the NetworkPolicy of control: only trial pods reach the port. */
export const trialIngress: JsonObject = {
  from: [{ podSelector: { matchLabels: componentLabel } }],
  ports: [{ protocol: 'TCP', port: trialPort }],
};

/** NetworkPolicy of trial pods: nobody asks them, and they reach control alone, whatever a module tries. */
export const trialNetworkPolicy: KubeObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'pillion-trial', namespace: ownNamespace, labels: { ...ownLabels(), ...componentLabel } },
  spec: {
    podSelector: { matchLabels: componentLabel },
    policyTypes: ['Ingress', 'Egress'],
    egress: [
      {
        to: [{ podSelector: { matchLabels: { ...selectorLabels('control') } } }],
        ports: [{ protocol: 'TCP', port: trialPort }],
      },
    ],
  } satisfies V1NetworkPolicySpec,
};
