// Answers: how do tests run the command line: within this process, where a run takes milliseconds, or as a process.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import type { Io } from '../../src/cli/command.ts';
import type { ServeOptions } from '../../src/cli/roles.ts';
import { runCommandLine } from '../../src/cli/run.ts';

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Around {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** What becomes of the options of `pillion serve`. */
  readonly serve?: (options: ServeOptions) => void;
}

/** Runs one command line in this process. */
export async function pillion(args: readonly string[], around: Around = {}): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written): Io['stdout'] => ({
    write: (text) => {
      written[name] += text;
    },
    isTTY: around.isTTY,
    columns: around.columns,
  });
  const io: Io = {
    stdin: textStream(around.stdin ?? ''),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: around.env ?? {},
    roles: {
      serve: async (options) => {
        around.serve?.(options);
        return 0;
      },
      control: async () => 0,
      agent: async () => 0,
    },
  };
  const exitCode = await runCommandLine(args, io);
  return { exitCode, ...written };
}

async function* textStream(text: string): AsyncGenerator<string> {
  yield text;
}

/** A module that is loaded before the program and gives some of its files another text. */
function replacing(files: Readonly<Record<string, string>>): string {
  const code = `import { registerHooks } from 'node:module';
const files = ${JSON.stringify(files)};
registerHooks({
  load(url, context, next) {
    const file = Object.keys(files).find((name) => url.endsWith('/src/' + name));
    return file === undefined ? next(url, context) : { format: 'module', source: files[file], shortCircuit: true };
  },
});`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Runs one command line as a process of the same Node as the tests. */
export function pillionProcess(
  args: readonly string[],
  stdin = '',
  replaced: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const child = spawn(process.execPath, ['--import', replacing(replaced), main, ...args], { stdio: 'pipe' });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text;
  });
  child.stdin.on('error', () => undefined).end(stdin);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ exitCode: code ?? -1, ...written }));
  });
}

/** A directory of the test file's own, gone after it; returns a function that writes a file there and names it. */
export function temporaryFiles(): (name: string, text: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-'));
  after(() => rmSync(directory, { recursive: true }));
  return (name, text) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
}

/** The checkout. */
export const repository = dirname(dirname(import.meta.dirname));
