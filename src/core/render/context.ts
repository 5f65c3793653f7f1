// Answers: what does a template see. Templates are typed functions from this record to a part of a pod; text is never
// pasted into YAML, so no value can change the meaning of another.
import { type Pod, type PodOverlay, proxyContainerName, type Volume } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';
import { hasSharedParts } from './shared.ts';

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
