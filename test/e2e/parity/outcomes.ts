// Answers: what has become of each of the pods in one namespace: stored, as the API server gives it, or refused.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { KubeError } from '../../../src/edge/kube/kube-error.ts';
import type { Namespace } from '../namespace.ts';
import type { Case } from './cases.ts';
import type { Outcome, Outcomes } from './compare-pods.ts';

/** Creates all of them side by side, and waits until controllers have made their pods. */
export async function createAll(namespace: Namespace, cases: readonly Case[]): Promise<Outcomes> {
  const created = await inLanes(cases, ({ object }) => createOne(namespace, object));
  return namespace.until('there is a pod of each workload', async () => {
    const stored = await namespace.list('Pod');
    const outcomes = cases.map(({ name, object }, index) => [name, outcomeOf(object, created[index], stored)] as const);
    const known = outcomes.filter((one): one is [string, Outcome] => one[1] !== undefined);
    return known.length === cases.length && new Map(known);
  });
}

type Created = KubeObject | { readonly refusal: string };

async function createOne(namespace: Namespace, object: KubeObject): Promise<Created> {
  try {
    return await namespace.create(object);
  } catch (error) {
    if (error instanceof KubeError && error.code === 'refused') return { refusal: error.message };
    throw error;
  }
}

function outcomeOf(
  object: KubeObject,
  created: Created | undefined,
  stored: readonly KubeObject[],
): Outcome | undefined {
  assert.ok(created !== undefined);
  if ('refusal' in created) return { kind: 'refused', message: String(created.refusal) };
  const name = String(created.metadata.name);
  const pod = stored.find((one) => (object.kind === 'Pod' ? one.metadata.name === name : ownerOf(one) === name));
  return pod && { kind: 'stored', pod };
}

/** The workload that a pod belongs to; a ReplicaSet of a Deployment has the Deployment's name and a hash. */
function ownerOf({ metadata }: KubeObject): string | undefined {
  const hash = metadata.labels?.['pod-template-hash'];
  const owner = metadata.ownerReferences?.[0]?.name;
  return hash !== undefined && owner?.endsWith(`-${hash}`) ? owner.slice(0, -hash.length - 1) : owner;
}

const lanes = 6;

/** Works on so many at a time. @returns the results in the order of the items */
async function inLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = items.entries(); // shared: each lane takes the next one
  const lane = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
