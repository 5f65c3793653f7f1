// Answers: which webhook takes the proxy out of pods that we injected.
// Does not belong here: a proxy that only lost its restartPolicy (strip.ts).
import { type Finding, found } from './findings.ts';
import type { Observations, ProbeOutcome, ProbeResult, Question } from './observations.ts';
import { hasLostProxy, hasProxy } from './probed-pod.ts';
import { accusation, guiltyOf, questionsTo } from './suspects.ts';

/** What the guard says of such a pod. */
const toldByGuard = /Pod has lost its sidecar/;

/** True where the pod was injected and came back, or was refused, without the proxy. */
export function isRemovedFrom(outcome: ProbeOutcome): boolean {
  if (outcome.kind === 'created') return hasLostProxy(outcome.pod);
  return outcome.kind === 'refused' && toldByGuard.test(outcome.message);
}

function isRemoved({ outcome }: ProbeResult): boolean | undefined {
  if (isRemovedFrom(outcome)) return true;
  return outcome.kind === 'created' && hasProxy(outcome.pod) ? false : undefined;
}

/** What has to be asked of webhooks themselves. */
export function askAboutProxy(probes: readonly ProbeResult[]): readonly Question[] {
  return questionsTo(probes, isRemoved, 'proxy');
}

export function removalFindings({ probes, asked }: Observations): readonly Finding[] {
  return guiltyOf(probes, isRemoved, asked, 'proxy').map((guilty) => {
    const isKnown = guilty.webhooks.length > 0;
    const what = isKnown
      ? accusation(guilty, 'removes the injected sidecar')
      : 'Injected pods lose their sidecar, and no webhook of somebody else is known to be called for them';
    return found('sidecar-removed', what);
  });
}
