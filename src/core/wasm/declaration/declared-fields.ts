// Answers: is a field of a declaration what it may be. Everything that is wrong is collected, with its path, its value and
// what is allowed. Without a schema library: the node agent reads declarations too and has to stay small.
// Does not belong here: which fields there are (read-extension.ts).
import { isQualifiedName } from '../../configuration/label-selector.ts';
import { isObject, type JsonObject } from '../../model/json.ts';
import { shown } from '../../model/plain-text.ts';
import type { StringMap } from '../../model/pod.ts';
import { type Problem, problemLine } from '../../model/problem.ts';
import { type Refusal, type RefusalReason, refusal } from '../refusals.ts';

/** Collects what is wrong with one declaration. */
export interface Complaints {
  /** The value at the path cannot stand there. */
  invalid(path: string, value: unknown, expected: string): void;
  /** The same for any other reason. */
  refused(reason: RefusalReason, problem: Problem): void;
  /** Undefined where nothing is wrong. */
  refusal(): Refusal | undefined;
}

export function createComplaints(): Complaints {
  const found: { readonly reason: RefusalReason; readonly line: string }[] = [];
  const refused: Complaints['refused'] = (reason, problem) => {
    found.push({ reason, line: problemLine(problem) });
  };
  return {
    refused,
    invalid: (path, value, expected) =>
      refused('InvalidSpec', { path, value: value === undefined ? undefined : shown(value), expected }),
    refusal: () => {
      const [first, ...others] = found;
      if (first === undefined) return undefined;
      const isOne = others.every(({ reason }) => reason === first.reason);
      return refusal(isOne ? first.reason : 'InvalidSpec', found.map(({ line }) => line).join('; '));
    },
  };
}

/** A field that was found, before it is known whether it can stand there. */
export interface Field {
  readonly path: string;
  readonly value: unknown;
}

export function fieldAt(at: JsonObject, key: string, path: string): Field {
  return { path: path === '' ? key : `${path}.${key}`, value: at[key] };
}

/** The mapping; an empty one where the field is absent or cannot be read. */
export function readMapping({ path, value }: Field, wrong: Complaints): JsonObject {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  wrong.invalid(path, value, 'must be a mapping');
  return {};
}

/** One of the words, or the fallback where the field is absent. */
export function readWord<T extends string>(
  { path, value }: Field,
  words: readonly T[],
  fallback: NoInfer<T>,
  wrong: Complaints,
): T {
  if (value === undefined) return fallback;
  const found = words.find((word) => word === value);
  if (found === undefined) wrong.invalid(path, value, `must be one of ${words.join(', ')}`);
  return found ?? fallback;
}

/** A text of one to so many characters; undefined where the field is absent. */
export function readText({ path, value }: Field, longest: number, wrong: Complaints): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= longest) return value;
  wrong.invalid(path, value, `must be a text of 1 to ${longest} characters`);
  return undefined;
}

/** Both ends are allowed. */
export interface Span {
  readonly least: number;
  readonly most: number;
}

export function readWhole({ path, value }: Field, { least, most }: Span, fallback: number, wrong: Complaints): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  wrong.invalid(path, value, `must be a whole number from ${least} to ${most}`);
  return fallback;
}

/** The entries; none where the field is absent or no list. What is beyond so many entries is a problem, and left out. */
export function readEntries({ path, value }: Field, most: number, wrong: Complaints): readonly Field[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    wrong.invalid(path, value, 'must be a list');
    return [];
  }
  if (value.length > most) wrong.invalid(path, `${value.length} entries`, `must have at most ${most} entries`);
  return value.slice(0, most).map((entry: unknown, at) => ({ path: `${path}[${at}]`, value: entry }));
}

const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Labels that a pod can have. */
export function readLabels(field: Field, wrong: Complaints): StringMap {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(readMapping(field, wrong))) {
    const path = `${field.path}["${key}"]`;
    if (!isQualifiedName(key)) wrong.invalid(path, key, 'must be the key of a label');
    else if (typeof value !== 'string' || !labelValue.test(value)) {
      wrong.invalid(path, value, 'must be the value of a label: at most 63 letters, digits, "-", "_" and "."');
    } else labels[key] = value;
  }
  return labels;
}
