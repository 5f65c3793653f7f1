// Answers: what does a pod say of the injection that it went through, ours or that of Istio's injector.
// Does not belong here: writing it down (finish/metadata.ts).
import { isObject, parseJson } from '../model/json.ts';
import type { StringMap } from '../model/pod.ts';
import { annotations as catalogue } from './catalogue.ts';

export interface InjectionStatus {
  /** Of the control plane; undefined where the pod does not tell. */
  readonly revision: string | undefined;
  /** Names of what the templates brought. */
  readonly initContainers: readonly unknown[];
  readonly containers: readonly unknown[];
}

/** Undefined where the annotation is not there; nothing is known of the injection where it cannot be read. */
export function readInjectionStatus(annotations: StringMap | undefined): InjectionStatus | undefined {
  const text = annotations?.[catalogue.status.key];
  if (text === undefined) return undefined;
  const said = parseJson(text);
  const { revision, initContainers, containers } = isObject(said) ? said : {};
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  return {
    revision: typeof revision === 'string' ? revision : undefined,
    initContainers: list(initContainers),
    containers: list(containers),
  };
}
