// Answers: which parts of a pod are the same for many pods, and what is their JSON. Writing JSON is a good part of what
// an admission costs; a part that follows from the settings alone is written once.

import { freeze } from './freeze.ts';
import type { JsonObject } from './json.ts';

const texts = new WeakMap<object, string>();

/** The value, frozen at every depth, with its JSON kept. */
export function fragment<T extends object>(value: T): T {
  texts.set(value, JSON.stringify(value));
  return freeze(value);
}

/** True for what fragment() gave. */
export function isFragment(value: unknown): value is object {
  return typeof value === 'object' && value !== null && texts.has(value);
}

/** JSON of a value, as JSON.stringify writes it; parts that are fragments are not written again. */
export function jsonOf(value: unknown): string {
  if (typeof value === 'string') return jsonOfText(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return texts.get(value) ?? (Array.isArray(value) ? jsonOfList(value) : jsonOfMap(value as JsonObject));
}

function jsonOfList(list: readonly unknown[]): string {
  let elements = '';
  for (let index = 0; index < list.length; index += 1)
    elements += `${index === 0 ? '' : ','}${jsonOf(list[index] ?? null)}`;
  return `[${elements}]`;
}

function jsonOfMap(map: JsonObject): string {
  let members = '';
  for (const name in map) {
    const member = map[name];
    if (member !== undefined) members += `${members === '' ? '' : ','}${jsonOfText(name)}:${jsonOf(member)}`;
  }
  return `{${members}}`;
}

/** Printable ASCII but for the quote and the backslash: what JSON writes as it is. */
const plain = /^[ !#-[\]-~]*$/;

function jsonOfText(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}
