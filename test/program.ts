// Answers: what does a program print that a test runs, and how does it end.
import { attempt } from '../kind/run.ts';

export interface Output {
  /** 1 where it was ended by a signal or could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Over this a program has hung: `pillion install --wait` gives up after five minutes, and says what it waited for. */
const patienceMs = 330_000;

/** Runs it to its end and never throws; `environment` comes over that of this process. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { stdin = '', environment = {}, timeoutMs = patienceMs }: ProgramOptions = {},
): Promise<Output> {
  try {
    const { code, stdout, stderr } = await attempt(program, args, { stdin, env: environment, timeoutMs });
    if (typeof code === 'number') return { code, stdout, stderr };
    return { code: 1, stdout, stderr: `${stderr}${code} ended "${program}"` };
  } catch (error) {
    return { code: 1, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
  }
}

export interface ProgramOptions {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}
