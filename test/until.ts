// Answers: when does a test go on that waits for a condition.
import { setTimeout as wait } from 'node:timers/promises';

export interface Patience {
  readonly timeoutMs: number;
  readonly pauseMs: number;
}

/**
 * What the condition gives once it gives something; asked again after each pause. An error that it throws counts as
 * nothing, so that what is not there yet may be asked for. Throws, with the last error, where time is up.
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  { timeoutMs, pauseMs }: Patience,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const found = await condition();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await wait(pauseMs);
  } while (performance.now() < deadline);
  const vain = `Waited ${timeoutMs / 1000} s in vain until ${what}`;
  if (last === undefined) throw new Error(vain);
  throw new Error(`${vain}: ${last instanceof Error ? last.message : last}`, { cause: last });
}
