// Answers: who works on a cluster: one run at a time, so that none removes what another one is making.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateFolder, typedPath } from './cluster.ts';
import { CommandError } from './run.ts';

/**
 * Runs the work while no other process does so for the cluster of that name. The lock of a process that is gone is taken over,
 * also where this one got its number, as happens in containers.
 * @throws CommandError where another one is at it
 */
export async function alone<T>(name: string, work: () => Promise<T>, folder: string = stateFolder): Promise<T> {
  const file = join(folder, `${name}.lock`);
  mkdirSync(folder, { recursive: true });
  if (!take(file)) {
    const holder = Number(readFileSync(file, 'utf8'));
    if (holder !== process.pid && isRunning(holder)) {
      throw new CommandError(
        `Cannot work on the cluster "${name}": process ${holder} does; wait until it has ended, or remove ${typedPath(file)} if it is another program`,
      );
    }
    writeFileSync(file, String(process.pid));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // it is there, and somebody else's
  }
}
