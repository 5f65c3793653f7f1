// Answers: which resources do the injected containers ask for.
import type { JsonObject } from '../model/json.ts';
import type { Effective } from '../settings/effective.ts';

/**
 * Any of the four annotations replaces the configured resources altogether: `proxyCPU: 10m` alone leaves no memory
 * request and no limits.
 */
export function resourcesOf({ annotations, facts }: Effective): JsonObject {
  const { proxyCpu, proxyMemory, proxyCpuLimit, proxyMemoryLimit } = annotations;
  const requests = amounts(proxyCpu, proxyMemory);
  const limits = amounts(proxyCpuLimit, proxyMemoryLimit);
  if (requests === undefined && limits === undefined) return facts.values.global.proxy.resources ?? {};
  return { ...(requests && { requests }), ...(limits && { limits }) };
}

function amounts(cpu: string | undefined, memory: string | undefined): JsonObject | undefined {
  if (cpu === undefined && memory === undefined) return undefined;
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}
