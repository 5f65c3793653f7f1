// Answers: how does somebody hear that an image, a module or an extension was refused.
import { type Refusal, type RefusalReason, refusals } from '../../core/wasm/refusals.ts';
import { exitCodes, type Io, type OptionValues } from '../command.ts';
import { harmless } from '../terminal.ts';
import { isJson } from '../text-or-json.ts';

/** Messages that are written for the cluster speak of its options; here these are options of the command. */
const hereCalled: readonly (readonly [RegExp, string])[] = [
  [/; one that speaks plain HTTP has to be in plainHttpRegistries/, '; one that speaks plain HTTP needs --plain-http'],
  [/ is taken only where the option wasm\.httpSources is on/, ' is taken only with --plain-http'],
  [/; name its authority in caBundle/, '; name its authority with --ca'],
];

/** Remedies for a person at a command line, where those of the table are for a cluster, which tries again by itself. */
const remediesHere: Readonly<Partial<Record<RefusalReason, string>>> = {
  RegistryUnreachable: 'Check the host and the network, and try again.',
  RateLimited: 'Wait, and try again.',
  TooLarge: 'Make the module smaller (strip it, optimise it), or take it with --max-module-megabytes.',
  Unauthorized: 'Log in with "docker login", with rights on this repository.',
  PullSecretUnreadable: 'Log in anew with "docker login".',
};

export interface SayableRefusal {
  readonly reason: RefusalReason;
  readonly message: string;
  readonly remedy: string;
}

/** The refusal in the words of the command line. */
export function sayable({ reason, message }: Refusal): SayableRefusal {
  const said = hereCalled.reduce((text, [from, to]) => text.replace(from, to), message);
  return { reason, message: harmless(said), remedy: remediesHere[reason] ?? refusals[reason].remedy };
}

/** The refusal in lines: what it is, and what to do. */
export function refusalText(refused: Refusal): string {
  const { reason, message, remedy } = sayable(refused);
  return `${message} (${reason})\n→ ${remedy}`;
}

/**
 * Tells of the refusal, as JSON on standard output where that is asked for. The exit code is that of a denial where what
 * was looked at is at fault, and that of unusable input where it could not be looked at.
 */
export function tellRefusal(io: Io, options: OptionValues, refused: Refusal, seen: object = {}): number {
  if (isJson(options)) {
    io.stdout.write(`${JSON.stringify({ ...seen, refused: sayable(refused) }, undefined, 2)}\n`);
  } else io.stderr.write(`${refusalText(refused)}\n`);
  return exitCodeOf(refused);
}

export function exitCodeOf({ reason }: Refusal): number {
  const { fault } = refusals[reason];
  const isJudged = (fault === 'publisher' && reason !== 'NotFound') || fault === 'cluster';
  return isJudged ? exitCodes.denied : exitCodes.unusable;
}
