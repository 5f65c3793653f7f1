// Answers: which version of Kubernetes does an API server behave as, and since when is there what we use.
// Does not belong here: kubelets (model/facts.ts), which are of versions of their own.
import type { JsonObject } from '../model/json.ts';

/** Older clusters are not supported. */
export const oldestMinor = 28;
/** Native sidecars are there from this one on, unless their feature gate is switched off. */
export const betaMinor = 29;
/** Admission policies and conditions of webhooks are stable since this one. */
export const policiesMinor = 30;

/** A version that does not tell counts as a current one. */
export function hasPolicies(minor: number | undefined): boolean {
  return minor === undefined || minor >= policiesMinor;
}

/** The minor of what `/version` says: `34`, `32+`; an API server that emulates an older version behaves like it. */
export function minorOf({ minor, emulationMinor }: JsonObject): number | undefined {
  const text = typeof emulationMinor === 'string' && emulationMinor !== '' ? emulationMinor : minor;
  const digits = typeof text === 'string' ? /^\d+/.exec(text)?.[0] : undefined;
  return digits === undefined ? undefined : Number(digits);
}
