// Answers: how do cluster, network and what the URL says reach the proxy. They come last and beat whoever defined the
// same variables, the user included, because they say where the pod runs.

import { replaceContainers } from '../merge/reinject.ts';
import { findProxy, type Pod, variable } from '../model/pod.ts';
import type { Effective } from '../settings/effective.ts';

export function forceClusterEnv(pod: Pod, { forcedEnv }: Effective): Pod {
  const proxy = findProxy(pod);
  if (proxy === undefined || forcedEnv.length === 0) return pod;
  const names = new Set(forcedEnv.map(([name]) => name));
  const kept = (proxy.env ?? []).filter(({ name }) => !names.has(name));
  const env = [...kept, ...forcedEnv.map(([name, value]) => variable(name, value))];
  return replaceContainers(pod, (container) => (container === proxy ? { ...proxy, env } : container));
}
