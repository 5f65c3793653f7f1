// Answers: which parts of the overlays follow from the settings alone, so that they are made once and not for every pod.
// Kept by the facts that they were made from: new settings make new ones, and the old ones go with the old facts.
import type { Facts } from '../model/facts.ts';
import { fragment } from '../model/fragment.ts';
import type { RenderContext } from './context.ts';

const madeFrom = new WeakMap<Facts, Map<string, object>>();

/** The part of that name; made anew where the pod is a special case. */
export function sharedPart<T extends object>({ effective, isShared }: RenderContext, name: string, make: () => T): T {
  return isShared ? keptPart(effective.facts, name, () => fragment(make())) : make();
}

/** The same for an object whose members are written one by one, because another member differs from pod to pod. */
export function sharedMembers<T extends object>(
  { effective, isShared }: RenderContext,
  name: string,
  make: () => T,
): T {
  if (!isShared) return make();
  return keptPart(effective.facts, name, () => {
    const made = make();
    for (const member of Object.values(made)) if (typeof member === 'object') fragment(member);
    return Object.freeze(made);
  });
}

function keptPart<T extends object>(facts: Facts, name: string, make: () => T): T {
  const parts = madeFrom.get(facts) ?? new Map<string, object>();
  madeFrom.set(facts, parts);
  const kept = parts.get(name);
  if (kept !== undefined) return kept as T;
  const made = make();
  parts.set(name, made);
  return made;
}
