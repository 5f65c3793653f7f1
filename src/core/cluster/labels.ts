// Answers: by which labels are objects known to be ours. Uninstalling looks for them (install/removal.ts).
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';

const partOf = 'app.kubernetes.io/part-of';
const system = 'pillion';

/** Finds everything of ours, and what people made around it. */
export const ownSelector = `${partOf}=${system}`;

export type Component = 'webhook' | 'control';

/** The labels that tell the pods of a component: those of a selector, which cannot be changed later. */
export function selectorLabels(component: Component): StringMap {
  return { 'app.kubernetes.io/name': system, 'app.kubernetes.io/component': component };
}

/** Finds the pods of a component. */
export function componentSelector(component: Component): string {
  return Object.entries(selectorLabels(component))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The labels of an object; of one that no single component uses, without a component. */
export function ownLabels(component?: Component): StringMap {
  const told = component === undefined ? { 'app.kubernetes.io/name': system } : selectorLabels(component);
  return { ...told, [partOf]: system };
}

/** True where the labels say that the object is ours. */
export function isOurs(object: Pick<KubeObject, 'metadata'>): boolean {
  return object.metadata.labels?.[partOf] === system;
}
