// Answers: what do a trial pod and the log of its proxy say about the module: taken, refused, not to be tried, or not yet.
// The access log alone tells an answer: its lines begin with a token that the module cannot know.
// Does not belong here: the pod (trial-pod.ts), reading both (roles/wasm-trial.ts).
import { isObject, type JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { type Refusal, refusal } from '../refusals.ts';
import { answerSeconds } from './trial.ts';
import { containers, proxyMemory } from './trial-pod.ts';

export interface TrialSight {
  /** Undefined where there is no such pod. */
  readonly pod: KubeObject | undefined;
  /** Log of the proxy, as far as there is one. */
  readonly log: string;
  readonly token: string;
  /** Since the pod was made, and since its proxy was first seen to run. */
  readonly podForMs: number;
  readonly proxyForMs: number;
}

export type TrialVerdict =
  | { readonly kind: 'waits' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly refusal: Refusal };

const waits: TrialVerdict = { kind: 'waits' };

/** A pod of which the proxy does not run after so long is given up: its image is pulled in this time too. */
const mostStartMs = 120_000;
/** A cluster may be making a node. */
const mostUnschedulableMs = 30_000;
/** Loading the module and the first answers; twice what one answer may take, and some more for a busy node. */
const mostProxyMs = 2 * answerSeconds * 1000 + 10_000;
/** The second request tells whether the first one broke the module when it ended. */
const answersNeeded = 2;

/** True once the proxy has, or had, a process, so that there is a log. */
export function hasProxyLog(pod: KubeObject | undefined): boolean {
  const { running, terminated } = stateOf(containerOf(pod, containers.proxy));
  return isObject(running) || isObject(terminated);
}

/** Decides from what is to be seen at this moment. */
export function trialVerdict(sight: TrialSight): TrialVerdict {
  const { pod, log, token } = sight;
  if (pod === undefined) return impossible('somebody deleted the pod');
  const answers = answersIn(log, token);
  const broken = answers.find(({ details }) => details.startsWith(failedStream));
  if (broken !== undefined) return refused(`Cannot answer a request through the module: HTTP ${broken.code}`, log);
  if (answers.some(({ code }) => code === 0)) {
    return refused(`Cannot answer a request through the module: no answer within ${answerSeconds} s`, log);
  }
  if (answers.filter(isAnswer).length >= answersNeeded) return { kind: 'passed' };
  return endOf(pod, log) ?? troubleOf(sight, pod) ?? lateness(sight);
}

/** Details of the response that a proxy gives for a filter that failed and fails closed. */
const failedStream = 'wasm_fail_stream';

interface Answer {
  readonly code: number;
  readonly flags: string;
  readonly details: string;
}

function answersIn(log: string, token: string): readonly Answer[] {
  return log.split('\n').flatMap((line) => {
    const [first, code, flags = '', details = ''] = line.split(' ');
    return first === token ? [{ code: Number(code), flags, details }] : [];
  });
}

/** The application of the trial may not listen yet; any other answer is one, whatever its code: filters deny too. */
function isAnswer({ flags }: Answer): boolean {
  return !/\b(UF|UH)\b/.test(flags);
}

/** The proxy's process is over. It ends with code 1 where it does not take its configuration. */
function endOf(pod: KubeObject, log: string): TrialVerdict | undefined {
  const { terminated } = stateOf(containerOf(pod, containers.proxy));
  if (!isObject(terminated)) return undefined;
  const { exitCode, reason, signal } = terminated;
  if (reason === 'OOMKilled') return refused(`Cannot run the module: the proxy needs more than ${proxyMemory}`, log);
  if (podReason(pod) !== undefined || reason === 'StartError' || reason === 'ContainerCannotRun') {
    return impossible(text(terminated['message']) ?? podReason(pod) ?? 'the proxy cannot be started');
  }
  if (exitCode === 1) return refused('Cannot start the proxy with the module', log);
  return refused(
    `Cannot run the module: the proxy ended with ${signal ? `signal ${signal}` : `code ${exitCode}`}`,
    log,
  );
}

/** States of a container in which it does not start by itself, or not soon. */
const hopeless: ReadonlySet<unknown> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

function troubleOf({ podForMs }: TrialSight, pod: KubeObject): TrialVerdict | undefined {
  for (const name of [containers.files, containers.proxy]) {
    const { waiting, terminated } = stateOf(containerOf(pod, name));
    if (isObject(waiting) && hopeless.has(waiting['reason'])) {
      return impossible(
        `${waiting['reason']} of container "${name}": ${text(waiting['message']) ?? 'no more is told'}`,
      );
    }
    if (name === containers.files && isObject(terminated) && terminated['exitCode'] !== 0) {
      return impossible(`its files do not come: ${text(terminated['message']) ?? text(terminated['reason']) ?? ''}`);
    }
  }
  const over = podReason(pod);
  if (over !== undefined) return impossible(over);
  const scheduling = unschedulable(pod);
  return scheduling !== undefined && podForMs > mostUnschedulableMs ? impossible(scheduling) : undefined;
}

function lateness({ pod, log, podForMs, proxyForMs }: TrialSight): TrialVerdict {
  if (proxyForMs > mostProxyMs) {
    return refused(`Cannot start the proxy with the module: it answers nothing after ${mostProxyMs / 1000} s`, log);
  }
  if (podForMs < mostStartMs || hasProxyLog(pod)) return waits;
  return impossible(unschedulable(pod) ?? `its proxy does not run after ${mostStartMs / 1000} s`);
}

/** Why Kubernetes ended the pod as a whole: eviction, deadline, a node that is full. */
function podReason(pod: KubeObject): string | undefined {
  const status = statusOf(pod);
  const reason = text(status['reason']);
  return status['phase'] !== 'Failed' || reason === undefined
    ? undefined
    : `${reason}: ${text(status['message']) ?? ''}`;
}

function unschedulable(pod: KubeObject | undefined): string | undefined {
  const conditions = statusOf(pod)['conditions'];
  const scheduled: unknown = Array.isArray(conditions)
    ? conditions.find((one) => isObject(one) && one['type'] === 'PodScheduled' && one['status'] === 'False')
    : undefined;
  return isObject(scheduled) ? `no node takes the pod: ${text(scheduled['message']) ?? ''}` : undefined;
}

function containerOf(pod: KubeObject | undefined, name: string): JsonObject {
  const status = statusOf(pod);
  const list = status[name === containers.files ? 'initContainerStatuses' : 'containerStatuses'];
  const found: unknown = Array.isArray(list) ? list.find((one) => isObject(one) && one['name'] === name) : undefined;
  return isObject(found) ? found : {};
}

function stateOf(container: JsonObject): JsonObject {
  return isObject(container['state']) ? container['state'] : {};
}

function statusOf(pod: KubeObject | undefined): JsonObject {
  return isObject(pod?.['status']) ? pod['status'] : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The trial could not be held. */
export function impossible(state: string): TrialVerdict & { readonly kind: 'failed' } {
  return { kind: 'failed', refusal: refusal('TrialImpossible', `Cannot hold the trial: ${plain(state, mostLength)}`) };
}

function refused(what: string, log: string): TrialVerdict {
  const lines = decisiveLines(log);
  const told = lines.length === 0 ? 'the proxy tells no more' : lines.join(' | ');
  return { kind: 'failed', refusal: refusal('TrialRefused', plain(`${what}: ${told}`, mostLength)) };
}

const mostLength = 1_000;
const mostLineLength = 400;
/** Of the lines that the module wrote itself: a panic in Go comes in a hundred pieces, of which the first tells why. */
const mostOwnLines = 3;
const mostProxyLines = 5;

/**
 * What the proxy and the module complain of, in order, each once; without what only says that something went wrong.
 * Lines are `<level> <component> <message>` (proxyArguments), the message with C's escapes.
 */
export function decisiveLines(log: string): readonly string[] {
  const complaints = log.split('\n').flatMap((line) => {
    const [, component, message] = /^(?:error|critical) (\S+) (.+)$/.exec(line) ?? [];
    return component === undefined || message === undefined ? [] : [{ component, message: unescaped(message) }];
  });
  const ofWasm = complaints.filter(({ component }) => component === 'wasm');
  const shown = (ofWasm.length > 0 ? ofWasm : complaints).map(({ message }) => plain(message, mostLineLength));
  const told = [...new Set(shown)].filter((line) => !saysNothing.test(line));
  const ofModule = told.filter((line) => ownLine.test(line)).slice(0, mostOwnLines);
  const ofProxy = told.filter((line) => !ownLine.test(line)).slice(0, mostProxyLines);
  return told.filter((line) => ofModule.includes(line) || ofProxy.includes(line));
}

/** The proxy's words before what a module writes: `wasm log <plugin> <root id>: `. */
const ownLine = /^wasm log\b/;
/** That a plugin failed is known; so is that a module wrote a line without text. */
const saysNothing = /^(Plugin .*failed to load|wasm log[^:]*:)$/;

/** On one line, without colours, control and format characters; cut when it is long. */
function plain(message: string, most: number): string {
  const line = message
    .replace(/\p{Cc}\[[0-9;]*m/gu, '')
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Undoes C's escapes: `\n`, `\"`, and bytes of UTF-8 as three octal digits. */
function unescaped(message: string): string {
  const bytes = message.replace(/(?:\\[0-7]{3})+/g, (octal) =>
    Buffer.from(
      octal
        .slice(1)
        .split('\\')
        .map((digits) => Number.parseInt(digits, 8)),
    ).toString('utf8'),
  );
  return bytes.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}
