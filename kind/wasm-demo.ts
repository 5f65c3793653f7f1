// Answers: what does `make wasm-demo` show, and what has to be there for it: a registry that nodes, pods and this machine
// reach, builds of the filter of examples/wasm/add-header, and a key to sign them with.
// Does not belong here: what is shown (wasm-scenes.ts), how the cluster comes to be (set-up.ts).
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Choices } from './choices.ts';
import { environmentOf, exportLine, type KindCluster, stateFolder, typedPath } from './cluster.ts';
import { addHeader, compileFilter } from './filters.ts';
import { pillionLine } from './mesh.ts';
import { ensureRegistry } from './registry.ts';
import { CommandError, run, runLine, tryRun } from './run.ts';
import { playAll, stageOf } from './stage.ts';
import { dim, type Steps } from './steps.ts';
import { type Props, wasmNamespace, wasmScenes } from './wasm-scenes.ts';

/** Of the container: how nodes and pods call it. */
export const registryName = 'pillion-registry';
const folder = join(stateFolder, 'wasm');
const file = (name: string): string => join(folder, name);

export async function wasmDemo(steps: Steps, choices: Choices, cluster: KindCluster): Promise<void> {
  const { cosign } = choices;
  await steps.step('Look for cosign', () => requireCosign(cosign));
  const env = environmentOf(cluster);
  mkdirSync(folder, { recursive: true });
  const remove = ['delete', 'namespace', wasmNamespace, '--ignore-not-found'];
  await steps.step('Remove what an earlier run left', () => run('kubectl', remove, { env }));
  const registry = await steps.step(`Start the registry "${registryName}"`, () =>
    ensureRegistry(choices, registryName, cluster),
  );
  await steps.step('Switch Wasm delivery on', () => {
    const settings = ['wasm.enabled=true', `wasm.plainHttpRegistries={${registry.host}}`];
    const args = settings.flatMap((setting) => ['--set', setting]);
    return runLine({ ...pillionLine(['install', ...args, '--wait']), env });
  });
  await steps.step('Build the filter of examples/wasm/add-header in two versions, and one that is broken', build);
  await steps.step('Make a key to sign with', () => makeKey(cosign));
  const props: Props = {
    ...registry,
    cosign,
    key: typedPath(file('cosign')),
    module: (name) => typedPath(file(`${name}.wasm`)),
  };
  const stage = stageOf(steps, cluster, { COSIGN_PASSWORD: '' });
  steps.say(`\nThe demo. To type along:\n${dim('$')} ${exportLine(cluster)}`);
  await playAll(stage, wasmScenes(props));
}

async function build(): Promise<void> {
  await compileFilter(addHeader, file('one.wasm'), 1);
  await compileFilter(addHeader, file('two.wasm'), 2);
  await compileFilter(addHeader, file('unsigned.wasm'), 3);
  await compileFilter(join(import.meta.dirname, 'demo/wasm/traps.ts'), file('traps.wasm'));
}

async function makeKey(cosign: string): Promise<void> {
  if (existsSync(file('cosign.pub'))) return;
  await run(cosign, ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } });
}

async function requireCosign(cosign: string): Promise<void> {
  const origin = 'https://docs.sigstore.dev/cosign/system_config/installation';
  const works = await tryRun(cosign, ['version'], { timeoutMs: 20_000 }).catch(() => undefined);
  if (works === undefined) throw new CommandError(`Cannot go on: ${cosign} does not run; see ${origin}`);
}
