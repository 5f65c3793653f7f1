// Answers: how does a kind cluster come to be, is the one that is there of any use, and how does it go.
// Does not belong here: what runs in it (images.ts, mesh.ts).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Choices } from './choices.ts';
import { configText } from './cluster-config.ts';
import { type CommandLine, run, runLine, tryRun } from './run.ts';

export interface KindCluster {
  readonly name: string;
  /** Path of a file of its own; that of the user is never touched. */
  readonly kubeconfig: string;
}

export interface ClusterOptions {
  readonly name: string;
  /** File in kind/. */
  readonly config: string;
}

const root = join(import.meta.dirname, '..');
/** What is kept of each cluster, by its name. */
export const stateFolder = join(root, '.cache/kind');
const answerMs = 10_000;

type Kept = 'kubeconfig' | 'config' | 'made' | 'archive';

function filesOf(name: string): Readonly<Record<Kept, string>> {
  const file = (end: string): string => join(stateFolder, `${name}.${end}`);
  return { kubeconfig: file('kubeconfig'), config: file('yaml'), made: file('made'), archive: file('tar') };
}

/** Where images are kept on their way into its nodes. */
export function archiveOf({ name }: KindCluster): string {
  return filesOf(name).archive;
}

/** What one types to use it, in the project's folder. */
export function exportLine({ kubeconfig }: KindCluster): string {
  return `export KUBECONFIG="$PWD/${typedPath(kubeconfig)}"`;
}

/** The cluster of that name, whether it is there or not. */
export function clusterOf(name: string): KindCluster {
  return { name, kubeconfig: filesOf(name).kubeconfig };
}

/** A path as it is typed in the project's folder. */
export function typedPath(path: string): string {
  return relative(root, path) || '.';
}

/** What a program needs in its environment to speak with the cluster. */
export function environmentOf({ kubeconfig }: KindCluster): Readonly<Record<string, string>> {
  return { KUBECONFIG: kubeconfig };
}

/** The commands that make the cluster; with KIND_CONFIG set, the configuration is one that is merged first. */
export function clusterPlan(choices: Choices, { name, config }: ClusterOptions): readonly CommandLine[] {
  const file = choices.kindConfig === undefined ? join(import.meta.dirname, config) : filesOf(name).config;
  const args = ['create', 'cluster', '--name', name, '--image', choices.nodeImage, '--config', typedPath(file)];
  return [{ command: 'kind', args: [...args, '--kubeconfig', typedPath(filesOf(name).kubeconfig), '--wait', '2m'] }];
}

/** Makes the cluster, unless there is one that was made the same way and works; one that is half dead is made anew. */
export async function ensureCluster(choices: Choices, options: ClusterOptions): Promise<KindCluster> {
  const { name, config } = options;
  const files = filesOf(name);
  const cluster = clusterOf(name);
  const plan = clusterPlan(choices, options);
  const text = configText(config, choices.kindConfig);
  const madeOf = JSON.stringify({ image: choices.nodeImage, config: text });
  if (await isUsable(cluster, madeOf)) return cluster;
  await deleteCluster(name);
  mkdirSync(stateFolder, { recursive: true });
  writeFileSync(files.config, text);
  await pullImage(choices.nodeImage);
  for (const line of plan) await runLine(line);
  // kind itself is content when a node is not ready after a while
  const ready = ['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=1m'];
  await run('kubectl', ready, { env: environmentOf(cluster) });
  writeFileSync(files.made, madeOf); // last: a cluster without it was interrupted while it was made
  return cluster;
}

/** Removes the cluster, whatever state it is in; none is fine too. */
export async function deleteCluster(name: string): Promise<void> {
  const { kubeconfig, config, made, archive } = filesOf(name);
  // the lock is of a kind that was interrupted, which the next one would refuse to go past
  for (const file of [made, `${kubeconfig}.lock`]) rmSync(file, { force: true });
  await run('kind', ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
  for (const file of [kubeconfig, config, archive]) rmSync(file, { force: true });
}

/** Pulls an image unless docker has it. */
export async function pullImage(image: string): Promise<void> {
  if ((await tryRun('docker', ['image', 'inspect', image])) !== undefined) return;
  for (const line of pullPlan(image)) await runLine(line);
}

export function pullPlan(image: string): readonly CommandLine[] {
  return [{ command: 'docker', args: ['pull', image] }];
}

/** Names of the containers that are its nodes. */
export async function nodesOf({ name }: KindCluster): Promise<readonly string[]> {
  const label = `label=io.x-k8s.kind.cluster=${name}`;
  const names = await run('docker', ['ps', '--all', '--filter', label, '--format', '{{.Names}}']);
  return names.split('\n').filter((one) => one !== '');
}

async function isUsable(cluster: KindCluster, madeOf: string): Promise<boolean> {
  const { kubeconfig, made } = filesOf(cluster.name);
  if (!existsSync(kubeconfig) || !existsSync(made) || readFileSync(made, 'utf8') !== madeOf) return false;
  const nodes = await nodesOf(cluster);
  if (nodes.length === 0) return false;
  const answers = await Promise.all(nodes.map((node) => isNodeAlive(cluster, node)));
  return answers.every((isAlive) => isAlive);
}

/**
 * The API server asks the kubelet, which says that it is well: both and what is between them work. What the cluster
 * itself says of a node that died a moment ago is still that it is ready.
 */
async function isNodeAlive(cluster: KindCluster, node: string): Promise<boolean> {
  const env = environmentOf(cluster);
  const ask = (path: string) =>
    tryRun('kubectl', ['get', '--raw', path, '--request-timeout=5s'], { env, timeoutMs: answerMs });
  if ((await ask(`/api/v1/nodes/${node}/proxy/healthz`)) !== 'ok') return false;
  const ready = ['wait', `node/${node}`, '--for=condition=Ready', '--timeout=5s'];
  return (await tryRun('kubectl', ready, { env, timeoutMs: answerMs })) !== undefined;
}
