// Answers: how does the log get out: one JSON object for each line, without holding anybody up.
// Does not belong here: what is logged when (telemetry.ts).
import { type DestinationStream, destination, type Logger, levels, pino } from 'pino';

const standardOutput = 1;
/** Lines are gathered for this long or up to this size, and written while the process goes on. */
const gatherMs = 100;
const gatherBytes = 63 * 1024;
const mostBytesAtOnce = 64 * 1024;
/** Where nobody reads standard output, lines above this are dropped: the log must not fill the memory. */
const mostWaitingBytes = 16 * 1024 * 1024;
const closingMs = 1_000;

export type { DestinationStream, Logger };

export interface LogOutput {
  readonly stream: DestinationStream;
  /** Writes what is left; resolves when it is through, or when nobody takes it. */
  close(): Promise<void>;
}

/** The log on standard output. */
export function openLogOutput(): LogOutput {
  const stream = destination({
    dest: standardOutput,
    sync: false,
    minLength: gatherBytes,
    maxWrite: mostBytesAtOnce,
    maxLength: mostWaitingBytes,
    periodicFlush: gatherMs,
  });
  const close = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, closingMs);
    stream.once('close', resolve);
    stream.end();
    await promise;
    clearTimeout(timer);
  };
  return { stream, close };
}

/** The levels that a log can have, least important first. */
export const logLevels: readonly string[] = [...Object.keys(levels.values), 'silent'];

/** A log of lines of at least this level (one of `logLevels`). */
export function createLog(level: string, output: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null, // whoever collects logs knows the process and its machine
      timestamp: () => `,"time":"${isoTime()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}

let lastMs = 0;
let lastTime = '';

/** The time of this moment, put together once a millisecond: several admissions fit into one. */
export function isoTime(): string {
  const now = Date.now();
  if (now !== lastMs) [lastMs, lastTime] = [now, new Date(now).toISOString()];
  return lastTime;
}
