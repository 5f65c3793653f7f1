// Answers: how do pods get to their end that only a plain sidecar holds back. Follows them while this process leads and
// the option is on, and asks their agents to quit. All that it knows comes from the pods: whoever leads next goes on.
// Does not belong here: which pods are asked, and when (core/job-completion.ts).
import type { ClusterOptions } from '../core/cluster/options.ts';
import {
  type Asked,
  askedAgain,
  decideQuit,
  type PlainPod,
  readPlainPod,
  watchedPods,
} from '../core/job-completion.ts';
import { attemptEvent, noPortEvent } from '../core/job-completion-events.ts';
import type { EventDraft } from '../core/model/event.ts';
import type { ControlTelemetry } from '../edge/control-telemetry.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { askPod } from '../edge/kube/port-forward.ts';
import { type Reflection, reflect } from '../edge/kube/reflector.ts';

export interface JobCompletionParts {
  readonly kube: Kube;
  readonly telemetry: Pick<ControlTelemetry, 'jobCompletion' | 'failed'>;
  readonly record: (event: EventDraft) => void;
  /** What keeps it from working, in words; undefined where nothing does. Called when it is another. */
  readonly trouble: (reason: string | undefined) => void;
}

export interface JobCompletion {
  /** Begins, goes on or ends as the options say. */
  follow(options: ClusterOptions): void;
  /** Resolves when nothing is under way any more; nothing is followed from now on. */
  close(): Promise<void>;
}

/** A tunnel costs a connection to the API server, and one to a kubelet. */
const mostAtOnce = 8;
/** The way, the request and the answer, which takes some milliseconds. */
const askMs = 5_000;
const longestTimerMs = 60_000;

export function createJobCompletion(parts: JobCompletionParts): JobCompletion {
  let running: Follower | undefined;
  let revision: string | undefined;
  let isClosed = false;
  const ending: Promise<void>[] = [];
  const end = (): void => {
    if (running !== undefined) ending.push(running.close());
    [running, revision] = [undefined, undefined];
  };
  return {
    follow: (options) => {
      const wanted = options.jobCompletion ? options.revision : undefined;
      if (isClosed || wanted === revision) return;
      end();
      if (wanted !== undefined) [running, revision] = [followPods(parts, wanted), wanted];
    },
    close: async () => {
      isClosed = true;
      end();
      await Promise.all(ending);
    },
  };
}

interface Follower {
  close(): Promise<void>;
}

interface State {
  readonly parts: JobCompletionParts;
  readonly signal: AbortSignal;
  readonly pods: Reflection<PlainPod>;
  /** By the uid of the pod; only of pods that are there. */
  readonly asked: Map<string, Asked>;
  readonly underWay: Map<string, Promise<void>>;
  readonly toldNoPort: Set<string>;
  readonly trouble: (of: 'watch' | 'right', reason: string | undefined) => void;
  timer: NodeJS.Timeout | undefined;
}

function followPods(parts: JobCompletionParts, revision: string): Follower {
  const closing = new AbortController();
  const trouble = troubles(parts);
  const { resource, fieldSelector, labelSelector } = watchedPods;
  const pods = reflect(parts.kube, resource, {
    place: { fieldSelector, labelSelector },
    project: (object) => readPlainPod(object, revision),
    changed: () => look(state),
    trouble: (error) => trouble('watch', troubleText(error)),
    healed: () => trouble('watch', undefined),
  });
  const state: State = {
    parts,
    signal: closing.signal,
    pods,
    asked: new Map(),
    underWay: new Map(),
    toldNoPort: new Set(),
    trouble,
    timer: undefined,
  };
  parts.telemetry.jobCompletion.pods(0);
  return {
    close: async () => {
      closing.abort();
      pods.close();
      clearTimeout(state.timer);
      trouble('watch', undefined);
      trouble('right', undefined);
      await Promise.all(state.underWay.values());
      parts.telemetry.jobCompletion.pods(0);
    },
  };
}

/** Of the two things that can be wrong, both or one; tells only what is another. */
function troubles({ trouble }: JobCompletionParts): State['trouble'] {
  const reasons = new Map<string, string>();
  let told: string | undefined;
  return (of, reason) => {
    if (reason === undefined) reasons.delete(of);
    else reasons.set(of, reason);
    const text = reasons.size === 0 ? undefined : [...reasons.values()].join('; ');
    if (text !== told) trouble(text);
    told = text;
  };
}

