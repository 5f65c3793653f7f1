// Answers: how is a protocol-buffer message read from JSON as people write it, and printed as JSON in its one form.
// The dialect is that of github.com/golang/protobuf/jsonpb, which Istio reads its settings with.
// Does not belong here: which messages there are (proxy-config-fields.ts, mesh-config.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import type { Problem } from '../model/problem.ts';
import { type ScalarKind, scalars } from './proto-scalars.ts';

/** What may stand in a field. `oneof` names the group of fields of which a message holds one. */
export type Field = (
  | { readonly kind: ScalarKind }
  /** google.protobuf.*Value: present even when it is zero. */
  | { readonly kind: 'wrapper'; readonly of: ScalarKind }
  | { readonly kind: 'enum'; readonly numbers: ReadonlyMap<string, number> }
  | {
      readonly kind: 'message';
      readonly fields: ReadonlyMap<string, Field>;
      readonly snakeNames: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'map' | 'list'; readonly of: Field }
) & { readonly oneof?: string };

export type MessageField = Extract<Field, { kind: 'message' }>;

/** What is written, as a canonical value, and every place where it cannot be read. */
export interface Decoded {
  readonly value: JsonObject;
  readonly problems: readonly Problem[];
}

interface Reading {
  readonly path: string;
  readonly problems: Problem[];
}

const largestInt32 = 2_147_483_647;

/** A message of these fields, named in lowerCamelCase and in the order of their declaration. */
export function message(fields: { readonly [name: string]: Field }): MessageField {
  const snakeNames = Object.keys(fields).map((name) => [name, snakeCase(name)] as const);
  return { kind: 'message', fields: new Map(Object.entries(fields)), snakeNames: new Map(snakeNames) };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** An enumeration whose names are numbered from zero. */
export function enumeration(...names: readonly string[]): Field {
  return { kind: 'enum', numbers: new Map(names.map((name, number) => [name, number])) };
}

/**
 * Reads a message: names in snake_case or lowerCamelCase, numbers also in quotes, enums by name or number, null for
 * absent, unknown fields passed over. The value is canonical, but that plain fields of the message itself that were
 * written as zero are still there, for a check to see; inside nested messages they are dropped.
 */
export function decodeMessage(kind: MessageField, value: unknown, path = ''): Decoded {
  const problems: Problem[] = [];
  const reading = { path, problems };
  if (value === null || value === undefined) return { value: {}, problems };
  if (!isObject(value)) {
    refuse(value, 'must be a mapping of fields', reading);
    return { value: {}, problems };
  }
  return { value: readFields(kind, value, reading, true), problems };
}

function readFields(kind: MessageField, value: JsonObject, reading: Reading, keepZeros: boolean): JsonObject {
  const entries = new Map<string, unknown>();
  for (const [name, field] of kind.fields) {
    const key = writtenKey(value, name, kind.snakeNames.get(name));
    if (key === undefined || value[key] === null || value[key] === undefined) continue;
    const read = readField(field, value[key], { ...reading, path: joined(reading.path, key) });
    if (read === undefined || (isZero(field, read) && !(keepZeros && isPlain(field)))) continue;
    if (field.oneof !== undefined) dropOthers(kind, field.oneof, entries);
    entries.set(name, read);
  }
  return Object.fromEntries(entries);
}

/** The last field of a group that is set is the one that counts. */
function dropOthers(kind: MessageField, group: string, entries: Map<string, unknown>): void {
  for (const [name, field] of kind.fields) if (field.oneof === group) entries.delete(name);
}

/** Of both spellings the one in lowerCamelCase wins. */
function writtenKey(value: JsonObject, name: string, snakeName = name): string | undefined {
  if (Object.hasOwn(value, name)) return name;
  return Object.hasOwn(value, snakeName) ? snakeName : undefined;
}

function readField(field: Field, value: unknown, reading: Reading): unknown {
  if (field.kind === 'list') return readList(field.of, value, reading);
  if (field.kind === 'map') return readMap(field.of, value, reading);
  if (field.kind === 'enum') return readEnum(field.numbers, value, reading);
  if (field.kind === 'message') {
    if (!isObject(value)) return refuse(value, 'must be a mapping of fields', reading);
    return readFields(field, value, reading, false);
  }
  const scalar = scalars[field.kind === 'wrapper' ? field.of : field.kind];
  return scalar.read(value) ?? refuse(value, scalar.expected, reading);
}

function readList(of: Field, value: unknown, reading: Reading): unknown {
  if (!Array.isArray(value)) return refuse(value, 'must be a list', reading);
  return value.map((element, index) => readElement(of, element, { ...reading, path: `${reading.path}[${index}]` }));
}

function readMap(of: Field, value: unknown, reading: Reading): unknown {
  if (!isObject(value)) return refuse(value, 'must be a mapping of names to values', reading);
  return Object.fromEntries(
    Object.entries(value).map(([key, element]) => [
      key,
      readElement(of, element, { ...reading, path: joined(reading.path, key) }),
    ]),
  );
}

/** Within lists and maps null stands for the zero value. */
function readElement(field: Field, value: unknown, reading: Reading): unknown {
  return value === null ? zeroOf(field) : readField(field, value, reading);
}

function readEnum(numbers: ReadonlyMap<string, number>, value: unknown, reading: Reading): unknown {
  if (typeof value === 'string' && numbers.has(value)) return value;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= largestInt32) {
    const named = [...numbers].find(([, number]) => number === value);
    // A number without a name is kept: it may be of a newer Istio.
    return named === undefined ? value : named[0];
  }
  return refuse(value, `must be one of ${[...numbers.keys()].join(', ')}`, reading);
}

