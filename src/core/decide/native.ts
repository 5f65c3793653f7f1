// Answers: does the proxy become a native sidecar (an init container with restartPolicy Always, KEP-753) or a plain one.
// The kubelet decides what works, not the API server: a kubelet that does not know the field runs the proxy as an
// ordinary init container, which never ends.
import type { NativeFacts } from '../model/facts.ts';
import type { NativeDecision } from '../model/verdict.ts';

/** Native sidecars are stable, and their feature gate is locked on, since Kubernetes 1.33. */
const minimumMinor = 33;
/** `v1.33.4-gke.1`, `v1.34.0+k3s1`: a vendor's suffix says nothing about the version. */
const version = /^v?([0-9]+)\.([0-9]+)(?:\.[0-9]+)*(?:[-+~].*)?$/;

/**
 * The pod's annotation, then the option, then the kubelets.
 * Any text in the annotation but `false` means native, as in the peer's template; the empty text means nothing.
 */
export function decideNative(annotation: string | undefined, { mode, kubeletVersions }: NativeFacts): NativeDecision {
  if (annotation)
    return { native: annotation !== 'false', reason: 'pod-annotation', detail: `annotation is "${annotation}"` };
  if (mode !== 'auto') return { native: mode === 'true', reason: 'forced', detail: `--native ${mode}` };
  if (kubeletVersions === undefined || kubeletVersions.length === 0) {
    return { native: true, reason: 'no-kubelets-known', detail: 'no kubelet versions were given' };
  }
  const tooOld = kubeletVersions.find((kubelet) => !supportsNative(kubelet));
  if (tooOld !== undefined) return { native: false, reason: 'kubelet-too-old', detail: `a kubelet is of "${tooOld}"` };
  return { native: true, reason: 'kubelets-support-it', detail: `kubelets are of ${kubeletVersions.join(', ')}` };
}

/** A version that cannot be read does not count as new enough. */
function supportsNative(kubelet: string): boolean {
  const match = version.exec(kubelet);
  return match !== null && Number(match[2]) >= minimumMinor;
}
