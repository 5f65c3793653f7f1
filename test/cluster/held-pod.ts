// Answers: how does an API server without kubelets get a pod that only its plain sidecar keeps running.
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { ControlPlane } from './control-plane.ts';
import { meshed } from './replicas.ts';

const status = { initContainers: ['istio-init'], containers: ['istio-proxy'], revision: 'default' };

/** As injected, with an app that has ended. It is on no node: nobody answers for it. */
export async function createHeldPod({ kube }: ControlPlane, name: string): Promise<KubeObject> {
  const created = await kube.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: meshed,
      labels: { 'service.istio.io/canonical-name': name, 'sidecar.istio.io/inject': 'false' },
      annotations: { 'sidecar.istio.io/status': JSON.stringify(status) },
    },
    spec: {
      restartPolicy: 'Never',
      containers: ['app', 'istio-proxy'].map((container) => ({ name: container, image: 'example.com/image' })),
    },
  });
  const containerStatuses = [
    { name: 'app', state: { terminated: { exitCode: 0 } } },
    { name: 'istio-proxy', state: { running: { startedAt: '2026-01-01T00:00:00Z' } }, containerID: 'containerd://1' },
  ].map((one) => ({ ready: false, restartCount: 0, image: 'example.com/image', imageID: '', ...one }));
  await kube.call('PATCH', `${pathOf(resources.pods, meshed, name)}/status`, {
    body: { status: { phase: 'Running', containerStatuses } },
    contentType: 'application/merge-patch+json',
  });
  return created;
}
