// Answers: what does a template see. Templates are typed functions from this record to a part of a pod; text is never
// pasted into YAML, so no value can change the meaning of another.
import { type Pod, type PodOverlay, proxyContainerName, type Volume } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';

export interface RenderContext {
  readonly effective: Effective;
  /** The pod as it would look if nothing had been injected before. */
  readonly view: Pod;
  /** Whether something may be there that a template takes away, also from another; only then do overlays hold nulls. */
  readonly takesAway: boolean;
  /** Whether the parts that follow from the settings alone hold for this pod (shared.ts). */
  readonly isShared: boolean;
  /** Names of the application's containers, in order. Init containers never count. */
  readonly apps: readonly string[];
}

export type Template = (context: RenderContext) => PodOverlay;

/** The context for a pod, of which the templates see the view. */
export function renderContext(effective: Effective, view: Pod, templateCount: number): RenderContext {
  const apps: string[] = [];
  for (const { name } of view.spec.containers ?? []) if (name !== proxyContainerName) apps.push(name);
  const isFirst = effective.annotations.status === undefined && templateCount === 1;
  const takesAway = !isFirst || (view.spec.volumes ?? []).some(isOpen);
  return { effective, view, takesAway, isShared: !takesAway && hasSharedParts(effective), apps };
}

/** Names of volumes whose source the templates leave to whoever names them first. */
export const openVolumes = ['workload-socket', 'credential-socket', 'workload-certs'] as const;

function isOpen({ name }: Volume): boolean {
  return (openVolumes as readonly string[]).includes(name);
}

/** Annotations that change nothing in what is shared. Every other one makes a pod a special case. */
const harmless: ReadonlySet<string> = new Set<keyof Effective['annotations']>([
  'inject',
  'nativeSidecar', // part of the name under which a part is kept
  'templates',
  'rewriteAppHTTPProbers',
  'mergeMetrics',
  'defaultContainer',
  'defaultLogsContainer',
  'cniNetworks',
  'otelServiceNamespace',
  'otelServiceVersion',
  'otelServiceInstanceId',
]);

/** Whether the shared parts hold for this pod: nothing on it tunes them, and its namespace does not either. */
function hasSharedParts({ annotations, facts }: Effective): boolean {
  if (facts.platform === 'openshift') return false; // every namespace has user ids of its own
  for (const name in annotations) if (!harmless.has(name)) return false;
  return true;
}
