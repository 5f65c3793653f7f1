// Answers: what is a command, and what does it get from the process. Commands and options are data: the parser, the
// help, the shell completion and docs/cli.md are made from the same rows.
// Does not belong here: the commands themselves.
import type { Roles } from './roles.ts';

/** One option of a command. */
export interface OptionRow {
  /** Long name without dashes: `namespace-labels`. */
  readonly name: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** What stands for its value in the help; undefined for a switch. */
  readonly value?: string;
  /** What the shell should complete the value with. */
  readonly completes?: 'file' | 'directory';
  readonly choices?: readonly string[];
  /** The command judges the value itself: the choices are what is offered and documented. */
  readonly isOpen?: boolean;
  /** May be given several times; its value is a list then. */
  readonly repeatable?: boolean;
  /** Left out of the list of the help; the details name it. */
  readonly isHidden?: boolean;
  /** What holds where the option is absent, in words. */
  readonly fallback?: string;
  readonly doc: string;
}

/** One positional argument of a command. */
export interface ArgumentRow {
  readonly name: string;
  readonly choices?: readonly string[];
  /** Those after one that may be left out may be left out too. */
  readonly isOptional?: boolean;
  /** Its name itself may be written there, before all others, and says nothing: `deploy istio IMAGE`. */
  readonly isWord?: boolean;
  readonly completes?: 'file' | 'directory';
  readonly doc: string;
}

/** What the command line said: by option name, dashes and all; absent ones are missing. Arguments are under their name. */
export type OptionValues = ReadonlyMap<string, string | readonly string[] | true>;

export interface Command {
  /** The words of the command line: `inject`, `wasm init`. */
  readonly name: string;
  readonly summary: string;
  /** What the summary leaves open: a few lines for `--help` and docs/cli.md. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
  readonly options: readonly OptionRow[];
  readonly arguments?: readonly ArgumentRow[];
  /** Does the work and returns the exit code. */
  readonly run: (io: Io, options: OptionValues) => Promise<number>;
}

/** The first word of several commands: `wasm` of `wasm init`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
}

/** Where a command writes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
}

/** The process around a command; nothing else of it is used. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly roles: Roles;
}

/**
 * Exit codes. Public, never reused. Of several that apply, the first in the order defect, unusable, denied, done,
 * nothingInjected is taken.
 */
export const exitCodes = {
  done: 0, // injected, or printed what was asked for
  defect: 1, // our fault
  unusable: 2, // mistyped command line, or input or settings that cannot be read
  nothingInjected: 3, // everything was left alone; the reasons are on standard error
  denied: 4, // some pod, image or extension was refused; the problems are on standard error
} as const;

/** The text of an option with one value. */
export function textOf(options: OptionValues, name: string): string | undefined {
  const value = options.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** The texts of a repeatable option, none where it is absent. */
export function listOf(options: OptionValues, name: string): readonly string[] {
  const value = options.get(name);
  return Array.isArray(value) ? value : [];
}

/** A command line or an input that cannot be used; caught in run.ts, which prints the message and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
