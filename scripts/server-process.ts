// Answers: how does a script or a test get a real `pillion serve` on loopback, and rid of it again.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * What Node is told besides, as in the script `pillion` of package.json. V8 lets its young generation grow by steps for as
 * long as it likes; from the start at the size where it ends, a server takes the same memory after a minute and a month.
 * What an admission leaves behind is small and dead at once: several threads take longer to agree than one to sweep.
 */
export const nodeFlags: readonly string[] = [
  '--max-semi-space-size=4',
  '--min-semi-space-size=4',
  '--no-parallel-scavenge',
];

export interface ServerProcess {
  /** `127.0.0.1:port` where reviews are answered. */
  readonly address: string;
  /** Certificate of the authority that clients have to trust, PEM. */
  readonly ca: string;
  /** Holds the certificates (`tls.crt`, `tls.key`, `ca.crt`) and `log`; gone after stop(). */
  readonly directory: string;
  readonly child: ChildProcess;
  /** Asks it to end, as Kubernetes does; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  /** Options of `pillion serve` besides the addresses and the certificates. */
  readonly flags?: readonly string[];
  /** The program and what comes before `serve`: the sources on this Node where absent. */
  readonly program?: readonly string[];
  /** With a channel for messages to the process. */
  readonly hasChannel?: boolean;
}

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const longestStartMs = 60_000;
const pollMs = 5;

/** Starts `pillion serve` on free ports of loopback, certificates of its own, and waits until it listens. */
export async function startServer({
  flags = [],
  program = [process.execPath, ...nodeFlags, mainFile],
  hasChannel = false,
}: StartOptions = {}): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-serve-'));
  const [command = '', ...before] = program;
  const loopback = ['--listen', '127.0.0.1:0', '--management-listen', '127.0.0.1:0', '--drain-delay', '0s'];
  const args = [...before, 'serve', ...loopback, '--self-signed', directory, ...flags];
  // a file, not a pipe: nobody has to read along while requests are measured
  const log = openSync(join(directory, 'log'), 'w');
  const child = spawn(command, args, { stdio: ['ignore', log, log, ...(hasChannel ? (['ipc'] as const) : [])] });
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    const address = await waitForAddress(join(directory, 'log'), child);
    const ca = readFileSync(join(directory, 'ca.crt'), 'utf8');
    return { address, ca, directory, child, stop: () => stop(child, ended, directory) };
  } catch (error) {
    await stop(child, ended, directory);
    throw error;
  }
}

/** The log is one JSON object for each line; one of the first names the address. */
async function waitForAddress(file: string, child: ChildProcess): Promise<string> {
  const deadline = Date.now() + longestStartMs;
  while (Date.now() < deadline) {
    const text = readFileSync(file, 'utf8');
    const address = text
      .split('\n')
      .map(addressIn)
      .find((found) => found !== undefined);
    if (address !== undefined) return address;
    if (child.exitCode !== null)
      throw new Error(`Cannot start the server: it ended with ${child.exitCode}: ${text.trim()}`);
    await sleep(pollMs);
  }
  throw new Error(`Cannot start the server: it named no address within ${longestStartMs / 1000} s`);
}

/** The line that says where reviews are answered. */
function addressIn(line: string): string | undefined {
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined;
  const { url } = JSON.parse(line);
  return typeof url === 'string' ? new URL(url).host : undefined;
}

async function stop(child: ChildProcess, ended: Promise<number | null>, directory: string): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const code = await ended;
  rmSync(directory, { recursive: true, force: true });
  return code;
}

/** Sends a review as an API server would and returns status and body of the answer. */
export function sendReview(
  { address, ca }: Pick<ServerProcess, 'address' | 'ca'>,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly text: string }>();
  const headers = { 'Content-Type': 'application/json', 'User-Agent': 'kube-apiserver-admission' };
  const outgoing = request(
    `https://${address}/inject?timeout=10s`,
    { method: 'POST', ca, servername: 'localhost', headers },
    (incoming) => {
      incoming.setEncoding('utf8');
      let text = '';
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    },
  );
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}
