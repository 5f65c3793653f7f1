// Answers: may the process get admissions at this moment, and if not, what is missing.
// Does not belong here: showing it (edge/management.ts).
import type { Condition } from '../edge/management.ts';

/** What has to hold, in the order of a start. */
const conditions = ['settings', 'certificate', 'listener', 'warm-up', 'not-draining'] as const;
export type ConditionName = (typeof conditions)[number];

export interface Readiness {
  /** A reason that changes by itself is asked for when somebody wants to know. */
  set(name: ConditionName, isMet: boolean, reason: string | (() => string)): void;
  conditions(): readonly Condition[];
}

interface State {
  readonly isMet: boolean;
  readonly reason: string | (() => string);
}

/** All conditions are unmet at first, but for draining, which nobody has asked for. */
export function createReadiness(): Readiness {
  const states = new Map<ConditionName, State>();
  const readiness: Readiness = {
    set: (name, isMet, reason) => void states.set(name, { isMet, reason }),
    conditions: () =>
      [...states].map(([name, { isMet, reason }]) => ({
        name,
        isMet,
        reason: typeof reason === 'string' ? reason : reason(),
      })),
  };
  for (const name of conditions) readiness.set(name, false, 'not yet');
  readiness.set('not-draining', true, 'nobody has asked to stop');
  return readiness;
}
