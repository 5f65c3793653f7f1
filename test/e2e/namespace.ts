// Answers: what does a test have for itself in a cluster: a namespace, what is in it, and where its traces go if it fails.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { isObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';
import type { Cluster } from './cluster.ts';
import { collect, collectNamespace, type Failure } from './collect.ts';
import { resourceNamed } from './kinds.ts';
import { until } from './until.ts';

/** Labels of a namespace whose pods are injected. */
export const injected: StringMap = { 'istio-injection': 'enabled' };

/** Kinds are named as in kinds.ts: `Pod`, `pods`. */
export interface Namespace {
  readonly name: string;
  readonly cluster: Cluster;
  create(object: KubeObject): Promise<KubeObject>;
  get(kind: string, name: string): Promise<KubeObject | undefined>;
  list(kind: string, selector?: string): Promise<readonly KubeObject[]>;
  /** What the container has printed so far. */
  logs(pod: string, container: string): Promise<string>;
  /** What the command prints; throws where it fails. */
  exec(pod: string, container: string, command: readonly string[]): Promise<string>;
  until<T>(what: string, condition: () => Promise<T | undefined | false>, timeoutMs?: number): Promise<T>;
  /** About the object of that name. */
  events(name: string): Promise<readonly KubeObject[]>;
}

/**
 * Runs the body in a fresh namespace with these labels. Where it fails, what is needed to understand it is collected into
 * a folder, which the message names. The namespace is deleted afterwards; with KEEP=1 that of a failed test stays.
 */
export function inNamespace(
  t: Pick<TestContext, 'name'>,
  cluster: Cluster,
  labels: StringMap,
  body: (namespace: Namespace) => Promise<void>,
): Promise<void> {
  return runWithin(cluster, { test: t.name, title: t.name, labels }, body);
}

/** As inNamespace(), in several at once: `{ ours: injected, theirs: {} }` gives `({ ours, theirs })`. */
export function inNamespaces<Name extends string>(
  t: Pick<TestContext, 'name'>,
  cluster: Cluster,
  labels: Readonly<Record<Name, StringMap>>,
  body: (namespaces: Readonly<Record<Name, Namespace>>) => Promise<void>,
): Promise<void> {
  const opened = {} as Record<Name, Namespace>;
  const openRest = ([name, ...rest]: readonly Name[]): Promise<void> => {
    if (name === undefined) return body(opened);
    const wanted = { test: t.name, title: `${name} ${t.name}`, labels: labels[name] };
    return runWithin(cluster, wanted, (namespace) => {
      opened[name] = namespace;
      return openRest(rest);
    });
  };
  return openRest(Object.keys(labels) as Name[]);
}

interface Wanted {
  readonly test: string;
  /** Its name begins so. */
  readonly title: string;
  readonly labels: StringMap;
}

async function runWithin(
  cluster: Cluster,
  { test, title, labels }: Wanted,
  body: (namespace: Namespace) => Promise<void>,
): Promise<void> {
  const name = `${slugOf(title).slice(0, 40)}-${randomBytes(3).toString('hex')}`;
  await cluster.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  let isKept = false;
  try {
    await until('the namespace has its ServiceAccount', () =>
      cluster.kube.get(resources.serviceAccounts, 'default', name),
    );
    await body(openNamespace(cluster, name));
  } catch (error) {
    isKept = process.env['KEEP'] === '1';
    throw await withEvidence(cluster, { test: slugOf(test), namespace: name, error });
  } finally {
    // the cluster takes its time over it; nobody waits, and why a test failed is not lost over it
    if (!isKept) await cluster.kube.remove(resources.namespaces, name).catch(() => {});
  }
}

/** Errors that name their folder. */
const told = new WeakSet<object>();

/** The error with the name of the folder; one of a test with several namespaces has it already. */
async function withEvidence(cluster: Cluster, { test, namespace, error }: Failure): Promise<unknown> {
  if (error instanceof Error && told.has(error)) {
    await collectNamespace(cluster, test, namespace);
    return error;
  }
  const folder = await collect(cluster, { test, namespace, error });
  const message = error instanceof Error ? error.message : String(error);
  const named = new Error(`${message}\nWhat the cluster looked like is in ${folder}`, { cause: error });
  told.add(named);
  return named;
}

/** As a name of a namespace or a folder has to be. */
function slugOf(text: string): string {
  const words = text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return words.slice(0, 80).replace(/^-|-$/g, '') || 'test';
}

function openNamespace(cluster: Cluster, name: string): Namespace {
  const { kube, kubectl } = cluster;
  return {
    name,
    cluster,
    until,
    create: async (object) => {
      const placed = { ...object, metadata: { ...object.metadata, namespace: name } };
      return (await kube.call('POST', pathOf(resourceNamed(object.kind), name), { body: placed })) as KubeObject;
    },
    get: (kind, object) => kube.get(resourceNamed(kind), object, name),
    list: async (kind, labelSelector) =>
      (await kube.list(resourceNamed(kind), { namespace: name, ...(labelSelector && { labelSelector }) })).items,
    logs: (pod, container) => kubectl(['logs', '-n', name, pod, '-c', container]),
    exec: (pod, container, command) => kubectl(['exec', '-n', name, pod, '-c', container, '--', ...command]),
    events: async (about) => {
      const { items } = await kube.list(resources.events, { namespace: name });
      return items.filter(({ regarding }) => isObject(regarding) && regarding['name'] === about);
    },
  };
}
