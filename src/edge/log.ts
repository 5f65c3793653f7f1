// Answers: how does the log get out: one JSON object for each line, without holding anybody up.
// Does not belong here: what is logged when (telemetry.ts).
import { type DestinationStream, destination, type Logger, levels, pino, stdTimeFunctions } from 'pino';

const standardOutput = 1;
/** Lines are gathered for this long or up to this size, and written while the process goes on. */
const gatherMs = 100;
const gatherBytes = 12_288; // below the 16 KiB that are written at a time
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
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}
