// Answers: when is a registry asked again. A wait that it asks for is slept only while it is short; a longer one goes
// back to the caller, and until then nobody of this client asks that host at all.
import { fail, type Result } from '../../core/model/problem.ts';
import { backoffMs, pause, spread } from '../pause.ts';
import { type Fault, stopped } from './fault.ts';

const mostAttempts = 4;
/** Nobody waits longer than this on the word of a registry. */
const longestHoldMs = 300_000;

/** Until when hosts asked not to be asked, in milliseconds of the monotonic clock. */
export type Holds = Map<string, number>;

export interface Retrying {
  readonly holds: Holds;
  /** A longer wait is not slept. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** Milliseconds that a header Retry-After asks for (RFC 9110, 10.2.3), at most 5 minutes; undefined where it says none. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header.length > 100) return undefined;
  const isSeconds = /^\d+(\.\d+)?$/.test(header.trim());
  const waitMs = isSeconds ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(longestHoldMs, Math.max(0, waitMs));
}

/** What the attempt gives; made again, some times and after a pause, where its fault may pass. */
export async function retried<T>(
  host: string,
  { holds, patienceMs, signal }: Retrying,
  attempt: () => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> {
  let last: Result<T, Fault> | undefined;
  for (let count = 1; ; count += 1) {
    const held = await waitForHold(host, { holds, patienceMs, signal });
    if (held !== undefined) return fail(held);
    if (signal.aborted) return last ?? fail(stopped(signal));
    const result = await attempt();
    if (result.ok || !result.error.isTransient) return result;
    // that time is up says less than what took it
    if (!signal.aborted || last === undefined) last = result;
    const askedMs = noteHold(host, holds, result.error);
    if (count >= mostAttempts || askedMs > patienceMs) return last;
    await pause(backoffMs(count), signal);
  }
}

function noteHold(host: string, holds: Holds, { retryAfterMs: askedMs = 0 }: Fault): number {
  if (askedMs > 0) holds.set(host, performance.now() + askedMs);
  return askedMs;
}

/** Waits until the host may be asked; the fault where that is too long. */
async function waitForHold(host: string, { holds, patienceMs, signal }: Retrying): Promise<Fault | undefined> {
  const leftMs = Math.ceil((holds.get(host) ?? 0) - performance.now());
  if (leftMs > patienceMs) {
    const state = `the registry asked to wait for ${Math.ceil(leftMs / 1_000)} s`;
    return { reason: 'RateLimited', state, isTransient: true, retryAfterMs: leftMs };
  }
  // never earlier than asked, and not everybody at once
  if (leftMs > 0) await pause(leftMs + spread(Math.min(leftMs, 1_000)), signal);
  else holds.delete(host);
  return undefined;
}
