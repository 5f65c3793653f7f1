// Answers: how are the pods reached: the Service that the API server calls, and what a NetworkPolicy lets in.
import type { V1NetworkPolicySpec, V1ServiceSpec } from '@kubernetes/client-node';
import { type Component, ownLabels, selectorLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { trialIngress, trialNetworkPolicy } from '../wasm/trial/trial-pod.ts';

/** Ports of the containers, by the names that Service and probes use. */
export const ports = {
  webhook: 15017,
  management: 15014,
} as const;

export function networkObjects({ wasm }: Pick<ClusterOptions, 'wasm'>): readonly KubeObject[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: names.service, namespace: ownNamespace, labels: ownLabels('webhook') },
      spec: {
        type: 'ClusterIP',
        selector: selectorLabels('webhook'),
        ports: [
          { name: 'webhook', port: 443, targetPort: 'webhook', protocol: 'TCP', appProtocol: 'https' },
          {
            name: 'management',
            port: ports.management,
            targetPort: 'management',
            protocol: 'TCP',
            appProtocol: 'http',
          },
        ],
      } satisfies V1ServiceSpec,
    },
    networkPolicy('webhook', [ports.webhook, ports.management]),
    networkPolicy('control', [ports.management], wasm.enabled ? [trialIngress] : []),
    ...(wasm.enabled ? [trialNetworkPolicy] : []),
  ];
}

/** @param more what only some may reach */
function networkPolicy(component: Component, open: readonly number[], more: readonly JsonObject[] = []): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: names[component], namespace: ownNamespace, labels: ownLabels(component) },
    spec: {
      podSelector: { matchLabels: selectorLabels(component) },
      policyTypes: ['Ingress'],
      ingress: [{ ports: open.map((port) => ({ protocol: 'TCP', port })) }, ...more],
    } satisfies V1NetworkPolicySpec,
  };
}
