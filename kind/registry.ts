// Answers: which registry do the nodes of a kind cluster, its pods and this machine share: a container on the network of
// kind. Nodes and pods call it by the name of the container: Docker's DNS knows it, nodes ask that, and CoreDNS passes on
// what it does not know itself to what the node asks. This machine calls it by a port on loopback; the repositories are
// the same.
// Does not belong here: what is in it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Choices } from './choices.ts';
import { type KindCluster, nodesOf, pullImage } from './cluster.ts';
import { CommandError, type CommandLine, run, runLine, tryRun } from './run.ts';

export interface KindRegistry {
  /** Of the container. */
  readonly name: string;
  /** As nodes and pods call it; without TLS. */
  readonly host: string;
  /** As this machine calls it. */
  readonly local: string;
}

const port = 5000;
const answerMs = 30_000;

/** The commands that start it; the port on loopback is one that is free. */
export function registryPlan({ registryImage }: Choices, name: string): readonly CommandLine[] {
  const published = ['--network', 'kind', '--publish', `127.0.0.1::${port}`];
  const quiet = ['--env', 'OTEL_TRACES_EXPORTER=none']; // else it looks for a collector and says so for each request
  return [{ command: 'docker', args: ['run', '--detach', '--name', name, ...published, ...quiet, registryImage] }];
}

/** Starts the registry, unless it runs, and tells the nodes of the cluster, if any, that it speaks plain HTTP. */
export async function ensureRegistry(choices: Choices, name: string, cluster?: KindCluster): Promise<KindRegistry> {
  // one that a broken-off test has paused runs too, and answers nobody
  const state = await tryRun('docker', ['inspect', '--format', '{{.State.Status}}', name]);
  if (state?.trim() !== 'running') {
    await deleteRegistry(name);
    await pullImage(choices.registryImage);
    for (const line of registryPlan(choices, name)) await runLine(line);
  }
  const host = `${name}:${port}`;
  for (const node of cluster === undefined ? [] : await nodesOf(cluster)) await tellNode(node, host);
  const local = await localAddress(name);
  await untilAnswering(local);
  return { name, host, local };
}

/** Removes it with everything that is in it; none is fine too. */
export async function deleteRegistry(name: string): Promise<void> {
  await tryRun('docker', ['rm', '--force', '--volumes', name]);
}

/** The node's containerd reads this anew for each image. */
async function tellNode(node: string, host: string): Promise<void> {
  const folder = `/etc/containerd/certs.d/${host}`;
  const script = `mkdir -p ${folder} && cat > ${folder}/hosts.toml`;
  await run('docker', ['exec', '--interactive', node, 'sh', '-c', script], { stdin: `[host."http://${host}"]\n` });
}

async function localAddress(name: string): Promise<string> {
  const address = (await run('docker', ['port', name, `${port}/tcp`])).trim().split('\n', 1)[0] ?? '';
  return `localhost:${address.split(':').at(-1)}`;
}

async function untilAnswering(local: string): Promise<void> {
  const deadline = performance.now() + answerMs;
  for (;;) {
    const isUp = await fetch(`http://${local}/v2/`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    if (performance.now() > deadline) {
      throw new CommandError(`Cannot use the registry: http://${local}/v2/ does not answer; see "docker logs"`);
    }
    await sleep(200);
  }
}
