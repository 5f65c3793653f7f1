// Answers: what does an old FilterDeployment of wasme mean as a WasmExtension, and what is written back into it. It works
// as it is; what it asked of its operator and nobody does any more is told.
// Source: wasme, api FilterDeployment (wasme.io/v1); protobuf's JSON form of google.protobuf.Any.
// Does not belong here: the road of the WasmExtension (rollout.ts).
import { ownLabels } from '../../cluster/labels.ts';
import { resources } from '../../cluster/resources.ts';
import { isObject, type JsonObject, parseJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { shown } from '../../model/plain-text.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { type Standing, traffics } from '../extension.ts';
import { resolveAnnotation } from '../names.ts';
import type { Refusal } from '../refusals.ts';
import { ownerOf } from '../rollout/emitted.ts';
import type { JudgedPod } from '../rollout/observed-pods.ts';
import { bounds } from './bounds.ts';
import {
  type Complaints,
  createComplaints,
  fieldAt,
  readLabels,
  readMapping,
  readText,
  readWord,
} from './declared-fields.ts';

/**
 * The WasmExtension of the same name, owned by the FilterDeployment. Left out: `deployment.istio.kind` (pods are selected,
 * whatever owns them), `filter.id` (the object's name tells it apart), and how a registry is spoken to, which the options
 * of the installation say.
 */
export function extensionOf(object: KubeObject): Result<KubeObject, Refusal> {
  const wrong = createComplaints();
  const spec = readMapping(fieldAt(object, 'spec', ''), wrong);
  const filter = readMapping(fieldAt(spec, 'filter', 'spec'), wrong);
  const deployment = readMapping(fieldAt(spec, 'deployment', 'spec'), wrong);
  const istio = readMapping(fieldAt(deployment, 'istio', 'spec.deployment'), wrong);
  const pull = readMapping(fieldAt(filter, 'imagePullOptions', 'spec.filter'), wrong);
  const image = readText(fieldAt(filter, 'image', 'spec.filter'), bounds.reference, wrong);
  if (filter['image'] === undefined) wrong.invalid('spec.filter.image', undefined, 'must be there');
  const context = filter['patchContext'];
  const lower = typeof context === 'string' && context !== '' ? context.toLowerCase() : undefined;
  const traffic = readWord({ path: 'spec.filter.patchContext', value: lower }, traffics, 'inbound', wrong);
  const matchLabels = readLabels(fieldAt(istio, 'labels', 'spec.deployment.istio'), wrong);
  const configured = readConfig(filter['config'], wrong);
  const refused = wrong.refusal();
  if (refused !== undefined) return fail(refused);
  const asked = object.metadata.annotations?.[resolveAnnotation];
  return ok({
    apiVersion: resources.wasmExtensions.apiVersion,
    kind: resources.wasmExtensions.kind,
    metadata: {
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? '',
      labels: ownLabels(),
      ...(asked !== undefined && { annotations: { [resolveAnnotation]: asked } }),
      ownerReferences: [
        ownerOf(resources.filterDeployments, { name: object.metadata.name, uid: object.metadata.uid ?? '' }),
      ],
    },
    spec: {
      source: { image },
      traffic,
      ...(Object.keys(matchLabels).length > 0 && { selector: { matchLabels } }),
      ...textAt(filter, 'rootID', 'pluginName'),
      ...textAt(pull, 'pullSecret', 'pullSecret'),
      ...configured,
    },
  });
}

/** wasme took an empty text for an absent one. */
function textAt(at: JsonObject, key: string, name: string): JsonObject {
  const value = at[key];
  return typeof value === 'string' && value !== '' ? { [name]: value } : {};
}

const anyPrefix = 'type.googleapis.com/google.protobuf.';

/** A bare text or object, or one that is wrapped with its type. A text that is a JSON object is one. */
function readConfig(config: unknown, wrong: Complaints): JsonObject {
  if (config === undefined || config === null || config === '') return {};
  if (!isObject(config)) return configured(shown(config));
  const type = config['@type'];
  if (type === undefined) return { pluginConfig: config };
  const value = config['value'];
  if (type === `${anyPrefix}StringValue` && typeof value === 'string') return configured(value);
  if (type === `${anyPrefix}BytesValue` && typeof value === 'string') {
    return configured(Buffer.from(value, 'base64').toString());
  }
  if (type === `${anyPrefix}Struct` && isObject(value)) return { pluginConfig: value };
  const expected = `must be a text, an object, or ${anyPrefix}StringValue, BytesValue or Struct with its value`;
  wrong.invalid('spec.filter.config', type, expected);
  return {};
}

function configured(text: string): JsonObject {
  if (text === '') return {};
  const value = parseJson(text);
  return isObject(value) ? { pluginConfig: value } : { rawConfig: text };
}

/** `Pending`, `Succeeded` and `Failed` are wasme's words. */
type WorkloadState = 'Pending' | 'Succeeded' | 'Failed';

export interface FilterStanding {
  readonly observedGeneration: number;
  readonly reason?: string;
  readonly workloads?: { readonly [name: string]: { readonly state: WorkloadState; readonly reason?: string } };
}

/** The status in wasme's form: one entry for each workload, by its name alone, as it was. */
export function filterStanding(generation: number, standing: Standing, pods: readonly JudgedPod[]): FilterStanding {
  const ready = standing.conditions?.find(({ type }) => type === 'Ready');
  const isRefused = ready?.status === 'False';
  const byWorkload = Map.groupBy(pods, ({ pod }) => pod.workload);
  const workloads = [...byWorkload].toSorted().map(([name, own]) => [name, workloadStanding(own, isRefused)] as const);
  return {
    observedGeneration: generation,
    ...(isRefused && { reason: `${ready.reason}: ${ready.message}` }),
    ...(workloads.length > 0 && { workloads: Object.fromEntries(workloads.slice(0, mostWorkloads)) }),
  };
}

const mostWorkloads = 200;

function workloadStanding(pods: readonly JudgedPod[], isRefused: boolean) {
  const without = pods.find(({ state }) => state === 'without');
  const waiting = pods.find(({ state }) => state === 'waiting');
  const pending: WorkloadState = isRefused ? 'Failed' : 'Pending';
  if (waiting !== undefined) return { state: pending, reason: waiting.reason };
  if (without !== undefined) return { state: 'Pending' as const, reason: without.reason };
  return { state: 'Succeeded' as const };
}

/** The status of one that cannot be read. */
export function refusedFilterStanding(generation: number, { reason, message }: Refusal): FilterStanding {
  return { observedGeneration: generation, reason: `${reason}: ${message}` };
}
