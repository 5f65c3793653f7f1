// Answers: how long is a duration on the command line.
import { quoted } from '../core/model/problem.ts';
import { UsageError } from './command.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Timers take 24 days at most; nobody waits that long. */
const longestMs = 24 * 3_600_000;

/** Milliseconds; throws UsageError, which names the option, where the text is no duration, or one of more than a day. */
export function durationMs(option: string, text: string): number {
  const match = /^([0-9]{1,9})(ms|s|m|h)$/.exec(text);
  if (match === null) throw new UsageError(`Cannot use --${option} ${quoted(text)}: it is no duration; write 5s or 2m`);
  const milliseconds = Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  if (milliseconds > longestMs) throw new UsageError(`Cannot use --${option} ${quoted(text)}: 24h is the longest`);
  return milliseconds;
}
