// Answers: what does the template `gateway` contribute to a pod: a pod that is a proxy and nothing else. It is never
// native, since there is no application that it could outlive.
import type { PodOverlay } from '../model/pod.ts';
import { proxyContainerName } from '../model/pod.ts';
import { agentArgs, gatewayReadinessProbe, proxyPorts, pullPolicy } from './containers.ts';
import type { RenderContext } from './context.ts';
import { gatewayEnv } from './env.ts';
import { proxyImage } from './image.ts';
import { canonicalLabels, commonAnnotations } from './metadata.ts';
import { imagePullSecrets } from './sidecar.ts';
import { gatewayMounts, gatewayVolumes } from './volumes.ts';

/** Lets a process that is not root bind every port of the pod's own network. */
const unprivilegedPorts = { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] };

export function gateway(context: RenderContext): PodOverlay {
  const { effective } = context;
  const { gatewaySecurityContext, global } = effective.facts.values;
  const { lifecycle } = global.proxy;
  return {
    metadata: { labels: canonicalLabels(context), annotations: commonAnnotations(context) },
    spec: {
      securityContext: gatewaySecurityContext ?? unprivilegedPorts,
      containers: [
        {
          name: proxyContainerName,
          image: proxyImage(effective),
          ...pullPolicy(effective),
          ports: proxyPorts,
          args: agentArgs(effective, 'router'),
          ...(lifecycle && { lifecycle }),
          securityContext: { runAsUser: effective.ids.user, runAsGroup: effective.ids.group },
          env: gatewayEnv(context),
          readinessProbe: gatewayReadinessProbe(context),
          volumeMounts: gatewayMounts(context),
        },
      ],
      volumes: gatewayVolumes(context),
      ...imagePullSecrets(context),
    },
  };
}
