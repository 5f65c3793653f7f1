// Answers: how does a cluster of a test come to know ProxyConfigs, which Istio brings.
import { resources } from '../../src/core/cluster/resources.ts';
import type { Kube } from '../../src/edge/kube/client.ts';
import { until } from './control-plane.ts';

const { kind, plural } = resources.proxyConfigs;

/** As much of Istio's definition as the API server needs to keep the objects. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.networking.istio.io` },
  spec: {
    group: 'networking.istio.io',
    names: { kind, plural, listKind: `${kind}List`, singular: kind.toLowerCase() },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** Makes the kind and waits until the API server serves it. */
export async function makeProxyConfigKind(kube: Kube): Promise<void> {
  await kube.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
  await until('the kind is served', async () => (await kube.list(resources.proxyConfigs)).items.length === 0);
}
