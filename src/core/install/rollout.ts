// Answers: is an installation up yet, and what is still missing.
// Does not belong here: asking again and again (edge/kube/await-rollout.ts).
import { registeredBundle } from '../cluster/registration.ts';
import { isObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';

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
  const isDone = isSeen && updated >= wanted && available >= wanted && numberAt(status, 'replicas') === updated;
  const current = isSeen ? Math.min(updated, available) : 0;
  return { what, isDone, state: `${current} of ${wanted} replicas available` };
}

/** The registration is there and trusts somebody; control writes it once a replica answers. */
export function registrationStep(registration: KubeObject | undefined): RolloutStep {
  const what = 'Registration';
  if (registration === undefined)
    return { what, isDone: false, state: 'written once a replica of the webhook answers' };
  const isDone = registeredBundle(registration) !== undefined;
  return { what, isDone, state: isDone ? 'the API server calls the webhook' : 'waits for the bundle of its authority' };
}

function numberAt(object: unknown, key: string): number {
  const value = isObject(object) ? object[key] : undefined;
  return typeof value === 'number' ? value : 0;
}
