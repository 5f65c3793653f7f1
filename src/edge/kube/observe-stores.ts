// Answers: who brings Wasm modules to nodes at this moment, and for which extensions.
// Does not belong here: which pods wait for them (core/wasm/delivery/store-pods.ts).
import { componentSelector } from '../../core/cluster/labels.ts';
import { resources } from '../../core/cluster/resources.ts';
import { isObject } from '../../core/model/json.ts';
import { isConditionTrue, type KubeObject } from '../../core/model/kube-object.ts';
import { gatesOf, type StoreAround } from '../../core/wasm/delivery/store-pods.ts';
import { nodeNamespace } from '../../core/wasm/names.ts';
import { collect, type Kube } from './client.ts';
import { whereNotFound } from './kube-error.ts';

/** Who brings modules to nodes where the option is on. */
export async function observeStores(kube: Kube): Promise<StoreAround> {
  const ofAgents = { namespace: nodeNamespace, labelSelector: componentSelector('agent') };
  const [gates, agents] = await Promise.all([
    whereNotFound([], collect(kube, resources.wasmExtensions, {}, gatesOf)),
    collect(kube, resources.pods, ofAgents, readyNode),
  ]);
  return { isDelivering: true, gates: new Set(gates.flat()), agents: new Set(agents) };
}

function readyNode(pod: KubeObject): string | undefined {
  const node = isObject(pod['spec']) ? pod['spec']['nodeName'] : undefined;
  return isConditionTrue(pod, 'Ready') && typeof node === 'string' ? node : undefined;
}
