// Answers: does the API server reach the webhook, by what it says to a pod that should be injected; and what do its
// messages mean.

import { admit } from '../admit.ts';
import { names, ownNamespace, serviceHost } from '../cluster/names.ts';
import { quoted } from '../model/problem.ts';
import type { Verdict } from '../model/verdict.ts';
import { type CheckResult, checked, unchecked } from './check-result.ts';
import { type Finding, type FindingId, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import { type Observations, type Place, type ProbeOutcome, type ProbeResult, seenValue } from './observations.ts';
import { hasProxy, isMarkedInjected } from './probed-pod.ts';
import { probePod } from './probes.ts';
import { isRemovedFrom, removalFindings } from './removal.ts';

/** What the API server says where a webhook that it has to ask fails. */
const failedCall = /failed calling webhook "([^"]+)": (.*)$/s;
const noDryRun = /admission webhook "([^"]+)" does not support dry run/;
/** What it says where a webhook refuses the pod, and where the guard does because of a sidecar that is not there. */
const refusedBy = /admission webhook "([^"]+)" denied the request: (.*)$/s;
const missedByGuard = new RegExp(
  `ValidatingAdmissionPolicy '${names.guard}' .*denied request: Pod has no sidecar`,
  's',
);

/** Parts of the reason, the first that fits: texts of Go's network library and of the API server. */
const meanings: readonly (readonly [RegExp, FindingId])[] = [
  [/no endpoints available|no service port|(service|endpoints) "[^"]*" not found/i, 'webhook-without-endpoints'],
  [/x509:|certificate|tls:/i, 'webhook-untrusted'],
  [/connection refused/i, 'webhook-refused'],
  [/deadline exceeded|timeout|no route to host|network is unreachable/i, 'webhook-timeout'],
];

/** Refusals that say nothing about webhooks: the next namespace may be better. */
const ofThePlace =
  /service ?account|violates PodSecurity|exceeded quota|being terminated|namespaces? "[^"]*" not found/i;

/** True where the pod could not be created for reasons of the namespace. */
export function isTroubleOfPlace(outcome: ProbeOutcome): boolean {
  return outcome.kind === 'forbidden' || (outcome.kind === 'refused' && ofThePlace.test(outcome.message));
}

/** Plain sidecars of others have no share in it: the proxy of a pod that nobody else injects is ours. */
export function checkReach(observed: Observations, known: Knowledge): CheckResult {
  const { probes, configurations } = observed;
  const probe = probes.find(({ purpose }) => purpose === 'injection');
  if (probe === undefined) return unchecked('there is no namespace where a probe pod would be injected');
  const { outcome, place } = probe;
  const where = `namespace ${place.namespace}`;
  if (outcome.kind === 'forbidden') return unchecked(`a pod may not be created in ${where}, not even by dry run`);
  const others = otherFailures(probes);
  if (isRemovedFrom(outcome)) {
    const removed = removalFindings(observed);
    return checked(`a probe pod in ${where} was injected, and lost its sidecar again`, [...removed, ...others]);
  }
  if (outcome.kind === 'refused') return checkRefused(outcome.message, where, others);
  if (hasProxy(outcome.pod) || isMarkedInjected(outcome.pod))
    return checked(`a probe pod in ${where} came back injected`, others);
  const verdict = verdictOn(place, known);
  if (verdict !== undefined && verdict.kind !== 'inject') {
    return unchecked(`by the settings the probe pod is not injected (${verdict.reason})`);
  }
  const isRegistered = seenValue(configurations)?.some(({ metadata }) => metadata.name === names.registration) ?? true;
  const remedy = isRegistered ? undefined : 'There is no registration: see that check.';
  return checked('it is not reached', [
    found('webhook-not-called', `A probe pod in ${where} came back without a sidecar`, remedy),
    ...others,
  ]);
}

function checkRefused(message: string, where: string, others: readonly Finding[]): CheckResult {
  const own = failedOwnCall(message);
  if (own !== undefined) return checked('it is not reached', [own, ...others]);
  const denial = ownDenial(message);
  if (denial !== undefined) return checked(`it refuses a probe pod in ${where}`, [denial, ...others]);
  if (others.length > 0) return checked('a probe pod could not be created', others);
  if (missedByGuard.test(message)) {
    const what = `A probe pod in ${where} came without a sidecar, and the guard refused it`;
    return checked('it is not reached', [found('webhook-not-called', what)]);
  }
  const isProof = /violates PodSecurity.*istio-|without restartPolicy=Always|Pod would never start/s.test(message);
  if (isProof) return checked(`a probe pod in ${where} was injected, and then refused`, []);
  return unchecked(`the API server refuses a probe pod in ${where}: ${oneLine(message)}`);
}

function ownDenial(message: string): Finding | undefined {
  const [, webhook = '', reason = ''] = refusedBy.exec(message) ?? [];
  return isOurs(webhook) ? found('webhook-denies', oneLine(reason)) : undefined;
}

function failedOwnCall(message: string): Finding | undefined {
  const [, webhook = '', reason = ''] = failedCall.exec(message) ?? [];
  if (!isOurs(webhook)) return undefined;
  const why = lastOf(reason);
  const meaning = meanings.find(([pattern]) => pattern.test(why))?.[1] ?? 'webhook-failing';
  return found(meaning, `The API server cannot call https://${serviceHost}: ${why}`);
}

/** Once for each webhook, whichever probes met it. */
function otherFailures(probes: readonly ProbeResult[]): readonly Finding[] {
  const failing = new Map<string, Finding>();
  for (const { outcome, called } of probes) {
    if (outcome.kind !== 'refused') continue;
    const [, silent] = noDryRun.exec(outcome.message) ?? [];
    const [, broken, reason = ''] = failedCall.exec(outcome.message) ?? [];
    const name = silent ?? broken;
    if (name === undefined || isOurs(name)) continue;
    const configuration = called.find((one) => one.name === name)?.configuration;
    const webhook = `Webhook ${quoted(name)}${configuration === undefined ? '' : ` of configuration ${quoted(configuration)}`}`;
    failing.set(
      name,
      silent === undefined
        ? found('other-webhook-failing', `${webhook} fails: ${lastOf(reason)}`)
        : found('other-webhook-without-dry-run', `${webhook} does not support dry runs`),
    );
  }
  return [...failing.values()];
}

function isOurs(webhook: string): boolean {
  return webhook.endsWith('.pillion.dev');
}

/** The reason behind "failed to call webhook: Post …:", without the address, in which a timeout is named too. */
function lastOf(reason: string): string {
  return oneLine(reason.replace(/^failed to call webhook: /, '').replace(/^Post "[^"]*": /, ''));
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function verdictOn(place: Place, { facts }: Knowledge): Verdict | undefined {
  if (!facts?.ok) return undefined;
  const object = probePod('injection', place);
  return admit(reviewOf(object, place.namespace), facts.value);
}

/** The review of a pod that is to be created in the namespace. */
export function reviewOf(object: unknown, namespace: string): Parameters<typeof admit>[0] {
  const apiVersion = 'admission.k8s.io/v1';
  return { apiVersion, uid: ownNamespace, namespace, operation: 'CREATE', dryRun: true, object, path: '/inject' };
}
