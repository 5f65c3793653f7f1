// Answers: how does a test get a process of `pillion`, what does it say, and how does it end.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../../scripts/server-process.ts';
import { isObject, type JsonObject, parseJson } from '../../src/core/model/json.ts';
import { until } from './control-plane.ts';

export interface PillionProcess {
  readonly child: ChildProcess;
  /** Every line of its log so far. */
  lines(): readonly JsonObject[];
  /** The first line with this field as text; throws where none comes. */
  waitFor(field: string): Promise<string>;
  /** Asks it to end, or, by SIGKILL, ends it; resolves with its exit code. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

const mainFile = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starts it; ended after the test. */
export function startPillion(context: Pick<TestContext, 'after'>, args: readonly string[]): PillionProcess {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-process-'));
  const file = join(directory, 'log');
  // a file, not a pipe: nobody has to read along
  const log = openSync(file, 'w');
  const child = spawn(process.execPath, [...nodeFlags, mainFile, ...args], { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const text = (): string => readFileSync(file, 'utf8');
  const lines = (): readonly JsonObject[] => text().split('\n').map(parseJson).filter(isObject);
  const stop: PillionProcess['stop'] = (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  context.after(async () => {
    await stop('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    child,
    lines,
    stop,
    waitFor: async (field) => {
      const find = (): unknown => lines().find((line) => typeof line[field] === 'string')?.[field];
      await until(`the process says its ${field}`, async () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${text()}`);
        return find() !== undefined;
      });
      return String(find());
    },
  };
}
