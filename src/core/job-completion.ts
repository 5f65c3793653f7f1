// Answers: is a pod held back by its plain sidecar alone, and is its agent asked to quit now. A native sidecar the kubelet
// ends itself; a plain one runs on when the pod's own containers have ended, and the pod never completes.
// Does not belong here: following pods and asking (roles/job-completion.ts), what is told (job-completion-events.ts).
import type { Resource } from './cluster/resources.ts';
import { resources } from './cluster/resources.ts';
import { isObject, type JsonObject, objectsIn, parseJson } from './model/json.ts';
import type { KubeObject } from './model/kube-object.ts';
import { type Container, type PodSpec, proxyContainerName, type StringMap } from './model/pod.ts';
import { defaultProxyConfig } from './proxy-config/proxy-config-fields.ts';
import { annotations as catalogue, labels as labelCatalogue } from './settings/catalogue.ts';
import { readInjectionStatus } from './settings/injection-status.ts';

/** Which pods are looked at. The label is put on by every template of Istio's that has an agent. */
export const watchedPods: {
  readonly resource: Resource;
  readonly fieldSelector: string;
  readonly labelSelector: string;
} = {
  resource: resources.pods,
  fieldSelector: 'spec.restartPolicy!=Always,status.phase=Running',
  labelSelector: labelCatalogue.canonicalName.key,
};

/** Why a pod is left alone. */
export type LeaveReason =
  | 'being-deleted' // the kubelet ends everything
  | 'no-own-containers' // the proxy is what the pod is for
  | 'containers-run' // one of its own runs, will be restarted, or has not started yet
  | 'proxy-not-running' // it starts, or waits to be started again
  | 'proxy-ended'
  | 'no-status-port'; // the agent listens nowhere, nobody can ask it

/** What is kept in mind of a pod with a plain sidecar. */
export interface PlainPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly standing:
    | { readonly kind: 'leave'; readonly why: LeaveReason }
    /** All that keeps the pod running is this incarnation of the proxy. */
    | { readonly kind: 'done'; readonly proxy: string; readonly port: number };
}

/** What came of asking one incarnation of a proxy. */
export interface Asked {
  readonly proxy: string;
  /** How often the agent said that it quits. */
  readonly accepted: number;
  /** How often it could not be asked, since it last said so. */
  readonly failures: number;
  /** Milliseconds of the clock that `now` is of. */
  readonly lastAt: number;
}

export type QuitDecision =
  | { readonly kind: 'leave'; readonly why: LeaveReason }
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'ask'; readonly port: number };

/** An agent that said yes is gone within seconds, and the kubelet tells so a few seconds later. */
const patienceMs = 10_000;
const firstRetryMs = 1_000;
const longestWaitMs = 300_000;

/**
 * What is done about the pod now.
 * @param now milliseconds of any clock
 * @param asked what came of asking before; that of another incarnation of the proxy does not count
 */
export function decideQuit({ standing }: PlainPod, now: number, asked: Asked | undefined): QuitDecision {
  if (standing.kind === 'leave') return standing;
  const { port, proxy } = standing;
  if (asked?.proxy !== proxy) return { kind: 'ask', port };
  const until = asked.lastAt + waitMs(asked);
  return now < until ? { kind: 'wait', until } : { kind: 'ask', port };
}

/** Twice as long each time, up to five minutes. */
function waitMs({ accepted, failures }: Asked): number {
  const wait = failures > 0 ? firstRetryMs * 2 ** (failures - 1) : patienceMs * 2 ** (accepted - 1);
  return Math.min(longestWaitMs, wait);
}

/** What is kept in mind after asking once more. */
export function askedAgain(before: Asked | undefined, proxy: string, isAccepted: boolean, now: number): Asked {
  const { accepted, failures } = before?.proxy === proxy ? before : { accepted: 0, failures: 0 };
  return isAccepted
    ? { proxy, accepted: accepted + 1, failures: 0, lastAt: now }
    : { proxy, accepted, failures: failures + 1, lastAt: now };
}

