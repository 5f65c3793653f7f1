// Answers: is an installation up yet, and what is still missing.
// Does not belong here: asking again and again (edge/kube/await-rollout.ts).
import { findDrift } from '../cluster/drift.ts';
import { guardBinding } from '../cluster/guard.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { registeredBundle, registration, withoutBundles } from '../cluster/registration.ts';
import { isObject } from '../model/json.ts';
import { isConditionTrue, type KubeObject } from '../model/kube-object.ts';

/** One thing that is waited for. */
export interface RolloutStep {
  readonly what: string;
  readonly isDone: boolean;
  /** In words: `1 of 2 replicas available`. */
  readonly state: string;
}

/** A Deployment runs its newest version with all replicas. */
export function deploymentStep(name: string, deployment: KubeObject | undefined): RolloutStep {
  const what = `Deployment ${name}`;
  if (deployment === undefined) return { what, isDone: false, state: 'not there' };
  const status = isObject(deployment['status']) ? deployment['status'] : {};
  const wanted = numberAt(deployment['spec'], 'replicas');
  const [updated, available] = [numberAt(status, 'updatedReplicas'), numberAt(status, 'availableReplicas')];
  const isSeen = numberAt(status, 'observedGeneration') >= numberAt(deployment.metadata, 'generation');
  const old = isSeen ? numberAt(status, 'replicas') - updated : 0;
  const isDone = isSeen && updated >= wanted && available >= wanted && old === 0;
  const current = isSeen ? Math.min(updated, available) : 0;
  const state = `${current} of ${wanted} replicas available`;
  return { what, isDone, state: old > 0 ? `${state}, ${old} of the old version left` : state };
}

/** A DaemonSet runs its newest version on every node that it is for. */
export function daemonSetStep(name: string, daemonSet: KubeObject | undefined): RolloutStep {
  const what = `DaemonSet ${name}`;
  if (daemonSet === undefined) return { what, isDone: false, state: 'not there' };
  const status = daemonSet['status'];
  const isSeen = numberAt(status, 'observedGeneration') >= numberAt(daemonSet.metadata, 'generation');
  const wanted = numberAt(status, 'desiredNumberScheduled');
  const counts = ['updatedNumberScheduled', 'numberAvailable'].map((key) => numberAt(status, key));
  const current = isSeen ? Math.min(...counts) : 0;
  return { what, isDone: isSeen && current >= wanted, state: `available on ${current} of ${wanted} nodes` };
}

/** The registration is there, as the options ask, and trusts somebody; control writes it once a replica answers. */
export function registrationStep(found: KubeObject | undefined, options: ClusterOptions): RolloutStep {
  const waitsFor = (state: string): RolloutStep => ({ what: 'Registration', isDone: false, state });
  if (found === undefined) return waitsFor('written once a replica of the webhook answers');
  if (registeredBundle(found) === undefined) return waitsFor('waits for the bundle of its authority');
  // conditions are only where Kubernetes has them; one more than is asked for is no difference
  const wanted = registration({ options, caBundle: undefined, hasMatchConditions: false });
  if (findDrift(withoutBundles(found), wanted) !== undefined) return waitsFor('not yet as the options ask');
  return { what: 'Registration', isDone: true, state: 'the API server calls the webhook' };
}

/** The guard is in force as the options ask, or gone; control writes it too. */
export function guardStep(found: KubeObject | undefined, options: ClusterOptions): RolloutStep {
  const wanted = guardBinding(options);
  if (wanted === undefined) {
    return { what: 'Guard', isDone: found === undefined, state: found === undefined ? 'off' : 'not yet taken away' };
  }
  if (found === undefined) return { what: 'Guard', isDone: false, state: 'not yet written' };
  const isDone = findDrift(found, wanted) === undefined;
  return { what: 'Guard', isDone, state: isDone ? `in force (${options.guard})` : 'not yet as the options ask' };
}

/** The API server serves the kinds that the options add. */
export function kindsStep(wanted: readonly KubeObject[], found: readonly (KubeObject | undefined)[]): RolloutStep {
  const missing = wanted.filter((_, at) => !isServed(found[at])).map(({ metadata }) => metadata.name);
  const state = missing.length === 0 ? 'served' : `not served yet: ${missing.join(', ')}`;
  return { what: 'Kinds', isDone: missing.length === 0, state };
}

function isServed(kind: KubeObject | undefined): boolean {
  return kind !== undefined && isConditionTrue(kind, 'Established');
}

function numberAt(object: unknown, key: string): number {
  const value = isObject(object) ? object[key] : undefined;
  return typeof value === 'number' ? value : 0;
}
