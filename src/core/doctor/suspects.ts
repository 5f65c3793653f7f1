// Answers: of the webhooks that are called for a pod, which one took something off it.
//
// The API server says what became of a pod, not who did it. Each probe names the webhooks that were called for it: whoever
// was called for one that came back whole is innocent, and the guilty are among the rest of one that did not. Where more
// than one is left, each is asked itself, with the review that the API server would send (edge/kube/ask-webhook.ts).
import type { PodWebhook } from '../cluster/webhooks.ts';
import { fewOf } from '../model/plain-text.ts';
import { quoted } from '../model/problem.ts';
import type { AskedWebhook, ProbeResult, Question } from './observations.ts';
import { keyOf } from './probes.ts';

/** True where the pod lost it, false where it kept it, undefined where the probe shows nothing. */
export type IsHit = (probe: ProbeResult) => boolean | undefined;

/** For each probe that lost something, who may have taken it: in the order of their calls. */
export function suspectsOf(probes: readonly ProbeResult[], isHit: IsHit): readonly (readonly PodWebhook[])[] {
  const innocent = new Set(probes.filter((probe) => isHit(probe) === false).flatMap(({ called }) => called.map(keyOf)));
  return probes
    .filter((probe) => isHit(probe) === true)
    .map(({ called }) => {
      const left = called.filter((webhook) => !innocent.has(keyOf(webhook)));
      return left.length > 0 ? left : called; // one that only does it to some pods
    });
}

/** What has to be asked of webhooks themselves, since the probes leave more than one. */
export function questionsTo(
  probes: readonly ProbeResult[],
  isHit: IsHit,
  about: Question['about'],
): readonly Question[] {
  const ambiguous = suspectsOf(probes, isHit).filter((suspects) => suspects.length > 1);
  const webhooks = new Map(ambiguous.flat().map((webhook) => [keyOf(webhook), webhook]));
  return [...webhooks.values()].map((webhook) => ({ webhook, about }));
}

/** Once each, and without sets that hold another one: they say no more than that one. */
export function sharpest<T extends { readonly webhooks: readonly PodWebhook[] }>(sets: readonly T[]): readonly T[] {
  const distinct = [...new Map(sets.map((one) => [one.webhooks.map(keyOf).join(), one])).values()];
  const holds = (one: T, other: T): boolean => other.webhooks.every((webhook) => one.webhooks.includes(webhook));
  return distinct.filter((one) => !distinct.some((other) => other !== one && holds(one, other)));
}

export interface Guilty {
  readonly webhooks: readonly PodWebhook[];
  readonly how: 'only one left' | 'did it when asked' | 'suspects';
}

/** Whom the probes and the answers leave, each set once. */
export function guiltyOf(
  probes: readonly ProbeResult[],
  isHit: IsHit,
  asked: readonly AskedWebhook[],
  about: Question['about'],
): readonly Guilty[] {
  const answers = asked.filter((one) => one.about === about);
  return sharpest(suspectsOf(probes, isHit).map((suspects) => verdictOn(suspects, answers)));
}

function verdictOn(suspects: readonly PodWebhook[], asked: readonly AskedWebhook[]): Guilty {
  if (suspects.length <= 1) return { webhooks: suspects, how: 'only one left' };
  const answerOf = (webhook: PodWebhook) => asked.find((one) => keyOf(one.webhook) === keyOf(webhook))?.answer;
  const caught = suspects.filter((webhook) => answerOf(webhook) === 'strips');
  if (caught.length > 0) return { webhooks: caught, how: 'did it when asked' };
  const left = suspects.filter((webhook) => answerOf(webhook) !== 'keeps');
  if (left.length === 1) return { webhooks: left, how: 'only one left' };
  return { webhooks: left.length > 0 ? left : suspects, how: 'suspects' };
}

const mostSuspects = 8;
const proofs = {
  'only one left': 'the pods that it is called for lose it, those that only others are called for do not',
  'did it when asked': 'asked with a pod that has it, its patch takes it away',
} as const;

/** `Webhook "a" of configuration "b" <does it>: <how one knows>`; where several may have, all of them. */
export function accusation({ webhooks, how }: Guilty, doesIt: string): string {
  const names = webhooks.map(webhookText);
  return how === 'suspects'
    ? `One of these, in the order of their calls, ${doesIt}: ${listOf(names)}`
    : `${capital(names.join(' and '))} ${doesIt}: ${proofs[how]}`;
}

/** One of these webhooks, in words. */
export function oneOfText(webhooks: readonly PodWebhook[]): string {
  const names = webhooks.map(webhookText);
  return capital(names.length === 1 ? (names[0] ?? '') : `one of ${listOf(names)}`);
}

function listOf(names: readonly string[]): string {
  return fewOf(names, mostSuspects);
}

function webhookText({ name, configuration, service }: PodWebhook): string {
  const behind = service === undefined ? '' : ` (Service ${service.name} in ${service.namespace})`;
  return `webhook ${quoted(name)} of configuration ${quoted(configuration)}${behind}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
