// Answers: what is kept of a cluster when a test fails, so that it can be understood after the cluster is gone.
// Secrets are not asked for: of objects that hold some, only names are written down.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Cluster } from './cluster.ts';
import { containerNames, initNames, restartsOf, statusOf } from './pods.ts';

/** Where the folders of failed tests are. */
export const evidenceDirectory = fileURLToPath(new URL('../../.cache/e2e/', import.meta.url));

export interface Failure {
  /** Name of the folder. */
  readonly test: string;
  /** What is in it goes into a folder of its own in that one: a test may have several. */
  readonly namespace: string;
  readonly error: unknown;
}

/** Kinds whose description shows nothing confidential. */
const described =
  'pods,jobs,cronjobs,deployments,replicasets,statefulsets,daemonsets,services,endpointslices,serviceaccounts';
const registrations = 'mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings';
const istioNamespace = 'istio-system';

/** Writes everything down that can be had, never throws; gives the folder, relative to the working directory. */
export async function collect(cluster: Cluster, { test, namespace, error }: Failure): Promise<string> {
  await collectNamespace(cluster, test, namespace);
  const documents: readonly Document[] = [
    ['error.txt', async () => `${inspect(error)}\n`],
    ['registrations.yaml', () => outputOf(cluster, ['get', registrations, '-o', 'yaml'])],
    ['nodes.txt', () => outputOf(cluster, ['describe', 'nodes'])],
    ['all-pods.txt', () => outputOf(cluster, ['get', 'pods', '--all-namespaces', '-o', 'wide'])],
    ...(await logsOf(cluster, ownNamespace, 'pillion')),
    ...(await logsOf(cluster, istioNamespace, 'istio')),
    ...(await logsOf(cluster, 'kube-system', 'kubernetes')),
  ];
  const folder = join(evidenceDirectory, test);
  await writeAll(folder, documents);
  return relative(process.cwd(), folder);
}

/** Of one more namespace of a test that has failed; never throws. */
export async function collectNamespace(cluster: Cluster, test: string, namespace: string): Promise<void> {
  const within = ['-n', namespace];
  await writeAll(join(evidenceDirectory, test, namespace), [
    ['namespace.yaml', () => outputOf(cluster, ['get', 'namespace', namespace, '-o', 'yaml'])],
    ['describe.txt', () => outputOf(cluster, ['describe', described, ...within])],
    ['events.txt', () => outputOf(cluster, ['get', 'events', ...within, '--sort-by=.lastTimestamp', '-o', 'wide'])],
    ['pods.yaml', () => outputOf(cluster, ['get', 'pods', ...within, '-o', 'yaml'])],
    ['objects.txt', () => outputOf(cluster, ['get', 'all,configmaps,secrets', ...within, '-o', 'name'])],
    ['doctor.txt', () => doctorOf(cluster, namespace)],
    ...(await logsOf(cluster, namespace, 'logs')),
  ]);
}

/** One after the other: the machine is busy with the other tests. */
async function writeAll(folder: string, documents: readonly Document[]): Promise<void> {
  for (const [name, read] of documents) await writeDocument(join(folder, name), read);
}

type Document = readonly [file: string, read: () => Promise<string>];

async function writeDocument(file: string, read: () => Promise<string>): Promise<void> {
  try {
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, await read());
  } catch (error) {
    await writeFile(file, `Cannot collect this: ${error}\n`).catch(() => {});
  }
}

async function outputOf(cluster: Cluster, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await cluster.tryKubectl(args);
  return stdout + stderr;
}

async function doctorOf(cluster: Cluster, namespace: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.pillion(['doctor', '-n', namespace]);
  return `${stdout}${stderr}exit code ${code}\n`;
}

/** One document for each container of each pod, and one more for what it said before it was restarted. */
async function logsOf(cluster: Cluster, namespace: string, folder: string): Promise<readonly Document[]> {
  const pods = await cluster.kube.list(resources.pods, { namespace }).catch(() => ({ items: [] as KubeObject[] }));
  return pods.items.flatMap((pod) =>
    namesOfStarted(pod).flatMap((container): readonly Document[] => {
      const { name } = pod.metadata;
      const args = ['logs', '-n', namespace, name, '-c', container, '--tail=5000'];
      const file = join(folder, `${name}.${container}`);
      const previous: Document = [`${file}.previous.log`, () => outputOf(cluster, [...args, '--previous'])];
      return [[`${file}.log`, () => outputOf(cluster, args)], ...(restartsOf(pod, container) > 0 ? [previous] : [])];
    }),
  );
}

/** The others have no logs: those of a pod that has no node yet. */
function namesOfStarted(pod: KubeObject): readonly string[] {
  return [...initNames(pod), ...containerNames(pod)].filter((container) => statusOf(pod, container) !== undefined);
}
