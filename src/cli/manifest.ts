// Answers: how are objects of a cluster printed: as manifests in YAML, and named in a line.
import { stringify } from 'yaml';
import type { KubeObject } from '../core/model/kube-object.ts';
import { yamlOptions } from './yaml-options.ts';

/** The objects as YAML documents. */
export function printManifests(objects: readonly KubeObject[]): string {
  const options = { ...yamlOptions, lineWidth: 0, aliasDuplicateObjects: false };
  return objects.map((object) => stringify(object, options)).join('---\n');
}

/** `Role istio-system/pillion-webhook`. */
export function objectText({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}
