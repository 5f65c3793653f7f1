// Answers: what does a module import and export, how much memory does it ask for, who made it. Nothing is kept that no
// rule asks for, so that a million exports cost no memory.
import {
  type Cursor,
  cursorOn,
  externKinds,
  readByte,
  readCount,
  readName,
  readU32,
  readU64,
  type Section,
  sectionIds,
  skip,
} from './sections.ts';

/** `undefined` where the section is broken. */
type Read<T> = T | undefined;

const mostUnknown = 5;

/** The first few imports that `isKnown` does not know; a kind other than function is never known. */
export function unknownImports(
  bytes: Uint8Array,
  section: Section,
  isKnown: (name: string) => boolean,
): Read<readonly string[]> {
  const cursor = cursorOn(bytes, section);
  const unknown: string[] = [];
  const count = readCount(cursor, 4) ?? -1;
  for (let left = count; left > 0; left -= 1) {
    const module = readName(cursor);
    const name = readName(cursor);
    const kind = readByte(cursor);
    if (module === undefined || name === undefined || skipImport(cursor, kind) === undefined) return undefined;
    const full = `${module}.${name}`;
    if (kind !== externKinds.function) unknown.push(`${full} (no function)`);
    else if (!isKnown(full)) unknown.push(full);
    if (unknown.length >= mostUnknown) return unknown;
  }
  return count < 0 || cursor.at !== cursor.end ? undefined : unknown;
}

function skipImport(cursor: Cursor, kind: number | undefined): Read<unknown> {
  if (kind === externKinds.function) return readU32(cursor);
  if (kind === externKinds.table) return readByte(cursor) === undefined ? undefined : readLimits(cursor);
  if (kind === externKinds.memory) return readLimits(cursor);
  if (kind === externKinds.global) return skip(cursor, 2);
  return kind === externKinds.tag && readByte(cursor) !== undefined ? readU32(cursor) : undefined;
}

/** Names of the exports that `matters` picks, each with its kind. */
export function exportsOf(
  bytes: Uint8Array,
  section: Section,
  matters: (name: string) => boolean,
): Read<ReadonlyMap<string, number>> {
  const cursor = cursorOn(bytes, section);
  const found = new Map<string, number>();
  const count = readCount(cursor, 3) ?? -1;
  for (let left = count; left > 0; left -= 1) {
    const name = readName(cursor);
    const kind = readByte(cursor);
    if (name === undefined || kind === undefined || readU32(cursor) === undefined) return undefined;
    if (matters(name)) found.set(name, kind);
  }
  return count < 0 || cursor.at !== cursor.end ? undefined : found;
}

export interface Limits {
  readonly initial: number;
  readonly maximum?: number;
}

/** Limits of the first memory, in pages of 64 KiB. */
export function memoryOf(bytes: Uint8Array, section: Section): Read<Limits | 'none'> {
  const cursor = cursorOn(bytes, section);
  const count = readCount(cursor, 2);
  if (count === undefined) return undefined;
  return count === 0 ? 'none' : readLimits(cursor);
}

function readLimits(cursor: Cursor): Read<Limits> {
  const flags = readByte(cursor);
  if (flags === undefined || flags > 7) return undefined;
  const read = flags >= 4 ? readU64 : readU32;
  const initial = read(cursor);
  const maximum = flags % 2 === 1 ? read(cursor) : undefined;
  if (initial === undefined || (flags % 2 === 1 && maximum === undefined)) return undefined;
  return { initial, ...(maximum !== undefined && { maximum }) };
}

const mostProducers = 20;
/** What a terminal would obey. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const notPrinted = /[\u0000-\u001f\u007f-\u009f]/g;

/** `language Rust 2021`, `processed-by rustc 1.91.0`; what cannot be read is left out: it is a hint. */
export function producersOf(bytes: Uint8Array, section: Section): readonly string[] {
  const cursor = cursorOn(bytes, section);
  const found: string[] = [];
  for (let fields = readCount(cursor, 2) ?? 0; fields > 0 && found.length < mostProducers; fields -= 1) {
    const field = readName(cursor);
    for (let values = readCount(cursor, 2) ?? 0; values > 0 && found.length < mostProducers; values -= 1) {
      const [name, version] = [readName(cursor), readName(cursor)];
      if (field === undefined || name === undefined || version === undefined) return found;
      found.push(`${field} ${name} ${version}`.replace(notPrinted, '?').trim());
    }
  }
  return found;
}

/** The first section of the kind. */
export function sectionOf(sections: readonly Section[], kind: keyof typeof sectionIds): Section | undefined {
  return sections.find(({ id }) => id === sectionIds[kind]);
}