function refuse(value: unknown, expected: string, reading: Reading): undefined {
  reading.problems.push({ path: reading.path, value: shown(value), expected });
  return undefined;
}

function joined(path: string, key: string): string {
  const step = /^[A-Za-z0-9_-]+$/.test(key) ? key : `["${key}"]`;
  return path === '' || step.startsWith('[') ? path + step : `${path}.${step}`;
}

function zeroOf(field: Field): unknown {
  if (field.kind === 'enum') return [...field.numbers.keys()][0];
  if (field.kind === 'message' || field.kind === 'map') return {};
  if (field.kind === 'list') return [];
  return scalars[field.kind === 'wrapper' ? field.of : field.kind].zero;
}

/** True for a value that a canonical message does not hold: zero, and without presence of its own. */
export function isZero(field: Field, value: unknown): boolean {
  if (field.oneof !== undefined) return false;
  if (field.kind === 'list') return Array.isArray(value) && value.length === 0;
  if (field.kind === 'map') return isObject(value) && Object.keys(value).length === 0;
  return isPlain(field) && value === zeroOf(field);
}

/** Plain fields have no presence: zero and absent are the same. */
function isPlain(field: Field): boolean {
  return field.oneof === undefined && !['message', 'map', 'list', 'wrapper', 'duration'].includes(field.kind);
}

/** The canonical value as compact JSON: fields in the order of declaration, keys of maps sorted. */
export function printMessage(kind: MessageField, value: JsonObject): string {
  return printField(kind, value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function printField(field: Field, value: unknown): string {
  if (field.kind === 'message' && isObject(value)) {
    const members: string[] = [];
    for (const [name, member] of field.fields) {
      const written = value[name];
      if (written !== undefined && !isZero(member, written)) members.push(`"${name}":${printField(member, written)}`);
    }
    return `{${members.join(',')}}`;
  }
  if (field.kind === 'map' && isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${printField(field.of, value[key])}`).join(',')}}`;
  }
  if (field.kind === 'list' && Array.isArray(value)) {
    return `[${value.map((element) => printField(field.of, element)).join(',')}]`;
  }
  return JSON.stringify(value) ?? 'null';
}
