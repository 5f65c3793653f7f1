// Answers: what does the template `sidecar` contribute to a pod.
import type { PodOverlay } from '../model/pod.ts';
import { initContainer, sidecarContainer } from './containers.ts';
import type { RenderContext } from './context.ts';
import { cniAnnotations, commonAnnotations, sidecarLabels } from './metadata.ts';
import { sidecarVolumes } from './volumes.ts';

/** Redirection and proxy: the proxy among the init containers in native mode, among the containers otherwise. */
export function sidecar(context: RenderContext): PodOverlay {
  const { native, interceptionMode } = context.effective;
  const init = interceptionMode === 'NONE' ? [] : [initContainer(context)];
  const proxy = sidecarContainer(context);
  return {
    metadata: {
      labels: sidecarLabels(context),
      annotations: { ...commonAnnotations(context), ...cniAnnotations(context) },
    },
    spec: {
      initContainers: native ? [...init, proxy] : init,
      ...(!native && { containers: [proxy] }),
      volumes: sidecarVolumes(context),
      ...imagePullSecrets(context),
    },
  };
}

/** The mesh's pull secrets, before the user's. */
export function imagePullSecrets({ effective }: RenderContext): PodOverlay {
  const { imagePullSecrets } = effective.facts.values.global;
  return imagePullSecrets.length === 0 ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) };
}
