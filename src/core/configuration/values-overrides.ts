// Answers: how do --overrides and --set change the injector values. Both follow Helm, whose users know them.
// Does not belong here: what the values may be (values-schema.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';

/** Helm's own limit. */
const largestIndex = 65_536;

type Step = string | number;

interface Assignment {
  readonly path: readonly Step[];
  /** Undefined takes the place away. */
  readonly value: unknown;
}

/** The overrides over the base: mappings are merged key by key, null takes a key away, everything else replaces. */
export function mergeOverrides(base: JsonObject, overrides: JsonObject): JsonObject {
  const merged = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(overrides)) {
    const below = merged.get(key);
    if (value === null) merged.delete(key);
    else if (isObject(value)) merged.set(key, mergeOverrides(isObject(below) ? below : {}, value));
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

/**
 * Applies settings such as `global.proxy.logLevel=debug`, in their order. A dot in a key is written `\.`, a place in a
 * list `[0]`, a list `{a,b}`, a comma in text `\,`. Whole numbers, true, false and null (which takes the key away) are
 * what they look like; a number with a fraction stays text, so that tag 1.30 is not 1.3.
 */
export function applySettings(base: JsonObject, settings: readonly string[]): Result<JsonObject> {
  const problems: Problem[] = [];
  let values = base;
  for (const setting of settings) {
    const read = readAssignment(setting);
    const assigned = read.ok ? assign(values, read.value.path, read.value.value) : read;
    if (!assigned.ok) problems.push({ path: '--set', value: setting, expected: assigned.error });
    else if (isObject(assigned.value)) values = assigned.value;
  }
  return problems.length === 0 ? ok(values) : fail(problems);
}

function readAssignment(setting: string): Result<Assignment, string> {
  const match = /^((?:[^=\\]|\\.)+)=(.*)$/s.exec(setting);
  if (match === null) return fail('must be path=value, such as global.proxy.logLevel=debug');
  const [, pathText = '', valueText = ''] = match;
  if (/(?:^|[^\\]),[A-Za-z_][\w.\\[\]-]*=/.test(valueText)) {
    return fail('must be one setting; give --set again for the next, or write \\, for a comma in the value');
  }
  const path = readPath(pathText);
  if (path === undefined) return fail('must name its place by keys between dots and indexes such as [0]');
  return ok({ path, value: readValue(valueText) });
}

function readPath(text: string): readonly Step[] | undefined {
  const steps: Step[] = [];
  const step = /(?:^|\.)((?:[^.[\]\\]|\\.)+)|\[(\d{1,6})\]/gy;
  let end = 0;
  for (const match of text.matchAll(step)) {
    const [whole, key, index] = match;
    if (key === undefined && steps.length === 0) return undefined;
    steps.push(key === undefined ? Number(index) : key.replace(/\\(.)/g, '$1'));
    end = match.index + whole.length;
  }
  return end === text.length && steps.length > 0 ? steps : undefined;
}

function readValue(text: string): unknown {
  const list = /^\{(.*)\}$/s.exec(text);
  if (list === null) return readScalar(text);
  if (list[1] === '') return [];
  return (list[1] ?? '').split(/(?<!\\),/).map((element) => readScalar(element) ?? null);
}

function readScalar(text: string): unknown {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return undefined;
  if (/^(0|-?[1-9]\d{0,14})$/.test(text)) return Number(text);
  return text.replace(/\\(.)/gs, '$1');
}

function assign(target: unknown, path: readonly Step[], value: unknown): Result<unknown, string> {
  const [step, ...rest] = path;
  if (step === undefined) return ok(value);
  if (typeof step === 'number') return assignInList(target, step, rest, value);
  if (target !== undefined && target !== null && !isObject(target)) {
    return fail(`must not look for "${step}" in something that is no mapping`);
  }
  const mapping = target ?? {};
  const below = assign(Object.hasOwn(mapping, step) ? mapping[step] : undefined, rest, value);
  if (!below.ok) return below;
  const entries = new Map(Object.entries(mapping));
  if (below.value === undefined) entries.delete(step);
  else entries.set(step, below.value);
  return ok(Object.fromEntries(entries));
}

function assignInList(target: unknown, index: number, rest: readonly Step[], value: unknown): Result<unknown, string> {
  if (target !== undefined && target !== null && !Array.isArray(target)) {
    return fail(`must not look for [${index}] in something that is no list`);
  }
  const list: readonly unknown[] = target ?? [];
  if (index > Math.min(list.length, largestIndex))
    return fail(`must not leave a gap: the list has ${list.length} elements`);
  const below = assign(list[index], rest, value);
  if (!below.ok) return below;
  return ok(below.value === undefined ? list.toSpliced(index, 1) : list.toSpliced(index, 1, below.value));
}
