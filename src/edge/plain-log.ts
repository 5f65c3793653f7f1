// Answers: how does the log of a process get out that must stay small: lines as edge/log.ts writes them, without its
// library. For few lines: each is written at once.

export interface PlainLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Least important first. */
export const plainLogLevels = ['debug', 'info', 'warn', 'error'] as const;
export type PlainLogLevel = (typeof plainLogLevels)[number];

/** A log of lines of at least this level. */
export function createPlainLog(least: PlainLogLevel, output: { write(text: string): unknown }): PlainLog {
  const from = plainLogLevels.indexOf(least);
  const write = (level: PlainLogLevel) => (fields: object, message: string) => {
    if (plainLogLevels.indexOf(level) < from) return;
    const line = { level, time: new Date().toISOString(), ...fields, msg: message };
    output.write(`${JSON.stringify(line)}\n`);
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
