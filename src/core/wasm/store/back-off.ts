// Answers: when is a module that could not be fetched tried again.
import { type Refusal, refusals } from '../refusals.ts';

export interface Attempt {
  /** Failures in a row, this one among them: 1 or more. */
  readonly failures: number;
  readonly refusal: Refusal;
  /** The longest wait by our own choice; ten times that where only a person can help. */
  readonly mostMs: number;
  /** From 0 to 1, by chance. */
  readonly random: number;
}

const firstMs = 1_000;
/** What only a person can mend: asking costs the registry as much as ever. */
const hopelessFactor = 10;
const hopelessFirstMs = 60_000;
/** Nobody is believed who asks for more. */
const longestMs = 3_600_000;

/**
 * Milliseconds until the next attempt: twice as long after each failure, up to the most; half of it by chance, so that
 * the nodes of a cluster do not come at once. Never before the time that the other side gave.
 */
export function nextAttemptMs({ failures, refusal, mostMs, random }: Attempt): number {
  const { passes } = refusals[refusal.reason];
  const mostOwnMs = passes ? mostMs : mostMs * hopelessFactor;
  const ownMs = Math.min(mostOwnMs, (passes ? firstMs : hopelessFirstMs) * 2 ** Math.min(failures - 1, 30));
  const spreadMs = ownMs * (0.5 + random / 2);
  const { retryAfterMs = 0 } = refusal;
  const askedMs = Math.min(retryAfterMs, longestMs);
  // after the time that all nodes were told they would come at once, too
  return Math.round(askedMs > spreadMs ? askedMs + firstMs * random : spreadMs);
}
