// Answers: how are other programs run (docker, kind, kubectl, helm), and what is said when one is missing or fails.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A command as data: a plan is a list of them, which can be shown before it is run. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly stdin?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Folder that it runs in: that of this process where absent. */
  readonly cwd?: string | undefined;
  /** Milliseconds after which it is ended and counts as failed. */
  readonly timeoutMs?: number | undefined;
}

/**
 * What a person can mend, so that the message is all that is shown: a program that could not be started, ended with another
 * code than 0 or took too long; a variable that cannot be.
 */
export class CommandError extends Error {
  readonly stdout: string;
  readonly stderr: string;
  constructor(message: string, { stdout = '', stderr = '' } = {}) {
    super(message);
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** Where the programs come from that a machine with Docker may lack. */
const origins: Readonly<Record<string, string>> = {
  docker: 'https://docs.docker.com/get-docker',
  kind: 'https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  kubectl: 'https://kubernetes.io/docs/tasks/tools',
  helm: 'https://helm.sh/docs/intro/install',
};

const root = join(import.meta.dirname, '..');
/** Long enough to pull an image over a slow line; what can hang is given a limit of its own. */
const longestMs = 1_800_000;

/** How a program ended, and what it wrote. */
export interface Output {
  /** The signal where one ended it. */
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, however it ends.
 * @throws CommandError where there is no such program
 */
export async function attempt(command: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const { stdin, env, cwd, timeoutMs = longestMs } = options;
  const surroundings = { ...(cwd === undefined ? {} : { cwd }), env: { ...ownEnvironment(), ...env } };
  const child = spawn(command, args, surroundings);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs); // that of spawn stays when there is no such program
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
  });
  child.stdin.on('error', () => {}); // a program that ends before it has read everything is judged by its exit code
  child.stdin.end(stdin ?? '');
  try {
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  } catch (error) {
    throw isMissing(error) ? new CommandError(missingText(command)) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs a program that has to succeed.
 * @returns what it wrote to stdout
 * @throws CommandError with the command to paste and everything that the program said
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { env, timeoutMs = longestMs } = options;
  const { code, stdout, stderr } = await attempt(command, args, options);
  if (code === 0) return stdout;
  const how =
    typeof code === 'number' ? `it ended with ${code}` : `${code} ended it, after ${timeoutMs / 1000} s or less`;
  const pasted = shellText({ command, args, ...(env === undefined ? {} : { env }) });
  const output = [stderr, stdout].flatMap((one) => (one.trim() === '' ? [] : [one.trim()])).join('\n');
  throw new CommandError(`Cannot run "${command}": ${how}; to see it again:\n  ${pasted}\n${output}`, {
    stdout,
    stderr,
  });
}

/** That of this process, without what would lead a program to another cluster than the one that it is told. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const leading = /^(HELM_KUBE|KIND_EXPERIMENTAL_PROVIDER$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !leading.test(name)));
}

/** Runs one command of a plan, in the project's folder, from where its paths are. */
export function runLine({ command, args, env }: CommandLine): Promise<string> {
  return run(command, args, { env, cwd: root });
}

/** What it wrote to stdout, and undefined where it failed; a program that is missing still throws. */
export async function tryRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string | undefined> {
  return run(command, args, options).catch((error: unknown) => {
    if (error instanceof CommandError && error.message !== missingText(command)) return undefined;
    throw error;
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function missingText(command: string): string {
  const origin = origins[command];
  const remedy = origin === undefined ? 'install it' : `install it (${origin})`;
  return `Cannot find "${command}": it is not on the PATH; ${remedy}`;
}

/** A command as one would type it into a shell. */
export function shellText({ command, args, env = {} }: CommandLine): string {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...settings, ...[command, ...args].map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Throws CommandError with one line for each program that is missing or does not work. */
export async function requirePrograms(): Promise<void> {
  const probes: readonly (readonly [command: string, args: readonly string[], otherwise: string])[] = [
    [
      'docker',
      ['version', '--format', '{{.Server.Version}}'],
      'docker does not answer; start it, or see "docker version"',
    ],
    ['kind', ['version'], 'kind does not run; see "kind version"'],
    ['kubectl', ['version', '--client'], 'kubectl does not run; see "kubectl version --client"'],
    ['helm', ['version', '--short'], 'helm does not run; see "helm version"'],
  ];
  const faults = await Promise.all(
    probes.map(async ([command, args, otherwise]) => {
      try {
        return (await tryRun(command, args, { timeoutMs: 20_000 })) === undefined ? [`Cannot go on: ${otherwise}`] : [];
      } catch (error) {
        return [error instanceof Error ? error.message : String(error)];
      }
    }),
  );
  if (faults.flat().length > 0) throw new CommandError(faults.flat().join('\n'));
}
