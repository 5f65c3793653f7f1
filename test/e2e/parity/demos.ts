// Answers: how do the demos' workloads run in a namespace of one's own, until they are ready or have done their work.
// Does not belong here: the pods that are never started (cases.ts).
import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { isObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { Namespace } from '../namespace.ts';
import { isReady, phaseOf } from '../pods.ts';
import { runningPrefix } from './allowed.ts';
import type { Outcomes } from './compare-pods.ts';

const folder = new URL('../../../kind/demo/', import.meta.url);
/** What the others call: it has to be ready before they come. */
const service = 'service/httpbin.yaml';
/** Lists the others. */
const list = 'workloads/kustomization.yaml';
/** In the demos the service has a namespace of its own. */
const address = { ofDemos: '//httpbin.demo/', here: '//httpbin/' } as const;

/** The pod of each, in its last state: ready, or completed where it ends by itself. */
export async function runDemos(namespace: Namespace): Promise<Outcomes> {
  const served = await startAll(namespace, [service]);
  const { resources } = parse(readFileSync(new URL(list, folder), 'utf8')) as { readonly resources: readonly string[] };
  const workloads = resources.map((file) => `workloads/${file}`);
  return new Map([...served, ...(await startAll(namespace, workloads))]);
}

async function startAll(namespace: Namespace, files: readonly string[]): Promise<Outcomes> {
  const objects = files.flatMap(readObjects);
  for (const object of objects) await namespace.create(object);
  const names = objects.filter(({ kind }) => kind !== 'Service').map(({ metadata }) => metadata.name);
  const pods = await Promise.all(names.map((name) => settledPod(namespace, name)));
  return new Map(pods.map((pod, index) => [`${runningPrefix}${names[index]}`, { kind: 'stored', pod }]));
}

function readObjects(file: string): readonly KubeObject[] {
  const text = readFileSync(new URL(file, folder), 'utf8').replaceAll(address.ofDemos, address.here);
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** Their pods have a label with the name of the demo. */
function settledPod(namespace: Namespace, name: string): Promise<KubeObject> {
  return namespace.until(`${name} is ready or has completed`, async () => {
    const [pod] = await namespace.list('Pod', `app=${name}`);
    return pod !== undefined && (endsByItself(pod) ? hasCompleted(pod) : isReady(pod)) && pod;
  });
}

function endsByItself({ spec }: KubeObject): boolean {
  return isObject(spec) && spec['restartPolicy'] === 'Never';
}

/** And has been counted, where it is a Job's: then its finalizer is gone. */
function hasCompleted(pod: KubeObject): boolean {
  const { finalizers } = pod.metadata as { readonly finalizers?: unknown };
  return phaseOf(pod) === 'Succeeded' && finalizers === undefined;
}
