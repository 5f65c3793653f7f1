// Answers: how is something in the world kept as it should be: look at it, decide, act, and rest until somebody wakes the
// loop or time is up; again at once after a step that was not the last, later after a failure.
// Does not belong here: what is looked at and done (upkeep.ts).
import { backoffMs, pause } from '../edge/pause.ts';

/** What follows after a round. */
export type Outcome =
  /** Something was changed: what is there now has to be looked at. */
  | { readonly kind: 'again' }
  /** Nothing is left to do for so long, unless something changes. */
  | { readonly kind: 'rest'; readonly milliseconds: number };

export interface LoopParts<Seen, Plan> {
  readonly observe: () => Promise<Seen>;
  /** Pure. */
  readonly decide: (seen: Seen) => Plan;
  /** The signal: nothing more is to be begun. */
  readonly act: (plan: Plan, signal: AbortSignal) => Promise<Outcome>;
  /** A round went through. */
  readonly succeeded: () => void;
  /** A round failed; it is tried again after so long. */
  readonly failed: (error: unknown, waitMs: number) => void;
}

export interface Loop {
  /** Something may have changed. During a round, another one follows; after a failure its wait is not cut short. */
  wake(): void;
  /** Resolves when the signal has aborted and the last round has ended. Never rejects. */
  readonly ended: Promise<void>;
}

/** So many rounds that change something before the first rest are no progress any more: each further one is a failure. */
const mostRoundsWithoutRest = 20;

/** Runs until the signal aborts; the first round at once. */
export function startLoop<Seen, Plan>(parts: LoopParts<Seen, Plan>, signal: AbortSignal): Loop {
  let isWoken = false;
  let rest = new AbortController();
  const endRest = (): void => rest.abort();
  signal.addEventListener('abort', endRest);
  const sleep = async (milliseconds: number): Promise<void> => {
    rest = new AbortController();
    if (!isWoken && !signal.aborted) await pause(milliseconds, rest.signal);
  };
  const run = async (): Promise<void> => {
    const streak: Streak = { failures: 0, changes: 0 };
    while (!signal.aborted) {
      isWoken = false;
      const waitMs = await tryRound(parts, streak, signal);
      if (streak.failures > 0) await pause(waitMs, signal);
      else if (waitMs > 0) await sleep(waitMs);
    }
    signal.removeEventListener('abort', endRest);
  };
  return {
    wake: () => {
      isWoken = true;
      rest.abort();
    },
    ended: run(),
  };
}

/** What came since the last rest. */
interface Streak {
  failures: number;
  changes: number;
}

/** One round; returns how long to wait after it. */
async function tryRound<Seen, Plan>(
  parts: LoopParts<Seen, Plan>,
  streak: Streak,
  signal: AbortSignal,
): Promise<number> {
  try {
    const seen = await parts.observe();
    if (signal.aborted) return 0;
    const outcome = await parts.act(parts.decide(seen), signal);
    if (outcome.kind === 'again') {
      streak.changes += 1;
      if (streak.changes <= mostRoundsWithoutRest) return 0;
      throw new Error(`${streak.changes} rounds changed something, and no end`);
    }
    [streak.failures, streak.changes] = [0, 0];
    parts.succeeded();
    return outcome.milliseconds;
  } catch (error) {
    if (signal.aborted) return 0; // what was cut off is no failure
    streak.failures += 1;
    const waitMs = backoffMs(streak.failures);
    parts.failed(error, waitMs);
    return waitMs;
  }
}
