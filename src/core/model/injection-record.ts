// Answers: what does an injection write down about itself on the pod, for the next one.
import type { Container } from './pod.ts';

/** What the user had defined under names that the injection defines too: annotation proxy.istio.io/overrides. */
export interface Overrides {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
}

/** What the injection added: annotation sidecar.istio.io/status. */
export interface Status {
  /** False where the annotation is there but its text is not one of ours: the pod still counts as injected. */
  readonly readable: boolean;
  readonly containers: readonly string[];
  readonly initContainers: readonly string[];
}
