// Answers: what does `make kind-demo` show, and when: all pods are applied at once, and each demo is shown as soon as its
// pods are there. Ends with an error where anything is not as it promises.
// Does not belong here: what is shown of each (demo-scenes.ts), the pods (demo/), how the cluster comes to be (set-up.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { names, ownNamespace } from '../src/core/cluster/names.ts';
import { environmentOf, exportLine, type KindCluster } from './cluster.ts';
import { native, plain, type Scene, type Stage, scenes } from './demo-scenes.ts';
import { pillionLine } from './mesh.ts';
import { CommandError, run, runLine } from './run.ts';
import { bold, dim, type Steps } from './steps.ts';

const patienceMs = 60_000;
const pollMs = 500;

export async function demo(steps: Steps, cluster: KindCluster): Promise<void> {
  const stage = stageOf(steps, cluster);
  await steps.step('Remove what an earlier run left', () => reset(cluster));
  steps.say(`\nThe demos. To type along:\n${dim('$')} ${exportLine(cluster)}`);
  await stage.show('kubectl apply -k kind/demo/service');
  await stage.until(
    'httpbin, which the others call, is ready',
    `kubectl rollout status deployment/httpbin -n ${native}`,
  );
  await stage.show('kubectl apply -k kind/demo/native');
  await stage.show('kubectl apply -k kind/demo/plain');
  for (const [at, scene] of scenes.entries()) await show(stage, scene, at + 1);
}

async function show(stage: Stage, scene: Scene, number: number): Promise<void> {
  stage.say(`${bold(`${number}. ${scene.title}`)}\n`);
  await scene.play(stage);
}

/** Nothing of an earlier run is there, and the pods meet Pillion as it is installed first. */
async function reset(cluster: KindCluster): Promise<void> {
  const env = environmentOf(cluster);
  const get = ['get', 'configmap', names.options, `--namespace=${ownNamespace}`, '--output=jsonpath={.data}'];
  await run('kubectl', ['delete', 'namespace', native, plain, '--ignore-not-found'], { env });
  if (!(await run('kubectl', get, { env })).includes('jobCompletion: true')) return;
  await runLine({ ...pillionLine(['install', '--set', 'jobCompletion=false', '--wait']), env });
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

function stageOf(steps: Steps, cluster: KindCluster): Stage {
  const env = environmentOf(cluster);
  const execute = (command: string): Promise<string> => {
    const [program = '', ...args] = command.split(' ');
    return runLine({ command: program, args, env });
  };
  return {
    say: (text) => steps.say(text),
    async show(command, { promise, filter } = {}) {
      const line = filter === undefined ? command : `${command} | grep ${filter}`;
      const print = async (): Promise<string> => {
        const lines = (await execute(command)).trimEnd().split('\n');
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
