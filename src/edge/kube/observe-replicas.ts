// Answers: what do the replicas of the webhook say of themselves, where the API server can pass the question on. It often
// cannot: a network policy, a firewall. Then nothing is said; the kubelet asks the same page, and readiness tells.
import { componentSelector } from '../../core/cluster/labels.ts';
import { ownNamespace } from '../../core/cluster/names.ts';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import type { ReplicaReadiness } from '../../core/doctor/observations.ts';
import { isObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

const patienceMs = 3_000;
const managementPort = 15014;
const mostReplicas = 10;

export async function observeReplicas(kube: Kube): Promise<readonly ReplicaReadiness[]> {
  try {
    const labelSelector = componentSelector('webhook');
    const { items } = await kube.list(resources.pods, { namespace: ownNamespace, labelSelector });
    return (await Promise.all(items.slice(0, mostReplicas).map((pod) => ask(kube, pod)))).filter(
      (one) => one !== undefined,
    );
  } catch (error) {
    if (error instanceof KubeError) return [];
    throw error;
  }
}

async function ask(kube: Kube, { metadata }: KubeObject): Promise<ReplicaReadiness | undefined> {
  const path = `${pathOf(resources.pods, ownNamespace)}/${metadata.name}:${managementPort}/proxy/readyz`;
  try {
    const { conditions } = await kube.call('GET', path, { signal: AbortSignal.timeout(patienceMs) });
    if (!Array.isArray(conditions)) return undefined;
    return {
      pod: metadata.name,
      conditions: conditions.filter(isObject).map(({ condition, met, reason }) => ({
        condition: String(condition),
        met: met === true,
        reason: String(reason),
      })),
    };
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}
