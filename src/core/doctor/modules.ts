// Answers: do the Wasm modules of extensions come to the pods that they select.
// Does not belong here: what a pod gets (core/supply.ts), whether nodes have the modules (kubectl get wasmstores).
import { admit } from '../admit.ts';
import { driftText, findDrift } from '../cluster/drift.ts';
import { hasPolicies } from '../cluster/kubernetes-version.ts';
import { isCalledFor } from '../cluster/webhooks.ts';
import { wasmPolicies } from '../install/policies.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { fewOf } from '../model/plain-text.ts';
import { problemLine } from '../model/problem.ts';
import { standingOf } from '../wasm/declaration/standing.ts';
import { extensionProblems, readDeliverable } from '../wasm/delivery/extension-table.ts';
import { whyLeftWaiting } from '../wasm/delivery/store-pods.ts';
import { deliveryPath } from '../wasm/names.ts';
import { type CheckResult, checked, checkSeen, notInstalled, unchecked, unseen } from './check-result.ts';
import { count, type Finding, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import type { NamespaceView, Observations, ObservedExtension, WorkloadPods } from './observations.ts';
import { reviewOf } from './reach.ts';

/** True for a running pod whose proxy lacks volumes that it would have if it were created now. */
export function lacksModules(pod: KubeObject, { name, labels }: NamespaceView, known: Knowledge): boolean {
  const { facts, delivering } = known;
  if (!facts?.ok || facts.value.extensions === undefined || facts.value.extensions.size === 0) return false;
  if (!delivering.some((webhook) => isCalledFor(webhook, labels, pod.metadata.labels ?? {}))) return false;
  const verdict = admit({ ...reviewOf(pod, name), path: deliveryPath }, facts.value);
  return verdict.kind === 'deliver' && verdict.patch.some(({ path }) => path.startsWith('/spec/'));
}

/** What is observed of a WasmExtension. One that nobody has looked at yet, or that is under way, says nothing. */
export function observedExtension(object: KubeObject): ObservedExtension {
  const { conditions = [] } = standingOf(object);
  const ready = conditions.find(({ type }) => type === 'Ready');
  const { namespace = '', name } = object.metadata;
  return {
    ...readDeliverable(object),
    ...(ready?.status === 'False' && { notReady: `${namespace}/${name} (${ready.reason})` }),
  };
}

export function checkModules(observed: Observations, known: Knowledge): CheckResult {
  const isInstalled = observed.ownNamespace.kind === 'hidden' || observed.ownNamespace.value !== undefined;
  const found = checkDelivery(observed, known);
  // of options that cannot be read nobody knows whether modules are delivered
  const result = isInstalled && !known.installation?.ok ? found : withHeld(found, observed);
  // what an installation left behind is told of once it is gone, and nothing else
  return isInstalled || (result.kind === 'checked' && result.findings.length > 0) ? result : unchecked(notInstalled);
}

function withHeld(result: CheckResult, { pods, stores }: Observations): CheckResult {
  if (result.kind === 'unchecked' || pods.kind === 'hidden' || stores.kind === 'hidden') return result;
  const left = pods.value.held.flatMap((pod) => {
    const why = whyLeftWaiting(pod, stores.value);
    return why === undefined ? [] : [`${pod.namespace}/${pod.name}: ${why}`];
  });
  if (left.length === 0) return result;
  const held = found('wasm-pods-held', `${count(left.length, 'pod')}: ${fewOf(left)}`);
  return checked(result.saw, [...result.findings, held]);
}

function checkDelivery(observed: Observations, known: Knowledge): CheckResult {
  const { extensions, pods } = observed;
  const { options, facts } = known;
  if (!options.wasm.enabled) return checked('not delivered: the option wasm.enabled is off');
  if (!facts?.ok) return unchecked('the settings cannot be read');
  if (extensions.kind === 'hidden') return unseen(extensions);
  const declared = extensions.value;
  if (declared === undefined) return checked('the kinds are missing', [found('wasm-kinds-missing', kindsMissing)]);
  const problems = extensionProblems(declared);
  const unreadable = `${count(problems.length, 'extension')}: ${fewOf(problems.map(problemLine))}`;
  const notReady = declared.flatMap(({ problem, notReady }) => (problem === undefined ? (notReady ?? []) : []));
  const refused = `${count(notReady.length, 'extension')}: ${fewOf(notReady)}`;
  return checkSeen(pods, ({ withoutModules }) =>
    checked(count(declared.length, 'extension'), [
      ...policyFindings(observed, known),
      ...(problems.length === 0 ? [] : [found('wasm-extension-unreadable', unreadable)]),
      ...(notReady.length === 0 ? [] : [found('wasm-extension-not-ready', refused)]),
      ...missing(withoutModules),
    ]),
  );
}

/** Of those that an installation brings, the ones that are not as it would bring them. */
function policyFindings({ policies }: Observations, { options, kubernetes }: Knowledge): readonly Finding[] {
  if (policies.kind === 'hidden' || !hasPolicies(kubernetes?.minor)) return [];
  const wrong = wasmPolicies(options).flatMap((wanted) => {
    const { kind, metadata } = wanted;
    const actual = policies.value.find((one) => one.kind === kind && one.metadata.name === metadata.name);
    const drift = actual && findDrift(actual, wanted);
    if (actual !== undefined && drift === undefined) return [];
    return [`${kind} ${metadata.name}: ${drift === undefined ? 'it is missing' : driftText(drift)}`];
  });
  return wrong.length === 0 ? [] : [found('wasm-policies-differ', fewOf(wrong))];
}

const kindsMissing = 'The API server knows no WasmExtension';

function missing(workloads: readonly WorkloadPods[]): readonly Finding[] {
  if (workloads.length === 0) return [];
  const total = workloads.reduce((sum, one) => sum + one.pods, 0);
  const names = workloads.map(({ namespace, kind, name }) => `${namespace}/${kind}/${name}`);
  return [
    found('wasm-modules-missing', `${count(total, 'pod')} of ${count(workloads.length, 'workload')}: ${fewOf(names)}`),
  ];
}
