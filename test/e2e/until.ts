// Answers: how long does a test wait for something in a cluster.
// Does not belong here: how one waits (../until.ts).
import { until as untilWithin } from '../until.ts';

const usualMs = 180_000;
const pauseMs = 250;

/** Asked every 250 ms; an error that the condition throws counts as nothing. Throws, with the last one, when time is up. */
export function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeoutMs: number = usualMs,
): Promise<T> {
  return untilWithin(what, condition, { timeoutMs, pauseMs });
}
