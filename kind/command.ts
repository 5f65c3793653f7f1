// Answers: what do `make kind-up`, `kind-demo`, `kind-down` and `image` do: one small program, a word for each.
import { argv, env, stderr, stdout } from 'node:process';
import manifest from '../package.json' with { type: 'json' };
import { type Choices, readChoices, variables, versions } from './choices.ts';
import { exportLine, type KindCluster } from './cluster.ts';
import { demo } from './demo.ts';
import { buildImage } from './images.ts';
import { alone } from './lock.ts';
import { deleteRegistry } from './registry.ts';
import { CommandError } from './run.ts';
import { clusterName, setUp, tearDown } from './set-up.ts';
import { type Steps, stepsOn } from './steps.ts';
import { registryName, wasmDemo } from './wasm-demo.ts';

const image = `pillion:${manifest.version}`;

const commands: Readonly<Record<string, (steps: Steps, kubernetes: string | undefined) => Promise<void>>> = {
  async up(steps, kubernetes) {
    const cluster = await setUp(steps, readChoices(env, kubernetes), { name: clusterName(kubernetes), image });
    steps.say(`\nIt is there; to use it:\n  ${exportLine(cluster)}`);
  },
  async demo(steps, kubernetes) {
    await play(steps, kubernetes, (_, cluster) => demo(steps, cluster));
  },
  async 'wasm-demo'(steps, kubernetes) {
    await play(steps, kubernetes, (choices, cluster) => wasmDemo(steps, choices, cluster));
  },
  async down(steps, kubernetes) {
    await tearDown(steps, clusterName(kubernetes));
    await steps.step('Remove the registry of the Wasm demo, if any', () => deleteRegistry(registryName));
  },
  async image(steps) {
    await steps.step(`Build the image ${env['IMAGE'] || image}`, () =>
      buildImage(readChoices(env), env['IMAGE'] || image),
    );
  },
};

/** Makes the cluster, shows the demo in it, and tells how long both took. */
async function play(
  steps: Steps,
  kubernetes: string | undefined,
  show: (choices: Choices, cluster: KindCluster) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const choices = readChoices(env, kubernetes);
  const cluster = await setUp(steps, choices, { name: clusterName(kubernetes), image });
  await alone(cluster.name, () => show(choices, cluster));
  steps.say(`\n${Math.round((performance.now() - started) / 1000)} s in all; "make kind-down" removes the cluster`);
}

/** What may be set, for those who ask for nothing that there is. */
function usage(): string {
  const rows = variables.map(({ name, fallback, doc }) => `  ${name.padEnd(20)} ${doc}${fallback && ` (${fallback})`}`);
  const known = versions.map(({ kubernetes }) => kubernetes).join(', ');
  return [`Cannot run this: say ${Object.keys(commands).join(', ')}`, `KUBERNETES is one of ${known}`, ...rows].join(
    '\n',
  );
}

const command = commands[argv[2] ?? ''];
try {
  if (command === undefined) throw new CommandError(usage());
  await command(stepsOn(stdout, env), env['KUBERNETES'] || undefined);
} catch (error) {
  const shown = error instanceof Error && !(error instanceof CommandError) ? error.stack : undefined;
  stderr.write(`${shown ?? (error instanceof Error ? error.message : String(error))}\n`);
  process.exit(1);
}
