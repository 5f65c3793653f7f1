// Answers: in which order is work about many things done: of each thing one piece at a time, of all of them a few, again
// where something changed meanwhile, and later where it failed or wants to be asked again.
// Does not belong here: the work (wasm-work.ts).
import { backoffMs } from '../edge/pause.ts';

export interface KeyQueueParts {
  /** @returns milliseconds until the key is due again by itself; undefined where only a change makes it so */
  readonly work: (key: string, signal: AbortSignal) => Promise<number | undefined>;
  /** The work threw; it is done again after so long. */
  readonly failed: (key: string, error: unknown, waitMs: number) => void;
  readonly mostAtOnce: number;
}

export interface KeyQueue {
  /** Something about the key may have changed. */
  add(key: string): void;
  /** Nothing is begun any more; resolves when nothing is under way. */
  close(): Promise<void>;
}

interface Entry {
  isWaiting: boolean;
  isRunning: boolean;
  isChanged: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

export function createKeyQueue({ work, failed, mostAtOnce }: KeyQueueParts): KeyQueue {
  const entries = new Map<string, Entry>();
  const line: string[] = [];
  const underWay = new Set<Promise<void>>();
  const closing = new AbortController();
  const push = (key: string, entry: Entry): void => {
    clearTimeout(entry.timer);
    if (closing.signal.aborted || entry.isWaiting) return;
    if (entry.isRunning) {
      entry.isChanged = true;
      return;
    }
    entry.isWaiting = true;
    line.push(key);
    begin();
  };
  const due = (key: string, entry: Entry, waitMs: number): void => {
    entry.timer = setTimeout(() => push(key, entry), waitMs);
  };
  const settle = (key: string, entry: Entry, waitMs: number | undefined): void => {
    entry.isRunning = false;
    if (closing.signal.aborted) return;
    if (entry.isChanged && entry.failures === 0) push(key, entry);
    else if (waitMs !== undefined) due(key, entry, waitMs);
    else entries.delete(key);
  };
  const run = async (key: string, entry: Entry): Promise<void> => {
    [entry.isWaiting, entry.isRunning, entry.isChanged] = [false, true, false];
    try {
      const waitMs = await work(key, closing.signal);
      entry.failures = 0;
      settle(key, entry, waitMs);
    } catch (error) {
      entry.failures += 1;
      const waitMs = backoffMs(entry.failures);
      if (!closing.signal.aborted) failed(key, error, waitMs);
      settle(key, entry, waitMs);
    }
  };
  const begin = (): void => {
    while (underWay.size < mostAtOnce) {
      const key = line.shift();
      const entry = key === undefined ? undefined : entries.get(key);
      if (key === undefined || entry === undefined) return;
      const running: Promise<void> = run(key, entry).finally(() => {
        underWay.delete(running);
        begin();
      });
      underWay.add(running);
    }
  };
  return {
    add: (key) => {
      const entry = entries.get(key) ?? {
        isWaiting: false,
        isRunning: false,
        isChanged: false,
        failures: 0,
        timer: undefined,
      };
      entries.set(key, entry);
      // after a failure its wait is not cut short
      if (entry.failures === 0 || entry.isRunning) push(key, entry);
    },
    close: async () => {
      closing.abort();
      for (const { timer } of entries.values()) clearTimeout(timer);
      await Promise.all(underWay);
    },
  };
}
