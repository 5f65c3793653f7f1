// Answers: does the API server keep `restartPolicy: Always` on an init container, without which there is no native sidecar.
// From 1.33 on its version alone tells: feature gate SidecarContainers is locked on (KEP-753). An older one drops the
// field without a word where the gate is off, so it is asked to create a pod, which it does not keep (dryRun=All).
// Does not belong here: what kubelets can do, and what follows (core/configuration/, core/decide/native.ts).
import { minorOf } from '../../core/cluster/kubernetes-version.ts';
import { ownNamespace } from '../../core/cluster/names.ts';
import { type NativeFacts, stableMinor } from '../../core/model/facts.ts';
import { isObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

export type ApiServerNative = NativeFacts['apiServer'];

export interface ProbeOptions {
  /** Smallest minor version of a kubelet that counts as able: below 1.33 the answer of an older API server matters. */
  readonly minimumMinor: number;
  /** Where the pod would be; its ServiceAccount `default` has to be there. */
  readonly namespace?: string;
}

/**
 * Asks the API server. `unknown` where it may not be asked, or what it says tells nothing.
 * Throws KubeError where it cannot be reached or is in trouble: what was known before goes on holding then.
 */
export async function probeNative(
  kube: Pick<Kube, 'call' | 'create'>,
  { minimumMinor, namespace = ownNamespace }: ProbeOptions,
): Promise<ApiServerNative> {
  try {
    const minor = minorOf(await kube.call('GET', '/version'));
    if (minor !== undefined && minor >= stableMinor) return 'keeps';
    // no kubelet is newer than its API server (Kubernetes, version skew policy): none of 1.33 can be in this cluster
    if (minor !== undefined && minimumMinor >= stableMinor) return 'unknown';
    return keeps(await kube.create(probePod(namespace), { dryRun: true })) ? 'keeps' : 'drops';
  } catch (error) {
    if (error instanceof KubeError && !error.isRetryable) return 'unknown';
    throw error;
  }
}

/** Without probes and hooks: with them a server that drops the field refuses the pod. As PodSecurity `restricted` wants. */
function probePod(namespace: string): KubeObject {
  const container = {
    image: 'pillion.dev/never-run',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    // so that a quota on resources does not refuse it
    resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pillion-native-probe', namespace },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      initContainers: [{ name: 'sidecar', restartPolicy: 'Always', ...container }],
      containers: [{ name: 'app', ...container }],
    },
  };
}

function keeps({ spec }: KubeObject): boolean {
  const list = isObject(spec) ? spec['initContainers'] : undefined;
  const sidecar: unknown = Array.isArray(list)
    ? list.find((one) => isObject(one) && one['name'] === 'sidecar')
    : undefined;
  return isObject(sidecar) && sidecar['restartPolicy'] === 'Always';
}
