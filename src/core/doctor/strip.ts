// Answers: which webhook takes restartPolicy: Always off init containers, and which labels pods for us too late.
//
// The API server says what became of a pod, not who did it. Each probe names the webhooks that were called for it: whoever
// was called for one that came back whole is innocent, and the guilty are among the rest of one that did not. Where more
// than one is left, each is asked itself, with the review that the API server would send (edge/kube/ask-webhook.ts).
// Source: the order of calls and their second round are those of the mutating dispatcher of the API server.
import { inCallOrder, isCalledFor, type PodWebhook } from '../cluster/webhooks.ts';
import { stableMinor } from '../model/facts.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import { quoted } from '../model/problem.ts';
import { type CheckResult, checked, unchecked, unseen } from './check-result.ts';
import { type Finding, fewOf, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import { type AskedWebhook, type Observations, type ProbeResult, seenValue } from './observations.ts';
import { isAfterUs, keyOf, probeSidecar } from './probes.ts';
import { hasProxy } from './reach.ts';

/** What validation says of a probe on an init container that does not stay, and the guard of one without probes. */
const refusedForStripping =
  /may not be set for init containers without restartPolicy=Always|has lost restartPolicy: Always/;
/** What comes after validation, so that the pod was whole until then. */
const refusedLater = /violates PodSecurity|exceeded quota|ValidatingAdmissionPolicy/;

/** True and false where the probe shows it; undefined where it shows nothing. */
function isStripped({ purpose, outcome }: ProbeResult): boolean | undefined {
  if (outcome.kind === 'forbidden') return undefined;
  if (outcome.kind === 'refused') {
    if (refusedForStripping.test(outcome.message)) return true;
    return refusedLater.test(outcome.message) && purpose === 'restartable' ? false : undefined;
  }
  return purpose === 'restartable' ? !staysOnPod(outcome.pod, probeSidecar) : undefined;
}

/** True where the pod has an init container of that name with restartPolicy Always. */
export function staysOnPod({ spec }: JsonObject, container: string): boolean {
  const list = isObject(spec) ? spec['initContainers'] : undefined;
  return (
    Array.isArray(list) &&
    list.some((one) => isObject(one) && one['name'] === container && one['restartPolicy'] === 'Always')
  );
}

/** For each probe that lost something, who may have taken it: in the order of their calls. */
function suspectsOf(
  probes: readonly ProbeResult[],
  isHit: (probe: ProbeResult) => boolean | undefined,
): readonly (readonly PodWebhook[])[] {
  const innocent = new Set(probes.filter((probe) => isHit(probe) === false).flatMap(({ called }) => called.map(keyOf)));
  return probes
    .filter((probe) => isHit(probe) === true)
    .map(({ called }) => {
      const left = called.filter((webhook) => !innocent.has(keyOf(webhook)));
      return left.length > 0 ? left : called; // one that only does it to some pods
    });
}

/** The webhooks that have to be asked themselves, since the probes leave more than one. */
export function webhooksToAsk(probes: readonly ProbeResult[]): readonly PodWebhook[] {
  const ambiguous = suspectsOf(probes, isStripped).filter((suspects) => suspects.length > 1);
  return [...new Map(ambiguous.flat().map((webhook) => [keyOf(webhook), webhook])).values()];
}

export function checkRestartPolicy(observed: Observations, known: Knowledge): CheckResult {
  const { probes, asked } = observed;
  if (isGateOff(observed, known)) {
    const what = 'The API server takes restartPolicy off init containers by itself';
    return checked('the API server drops it', [found('native-switched-off', what)]);
  }
  const telling = probes.filter((probe) => isStripped(probe) !== undefined);
  if (telling.length === 0) return unchecked('no probe pod with a native sidecar of its own could be created');
  const suspects = suspectsOf(telling, isStripped);
  if (suspects.length === 0) {
    return checked(`restartPolicy: Always stays on ${telling.length === 1 ? 'the probe pod' : 'all probe pods'}`);
  }
  return checked(
    'restartPolicy: Always is taken off init containers',
    sharpest(suspects.map((one) => verdictOn(one, asked))).map((one) => stripFinding(one, telling, known)),
  );
}

/** Only where nobody else can have done it; from 1.33 on it cannot be the API server. */
function isGateOff({ restartPolicy, ownNamespace }: Observations, { others }: Knowledge): boolean {
  const labels = seenValue(ownNamespace)?.metadata.labels ?? {};
  return restartPolicy === 'drops' && !others.some((webhook) => isCalledFor(webhook, labels, {}));
}

/** Once each, and without sets that hold another one: they say no more than that one. */
function sharpest<T extends { readonly webhooks: readonly PodWebhook[] }>(sets: readonly T[]): readonly T[] {
  const distinct = [...new Map(sets.map((one) => [one.webhooks.map(keyOf).join(), one])).values()];
  const holds = (one: T, other: T): boolean => other.webhooks.every((webhook) => one.webhooks.includes(webhook));
  return distinct.filter((one) => !distinct.some((other) => other !== one && holds(one, other)));
}

interface Guilty {
  readonly webhooks: readonly PodWebhook[];
  readonly how: 'only one left' | 'did it when asked' | 'suspects';
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

function stripFinding({ webhooks, how }: Guilty, probes: readonly ProbeResult[], known: Knowledge): Finding {
  const hitsOurs = probes.some((probe) => probe.purpose === 'injection' && isStripped(probe) === true);
  const from = hitsOurs
    ? 'the sidecars that are injected, and those of pods themselves'
    : 'native sidecars of pods themselves';
  const isOld = known.kubernetes === undefined || known.kubernetes.minor < stableMinor;
  const [only] = webhooks;
  if (only === undefined) {
    const who = isOld ? 'the API server itself (feature gate SidecarContainers) or Pillion' : 'Pillion';
    return found('restart-policy-stripped', `Nobody else is called for the pods that lose it, which leaves ${who}`);
  }
  const names = webhooks.map(webhookText);
  const what =
    how === 'suspects'
      ? `One of these, in the order of their calls, takes restartPolicy: Always off ${from}: ${fewOf(names, mostSuspects)}`
      : `${capital(names.join(' and '))} takes restartPolicy: Always off ${from}: ${proofs[how]}`;
  const orServer =
    isOld && how !== 'did it when asked'
      ? ', unless the API server drops it itself (feature gate SidecarContainers)'
      : '';
  return found('restart-policy-stripped', what + orServer, hitsOurs ? undefined : keepAway);
}

const mostSuspects = 8;
const proofs = {
  'only one left': 'the pods that it is called for lose it, those that only others are called for do not',
  'did it when asked': 'asked with a pod that has it, its patch takes it away',
} as const;
/** The injected sidecar is put right in the second round of calls, or comes after it. */
const keepAway = 'Upgrade whoever runs the webhook, or keep it away from these pods by its selectors.';

function webhookText({ name, configuration, service }: PodWebhook): string {
  const behind = service === undefined ? '' : ` (Service ${service.name} in ${service.namespace})`;
  return `webhook ${quoted(name)} of configuration ${quoted(configuration)}${behind}`;
}

export function checkLateLabels({ probes, configurations, namespaces }: Observations, known: Knowledge): CheckResult {
  if (configurations.kind === 'hidden') return unseen(configurations);
  if (!inCallOrder(configurations.value).some(isAfterUs)) return checked('no webhook is called after ours');
  const labelsOf = (name: string): StringMap =>
    namespaces.kind === 'seen' ? (namespaces.value.find((one) => one.name === name)?.labels ?? {}) : {};
  const calls = (place: string, pod: StringMap): boolean =>
    known.ours.some((webhook) => isCalledFor(webhook, labelsOf(place), pod));
  const isHit = ({ outcome, place }: ProbeResult): boolean | undefined => {
    if (outcome.kind !== 'created' || calls(place.namespace, place.labels)) return undefined;
    if (hasProxy(outcome.pod)) return false; // labelled before our turn, so that we were called
    const metadata = isObject(outcome.pod['metadata']) ? outcome.pod['metadata'] : {};
    const labels = isObject(metadata['labels']) ? metadata['labels'] : {};
    return calls(place.namespace, labels as StringMap);
  };
  const late = probes.map((probe) => ({ ...probe, called: probe.called.filter(isAfterUs) }));
  const guilty = sharpest(suspectsOf(late, isHit).map((webhooks) => ({ webhooks })));
  const telling = late.filter((probe) => isHit(probe) !== undefined).length;
  if (guilty.length === 0 && telling === 0)
    return unchecked('no probe pod could be created where such a webhook is called');
  return checked(
    guilty.length === 0
      ? 'no webhook after ours labels pods for injection'
      : 'pods are labelled for injection too late',
    guilty.map(({ webhooks }) => lateFinding(webhooks)),
  );
}

function lateFinding(suspects: readonly PodWebhook[]): Finding {
  const names = suspects.map(webhookText);
  const who = names.length === 1 ? (names[0] ?? '') : `one of ${fewOf(names, mostSuspects)}`;
  return found('label-added-late', `${capital(who)} labels pods for injection after our turn`);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
