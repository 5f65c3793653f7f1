// Answers: which pods are given to both injectors. They stand in the YAML files beside this one.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { isObject, type JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { againPrefix } from './allowed.ts';
import type { Outcomes } from './compare-pods.ts';

export interface Case {
  readonly name: string;
  /** A pod, or a workload whose controller makes one. */
  readonly object: KubeObject;
  /** Neither lets it in. */
  readonly isRefused: boolean;
}

const files = ['containers', 'places', 'annotations', 'templates', 'owners', 'named', 'refused'] as const;

/** With it a pod is stored and never started. */
const gate = { name: 'example.com/never' };

/** All of them, with a scheduling gate each. */
export function readCases(): readonly Case[] {
  return files.flatMap((file) => {
    const text = readFileSync(new URL(`./${file}.yaml`, import.meta.url), 'utf8');
    return parseAllDocuments(text).map((document) => {
      const object = gated(document.toJS() as KubeObject);
      return { name: nameOf(object), object, isRefused: file === 'refused' };
    });
  });
}

/** The pods that istiod has stored, as whoever copies one would have them created again: in this namespace. */
export function againCases(istiods: Outcomes, namespace: string): readonly Case[] {
  return [...istiods].flatMap(([name, outcome]) =>
    outcome.kind === 'stored' && outcome.pod.metadata.ownerReferences === undefined
      ? [againCase(`${againPrefix}${name}`, outcome.pod, namespace)]
      : [],
  );
}

function againCase(name: string, pod: KubeObject, namespace: string): Case {
  const { apiVersion, kind, metadata, spec } = pod;
  const { labels, annotations } = metadata;
  const copy = { apiVersion, kind, metadata: { name, labels, annotations }, spec };
  const object = JSON.parse(JSON.stringify(copy).replaceAll(String(metadata.namespace), namespace));
  return { name, object, isRefused: false };
}

function nameOf({ metadata }: KubeObject): string {
  const { generateName } = metadata as { generateName?: string };
  return generateName?.replace(/-$/, '') ?? metadata.name;
}

function gated(object: KubeObject): KubeObject {
  const spec = objectIn(object, 'spec');
  if (object.kind === 'Pod') return { ...object, spec: gatedSpec(spec) };
  const template = objectIn(spec, 'template');
  return { ...object, spec: { ...spec, template: { ...template, spec: gatedSpec(objectIn(template, 'spec')) } } };
}

function gatedSpec(spec: JsonObject): JsonObject {
  const gates = Array.isArray(spec['schedulingGates']) ? spec['schedulingGates'] : [];
  return { ...spec, schedulingGates: [...gates, gate] };
}

function objectIn(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isObject(value) ? value : {};
}
