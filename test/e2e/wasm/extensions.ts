// Answers: how does a test declare an extension in one line, and how does it wait for what becomes of it.
import assert from 'node:assert/strict';
import { isObject, type JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject, ObjectMetadata } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import type { Standing } from '../../../src/core/wasm/extension.ts';
import { extensionsAnnotation } from '../../../src/core/wasm/names.ts';
import type { Namespace } from '../namespace.ts';
import { pod } from '../objects.ts';

export interface ExtensionParts {
  readonly name: string;
  /** As pushed() gives it. */
  readonly image: string;
  /** Labels of the pods that are meant; all of the namespace where absent. */
  readonly labels?: StringMap;
  readonly config?: JsonObject;
  /** More fields of the spec. */
  readonly spec?: JsonObject;
}

/**
 * Creates the extension, and waits until the webhook knows it: a pod of the same moment could be created without it. The
 * pods that follow are judged by the replica that has just been asked, since the API server keeps its connection.
 */
export async function declare(namespace: Namespace, parts: ExtensionParts): Promise<void> {
  await namespace.create(extension(parts));
  const probe = pod({ name: 'extension-probe', ...(parts.labels && { labels: parts.labels }) });
  const placed: KubeObject = { ...probe, metadata: { ...probe.metadata, namespace: namespace.name } };
  await namespace.until(`pods get the extension ${parts.name}`, async () => {
    const { metadata } = await namespace.cluster.kube.create(placed, { dryRun: true });
    return metadata.annotations?.[extensionsAnnotation]?.includes(`${namespace.name}/${parts.name}"`);
  });
}

function extension({ name, image, labels, config, spec }: ExtensionParts): KubeObject {
  return {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'WasmExtension',
    metadata: { name },
    spec: {
      source: { image },
      ...(labels && { selector: { matchLabels: labels } }),
      ...(config && { pluginConfig: config }),
      ...spec,
    },
  };
}

export interface Seen extends Standing {
  readonly object: KubeObject;
}

export async function standingOf(namespace: Namespace, name: string): Promise<Seen> {
  const object = await namespace.get('WasmExtension', name);
  assert.ok(object, `the extension ${name} is there`);
  return { ...(isObject(object['status']) ? (object['status'] as Standing) : {}), object };
}

/** Waits until the extension is switched on as it is declared now. */
export function untilReady(namespace: Namespace, name: string): Promise<Seen> {
  return untilCondition(namespace, name, 'Ready', 'True');
}

/** Waits until the condition says so of the generation that is declared now; with a reason, that one. */
export async function untilCondition(namespace: Namespace, name: string, type: string, wanted: string): Promise<Seen> {
  let last: Seen | undefined;
  try {
    return await namespace.until(`${name} has ${type}=${wanted}`, async () => {
      last = await standingOf(namespace, name);
      const { generation } = last.object.metadata as ObjectMetadata & { readonly generation?: number };
      const condition = last.conditions?.find((one) => one.type === type);
      const isMeant = wanted === condition?.status || wanted === condition?.reason;
      return isMeant && condition.observedGeneration === generation && last;
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${JSON.stringify(last?.conditions, undefined, 2)}`);
  }
}

/** Changes fields of the spec. */
export async function change(namespace: Namespace, name: string, spec: JsonObject): Promise<void> {
  const patch = JSON.stringify({ spec });
  const object = ['wasmextension', name, '-n', namespace.name];
  await namespace.cluster.kubectl(['patch', ...object, '--type=merge', '-p', patch]);
}
