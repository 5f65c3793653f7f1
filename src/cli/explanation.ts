// Answers: what does `why` tell about one pod, for machines and for people.
import type { Delivered } from '../core/model/delivered.ts';
import type { AdmittedTarget } from './admission.ts';
import type { Difference } from './difference.ts';
import type { LivePod } from './live-pod.ts';

/** Everything that `why` has to say about one pod; `-o json` prints it as it is. */
export interface Explanation {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly revision: string;
  readonly decision: 'inject' | 'deliver' | 'skip' | 'deny';
  readonly reason: string;
  readonly because: string;
  /** What to change, where the pod was not injected. */
  readonly remedy: string | undefined;
  readonly gates: AdmittedTarget['verdict']['trace'];
  readonly native:
    | { readonly native: boolean; readonly reason: string; readonly because: string; readonly detail: string }
    | undefined;
  readonly templates: readonly string[];
  /** How Wasm modules come to the proxy. */
  readonly modules: readonly Delivered[];
  /** None of a pod in a cluster that was injected already. */
  readonly differences: readonly Difference[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Of a pod in a cluster: what was decided when it was created. */
  readonly live?: LivePod;
}
