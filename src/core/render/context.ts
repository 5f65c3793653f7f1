// Answers: what does a template see. Templates are typed functions from this record to a part of a pod; text is never
// pasted into YAML, so no value can change the meaning of another.
import type { Pod, PodOverlay } from '../model/pod.ts';
import { proxyContainerName } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';

export interface RenderContext {
  readonly effective: Effective;
  /** The pod as it would look if nothing had been injected before. */
  readonly view: Pod;
  /** Names of the application's containers, in order. Init containers never count. */
  readonly apps: readonly string[];
}

export type Template = (context: RenderContext) => PodOverlay;

export function renderContext(effective: Effective, view: Pod): RenderContext {
  const apps: string[] = [];
  for (const { name } of view.spec.containers ?? []) if (name !== proxyContainerName) apps.push(name);
  return { effective, view, apps };
}
