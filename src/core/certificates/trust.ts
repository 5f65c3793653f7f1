// Answers: since when does the registration carry an authority without a break, as far as this process has seen. It
// starts anew with the process: a wait that was cut short is waited again, and nothing has to be kept anywhere.
import type { Authority } from './x509.ts';

/** By id of the authority, in milliseconds of the epoch. */
export type Trust = ReadonlyMap<string, number>;

export const noTrust: Trust = new Map();

/** The trust after the registration was seen with these authorities; undefined where there is no registration. */
export function seeRegistered(before: Trust, registered: readonly Authority[] | undefined, now: Date): Trust {
  const nowMs = now.getTime();
  // a clock that was put back must not make a wait longer than it is
  return new Map((registered ?? []).map(({ id }) => [id, Math.min(before.get(id) ?? nowMs, nowMs)]));
}
