// Answers: what becomes of pods that ran before the extension was declared, and so have no mount of the store: they are
// labelled, by the right of whoever deploys, as those whose proxy pulls the module itself. No restart, and nobody else
// needs a right to change pods.
import { pathOf, resources } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { readExtension } from '../../core/wasm/declaration/read-extension.ts';
import { deliveryLabel } from '../../core/wasm/names.ts';
import { proxiedPods, readObservedPod, unlabelledPods } from '../../core/wasm/rollout/observed-pods.ts';
import type { Kube } from '../../edge/kube/client.ts';
import { KubeError } from '../../edge/kube/kube-error.ts';

/** Labels them; returns a line that says what was done or is left to do, undefined where there is no such pod. */
export async function reachRunningPods(kube: Kube, object: KubeObject): Promise<string | undefined> {
  const { namespace = '' } = object.metadata;
  const extension = readExtension(object, { httpSources: true });
  if (!extension.ok) return undefined; // the controller says what is wrong
  try {
    const { items } = await kube.list(resources.pods, { namespace, labelSelector: proxiedPods });
    const pods = items.flatMap((pod) => readObservedPod(pod) ?? []);
    const { pullable, others } = unlabelledPods(extension.value, pods);
    for (const name of pullable) await labelPod(kube, namespace, name);
    if (pullable.length > 0) {
      return `Pods that ran before: ${pullable.length}; their proxies pull the module themselves, until the pods are made anew`;
    }
    return others.length === 0
      ? undefined
      : `Pods that ran before: ${others.length}; they are without it until they are made anew: kubectl rollout restart`;
  } catch (error) {
    if (error instanceof KubeError && error.code === 'forbidden') {
      return `Pods that ran before may be without it: ${error.message}; make them anew with kubectl rollout restart`;
    }
    throw error;
  }
}

async function labelPod(kube: Kube, namespace: string, name: string): Promise<void> {
  await kube.call('PATCH', pathOf(resources.pods, namespace, name), {
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { [deliveryLabel]: 'agent-pull' } } },
  });
}
