// Answers: when does the agent write what its node has, so that the API server hears of every real change soon and of
// nothing else.
import type { StoreStatus } from '../core/wasm/extension.ts';
import { pause, spread } from '../edge/pause.ts';

export interface ReportParts {
  /** Throws where it cannot be written. */
  readonly write: (status: StoreStatus) => Promise<void>;
  readonly failed: (error: unknown) => void;
  readonly written: () => void;
}

export interface Reporter {
  /** What should stand there from now on. */
  tell(status: StoreStatus): void;
  /** What stands there is not what was written: somebody else has changed it. */
  forget(): void;
}

/** What comes within this is one write: most modules are there before anybody could read that they are being fetched. */
const gatherMs = 250;
const apartMs = 2_000;
const afterFailureMs = 5_000;

/** Writes until the signal aborts. */
export function createReporter({ write, failed, written }: ReportParts, signal: AbortSignal): Reporter {
  let wanted: StoreStatus | undefined;
  let last: string | undefined;
  let isRunning = false;
  const isDue = (): boolean => wanted !== undefined && JSON.stringify(wanted) !== last && !signal.aborted;
  const run = async (): Promise<void> => {
    isRunning = true;
    await pause(gatherMs, signal);
    while (isDue() && wanted !== undefined) {
      const status = wanted;
      try {
        await write(status);
        last = JSON.stringify(status);
        written();
        await pause(apartMs, signal);
      } catch (error) {
        if (!signal.aborted) failed(error);
        await pause(spread(afterFailureMs), signal);
      }
    }
    isRunning = false;
  };
  const wake = (): void => {
    if (isDue() && !isRunning) void run();
  };
  return {
    tell: (status) => {
      wanted = status;
      wake();
    },
    forget: () => {
      last = undefined;
      wake();
    },
  };
}
