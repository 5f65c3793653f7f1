// Answers: what can come out of one check.
import type { Finding } from './findings.ts';
import type { Observed } from './observations.ts';

export type CheckResult =
  | {
      readonly kind: 'checked';
      /** What was seen, in words, whether it is right or not. */
      readonly saw: string;
      readonly findings: readonly Finding[];
    }
  | { readonly kind: 'unchecked'; readonly why: string };

export function checked(saw: string, findings: readonly Finding[] = []): CheckResult {
  return { kind: 'checked', saw, findings };
}

/** Why most checks say nothing then. */
export const notInstalled = 'Pillion is not installed';

export function unchecked(why: string): CheckResult {
  return { kind: 'unchecked', why };
}

/** Checks the value; what may not be read is a finding of the check of rights already. */
export function checkSeen<T>(observed: Observed<T>, check: (value: T) => CheckResult): CheckResult {
  return observed.kind === 'seen' ? check(observed.value) : unseen(observed);
}

/** Who may not read something hears once, in the check of rights, what that is. */
export function unseen({ why, isForbidden }: Extract<Observed<unknown>, { readonly kind: 'hidden' }>): CheckResult {
  return unchecked(isForbidden ? 'you may not read what it looks at' : `cannot be read: ${why}`);
}
