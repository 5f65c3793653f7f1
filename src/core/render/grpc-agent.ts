// Answers: what does the template `grpc-agent` contribute to a pod: the agent without Envoy, which serves xDS and
// certificates to applications that speak them themselves (proxyless gRPC).
import { type Container, type PodOverlay, proxyContainerName, variable } from '../model/pod.ts';
import { annotations as annotationCatalogue } from '../settings/catalogue.ts';
import { agentArgs, pullPolicy, readinessProbe } from './containers.ts';
import type { RenderContext } from './context.ts';
import { grpcAgentEnv } from './env.ts';
import { proxyImage } from './image.ts';
import { canonicalLabels, commonAnnotations } from './metadata.ts';
import { resourcesOf } from './resources.ts';
import { imagePullSecrets } from './sidecar.ts';
import { certificateMount, dataMount, grpcAgentMounts, grpcAgentVolumes, userMounts, xdsMount } from './volumes.ts';

const statusPort = 15020;

export function grpcAgent(context: RenderContext): PodOverlay {
  return {
    metadata: {
      labels: canonicalLabels(context),
      annotations: { ...commonAnnotations(context), [annotationCatalogue.rewriteAppHTTPProbers.key]: 'false' },
    },
    spec: {
      containers: [agentContainer(context), ...context.apps.map((name) => applicationAddition(context, name))],
      volumes: grpcAgentVolumes(context),
      ...imagePullSecrets(context),
    },
  };
}

/** With status port 0 the agent has no readiness probe, and neither resources nor mounts of its own. */
function agentContainer(context: RenderContext): Container {
  const { effective } = context;
  const answersProbes = effective.statusPort !== '0';
  const command = ['pilot-agent', 'wait', `--url=http://localhost:${statusPort}/healthz/ready`];
  return {
    name: proxyContainerName,
    image: proxyImage(effective),
    ...pullPolicy(effective),
    ports: [{ containerPort: statusPort, protocol: 'TCP', name: 'mesh-metrics' }],
    args: agentArgs(effective, 'sidecar'),
    lifecycle: { postStart: { exec: { command } } },
    env: grpcAgentEnv(context),
    ...(answersProbes && { readinessProbe: readinessProbe(context, statusPort), resources: resourcesOf(effective) }),
    volumeMounts: [...(answersProbes ? grpcAgentMounts(context) : []), ...userMounts(effective)],
  };
}

function applicationAddition({ effective }: RenderContext, name: string): Container {
  return {
    name,
    env: [
      variable('GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT', 'true'),
      variable('GRPC_XDS_BOOTSTRAP', '/etc/istio/proxy/grpc-bootstrap.json'),
    ],
    volumeMounts: [dataMount, xdsMount, certificateMount(effective)],
  };
}
