// Answers: what does a change to a pod change in the document that the pod came from. What only admission sees (the
// owner, the generated name, labels of the controller) is not in the document and does not get there.
import fastJsonPatch from 'fast-json-patch';
import { isObject } from '../core/model/json.ts';
import type { Operation } from '../core/model/verdict.ts';
import type { Target } from './targets.ts';

const { applyPatch } = fastJsonPatch;

/**
 * The operations on the document that do what `patch` does to the pod of the target. An AdmissionReview counts as its
 * object: its operations are those of the pod.
 */
export function operationsOnDocument(target: Target, patch: readonly Operation[]): readonly Operation[] {
  if (target.isReview) return patch;
  const moved = patch.map((operation) => ({ ...operation, path: target.pointer + operation.path }));
  return [...missingParents(target, patch), ...moved];
}

/** Maps that admission sees because the controller fills them, but that the template does not have. */
function missingParents({ pointer, written }: Target, patch: readonly Operation[]): Operation[] {
  const metadata = isObject(written) ? written['metadata'] : undefined;
  const needed = (path: string): boolean => patch.some((operation) => operation.path.startsWith(`${path}/`));
  const parents: Operation[] = [];
  if (!isObject(metadata) && needed('/metadata')) parents.push({ op: 'add', path: `${pointer}/metadata`, value: {} });
  if (!isObject(isObject(metadata) ? metadata['labels'] : undefined) && needed('/metadata/labels')) {
    parents.push({ op: 'add', path: `${pointer}/metadata/labels`, value: {} });
  }
  return parents;
}

/** The value after the operations; the value itself stays as it is. */
export function patchedValue(value: unknown, operations: readonly Operation[]): unknown {
  // a copy of the operations: the library puts their values into the document, and later operations would change them
  return applyPatch(value, structuredClone([...operations]), false, false).newDocument;
}
