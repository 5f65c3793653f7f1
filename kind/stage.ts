// Answers: how is a demo shown: commands with what they print, as soon as it is what was promised.
// Does not belong here: what is shown (demo-scenes.ts, wasm-scenes.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentOf, type KindCluster } from './cluster.ts';
import { attempt, CommandError, runLine } from './run.ts';
import { bold, dim, type Steps } from './steps.ts';

const patienceMs = 60_000;
const pollMs = 500;

export interface ShowOptions {
  /** What has to stand in it; it is asked for again until it does. */
  readonly promise?: RegExp;
  /** Only lines with this, as grep would show them. */
  readonly filter?: string;
  /** It has to end with another code than 0; what it says of that is shown. */
  readonly fails?: true;
}

/** What a scene is played on. Commands are as in a shell, with no more of it than words in single quotes. */
export interface Stage {
  say(text: string): void;
  /** Shows a command and what it prints. */
  show(command: string, options?: ShowOptions): Promise<void>;
  /** Waits until a command that takes --timeout has ended. */
  until(what: string, command: string): Promise<void>;
  /** Runs a command to its end. */
  step(what: string, command: string): Promise<void>;
  pause(what: string, ms: number): Promise<void>;
}

export interface Scene {
  readonly title: string;
  play(stage: Stage): Promise<void>;
}

/** One after the other, with numbers. */
export async function playAll(stage: Stage, scenes: readonly Scene[]): Promise<void> {
  for (const [at, scene] of scenes.entries()) {
    stage.say(`${bold(`${at + 1}. ${scene.title}`)}\n`);
    await scene.play(stage);
  }
}

/** The words of a command; those in single quotes are one. */
export function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
}

/**
 * Asks again until what is printed is as promised. A command that fails may work a moment later, such as the log of a
 * container that starts.
 */
async function untilPromised(promise: RegExp, line: string, print: () => Promise<string>): Promise<string> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const isLast = performance.now() > deadline;
    const seen = await print().catch((error: unknown) => {
      if (isLast) throw error;
      return '';
    });
    if (promise.test(seen)) return seen;
    if (isLast) throw new CommandError(`Cannot show the demo: ${promise} was promised, but "${line}" prints:\n${seen}`);
    await sleep(pollMs);
  }
}

/** @param environment of the commands, besides what leads to the cluster */
export function stageOf(steps: Steps, cluster: KindCluster, environment: Readonly<Record<string, string>> = {}): Stage {
  const env = { ...environmentOf(cluster), ...environment };
  const execute = (command: string): Promise<string> => {
    const [program = '', ...args] = wordsOf(command);
    return runLine({ command: program, args, env });
  };
  const fail = async (command: string): Promise<string> => {
    const [program = '', ...args] = wordsOf(command);
    const { code, stdout, stderr } = await attempt(program, args, { env });
    if (code === 0) throw new CommandError(`Cannot show the demo: "${command}" was to fail, but it did not`);
    return stdout + stderr;
  };
  return {
    say: (text) => steps.say(text),
    async show(command, { promise, filter, fails } = {}) {
      const line = filter === undefined ? command : `${command} | grep ${filter}`;
      const print = async (): Promise<string> => {
        const lines = (await (fails ? fail : execute)(command)).trimEnd().split('\n');
        return lines.filter((one) => filter === undefined || one.includes(filter)).join('\n');
      };
      const seen = promise === undefined ? await print() : await untilPromised(promise, line, print);
      steps.say(`${dim('$')} ${line}\n${seen}\n`);
    },
    until: (what, command) =>
      steps.step(what, () => execute(`${command} --timeout=${patienceMs / 1000}s`).then(() => {})),
    step: (what, command) => steps.step(what, () => execute(command).then(() => {})),
    pause: (what, ms) => steps.step(what, () => sleep(ms)),
  };
}
