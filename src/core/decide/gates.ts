// Answers: is this pod injected at all. Order matters: the first gate that speaks gives the reason.
// Does not belong here: how the sidecar looks (render/), native or plain (native.ts).
import { mirrorAnnotation, systemNamespaces } from '../cluster/well-known.ts';
import type { Facts } from '../model/facts.ts';
import type { Pod, StringMap } from '../model/pod.ts';
import type { LabelSelector } from '../model/settings.ts';
import { type InjectReason, reasons, type SkipReason, type TraceEntry } from '../model/verdict.ts';
import { annotations as catalogue, labels as labelCatalogue } from '../settings/catalogue.ts';
import { askRegistration } from './registration.ts';

interface Subject {
  readonly pod: Pod;
  readonly namespace: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly facts: Facts;
}

/** What a gate says: it decides for a reason, or lets the pod pass; either way, what it saw. */
interface Answer {
  readonly decides: InjectReason | SkipReason | undefined;
  readonly entry: TraceEntry;
}

type Gate = (subject: Subject) => Answer;

const gates: readonly Gate[] = [
  mirrorPod, // static pods cannot be changed through the API
  namespaceLabels, // what the registration selects, where the labels are known
  hostNetwork, // redirection would hit the node
  systemNamespace, // the cluster has to start without us
  podChoice, // the pod's label beats its annotation
  neverSelector,
  alwaysSelector,
  policy, // decides for every pod that nothing else spoke for
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
  for (const ask of gates) {
    const { decides, entry } = ask(subject);
    trace.push(entry);
    if (decides === undefined) continue;
    if (entry.outcome === 'skip' || isKnownPolicy(facts))
      return { kind: reasons[decides].kind, reason: decides, trace };
    trace.push(unknownPolicy(facts).entry);
    return { kind: 'skip', reason: 'policy-unknown', trace };
  }
  throw new Error('Cannot decide whether to inject: the last gate let the pod pass');
}

function pass(gate: string, because: string): Answer {
  return { decides: undefined, entry: { gate, outcome: 'pass', because } };
}

function decide(gate: string, reason: InjectReason | SkipReason, because: string): Answer {
  return { decides: reason, entry: { gate, outcome: reasons[reason].kind, because } };
}

/** What most pods get to hear, made once. */
const usual = {
  mirrorPod: pass('mirror pod', 'not the image of a static pod'),
  namespaceLabels: pass('namespace labels', 'not given, so the namespace counts as opted in'),
  hostNetwork: pass('host network', 'the pod has a network of its own'),
  podChoice: pass('opt in or out', 'the pod says nothing'),
  neverSelector: pass('neverInjectSelector', 'none matches'),
  alwaysSelector: pass('alwaysInjectSelector', 'none matches'),
  policy: decide('policy', 'policy-enabled', 'enabled, and nothing speaks against it'),
} as const;

function mirrorPod({ annotations }: Subject): Answer {
  if (annotations[mirrorAnnotation] === undefined) return usual.mirrorPod;
  return decide('mirror pod', 'mirror-pod', `annotation ${mirrorAnnotation} is set`);
}

function namespaceLabels({ namespace, labels, facts }: Subject): Answer {
  const known = facts.namespaces.get(namespace)?.labels;
  if (known === undefined) return usual.namespaceLabels;
  const { reason, because } = askRegistration({ name: namespace, labels: known }, labels, facts);
  return reason === undefined ? pass('namespace labels', because) : decide('namespace labels', reason, because);
}

function hostNetwork({ pod }: Subject): Answer {
  return pod.spec.hostNetwork === true
    ? decide('host network', 'host-network', 'spec.hostNetwork is true')
    : usual.hostNetwork;
}

function systemNamespace({ namespace }: Subject): Answer {
  return systemNamespaces.includes(namespace)
    ? decide('system namespace', 'ignored-namespace', `namespace "${namespace}" belongs to the system`)
    : pass('system namespace', `namespace "${namespace}" is an ordinary one`);
}

function podChoice({ labels, annotations }: Subject): Answer {
  const gate = 'opt in or out';
  const { key } = labelCatalogue.inject;
  const label = labels[key];
  const value = label ?? annotations[catalogue.inject.key];
  if (value === undefined) return usual.podChoice;
  const said = `${label === undefined ? 'annotation' : 'label'} ${key} is "${value}"`;
  if (value === 'true') return decide(gate, 'pod-opted-in', said);
  if (value === 'false') return decide(gate, 'pod-opted-out', said);
  if (value !== '') return pass(gate, `${said}: neither "true" nor "false", so it does not count`);
  return label === undefined ? usual.podChoice : pass(gate, `${said}, which hides the annotation`);
}

function neverSelector({ labels, facts }: Subject): Answer {
  const matching = facts.injector.neverInjectSelector.find((selector) => matches(selector, labels));
  if (matching === undefined) return usual.neverSelector;
  return decide('neverInjectSelector', 'never-inject-selector', `matches ${shown(matching)}`);
}

function alwaysSelector({ labels, facts }: Subject): Answer {
  const matching = facts.injector.alwaysInjectSelector.find((selector) => matches(selector, labels));
  if (matching === undefined) return usual.alwaysSelector;
  return decide('alwaysInjectSelector', 'always-inject-selector', `matches ${shown(matching)}`);
}

function policy({ facts }: Subject): Answer {
  if (facts.injector.policy === 'enabled') return usual.policy;
  if (facts.injector.policy === 'disabled')
    return decide('policy', 'policy-disabled', 'disabled, and the pod does not ask');
  return unknownPolicy(facts);
}

function isKnownPolicy({ injector }: Facts): boolean {
  return injector.policy === 'enabled' || injector.policy === 'disabled';
}

function unknownPolicy({ injector }: Facts): Answer {
  return decide('policy', 'policy-unknown', `"${injector.policy}" is neither enabled nor disabled`);
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
