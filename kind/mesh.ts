// Answers: how do Istio and Pillion get into a cluster: istiod without its injection webhook, and Pillion in its place.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ownNamespace } from '../src/core/cluster/names.ts';
import { isObject, parseJson } from '../src/core/model/json.ts';
import type { Choices } from './choices.ts';
import { environmentOf, type KindCluster } from './cluster.ts';
import { type CommandLine, run, runLine } from './run.ts';

const istioNamespace = 'istio-system';

/** A folder of charts has the layout of an Istio release; a repository has them by name and version. */
function chartOf({ istioCharts, istioTag }: Choices, name: 'base' | 'istiod'): readonly string[] {
  if (!existsSync(istioCharts)) return [name, '--repo', istioCharts, '--version', istioTag];
  return [join(istioCharts, name === 'base' ? 'base' : 'istio-control/istio-discovery')];
}

/** The commands that install Istio, or bring it up to date. */
export function istioPlan(choices: Choices): readonly CommandLine[] {
  const values = ['kind/istio-values.yaml', ...(choices.istioValues === undefined ? [] : [choices.istioValues])];
  const install = (name: 'base' | 'istiod', more: readonly string[]): CommandLine => {
    const args = ['upgrade', '--install', name, ...chartOf(choices, name), '--namespace', istioNamespace];
    return { command: 'helm', args: [...args, ...more] };
  };
  return [
    install('base', ['--create-namespace']),
    install('istiod', [...values.flatMap((file) => ['--values', file]), '--wait']),
  ];
}

/** Runs the bundle. */
export function pillionLine(args: readonly string[]): CommandLine {
  return { command: 'node_modules/.bin/node', args: ['dist/pillion.mjs', ...args] };
}

/** The commands that install Pillion, or bring it up to date. */
export function pillionPlan(image: string, optionsFile?: string): readonly CommandLine[] {
  // of a cluster that was kept, whatever a demo has declared goes where these options switch Wasm off
  const options = optionsFile === undefined ? [] : ['--options', optionsFile, '--extensions', 'remove'];
  return [pillionLine(['install', '--image', image, ...options, '--wait'])];
}

/** Installs istiod without its webhook, by Helm, and waits until it is ready. */
export async function ensureIstio(cluster: KindCluster, choices: Choices): Promise<void> {
  await removeInterrupted(cluster);
  for (const line of istioPlan(choices)) await runLine({ ...line, env: environmentOf(cluster) });
}

/** Installs Pillion by its bundle, and waits until it works; pods that run an older build of the image are replaced. */
export async function ensurePillion(cluster: KindCluster, image: string, optionsFile?: string): Promise<void> {
  const env = environmentOf(cluster);
  const kubectl = (args: readonly string[]) => run('kubectl', ['--namespace', ownNamespace, ...args], { env });
  const install = async (): Promise<void> => {
    for (const line of pillionPlan(image, optionsFile)) await runLine({ ...line, env });
  };
  await install();
  const oldest = oldestPod(await kubectl(['get', 'pods', '--output', 'json']));
  if ((await builtAt(image)) <= oldest) return;
  await kubectl(['rollout', 'restart', 'deployment']);
  await kubectl(['rollout', 'status', 'deployment', '--timeout=3m']);
  await install(); // waits until the registration is as it should be
}

/** Helm refuses to go on with a release whose installation was interrupted. */
async function removeInterrupted(cluster: KindCluster): Promise<void> {
  const env = environmentOf(cluster);
  const states = ['--failed', '--pending', '--uninstalling']; // Helm 4 has no --all
  const list = ['list', ...states, '--namespace', istioNamespace, '--output', 'json'];
  const listed = parseJson(await run('helm', list, { env }));
  for (const release of Array.isArray(listed) ? listed : []) {
    if (!isObject(release)) continue;
    await run('helm', ['uninstall', String(release['name']), '--namespace', istioNamespace, '--wait'], { env });
  }
}

async function builtAt(image: string): Promise<number> {
  return Date.parse((await run('docker', ['image', 'inspect', '--format', '{{.Created}}', image])).trim());
}

/** When the oldest pod of the list that is not about to go was made, in milliseconds. */
function oldestPod(list: string): number {
  const read = parseJson(list);
  const items: readonly unknown[] = isObject(read) && Array.isArray(read['items']) ? read['items'] : [];
  const times = items.flatMap((pod) => {
    const metadata = isObject(pod) ? pod['metadata'] : undefined;
    if (!isObject(metadata) || metadata['deletionTimestamp'] !== undefined) return [];
    return [Date.parse(String(metadata['creationTimestamp']))];
  });
  return Math.min(...times, Number.POSITIVE_INFINITY);
}
