// Answers: which webhook takes restartPolicy: Always off init containers, and which labels pods for us too late.
//
// Source: the order of calls and their second round are those of the mutating dispatcher of the API server.
import { inCallOrder, isCalledFor, type PodWebhook } from '../cluster/webhooks.ts';
import { stableMinor } from '../model/facts.ts';
import { isObject } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import { type CheckResult, checked, unchecked, unseen } from './check-result.ts';
import { type Finding, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import { type Observations, type ProbeResult, type Question, seenValue } from './observations.ts';
import { hasProxy, staysOnPod } from './probed-pod.ts';
import { isAfterUs, probeSidecar } from './probes.ts';
import { accusation, type Guilty, guiltyOf, oneOfText, questionsTo, sharpest, suspectsOf } from './suspects.ts';

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

/** What has to be asked of webhooks themselves. */
export function askAboutRestartPolicy(probes: readonly ProbeResult[]): readonly Question[] {
  return questionsTo(probes, isStripped, 'restartPolicy');
}

export function checkRestartPolicy(observed: Observations, known: Knowledge): CheckResult {
  const { probes, asked } = observed;
  if (isGateOff(observed, known)) {
    const what = 'The API server takes restartPolicy off init containers by itself';
    return checked('the API server drops it', [found('native-switched-off', what)]);
  }
  const telling = probes.filter((probe) => isStripped(probe) !== undefined);
  if (telling.length === 0) return unchecked('no probe pod with a native sidecar of its own could be created');
  const guilty = guiltyOf(telling, isStripped, asked, 'restartPolicy');
  if (guilty.length === 0) {
    return checked(`restartPolicy: Always stays on ${telling.length === 1 ? 'the probe pod' : 'all probe pods'}`);
  }
  return checked(
    'restartPolicy: Always is taken off init containers',
    guilty.map((one) => stripFinding(one, telling, known)),
  );
}

/** Only where nobody else can have done it; from 1.33 on it cannot be the API server. */
function isGateOff({ restartPolicy, ownNamespace }: Observations, { others }: Knowledge): boolean {
  const labels = seenValue(ownNamespace)?.metadata.labels ?? {};
  return restartPolicy === 'drops' && !others.some((webhook) => isCalledFor(webhook, labels, {}));
}

function stripFinding(guilty: Guilty, probes: readonly ProbeResult[], known: Knowledge): Finding {
  const hitsOurs = probes.some((probe) => probe.purpose === 'injection' && isStripped(probe) === true);
  const from = hitsOurs
    ? 'the sidecars that are injected, and those of pods themselves'
    : 'native sidecars of pods themselves';
  const isOld = known.kubernetes === undefined || known.kubernetes.minor < stableMinor;
  if (guilty.webhooks.length === 0) {
    const who = isOld ? 'the API server itself (feature gate SidecarContainers) or Pillion' : 'Pillion';
    return found('restart-policy-stripped', `Nobody else is called for the pods that lose it, which leaves ${who}`);
  }
  const orServer =
    isOld && guilty.how !== 'did it when asked'
      ? ', unless the API server drops it itself (feature gate SidecarContainers)'
      : '';
  const what = accusation(guilty, `takes restartPolicy: Always off ${from}`);
  return found('restart-policy-stripped', what + orServer, hitsOurs ? undefined : keepAway);
}

/** The injected sidecar is put right in the second round of calls, or comes after it. */
const keepAway = 'Upgrade whoever runs the webhook, or keep it away from these pods by its selectors.';

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
  return found('label-added-late', `${oneOfText(suspects)} labels pods for injection after our turn`);
}
