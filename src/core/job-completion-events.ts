// Answers: what of asking an agent to quit is told on its pod, and in which words.
// Does not belong here: when it is asked (job-completion.ts), sending (edge/kube/events.ts).
import type { Asked, PlainPod } from './job-completion.ts';
import type { EventDraft } from './model/event.ts';
import { proxyContainerName } from './model/pod.ts';

/** So many failures in a row are no matter of the moment any more: it has just started, or the node is busy. */
const tellingFailures = 3;
/** So often asked and still there: it does not quit. */
const tellingAccepted = 3;

/** The last attempt at a pod. */
export interface Attempt {
  readonly pod: PlainPod;
  readonly port: number;
  readonly asked: Asked;
  /** Why the agent could not be asked; undefined where it said that it quits. */
  readonly trouble: string | undefined;
  /** We have no right to ask: it will not go away by itself. */
  readonly isForbidden: boolean;
}

/** The Event that the attempt is worth: one when it is asked first, and one when that is of no use. */
export function attemptEvent({ pod, port, asked, trouble, isForbidden }: Attempt): EventDraft | undefined {
  const { accepted, failures } = asked;
  if (trouble === undefined) {
    if (accepted === 1) return draft(pod, 'Normal', 'ProxyAskedToQuit', askedNote);
    if (accepted !== tellingAccepted) return undefined;
    const note = `The istio-agent said ${accepted} times that it quits, and runs on. See its log: kubectl -n ${pod.namespace} logs ${pod.name} -c ${proxyContainerName}. To end the pod, delete it.`;
    return draft(pod, 'Warning', 'ProxyRunsOn', note);
  }
  if (failures !== (isForbidden ? 1 : tellingFailures)) return undefined;
  const remedy = isForbidden ? '"pillion install" gives pillion control the right to.' : byHand(pod, port);
  return draft(pod, 'Warning', 'ProxyNotAsked', `${held}, and it could not be asked to quit: ${trouble}. ${remedy}`);
}

/** Where nobody can ever be asked. */
export function noPortEvent(pod: PlainPod): EventDraft {
  const note = `${held}, and its agent has no status port on which it could be asked to quit. Take status.sidecar.istio.io/port: "0" off the pod, and delete this one.`;
  return draft(pod, 'Warning', 'ProxyNotAsked', note);
}

const held = 'All containers of the pod have ended but for the sidecar';
const askedNote = `${held}: the istio-agent was asked to quit, so that the pod completes`;

function byHand({ namespace, name }: PlainPod, port: number): string {
  return `It is tried again. By hand: kubectl -n ${namespace} exec ${name} -c ${proxyContainerName} -- pilot-agent request --debug-port=${port} POST quitquitquit.`;
}

function draft({ namespace, name, uid }: PlainPod, type: EventDraft['type'], reason: string, note: string): EventDraft {
  const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name, ...(uid && { uid }) };
  return { regarding, type, reason, action: 'CompletePod', note };
}
