// Answers: what stands in the status of a WasmExtension. Read with care, also what we wrote ourselves: digests in it
// become paths on nodes. What cannot be read counts as not there.
import { isObject, type JsonObject, objectsIn } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { isDigest } from '../digests.ts';
import { type Condition, conditionTypes, type Revision, type Standing } from '../extension.ts';
import type { Variant } from '../module.ts';
import { refusals } from '../refusals.ts';

/** Never fails: a status that nobody can read is an empty one. */
export function standingOf(object: KubeObject): Standing {
  const status = isObject(object['status']) ? object['status'] : {};
  const [candidate, active, previous] = [status['candidate'], status['active'], status['previous']].map(readRevision);
  const { observedGeneration, resolvedFor, running, nodes, pods, moved, tried, shown } = status;
  const read = readNodes(nodes);
  return {
    ...(typeof observedGeneration === 'number' && { observedGeneration }),
    ...(typeof resolvedFor === 'string' && { resolvedFor }),
    ...(Array.isArray(status['conditions']) && { conditions: status['conditions'].filter(isCondition) }),
    ...(candidate !== undefined && { candidate }),
    ...(active !== undefined && { active }),
    ...(previous !== undefined && { previous }),
    ...(isObject(running) && { running }),
    ...(read !== undefined && { nodes: read }),
    ...(isObject(pods) && { pods }),
    ...(isObject(moved) && isDigest(moved['manifestDigest']) && { moved: { manifestDigest: moved['manifestDigest'] } }),
    ...(isObject(shown) && {
      shown: { digest: text(shown['digest']), nodes: text(shown['nodes']), pods: text(shown['pods']) },
    }),
    ...(Array.isArray(tried) && { tried: tried.filter((one) => typeof one === 'string').slice(0, mostTried) }),
  };
}

/** So many trials that went well are remembered. */
export const mostTried = 8;

const variants: readonly string[] = ['compat-oci', 'compat-docker', 'oci', 'http', 'file'] satisfies Variant[];

function readRevision(value: unknown): Revision | undefined {
  if (!isObject(value)) return undefined;
  const { reference, pinned, variant, moduleDigest, manifestDigest, indexDigest, layerDigest, sizeBytes, abi } = value;
  if (typeof reference !== 'string' || typeof pinned !== 'string' || !isDigest(moduleDigest)) return undefined;
  if (typeof variant !== 'string' || !variants.includes(variant)) return undefined;
  return {
    reference,
    pinned,
    variant: variant as Variant,
    ...(isDigest(manifestDigest) && { manifestDigest }),
    ...(isDigest(indexDigest) && { indexDigest }),
    ...(isDigest(layerDigest) && { layerDigest }),
    moduleDigest,
    sizeBytes: typeof sizeBytes === 'number' ? sizeBytes : 0,
    abi: text(abi),
    rootIds: texts(value['rootIds']),
    signedBy: texts(value['signedBy']),
    ...(typeof value['trusted'] === 'string' && { trusted: value['trusted'] }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

const otherReasons: readonly string[] = ['Succeeded', 'Waiting', 'NotNeeded'];

function isCondition(value: unknown): value is Condition {
  if (!isObject(value)) return false;
  const { type, status, reason, message, lastTransitionTime } = value;
  return (
    conditionTypes.some((one) => one === type) &&
    (status === 'True' || status === 'False' || status === 'Unknown') &&
    typeof reason === 'string' &&
    (otherReasons.includes(reason) || Object.hasOwn(refusals, reason)) &&
    typeof message === 'string' &&
    typeof lastTransitionTime === 'string'
  );
}

function readNodes(value: unknown): Standing['nodes'] {
  if (!isObject(value)) return undefined;
  const { wanted, ready, failed } = value;
  if (typeof wanted !== 'number' || typeof ready !== 'number') return undefined;
  const read = objectsIn(failed).map(readFailed);
  return { wanted, ready, ...(read.length > 0 && { failed: read }) };
}

function readFailed(one: JsonObject): { readonly node: string; readonly reason: string; readonly message: string } {
  return { node: String(one['node']), reason: String(one['reason']), message: String(one['message']) };
}
