// Answers: what does the API server make of the pods that the doctor sends it by dry run.
// Does not belong here: which pods, and where (core/doctor/probes.ts).
import type { Knowledge } from '../../core/doctor/knowledge.ts';
import type { ClusterState, Place, ProbeOutcome, ProbePurpose, ProbeResult } from '../../core/doctor/observations.ts';
import { calledAt, type ProbePlan, planProbes, probePod } from '../../core/doctor/probes.ts';
import { isTroubleOfPlace, oneLine } from '../../core/doctor/reach.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

/** At the same time: a webhook that does not answer holds each for up to 30 s. */
export async function sendProbes(kube: Kube, state: ClusterState, known: Knowledge): Promise<readonly ProbeResult[]> {
  return Promise.all(
    planProbes(state, known).map(async (plan) => {
      const { place, outcome } = await sendPlan(kube, plan);
      return { purpose: plan.purpose, place, called: calledAt(place, state, known), outcome };
    }),
  );
}

interface Sent {
  readonly place: Place;
  readonly outcome: ProbeOutcome;
}

async function sendPlan(kube: Kube, { purpose, places }: ProbePlan): Promise<Sent> {
  let sent: Sent | undefined;
  for (const place of places) {
    sent = { place, outcome: await send(kube, purpose, place) };
    if (!isTroubleOfPlace(sent.outcome)) return sent;
  }
  if (sent === undefined) throw new Error('Cannot send a probe pod: the plan names no place');
  return sent;
}

async function send(kube: Kube, purpose: ProbePurpose, place: Place): Promise<ProbeOutcome> {
  try {
    return { kind: 'created', pod: await kube.create(probePod(purpose, place), { dryRun: true }) };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { kind: isForbidden(error) ? 'forbidden' : 'refused', message: oneLine(error.message) };
  }
}

/** Admission answers 403 too, for instance for PodSecurity and quotas: only this text is about the user's rights. */
function isForbidden({ code, message }: KubeError): boolean {
  return code === 'forbidden' && /cannot create resource|Unauthorized/.test(message);
}
