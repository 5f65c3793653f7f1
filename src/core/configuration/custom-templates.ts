// Answers: which templates of their own do people bring, as pod overlays.
// Does not belong here: the shape of an overlay (overlay-shape.ts), the templates that we build in code (render/).

import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import type { PodOverlay } from '../model/pod.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { CustomTemplates } from '../model/settings.ts';
import { mistakeText, readYaml } from '../proxy-config/yaml-text.ts';
import { overlayProblems } from './overlay-shape.ts';

/** The templates that Istio ships; the injector configuration holds their Go text, which nobody needs here. */
export const shippedTemplates: readonly string[] = [
  'sidecar',
  'gateway',
  'grpc-agent',
  'grpc-simple',
  'waypoint',
  'kube-gateway',
  'agentgateway',
  'agentgateway-waypoint',
];

export interface TemplateSource {
  /** The document that holds the templates, and the place in it; undefined where they are all of it. */
  readonly from: string;
  readonly at?: string;
  /** A mapping of names to overlays, each a mapping or a text that holds one in YAML; undefined or null for none. */
  readonly value: unknown;
  /** Names that are passed over in this source. */
  readonly except?: readonly string[];
}

const goAction = '{{';
const remedy = 'write it as a pod overlay in YAML and pass that with --templates';

/**
 * Reads the templates of all sources; of equal names the last counts, and only that is looked at, so that an overlay can
 * take the place of a Go template.
 * @returns the overlays by name, frozen, or every problem, with the source and the place in the overlay
 */
export function readCustomTemplates(sources: readonly TemplateSource[]): Result<CustomTemplates> {
  const problems: Problem[] = [];
  const overlays = new Map<string, PodOverlay>();
  for (const [name, { path, value }] of lastOfEachName(sources, problems)) {
    const overlay = typeof value === 'string' ? readText(value, path, problems) : value;
    if (overlay !== undefined) problems.push(...actionProblems(overlay, path), ...overlayProblems(overlay, path));
    overlays.set(name, asOverlay(overlay, path, problems));
  }
  return problems.length === 0 ? ok(freeze(overlays)) : fail(problems);
}

interface Written {
  readonly path: string;
  readonly value: unknown;
}

function lastOfEachName(sources: readonly TemplateSource[], problems: Problem[]): ReadonlyMap<string, Written> {
  const written = new Map<string, Written>();
  for (const { from, at, value, except = [] } of sources) {
    if (value === undefined || value === null) continue;
    if (!isObject(value)) {
      const path = at === undefined ? from : `${from}: ${at}`;
      problems.push({ path, value: shown(value), expected: 'must be a mapping of names to pod overlays' });
      continue;
    }
    const names = Object.keys(value).filter((name) => !except.includes(name));
    for (const name of names)
      written.set(name, { path: `${from}: ${at === undefined ? name : `${at}.${name}`}`, value: value[name] });
  }
  return written;
}

function asOverlay(overlay: unknown, path: string, problems: Problem[]): JsonObject {
  if (isObject(overlay)) return overlay;
  if (overlay === null) problems.push({ path, value: undefined, expected: 'must be a pod overlay: it is empty' });
  return {};
}

/** Undefined where the text cannot be read, which is told then. */
function readText(text: string, path: string, problems: Problem[]): unknown {
  const at = text.indexOf(goAction);
  if (at >= 0) {
    problems.push(goTemplate(`${path} (${place(text, at)})`, text.slice(at).split('\n')[0] ?? goAction));
    return undefined;
  }
  const read = readYaml(text);
  if (read.ok) return read.value;
  problems.push({ path, value: undefined, expected: `Cannot read the template as YAML: ${mistakeText(read.error)}` });
  return undefined;
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** In an overlay that is a mapping already, an action would be taken for text, which nobody can have meant. */
function actionProblems(value: unknown, path: string): readonly Problem[] {
  if (typeof value === 'string') return value.includes(goAction) ? [goTemplate(path, value)] : [];
  if (Array.isArray(value)) return value.flatMap((element, at) => actionProblems(element, `${path}[${at}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => actionProblems(member, `${path}.${key}`));
}

function goTemplate(path: string, action: string): Problem {
  return { path, value: action, expected: `must not hold Go template actions: ${remedy}` };
}
