// Answers: is the registration as the options ask, is another injector called for the same pods, and do the labels of
// namespaces say what their owners mean.
import { driftText, findDrift } from '../cluster/drift.ts';
import { names } from '../cluster/names.ts';
import { findOverlaps } from '../cluster/overlap.ts';
import { neverCalled, withoutBundles } from '../cluster/registration.ts';
import { isCalledFor } from '../cluster/webhooks.ts';
import { injectionLabel } from '../cluster/well-known.ts';
import { type JsonObject, objectsIn } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { fewOf } from '../model/plain-text.ts';
import { quoted } from '../model/problem.ts';
import { type CheckResult, checked, checkSeen } from './check-result.ts';
import { count, type Finding, type FindingId, found } from './findings.ts';
import { areCalledFor, type Knowledge } from './knowledge.ts';
import { type NamespaceView, type Observations, seenValue } from './observations.ts';

export function checkRegistration({ configurations }: Observations, { expected }: Knowledge): CheckResult {
  return checkSeen(configurations, (list) => {
    const actual = list.find(({ metadata }) => metadata.name === names.registration);
    if (actual === undefined) {
      const what = `There is no MutatingWebhookConfiguration ${names.registration}`;
      return checked('there is none', [found('not-registered', what)]);
    }
    const drift = findDrift(withoutBundles(actual), expected); // the check of the certificate looks at the bundles
    if (drift !== undefined)
      return checked('not as the options ask', [found('registration-differs', driftText(drift))]);
    return checked(`as the options ask, ${count(webhooksOf(expected).length, 'webhook')}`);
  });
}

function webhooksOf({ webhooks }: KubeObject): readonly JsonObject[] {
  return objectsIn(webhooks);
}

export function checkOverlap({ configurations }: Observations, { options }: Knowledge): CheckResult {
  return checkSeen(configurations, (list) => {
    const overlaps = findOverlaps(list, options);
    if (overlaps.length === 0) return checked('no other injector is called for our pods');
    return checked(
      'another injector is called for our pods',
      overlaps.map(({ configuration, webhook, because, remedy }) =>
        found(
          'overlap',
          `Webhook ${quoted(webhook)} of configuration ${quoted(configuration)}: ${because}`,
          `${remedy}.`,
        ),
      ),
    );
  });
}

const revisionLabel = 'istio.io/rev';

/** One finding for each kind of trouble, however many namespaces have it. */
export function checkNamespaces(observed: Observations, known: Knowledge): CheckResult {
  return checkSeen(observed.namespaces, (namespaces) => {
    const opted = namespaces.filter((namespace) => areCalledFor(known, namespace, {}));
    const isBoth = ({ labels }: NamespaceView): boolean =>
      labels[injectionLabel] !== undefined && labels[revisionLabel] !== undefined;
    const isUnknown = ({ labels }: NamespaceView): boolean =>
      !['enabled', 'disabled', undefined].includes(labels[injectionLabel]);
    const unserved = isKnown(observed) ? namespaces.filter((one) => asks(one) && !isServed(one, known)) : [];
    return checked(`${opted.length} of ${count(namespaces.length, 'namespace')} opted in`, [
      ...group('labels-contradict', namespaces.filter(isBoth), both),
      ...group('injection-value-unknown', namespaces.filter(isUnknown), injectionText),
      ...group('namespace-unserved', unserved, (one) => unservedText(one, known)),
    ]);
  });
}

/** Without the configurations nobody knows who else is called. */
function isKnown({ configurations }: Observations): boolean {
  return seenValue(configurations) !== undefined;
}

function asks({ labels }: NamespaceView): boolean {
  const injection = labels[injectionLabel];
  return injection === 'enabled' || (injection === undefined && labels[revisionLabel] !== undefined);
}

function isServed(namespace: NamespaceView, known: Knowledge): boolean {
  const injectors = known.others.filter(({ name }) => name.endsWith('sidecar-injector.istio.io'));
  return [...known.ours, ...injectors].some((webhook) => isCalledFor(webhook, namespace.labels, {}));
}

function group(
  finding: FindingId,
  namespaces: readonly NamespaceView[],
  text: (namespace: NamespaceView) => string,
): readonly Finding[] {
  if (namespaces.length === 0) return [];
  return [found(finding, `${count(namespaces.length, 'namespace')}: ${fewOf(namespaces.map(text))}`)];
}

function both(namespace: NamespaceView): string {
  return `${namespace.name} (${labelText(namespace, injectionLabel)}, ${labelText(namespace, revisionLabel)})`;
}

function injectionText(namespace: NamespaceView): string {
  return `${namespace.name} (${labelText(namespace, injectionLabel)})`;
}

function unservedText(namespace: NamespaceView, { options }: Knowledge): string {
  const label = namespace.labels[injectionLabel] === undefined ? revisionLabel : injectionLabel;
  const excluded = neverCalled(options).includes(namespace.name) ? ', excluded' : '';
  return `${namespace.name} (${labelText(namespace, label)}${excluded})`;
}

function labelText({ labels }: NamespaceView, key: string): string {
  return `${key}=${labels[key]}`;
}
