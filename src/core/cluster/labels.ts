// Answers: by which labels are objects known to be ours. Uninstalling looks for them (install/removal.ts).
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';

const partOf = 'app.kubernetes.io/part-of';
const system = 'pillion';

/** Finds everything of ours, and what people made around it. */
export const ownSelector = `${partOf}=${system}`;

/** Deployments. */
export type Component = 'webhook' | 'control';
/** With what runs on every node. */
export type AnyComponent = Component | 'agent';

/** The labels that tell the pods of a component: those of a selector, which cannot be changed later. */
export function selectorLabels(component: AnyComponent): StringMap {
  return { 'app.kubernetes.io/name': system, 'app.kubernetes.io/component': component };
}

/** Finds the pods of a component. */
export function componentSelector(component: AnyComponent): string {
  return Object.entries(selectorLabels(component))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The labels of an object; of one that no single component uses, without a component. */
export function ownLabels(component?: AnyComponent): StringMap {
  const told = component === undefined ? { 'app.kubernetes.io/name': system } : selectorLabels(component);
  return { ...told, [partOf]: system };
}

/** True where the labels say that the object is ours. */
export function isOurs(object: Pick<KubeObject, 'metadata'>): boolean {
  return object.metadata.labels?.[partOf] === system;
}
