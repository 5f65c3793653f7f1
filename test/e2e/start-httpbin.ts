// Answers: how does a test get a server of the mesh that is ready.
import type { Namespace } from './namespace.ts';
import { httpbin } from './objects.ts';
import { statusNumber } from './pods.ts';

/** Httpbin answers at httpbinUrl, and takes nothing but mutual TLS: what it answers has come through a proxy. */
export async function startHttpbin(namespace: Namespace): Promise<void> {
  await namespace.create({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default' },
    spec: { mtls: { mode: 'STRICT' } },
  });
  // httpbin closes connections that are idle, at times while a request is on its way: each has one of its own
  await namespace.create({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'httpbin' },
    spec: { host: 'httpbin', trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } },
  });
  for (const object of httpbin()) await namespace.create(object);
  await namespace.until('httpbin is ready', async () => {
    const deployed = await namespace.get('Deployment', 'httpbin');
    return deployed !== undefined && statusNumber(deployed, 'readyReplicas') === 1;
  });
}