const byInstalling = '"pillion install" gives the right to';
/** The same for every pod, so that it is told once. */
const noRight = `Cannot open a port-forward to pods: the API server forbids it; ${byInstalling}`;

function troubleText({ code, message }: KubeError): string {
  return code === 'forbidden' ? `${message}; ${byInstalling}` : message;
}

/** Asks whoever is due, as many as may be asked at once, and sets the clock for the next. */
function look(state: State): void {
  const { pods, asked, underWay, signal, parts } = state;
  if (signal.aborted) return;
  const all = [...pods.items().values()];
  forgetOthers(state, new Set(all.map(({ uid }) => uid)));
  const held = all.filter(({ standing }) => standing.kind === 'done');
  parts.telemetry.jobCompletion.pods(held.length);
  if (held.length === 0) state.trouble('right', undefined); // nobody is left who would tell that it was given
  for (const pod of all) tellNoPort(state, pod);
  // who has waited longest since the last attempt comes first; who was never asked, before all
  const waiting = held
    .filter(({ uid }) => !underWay.has(uid))
    .sort((one, other) => (asked.get(one.uid)?.lastAt ?? 0) - (asked.get(other.uid)?.lastAt ?? 0));
  const now = performance.now();
  let nextAt = now + longestTimerMs;
  for (const pod of waiting) {
    const decision = decideQuit(pod, now, asked.get(pod.uid));
    if (decision.kind === 'wait') nextAt = Math.min(nextAt, decision.until);
    else if (decision.kind === 'ask' && underWay.size < mostAtOnce) begin(state, pod, decision.port);
  }
  clearTimeout(state.timer);
  state.timer = setTimeout(() => look(state), Math.max(0, nextAt - now));
}

function forgetOthers({ asked, toldNoPort }: State, there: ReadonlySet<string>): void {
  for (const uid of asked.keys()) if (!there.has(uid)) asked.delete(uid);
  for (const uid of toldNoPort) if (!there.has(uid)) toldNoPort.delete(uid);
}

function tellNoPort({ toldNoPort, parts }: State, pod: PlainPod): void {
  const { uid, standing } = pod;
  if (standing.kind !== 'leave' || standing.why !== 'no-status-port' || toldNoPort.has(uid)) return;
  toldNoPort.add(uid);
  parts.record(noPortEvent(pod));
}

function begin(state: State, pod: PlainPod, port: number): void {
  const { underWay, parts } = state;
  const done = ask(state, pod, port)
    .catch(parts.telemetry.failed)
    .finally(() => {
      underWay.delete(pod.uid);
      look(state);
    });
  underWay.set(pod.uid, done);
}

const quitPath = '/quitquitquit';

async function ask(state: State, pod: PlainPod, port: number): Promise<void> {
  const { parts, asked, signal } = state;
  const { standing, uid } = pod;
  if (standing.kind !== 'done') return;
  const error = await tryAsking(parts.kube, pod, port, signal);
  if (signal.aborted) return;
  const after = askedAgain(asked.get(uid), standing.proxy, error === undefined, performance.now());
  asked.set(uid, after);
  const isForbidden = error?.code === 'forbidden';
  state.trouble('right', isForbidden ? noRight : undefined);
  parts.telemetry.jobCompletion.asked({ namespace: pod.namespace, pod: pod.name, times: after }, error);
  const event = attemptEvent({ pod, port, asked: after, trouble: error?.message, isForbidden });
  if (event !== undefined) parts.record(event);
}

async function tryAsking(
  { config }: Kube,
  { namespace, name }: PlainPod,
  port: number,
  signal: AbortSignal,
): Promise<KubeError | undefined> {
  try {
    const status = await askPod(config, {
      namespace,
      pod: name,
      port,
      method: 'POST',
      path: quitPath,
      timeoutMs: askMs,
      signal,
    });
    return status === 200
      ? undefined
      : new KubeError('refused', `The agent answers POST ${quitPath} with ${status}`, status);
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
}
