// Answers: what happens to this pod. The one road: the webhook, the command line, the tests and the benchmark all take
// it. Pure: the same review and facts give the same verdict.
import { buildPod } from './build.ts';
import { passGates } from './decide/gates.ts';
import { decideNative } from './decide/native.ts';
import { choiceWarning, endlessNotice, skipNotice } from './decide/notice.ts';
import type { Facts } from './model/facts.ts';
import { isObject } from './model/json.ts';
import { type Pod, proxyContainerName } from './model/pod.ts';
import type { Review } from './model/review.ts';
import type { InjectReason, NativeDecision, SkipReason, TraceEntry, Verdict } from './model/verdict.ts';
import { createPatch } from './patch.ts';
import { readPod } from './pod-shape.ts';
import { chooseTemplates } from './render/templates.ts';
import { readAnnotations, unreadAnnotations, unreadWarning } from './settings/annotations.ts';
import { resolveEffective } from './settings/effective.ts';
import { asksForModules, moduleTrace, supply } from './supply.ts';
import { denied, deny, skip } from './verdicts.ts';
import { deliverModules } from './wasm/delivery/deliver-modules.ts';

/** The verdict on the pod of a review, by what is known at this moment. Never throws on what a user can write. */
export function admit(review: Review, facts: Facts): Verdict {
  const { object } = review;
  if (isObject(object) && typeof object['kind'] === 'string' && object['kind'] !== 'Pod') {
    return skip('not-a-pod', [{ gate: 'kind', outcome: 'skip', because: `the object is a ${object['kind']}` }]);
  }
  const read = readPod(object);
  if (!read.ok)
    return deny('invalid-pod', read.error, [{ gate: 'shape', outcome: 'deny', because: 'cannot be read as a pod' }]);
  const pod = read.value;
  const namespace = pod.metadata.namespace || review.namespace;
  if (asksForModules(review)) return supply(review, pod, namespace, facts);
  const decision = passGates(pod, namespace, facts);
  const warnings = [
    ...choiceWarning(pod.metadata),
    ...unreadAnnotations(pod.metadata.annotations ?? {}).map(unreadWarning),
  ];
  if (decision.kind === 'skip') {
    const reason = decision.reason as SkipReason;
    const notice = skipNotice(reason, pod.metadata, facts.registration);
    return { ...skip(reason, decision.trace, warnings), ...(notice !== undefined && { notice }) };
  }
  return injectPod({
    review,
    pod,
    namespace,
    facts,
    reason: decision.reason as InjectReason,
    trace: decision.trace,
    warnings,
  });
}

interface Passed {
  readonly review: Review;
  readonly pod: Pod;
  readonly namespace: string;
  readonly facts: Facts;
  readonly reason: InjectReason;
  readonly trace: readonly TraceEntry[];
  readonly warnings: readonly string[];
}

function injectPod({ review, pod, namespace, facts, reason, trace, warnings }: Passed): Verdict {
  const { annotations, problems } = readAnnotations(pod.metadata.annotations ?? {});
  const decided = decideNative(annotations.nativeSidecar, pod.spec, facts.native);
  const effective = resolveEffective({ pod, namespace, path: review.path, annotations, native: decided.native }, facts);
  const templates = chooseTemplates(effective);
  const names = templates.chosen.map(({ name }) => name);
  const wrong = problems.filter(({ onlyIn }) => onlyIn?.some((name) => names.includes(name)) ?? true);
  if (wrong.length > 0 || templates.problems.length > 0) {
    const denyReason = wrong.length > 0 ? 'invalid-annotation' : 'unknown-template';
    return deny(denyReason, [...wrong, ...templates.problems], [...trace, denied('annotations')], warnings);
  }
  const built = buildPod(pod, templates.chosen, effective);
  if (!built.ok) return deny('invalid-annotation', built.error, [...trace, denied('metrics')], warnings);
  const supplied = deliverModules({ pod: built.value, namespace, named: annotations.wasmModules ?? [], facts });
  if (!supplied.ok) return deny('invalid-annotation', supplied.error, [...trace, denied('modules')], warnings);
  const { pod: finished, modules } = supplied.value;
  const native = placed(decided, finished);
  const notice = endlessNotice(finished, facts);
  return {
    kind: 'inject',
    reason,
    patch: createPatch(review.object as object, finished),
    pod: finished,
    native,
    templates: names,
    modules,
    warnings: [...warnings, ...supplied.value.warnings],
    ...(notice !== undefined && { notice }),
    trace: [
      ...trace,
      { gate: 'annotations', outcome: 'pass', because: 'all that are read can be read' },
      { gate: 'native', outcome: 'note', because: `${native.native ? 'native' : 'plain'}: ${native.detail}` },
      { gate: 'templates', outcome: 'note', because: names.join(', ') },
      ...moduleTrace(supplied.value),
    ],
  };
}

/** What became of the decision: templates other than `sidecar` have no native form. */
function placed(decided: NativeDecision, pod: Pod): NativeDecision {
  if (!decided.native || pod.spec.initContainers?.some(({ name }) => name === proxyContainerName)) return decided;
  return { native: false, reason: 'template-has-none', detail: 'the templates have no native form' };
}
