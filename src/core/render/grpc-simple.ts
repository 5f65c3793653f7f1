// Answers: what does the template `grpc-simple` contribute to a pod: a bootstrap file for proxyless gRPC, no agent.
import { type Container, type PodOverlay, variable } from '../model/pod.ts';
import { annotations as annotationCatalogue } from '../settings/catalogue.ts';
import type { RenderContext } from './context.ts';
import { instanceIp, podName, podNamespace } from './env.ts';

const volumeName = 'grpc-io-proxyless-bootstrap';
const folder = '/var/lib/grpc/data';
const file = `${folder}/bootstrap.json`;
const mount = Object.freeze({ mountPath: `${folder}/`, name: volumeName });

/** Written as the pod starts, because its name and address are known only then. */
const script = `NODE_ID="sidecar~\${INSTANCE_IP}~\${POD_NAME}.\${POD_NAMESPACE}~cluster.local"
SERVER_URI="dns:///istiod.\${ISTIO_NAMESPACE}.svc:15010"
echo '
{
  "xds_servers": [
    {
      "server_uri": "'\${SERVER_URI}'",
      "channel_creds": [{"type": "insecure"}],
      "server_features" : ["xds_v3"]
    }
  ],
  "node": {
    "id": "'\${NODE_ID}'",
    "metadata": {
      "GENERATOR": "grpc"
    }
  }
}' > ${file}`;

export function grpcSimple({ effective, view }: RenderContext): PodOverlay {
  return {
    metadata: { annotations: { [annotationCatalogue.rewriteAppHTTPProbers.key]: 'false' } },
    spec: {
      initContainers: [
        {
          name: 'grpc-bootstrap-init',
          image: 'busybox:1.28',
          volumeMounts: [mount],
          env: [
            instanceIp,
            podName,
            podNamespace,
            variable('ISTIO_NAMESPACE', `${effective.facts.values.global.istioNamespace}\n`),
          ],
          command: ['sh', '-c', script],
        },
      ],
      containers: (view.spec.containers ?? []).map(({ name }) => applicationAddition(name)),
      volumes: [{ name: volumeName, emptyDir: {} }],
    },
  };
}

function applicationAddition(name: string): Container {
  return {
    name,
    env: [
      variable('GRPC_XDS_BOOTSTRAP', file),
      variable('GRPC_GO_LOG_VERBOSITY_LEVEL', '99'),
      variable('GRPC_GO_LOG_SEVERITY_LEVEL', 'info'),
    ],
    volumeMounts: [mount],
  };
}