/**
 * Reads a pod as the API server gives it. Undefined where it is none of ours: its sidecar is native, there is none, it
 * belongs to another revision, or the pod is to run for ever. Who injected it makes no difference: istiod or we.
 */
export function readPlainPod(object: KubeObject, revision: string): PlainPod | undefined {
  const { metadata } = object;
  const spec = (isObject(object['spec']) ? object['spec'] : {}) as PodSpec;
  const proxy = spec.containers?.find(({ name }) => name === proxyContainerName);
  const annotations = metadata.annotations ?? {};
  if (proxy === undefined || spec.restartPolicy === 'Always' || !isInjected(annotations, revision)) return undefined;
  const { name, namespace = '', uid = '' } = metadata;
  return { namespace, name, uid, standing: standingOf(object, spec, statusPortOf(annotations, proxy)) };
}

/** As the injection has written it down, with the revision of the control plane that it was of. */
function isInjected(annotations: StringMap, revision: string): boolean {
  const status = readInjectionStatus(annotations);
  return status?.revision === revision && status.containers.includes(proxyContainerName);
}

/**
 * Where the agent listens: the annotation, else its proxy configuration, else the default. One that is no number counts
 * as 0, with which it listens nowhere. Source: Istio, pilot-agent, ConstructProxyConfig.
 */
function statusPortOf(annotations: StringMap, { env = [] }: Container): number {
  const asked = annotations[catalogue.statusPort.key];
  if (asked !== undefined) return /^\+?[0-9]+$/.test(asked) ? Number(asked) : 0;
  const config = parseJson(env.find(({ name }) => name === 'PROXY_CONFIG')?.value ?? '');
  const { statusPort }: JsonObject = { ...defaultProxyConfig, ...(isObject(config) && config) };
  return typeof statusPort === 'number' ? statusPort : 0;
}

type Standing = PlainPod['standing'];

function standingOf(
  { metadata, status }: KubeObject,
  { containers = [], restartPolicy }: PodSpec,
  port: number,
): Standing {
  const leave = (why: LeaveReason): Standing => ({ kind: 'leave', why });
  if (metadata.deletionTimestamp !== undefined) return leave('being-deleted');
  const states = isObject(status) ? status['containerStatuses'] : undefined;
  const byName = new Map(objectsIn(states).map((one) => [one['name'], one] as const));
  const own = containers.filter(({ name }) => name !== proxyContainerName);
  if (own.length === 0) return leave('no-own-containers');
  if (!own.every((one) => hasEnded(one, restartPolicy, byName.get(one.name)))) return leave('containers-run');
  const proxy = byName.get(proxyContainerName);
  if (terminatedOf(proxy) !== undefined) return leave('proxy-ended');
  if (!isObject(proxy?.['state']) || !isObject(proxy['state']['running'])) return leave('proxy-not-running');
  if (port <= 0) return leave('no-status-port');
  return { kind: 'done', proxy: String(proxy['containerID'] ?? proxy['restartCount'] ?? ''), port };
}

function terminatedOf(status: JsonObject | undefined): JsonObject | undefined {
  const state = status?.['state'];
  return isObject(state) && isObject(state['terminated']) ? state['terminated'] : undefined;
}

/** For good: the kubelet will not start it again. A policy of the container's own goes before the pod's (KEP-5307). */
function hasEnded(container: Container, podPolicy: string | undefined, status: JsonObject | undefined): boolean {
  const exitCode = terminatedOf(status)?.['exitCode'];
  if (typeof exitCode !== 'number') return false;
  const rules = (container as unknown as JsonObject)['restartPolicyRules'];
  if (Array.isArray(rules) && rules.some((rule) => restartsAt(rule, exitCode))) return false;
  const policy = container.restartPolicy ?? podPolicy;
  return policy === 'Never' || (policy === 'OnFailure' && exitCode === 0);
}

/** An action that we do not know may be one that starts it again. */
function restartsAt(rule: unknown, exitCode: number): boolean {
  const codes = isObject(rule) ? rule['exitCodes'] : undefined;
  if (!isObject(codes) || !Array.isArray(codes['values'])) return true;
  return codes['values'].includes(exitCode) === (codes['operator'] === 'In');
}
