// Answers: what does control keep in memory of a declaration: the object, of which each thing that may be long is there once.
import { isObject, isSameJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { withoutSource } from './read-extension.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without who wrote which field, and without kubectl's copy of it; where what is declared runs, it is told once. */
export function keptObject(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
  const { [lastApplied]: __, ...annotations } = metadata.annotations ?? {};
  const kept = { ...object, metadata: { ...metadata, ...(metadata.annotations && { annotations }) } };
  const { spec, status } = object;
  if (!isObject(spec) || !isObject(status)) return kept;
  const declared = withoutSource(spec);
  return isSameJson(declared, status['running']) ? { ...kept, status: { ...status, running: declared } } : kept;
}
