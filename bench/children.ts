// Answers: how does the benchmark get its processes: the floor, pillion, the client, each on a core of its own where the
// machine has two and `taskset`.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFlags, type ServerProcess, startServer } from '../scripts/server-process.ts';
import type { HeapFigures } from './heap-probe.ts';
import type { LoadOrder, LoadResult } from './load.ts';

/** A server under test. */
export interface Subject {
  readonly name: string;
  readonly address: string;
  readonly ca: string;
  readonly pid: number;
  /** What it is asked; the sample where absent. */
  readonly review?: string;
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const flags = [...nodeFlags, '--expose-gc', '--import', here('./heap-probe.ts')];
export const isPinned: boolean = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;

function onCore(core: number, command: readonly string[]): readonly string[] {
  return isPinned ? ['taskset', '-c', String(core), ...command] : command;
}

/** `pillion serve` from the sources with these options, and with a way to ask for its heap. */
export function startPillion(serveFlags: readonly string[] = []): Promise<ServerProcess> {
  const program = onCore(0, [process.execPath, ...flags, here('../src/main.ts')]);
  return startServer({ program, flags: serveFlags, hasChannel: true });
}

export interface FloorProcess extends Subject {
  stop(): void;
}

/** The floor with the certificate of the other server, always giving the answer. */
export async function startFloor({ directory, ca }: ServerProcess, answer: string): Promise<FloorProcess> {
  const answerFile = join(directory, 'answer.json');
  writeFileSync(answerFile, answer);
  const [command = '', ...args] = onCore(0, [process.execPath, ...flags, here('./floor.ts'), directory, answerFile]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', (code) => reject(new Error(`Cannot measure: the floor server ended with ${code}`)));
  });
  child.removeAllListeners('exit');
  return { name: 'floor', address: JSON.parse(line).address, ca, pid: pidOf(child), stop: () => void child.kill() };
}

export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('Cannot measure: a process did not start');
  return pid;
}

export interface Client {
  load(order: LoadOrder): Promise<LoadResult>;
  stop(): void;
}

/** The process that sends requests. */
export function startClient(): Client {
  const [execPath = '', ...execArgv] = onCore(1, [process.execPath]);
  const child = isPinned ? fork(here('./load.ts'), { execPath, execArgv }) : fork(here('./load.ts'));
  return {
    load: async (order) => {
      const answer = await ask<LoadResult | { readonly error: string }>(child, order);
      if ('error' in answer) throw new Error(`Cannot measure: ${answer.error}`);
      return answer;
    },
    stop: () => void child.kill(),
  };
}

/** Bytes that are alive on the heap of a server after a forced collection. */
export async function collectHeap(child: ChildProcess): Promise<number> {
  const { heapUsedBytes } = await ask<HeapFigures>(child, 'collect');
  return heapUsedBytes;
}

function ask<Answer>(child: ChildProcess, question: object | string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const gone = (code: number | null): void => reject(new Error(`Cannot measure: a process ended with ${code}`));
  child.once('exit', gone);
  child.once('message', (answer) => {
    child.off('exit', gone);
    resolve(answer as Answer);
  });
  child.send(question);
  return promise;
}
