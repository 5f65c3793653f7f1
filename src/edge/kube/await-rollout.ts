// Answers: when is an installation up. Asks every half second and tells of every step that came further.
// Does not belong here: what counts as up (core/install/rollout.ts).
import { hasPolicies, minorOf } from '../../core/cluster/kubernetes-version.ts';
import { names, ownNamespace } from '../../core/cluster/names.ts';
import type { ClusterOptions } from '../../core/cluster/options.ts';
import { resources } from '../../core/cluster/resources.ts';
import {
  daemonSetStep,
  deploymentStep,
  guardStep,
  kindsStep,
  type RolloutStep,
  registrationStep,
} from '../../core/install/rollout.ts';
import { customResources } from '../../core/wasm/declaration/custom-resources.ts';
import { agentName, nodeNamespace } from '../../core/wasm/names.ts';
import { pause } from '../pause.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

const intervalMs = 500;

const unanswered: RolloutStep = { what: 'API server', isDone: false, state: 'does not answer' };

/**
 * Waits until both Deployments, and the node agent where there is one, are available and the registration and the guard
 * are as the options ask, or the signal aborts.
 * @returns the steps that are not done; none where everything is up
 */
export async function awaitRollout(
  kube: Kube,
  options: ClusterOptions,
  report: (step: RolloutStep) => void,
  signal: AbortSignal,
): Promise<readonly RolloutStep[]> {
  const told = new Map<string, string>();
  for (;;) {
    const steps = await readSteps(kube, options);
    for (const step of steps) {
      if (told.get(step.what) === step.state) continue;
      told.set(step.what, step.state);
      report(step);
    }
    const open = steps.filter(({ isDone }) => !isDone);
    if (open.length === 0 || signal.aborted) return open;
    await pause(intervalMs, signal);
  }
}

/** That the API server does not answer just now is a step too: it comes back, or time is up. */
async function readSteps(kube: Kube, options: ClusterOptions): Promise<readonly RolloutStep[]> {
  try {
    // before Kubernetes 1.30 there is nothing that a guard could be made of
    const isGuarded = hasPolicies(minorOf(await kube.call('GET', '/version')));
    const hasAgent = options.wasm.enabled;
    const [control, webhook, registration, binding, agent] = await Promise.all([
      kube.get(resources.deployments, names.control, ownNamespace),
      kube.get(resources.deployments, names.webhook, ownNamespace),
      kube.get(resources.mutatingWebhooks, names.registration),
      isGuarded ? kube.get(resources.admissionPolicyBindings, names.guard) : undefined,
      hasAgent ? kube.get(resources.daemonSets, agentName, nodeNamespace) : undefined,
    ]);
    const kinds = customResources(options);
    const served = await Promise.all(kinds.map(({ metadata }) => kube.get(resources.customResources, metadata.name)));
    return [
      ...(kinds.length > 0 ? [kindsStep(kinds, served)] : []),
      deploymentStep(names.control, control),
      deploymentStep(names.webhook, webhook),
      registrationStep(registration, options),
      ...(isGuarded ? [guardStep(binding, options)] : []),
      ...(hasAgent ? [daemonSetStep(agentName, agent)] : []),
    ];
  } catch (error) {
    if (error instanceof KubeError && error.isRetryable) return [unanswered];
    throw error;
  }
}
