// Answers: which pods does the API server get to see by dry run, and where, so that its answers tell most.
//
// One plain pod where we are called shows whether the webhook is reached. One pod with a native sidecar of its own there
// shows whether anybody takes its restartPolicy away. And for each webhook of somebody else a pod that it is called for
// with as few others as can be: what such a pod loses, one of these few took.
// Does not belong here: sending them (edge/kube/observe.ts), what the answers mean (reach.ts, strip.ts).
import { names } from '../cluster/names.ts';
import { neverCalled } from '../cluster/registration.ts';
import { holds, isCalledFor, labelsThatMeet, type PodWebhook } from '../cluster/webhooks.ts';
import { injectionLabel } from '../cluster/well-known.ts';
import type { JsonObject } from '../model/json.ts';
import { proxyContainerName, type StringMap } from '../model/pod.ts';
import { annotations } from '../settings/catalogue.ts';
import { areCalledFor, type Knowledge } from './knowledge.ts';
import { type ClusterState, type NamespaceView, type Place, type ProbePurpose, seenValue } from './observations.ts';

export interface ProbePlan {
  readonly purpose: ProbePurpose;
  /** Equal in all that counts: the next is taken where a pod cannot be created for reasons of the namespace. */
  readonly places: readonly Place[];
}

const mostPlaces = 3;
/** More webhooks of others on pods than this are not told apart. */
const mostOthers = 16;

/** Name of the init container that stays, in pods with one. */
export const probeSidecar = 'pillion-doctor-sidecar';

export function planProbes(state: ClusterState, known: Knowledge): readonly ProbePlan[] {
  const namespaces = (seenValue(state.namespaces) ?? []).filter((one) => mayProbe(one, known));
  const opted = placesOfOurs(namespaces, known);
  const groups = groupsOf(namespaces, known);
  const others = known.others.slice(0, mostOthers);
  const plans: ProbePlan[] = [
    { purpose: 'injection', places: opted },
    { purpose: 'restartable', places: opted },
    ...others.map((one): ProbePlan => ({ purpose: 'restartable', places: loneliest(one, groups, known) })),
    ...others
      .filter(isAfterUs)
      .map((one): ProbePlan => ({ purpose: 'plain', places: loneliest(one, groups.filter(isLeftAlone), known) })),
  ];
  return withoutRepeats(plans.filter(({ places }) => places.length > 0));
}

/** A pod that any policy lets through, as small as can be. Its name is made by the API server. */
export function probePod(purpose: ProbePurpose, { namespace, labels }: Place): JsonObject {
  const container = {
    image: 'pillion.dev/never-run',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
  };
  // with a probe, as real ones have: the API server refuses it on an init container that does not stay
  const sidecar = {
    ...container,
    name: probeSidecar,
    restartPolicy: 'Always',
    startupProbe: { tcpSocket: { port: 8080 } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'pillion-doctor-', namespace, labels },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      ...(purpose === 'restartable' ? { initContainers: [sidecar] } : {}),
      containers: [{ ...container, name: 'app' }],
    },
  };
}

/** A pod as an injection leaves it, as far as it can be told from others. */
export function injectedPod(place: Place): JsonObject {
  const pod = probePod('restartable', place);
  const { initContainers, ...spec } = pod['spec'] as JsonObject & { readonly initContainers: readonly JsonObject[] };
  const status = JSON.stringify({ initContainers: [proxyContainerName], containers: [] });
  return {
    ...pod,
    metadata: { ...(pod['metadata'] as JsonObject), annotations: { [annotations.status.key]: status } },
    spec: { ...spec, initContainers: initContainers.map((one) => ({ ...one, name: proxyContainerName })) },
  };
}

/** Webhooks of others that are called for a pod there, in their order. */
export function calledAt(place: Place, state: ClusterState, { others }: Knowledge): readonly PodWebhook[] {
  const namespace = seenValue(state.namespaces)?.find(({ name }) => name === place.namespace);
  if (namespace === undefined) return [];
  return others.filter((webhook) => isCalledFor(webhook, namespace.labels, place.labels));
}

