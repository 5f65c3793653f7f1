// Answers: how do cluster, network and what the URL says reach the proxy. They come last and beat whoever defined the
// same variables, the user included, because they say where the pod runs.
import { replaceContainers } from '../merge/reinject.ts';
import { type EnvVar, findProxy, type Pod, variable } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';

/** Sets the variables; where an earlier injection has set them, they stay in their place. */
export function forceClusterEnv(pod: Pod, original: Pod, { forcedEnv, annotations }: Effective): Pod {
  const proxy = findProxy(pod);
  if (proxy === undefined || forcedEnv.length === 0) return pod;
  const names = new Set(forcedEnv.map(([name]) => name));
  const kept = (proxy.env ?? []).filter(({ name }) => !names.has(name));
  const forced = forcedEnv.map(([name, value]) => variable(name, value));
  const earlier = annotations.status === undefined ? [] : (findProxy(original)?.env ?? []);
  const env = kept.toSpliced(placeAmong(kept, earlier, names), 0, ...forced);
  return replaceContainers(pod, (container) => (container === proxy ? { ...proxy, env } : container));
}

/**
 * The pod without them, for the merge of a template: it would pull those that an earlier injection wrote, and the user's
 * variables before them, to where the template has them.
 */
export function withoutForcedEnv(pod: Pod, { forcedEnv, annotations }: Effective): Pod {
  const proxy = findProxy(pod);
  if (proxy?.env === undefined || forcedEnv.length === 0 || annotations.status === undefined) return pod;
  const names = new Set(forcedEnv.map(([name]) => name));
  const env = proxy.env.filter(({ name }) => !names.has(name));
  return replaceContainers(pod, (container) => (container === proxy ? { ...proxy, env } : container));
}

/** Before the variable that stood behind them after the earlier injection, so that a second one changes nothing. */
function placeAmong(kept: readonly EnvVar[], earlier: readonly EnvVar[], names: ReadonlySet<string>): number {
  const next = earlier[earlier.findLastIndex(({ name }) => names.has(name)) + 1];
  const place = next === undefined ? -1 : kept.findIndex(({ name }) => name === next.name);
  return place < 0 ? kept.length : place;
}
