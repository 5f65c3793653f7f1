// Answers: which JSON Patch (RFC 6902) turns the pod that came into the pod that goes. It adds and, where a value is
// ours to change, replaces; elements of lists are matched by their merge key, so that a container that was there before
// is never rewritten because something was put in front of it. Parts that the two pods share cost nothing.

import { mergeKeys } from './merge/strategic.ts';
import { isFragment, jsonOf } from './model/fragment.ts';
import { isObject, type JsonObject } from './model/json.ts';
import type { Operation } from './model/verdict.ts';

/** The operations that turn `before` into `after`, in the order in which they have to be applied. */
export function createPatch(before: object, after: object): Operation[] {
  const operations: Operation[] = [];
  compareMaps(before as JsonObject, after as JsonObject, '', operations);
  return operations;
}

/** The operations as JSON. */
export function printPatch(operations: readonly Operation[]): string {
  let printed = '';
  for (const operation of operations) printed += `${printed === '' ? '' : ','}${printOperation(operation)}`;
  return `[${printed}]`;
}

/** The last text of an operation with that value: a part that is shared mostly goes to the same place. */
const printedWith = new WeakMap<object, { readonly path: string; readonly text: string }>();

function printOperation(operation: Operation): string {
  const { op, path } = operation;
  if (op === 'remove') return `{"op":"remove","path":${jsonOf(path)}}`;
  const { value } = operation;
  if (typeof value !== 'object' || value === null)
    return `{"op":"${op}","path":${jsonOf(path)},"value":${jsonOf(value)}}`;
  const last = printedWith.get(value);
  if (last?.path === path && op === 'add') return last.text;
  const text = `{"op":"${op}","path":${jsonOf(path)},"value":${jsonOf(value)}}`;
  if (op === 'add' && isFragment(value)) printedWith.set(value, { path, text });
  return text;
}

function compareValues(before: unknown, after: unknown, path: string, operations: Operation[]): void {
  if (before === after) return;
  if (isObject(before) && isObject(after)) compareMaps(before, after, path, operations);
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, operations);
  else operations.push({ op: 'replace', path, value: after });
}

function compareMaps(before: JsonObject, after: JsonObject, path: string, operations: Operation[]): void {
  for (const name in before) {
    if (after[name] === undefined && isPresent(before[name]))
      operations.push({ op: 'remove', path: `${path}/${escaped(name)}` });
  }
  for (const name in after) {
    const value = after[name];
    if (value === undefined || value === before[name]) continue;
    const member = `${path}/${escaped(name)}`;
    if (!isPresent(before[name])) operations.push({ op: 'add', path: member, value });
    else compareValues(before[name], value, member, operations);
  }
}

/** A null of the sender means absent. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function compareLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  operations: Operation[],
): void {
  const added = after.length - before.length;
  if (before.every((element, index) => element === after[added + index])) {
    for (let index = 0; index < added; index += 1)
      operations.push({ op: 'add', path: `${path}/${index}`, value: after[index] });
    return; // put in front of what was there: the usual case
  }
  const key = mergeKeys[path.slice(path.lastIndexOf('/') + 1)];
  const [beforeKeys, afterKeys] = [keysOf(before, key), keysOf(after, key)];
  if (beforeKeys === undefined || afterKeys === undefined) {
    if (!sameJson(before, after)) operations.push({ op: 'replace', path, value: after });
    return;
  }
  const kept = keptInOrder(beforeKeys, afterKeys);
  for (let index = before.length - 1; index >= 0; index -= 1) {
    if (!kept.has(beforeKeys[index])) operations.push({ op: 'remove', path: `${path}/${index}` });
  }
  for (const [index, element] of after.entries()) {
    const at = `${path}/${index}`;
    if (kept.has(afterKeys[index]))
      compareValues(before[beforeKeys.indexOf(afterKeys[index])], element, at, operations);
    else operations.push({ op: 'add', path: at, value: element });
  }
}

/** The keys of a list's elements; undefined where they do not tell the elements apart. */
function keysOf(list: readonly unknown[], key: string | undefined): readonly unknown[] | undefined {
  if (key === undefined) return undefined;
  const keys = list.map((element) => (isObject(element) ? element[key] : undefined));
  return keys.includes(undefined) || new Set(keys).size !== keys.length ? undefined : keys;
}

/** Elements of both lists that stand in the same order in both; one that moved is removed and added again. */
function keptInOrder(before: readonly unknown[], after: readonly unknown[]): ReadonlySet<unknown> {
  const place = new Map(after.map((key, index) => [key, index]));
  const kept = new Set<unknown>();
  let last = -1;
  for (const key of before) {
    const at = place.get(key) ?? -1;
    if (at <= last) continue;
    kept.add(key);
    last = at;
  }
  return kept;
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const toEscape = /[~/]/;
/** Keys that were escaped already: those that templates write come again with every pod. */
const escapedBefore = new Map<string, string>();
const mostKept = 256;

/** RFC 6901: `~` and `/` are escaped in a reference token. */
function escaped(token: string): string {
  const before = escapedBefore.get(token);
  if (before !== undefined) return before;
  const text = toEscape.test(token) ? token.replaceAll('~', '~0').replaceAll('/', '~1') : token;
  if (escapedBefore.size < mostKept) escapedBefore.set(token, text);
  return text;
}
