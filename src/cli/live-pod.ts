// Answers: what would be decided about a pod of a cluster if it were created now, and what was decided when it was.
// Does not belong here: the decision (core/admit.ts), how it is told (why.ts).
import { resources } from '../core/cluster/resources.ts';
import type { Facts } from '../core/model/facts.ts';
import { isObject } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { type Container, proxyContainerName } from '../core/model/pod.ts';
import { quoted } from '../core/model/problem.ts';
import { readInjectionStatus } from '../core/settings/injection-status.ts';
import { nobodyAround, readStorePod, whyLeftWaiting } from '../core/wasm/delivery/store-pods.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { type AdmittedTarget, admitTarget, givenNamespace, webhookPath } from './admission.ts';
import { type Io, type OptionValues, textOf, UsageError } from './command.ts';
import { clusterSettings } from './settings-at-hand.ts';
import { findTargets } from './targets.ts';

/** What an injection has left on the pod. */
export interface LivePod {
  readonly injected: boolean;
  /** The revision that injected it, where the pod tells. */
  readonly revision: string | undefined;
  /** Undefined where it has no proxy. */
  readonly native: boolean | undefined;
  /** Why it waits for a Wasm module of its node that nobody brings; undefined where it does not. */
  readonly leftWaiting: string | undefined;
}

export interface ExplainedPod {
  readonly target: AdmittedTarget;
  readonly live: LivePod;
  readonly revision: string;
  readonly warnings: readonly string[];
}

/** The pod with the verdict of this moment. Throws UsageError where there is no such pod, KubeError as the cluster does. */
export async function admitLivePod(kube: Kube, io: Io, options: OptionValues, name: string): Promise<ExplainedPod> {
  const namespace = textOf(options, 'namespace') ?? namespaceOfContext(kube);
  const [pod, settings] = await Promise.all([
    kube.get(resources.pods, name, namespace),
    clusterSettings(kube, options),
  ]);
  if (pod === undefined)
    throw new UsageError(
      `Cannot find pod ${quoted(name)}: there is none in namespace ${quoted(namespace)}; name its namespace with -n`,
    );
  const { facts, warnings } = await settings.factsFor([namespace]);
  const [target] = findTargets(asCreated(pod), { namespace, path: webhookPath(options) });
  if (target === undefined) throw new Error('the API server gave something else than a pod');
  const verdict = admitTarget(target, facts, await givenNamespace(io, options));
  return {
    target: { target, verdict },
    live: { ...livePod(pod), leftWaiting: await leftWaiting(kube, pod, facts) },
    revision: settings.revision,
    warnings: [...settings.warnings, ...warnings].map((warning) => `Warning: ${warning}`),
  };
}

/** As for kubectl. */
function namespaceOfContext({ config }: Kube): string {
  return config.getContextObject(config.getCurrentContext())?.namespace || 'default';
}

/**
 * The pod without what came after its creation. The node that a pod was bound to counts among it: it says nothing about
 * the nodes that the next one can land on.
 */
function asCreated({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...kept } = metadata;
  const { nodeName: _bound, ...wanted } = isObject(spec) ? spec : {};
  return { apiVersion, kind, metadata: kept, spec: wanted };
}

async function leftWaiting(kube: Kube, object: KubeObject, { extensions }: Facts): Promise<string | undefined> {
  const pod = readStorePod(object);
  if (!pod?.isHeld) return undefined;
  if (extensions === undefined) return whyLeftWaiting(pod, nobodyAround);
  const { observeStores } = await import('../edge/kube/observe-stores.ts');
  try {
    return whyLeftWaiting(pod, await observeStores(kube));
  } catch (error) {
    // who may not look at the agents is told the rest
    if (error instanceof KubeError && error.code === 'forbidden') return undefined;
    throw error;
  }
}

function livePod({ metadata, spec }: KubeObject): Omit<LivePod, 'leftWaiting'> {
  const status = readInjectionStatus(metadata.annotations);
  const hasProxy = (list: unknown): boolean =>
    Array.isArray(list) && list.some((one: Container) => one.name === proxyContainerName);
  const { containers, initContainers } = isObject(spec) ? spec : {};
  const isNative = hasProxy(initContainers);
  return {
    injected: status !== undefined,
    revision: status?.revision,
    native: isNative || hasProxy(containers) ? isNative : undefined,
  };
}
