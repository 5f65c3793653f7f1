// Answers: what does a program print that a test runs, and how does it end.
import { execFile } from 'node:child_process';

export interface Output {
  /** 1 where it was ended by a signal or could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Over this a program has hung: `pillion install --wait` gives up after five minutes, and says what it waited for. */
const patienceMs = 330_000;

/** Runs it to its end and never throws; `environment` comes over that of this process. */
export function runProgram(
  program: string,
  args: readonly string[],
  { stdin = '', environment = {}, timeoutMs = patienceMs }: ProgramOptions = {},
): Promise<Output> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024, timeout: timeoutMs };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr });
      const isItsOwn = typeof error.code === 'number';
      const code = isItsOwn ? Number(error.code) : 1;
      resolve({ code, stdout, stderr: isItsOwn ? stderr : `${stderr}${error.message}` });
    });
    child.stdin?.on('error', () => {}); // it ended before it had read everything
    child.stdin?.end(stdin);
  });
}

export interface ProgramOptions {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}
