// Answers: is this pod injected at all. Order matters: the first gate that speaks gives the reason.
// Does not belong here: how the sidecar looks (render/), native or plain (native.ts).
import type { Facts } from '../model/facts.ts';
import type { Pod, StringMap } from '../model/pod.ts';
import type { LabelSelector } from '../model/settings.ts';
import type { InjectReason, SkipReason, TraceEntry } from '../model/verdict.ts';
import { annotations as catalogue, labels as labelCatalogue } from '../settings/catalogue.ts';
import { askRegistration } from './registration.ts';

/** Namespaces that are never injected, whatever anybody says. */
export const ignoredNamespaces: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
];

/** Annotation that the kubelet puts on the image of a static pod (Kubernetes, well-known annotations). */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

interface Subject {
  readonly pod: Pod;
  readonly namespace: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly facts: Facts;
}

/** What a gate says: it decides, or lets the pod pass; either way, what it saw. */
type Answer =
  | { readonly decides: InjectReason; readonly outcome: 'inject'; readonly because: string }
  | { readonly decides: SkipReason; readonly outcome: 'skip'; readonly because: string }
  | { readonly decides: undefined; readonly because: string };

interface Gate {
  readonly name: string;
  readonly ask: (subject: Subject) => Answer;
}

const gates: readonly Gate[] = [
  { name: 'mirror pod', ask: mirrorPod }, // static pods cannot be changed through the API
  { name: 'namespace labels', ask: namespaceLabels }, // what the registration selects, where the labels are known
  { name: 'host network', ask: hostNetwork }, // redirection would hit the node
  { name: 'system namespace', ask: systemNamespace }, // the cluster has to start without us
  { name: 'opt in or out', ask: podChoice }, // the pod's label beats its annotation
  { name: 'neverInjectSelector', ask: neverSelector },
  { name: 'alwaysInjectSelector', ask: alwaysSelector },
  { name: 'policy', ask: policy }, // decides for every pod that nothing else spoke for
];

export interface GateDecision {
  readonly kind: 'inject' | 'skip';
  readonly reason: InjectReason | SkipReason;
  readonly trace: readonly TraceEntry[];
}

/** Walks the gates; what an explicit yes is worth depends on the policy, which has the last word. */
export function passGates(pod: Pod, namespace: string, facts: Facts): GateDecision {
  const { labels = {}, annotations = {} } = pod.metadata;
  const subject: Subject = { pod, namespace, labels, annotations, facts };
  const trace: TraceEntry[] = [];
  for (const { name: gate, ask } of gates) {
    const answer = ask(subject);
    trace.push({ gate, outcome: answer.decides === undefined ? 'pass' : answer.outcome, because: answer.because });
    if (answer.decides === undefined) continue;
    if (answer.outcome === 'skip' || isKnownPolicy(facts))
      return { kind: answer.outcome, reason: answer.decides, trace };
    const unknown = unknownPolicy(facts);
    trace.push({ gate: 'policy', outcome: 'skip', because: unknown.because });
    return { kind: 'skip', reason: 'policy-unknown', trace };
  }
  throw new Error('Cannot decide whether to inject: the last gate let the pod pass');
}

function pass(because: string): Answer {
  return { decides: undefined, because };
}

function inject(decides: InjectReason, because: string): Answer {
  return { decides, outcome: 'inject', because };
}

function skip(decides: SkipReason, because: string): Answer {
  return { decides, outcome: 'skip', because };
}

function mirrorPod({ annotations }: Subject): Answer {
  return annotations[mirrorAnnotation] === undefined
    ? pass('not the image of a static pod')
    : skip('mirror-pod', `annotation ${mirrorAnnotation} is set`);
}

function namespaceLabels({ namespace, labels, facts }: Subject): Answer {
  const known = facts.namespaces.get(namespace)?.labels;
  if (known === undefined) return pass('not given, so the namespace counts as opted in');
  const { reason, because } = askRegistration(known, labels, facts.revision);
  return reason === undefined ? pass(because) : skip(reason, because);
}

function hostNetwork({ pod }: Subject): Answer {
  return pod.spec.hostNetwork === true
    ? skip('host-network', 'spec.hostNetwork is true')
    : pass('the pod has a network of its own');
}

function systemNamespace({ namespace }: Subject): Answer {
  return ignoredNamespaces.includes(namespace)
    ? skip('ignored-namespace', `namespace "${namespace}" belongs to the system`)
    : pass(`namespace "${namespace}" is an ordinary one`);
}

function podChoice({ labels, annotations }: Subject): Answer {
  const { key } = labelCatalogue.inject;
  const label = labels[key];
  const value = label ?? annotations[catalogue.inject.key] ?? '';
  const said = `${label === undefined ? 'annotation' : 'label'} ${key} is "${value}"`;
  if (value === 'true') return inject('pod-opted-in', said);
  if (value === 'false') return skip('pod-opted-out', said);
  if (value !== '') return pass(`${said}: neither "true" nor "false", so it does not count`);
  return pass(label === undefined ? 'the pod says nothing' : `${said}, which hides the annotation`);
}

function neverSelector({ labels, facts }: Subject): Answer {
  const matching = facts.injector.neverInjectSelector.find((selector) => matches(selector, labels));
  return matching ? skip('never-inject-selector', `matches ${shown(matching)}`) : pass('none matches');
}

function alwaysSelector({ labels, facts }: Subject): Answer {
  const matching = facts.injector.alwaysInjectSelector.find((selector) => matches(selector, labels));
  return matching ? inject('always-inject-selector', `matches ${shown(matching)}`) : pass('none matches');
}

function policy({ facts }: Subject): Answer {
  if (facts.injector.policy === 'enabled') return inject('policy-enabled', 'enabled, and nothing speaks against it');
  if (facts.injector.policy === 'disabled') return skip('policy-disabled', 'disabled, and the pod does not ask');
  return unknownPolicy(facts);
}

function isKnownPolicy({ injector }: Facts): boolean {
  return injector.policy === 'enabled' || injector.policy === 'disabled';
}

function unknownPolicy({ injector }: Facts): Answer {
  return skip('policy-unknown', `"${injector.policy}" is neither enabled nor disabled`);
}

/** An empty selector matches nothing here, unlike elsewhere in Kubernetes: nobody means all pods by it. */
function matches({ matchLabels, matchExpressions }: LabelSelector, labels: StringMap): boolean {
  const pairs = Object.entries(matchLabels);
  if (pairs.length === 0 && matchExpressions.length === 0) return false;
  return (
    pairs.every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const listed = value !== undefined && values.includes(value);
      return operator === 'In' ? listed : !listed;
    })
  );
}

function shown({ matchLabels, matchExpressions }: LabelSelector): string {
  const pairs = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values }) => `${key} ${operator} (${values.join(', ')})`);
  return [...pairs, ...expressions].join(', ');
}
