// Answers: which objects are there in a cluster: those of an installation with what they say, or all with their names.
import { contentOf } from '../../src/core/install/change.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { findOwn } from '../../src/edge/kube/remove-own.ts';
import type { ControlPlane } from './control-plane.ts';

function keyOf({ kind, metadata }: KubeObject): string {
  return [kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join(' ');
}

/** Everything of ours, by kind, namespace and name. */
export async function ownObjects({ kube }: ControlPlane): Promise<ReadonlyMap<string, KubeObject>> {
  return new Map((await findOwn(kube)).map((object) => [keyOf(object), object]));
}

export async function resourceVersions(plane: ControlPlane): Promise<Readonly<Record<string, string | undefined>>> {
  const objects = await ownObjects(plane);
  return Object.fromEntries([...objects].map(([key, { metadata }]) => [key, metadata.resourceVersion]));
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
/** Addresses that the API server gives out, and what controllers write down. */
const given = ['clusterIP', 'clusterIPs', 'deployment.kubernetes.io/revision', lastApplied];

/** What the objects say, without what differs between two clusters by nature. */
export async function ownContents(plane: ControlPlane): Promise<ReadonlyMap<string, JsonObject>> {
  const objects = await ownObjects(plane);
  const clean = (object: JsonObject): JsonObject =>
    JSON.parse(JSON.stringify(object, (key, value) => (given.includes(key) ? undefined : value)));
  const withoutEmpty = ({ metadata, ...rest }: JsonObject): JsonObject => {
    const { annotations, ...other } = metadata as JsonObject;
    const isEmpty = Object.keys((annotations ?? {}) as object).length === 0;
    return { ...rest, metadata: isEmpty ? other : { ...other, annotations } };
  };
  return new Map([...objects].map(([key, object]) => [key, withoutEmpty(clean(contentOf(object)))]));
}

/** Kind, namespace and name of every object of every kind that can be listed. Events come and go by themselves. */
export async function allNames(plane: ControlPlane): Promise<readonly string[]> {
  const kinds = await plane.kubectl(['api-resources', '--verbs=list', '--no-headers', '-o', 'name']);
  const names = kinds.stdout.trim().split('\n');
  const listed = names.filter((name) => !name.startsWith('events') && !name.startsWith('componentstatuses'));
  const format = '{range .items[*]}{.kind} {.apiVersion} {.metadata.namespace} {.metadata.name}{"\\n"}{end}';
  const all = await plane.kubectl(['get', listed.join(','), '--all-namespaces', '-o', `jsonpath=${format}`]);
  if (all.code !== 0) throw new Error(all.stderr);
  return all.stdout.trim().split('\n').sort();
}