/** One that the API server comes to after our registration. */
export function isAfterUs({ configuration }: PodWebhook): boolean {
  return configuration > names.registration;
}

function mayProbe({ name, isTerminating }: NamespaceView, { options }: Knowledge): boolean {
  return !isTerminating && name !== 'kube-public' && !neverCalled(options).includes(name);
}

/** Namespaces that ask for injection, those that enforce no PodSecurity first; else a pod that asks for it itself. */
function placesOfOurs(namespaces: readonly NamespaceView[], known: Knowledge): readonly Place[] {
  const opted = namespaces.filter((namespace) => areCalledFor(known, namespace, {}));
  const isFree = ({ labels }: NamespaceView): boolean => labels['pod-security.kubernetes.io/enforce'] === undefined;
  const places = [...opted.filter(isFree), ...opted.filter((one) => !isFree(one))].map(({ name }) => name);
  if (places.length > 0) return places.slice(0, mostPlaces).map((namespace) => ({ namespace, labels: {} }));
  const inOrder = namespaces.toSorted(
    (one, other) => Number(other.name === 'default') - Number(one.name === 'default'),
  );
  for (const namespace of inOrder) {
    for (const { namespaceSelector, objectSelector } of known.ours) {
      const labels = labelsThatMeet(objectSelector);
      if (labels !== undefined && holds(namespaceSelector, namespace.labels)) {
        return [{ namespace: namespace.name, labels }];
      }
    }
  }
  return [];
}

/** Namespaces that the same webhooks select. */
interface Group {
  readonly others: ReadonlySet<PodWebhook>;
  /** We are called there for pods without labels. */
  readonly isOurs: boolean;
  readonly namespaces: readonly NamespaceView[];
}

function groupsOf(namespaces: readonly NamespaceView[], known: Knowledge): readonly Group[] {
  const groups = new Map<string, { readonly group: Group; readonly namespaces: NamespaceView[] }>();
  for (const namespace of namespaces) {
    const others = known.others.filter(({ namespaceSelector }) => holds(namespaceSelector, namespace.labels));
    const isOurs = areCalledFor(known, namespace, {});
    const isOut = namespace.labels[injectionLabel] !== undefined;
    const key = JSON.stringify([isOurs, isOut, ...others.map(keyOf)]);
    const there = groups.get(key);
    if (there !== undefined) there.namespaces.push(namespace);
    else {
      const list = [namespace];
      groups.set(key, { group: { others: new Set(others), isOurs, namespaces: list }, namespaces: list });
    }
  }
  return [...groups.values()].map(({ group }) => group);
}

/** Namespaces that leave it to their pods: a label on one could still bring it to us. */
function isLeftAlone({ isOurs, namespaces }: Group): boolean {
  return !isOurs && namespaces[0]?.labels[injectionLabel] === undefined;
}

/** Where this webhook is called for a pod with the fewest others beside it; among equals, where we are called too. */
function loneliest(webhook: PodWebhook, groups: readonly Group[], { others }: Knowledge): readonly Place[] {
  const variants: readonly StringMap[] = [{}, labelsThatMeet(webhook.objectSelector) ?? {}];
  let best: { readonly cost: number; readonly places: readonly Place[] } | undefined;
  for (const group of groups.filter((one) => one.others.has(webhook))) {
    for (const labels of variants.filter((one) => holds(webhook.objectSelector, one))) {
      const beside = others.filter((one) => group.others.has(one) && holds(one.objectSelector, labels)).length;
      const cost = beside + (group.isOurs ? 0 : 0.5);
      if (best !== undefined && best.cost <= cost) continue;
      best = { cost, places: group.namespaces.slice(0, mostPlaces).map(({ name }) => ({ namespace: name, labels })) };
    }
  }
  return best?.places ?? [];
}

export function keyOf({ configuration, name }: PodWebhook): string {
  return `${configuration}/${name}`;
}

function withoutRepeats(plans: readonly ProbePlan[]): readonly ProbePlan[] {
  return [...new Map(plans.map((plan) => [JSON.stringify([plan.purpose, plan.places[0]]), plan])).values()];
}
