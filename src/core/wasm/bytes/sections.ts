// Answers: which sections is a WebAssembly module made of, and what do its imports, exports and memories say. A walk over
// the bytes, without compiling: counts and lengths are checked against what is there before anything is made of them.
// Source: WebAssembly core specification, binary format.

/** Reads a part of a module. Every `read…` gives undefined once the part has ended too early or is broken. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

export interface Section {
  readonly id: number;
  /** Of a custom section. */
  readonly name?: string;
  /** Of its content, in the module; of a custom section's after the name. */
  readonly start: number;
  readonly end: number;
}

/** Kinds of imports and exports. */
export const externKinds = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

export const sectionIds = { custom: 0, import: 2, memory: 5, export: 7, start: 8 } as const;

/** Ids of sections in the order in which they have to come; custom ones may stand anywhere. 13 are tags. */
const order = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** Names are read up to this length: no name that matters is longer. */
const longestName = 256;
const mostCustomSections = 10_000;

export function cursorOn(bytes: Uint8Array, { start, end }: { readonly start: number; readonly end: number }): Cursor {
  return { bytes, at: start, end };
}

export function readByte(cursor: Cursor): number | undefined {
  if (cursor.at >= cursor.end) return undefined;
  const byte = cursor.bytes[cursor.at];
  cursor.at += 1;
  return byte;
}

/** An unsigned number of at most 32 bits in LEB128: five bytes at most. */
export function readU32(cursor: Cursor): number | undefined {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = readByte(cursor);
    if (byte === undefined || (shift === 28 && byte > 0x0f)) return undefined;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  return undefined;
}

/** A number of 64 bits in LEB128, as memories of 64 bits have: ten bytes at most; large ones lose precision. */
export function readU64(cursor: Cursor): number | undefined {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = readByte(cursor);
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  return undefined;
}

/** Goes on by so many bytes. */
export function skip(cursor: Cursor, length: number): true | undefined {
  if (length > cursor.end - cursor.at) return undefined;
  cursor.at += length;
  return true;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A name; one that is too long to matter comes cut, with `…`. */
export function readName(cursor: Cursor): string | undefined {
  const length = readU32(cursor);
  const start = cursor.at;
  if (length === undefined || skip(cursor, length) === undefined) return undefined;
  const name = decoder.decode(cursor.bytes.subarray(start, start + Math.min(length, longestName)));
  return length > longestName ? `${name}…` : name;
}

/** How many entries follow, where so many can follow at all: each takes at least `leastBytes`. */
export function readCount(cursor: Cursor, leastBytes: number): number | undefined {
  const count = readU32(cursor);
  return count === undefined || count * leastBytes > cursor.end - cursor.at ? undefined : count;
}

/** The sections after the header; a text says what is wrong with them. */
export function readSections(bytes: Uint8Array): readonly Section[] | string {
  const cursor = cursorOn(bytes, { start: 8, end: bytes.length });
  const sections: Section[] = [];
  let last = -1;
  while (cursor.at < cursor.end) {
    const offset = cursor.at;
    const section = readSection(cursor);
    if (section === undefined) return `the section at byte ${offset} is cut off or broken`;
    const rank = order.indexOf(section.id);
    if (section.id !== sectionIds.custom && rank < 0)
      return `byte ${offset} begins a section of unknown kind ${section.id}`;
    if (rank >= 0 && rank <= last)
      return `the section of kind ${section.id} at byte ${offset} stands twice or too late`;
    if (rank >= 0) last = rank;
    if (sections.push(section) > mostCustomSections) return `it has more than ${mostCustomSections} sections`;
  }
  return sections;
}

function readSection(cursor: Cursor): Section | undefined {
  const id = readByte(cursor);
  const length = readU32(cursor);
  if (id === undefined || length === undefined) return undefined;
  const start = cursor.at;
  if (skip(cursor, length) === undefined) return undefined;
  const end = cursor.at;
  if (id !== sectionIds.custom) return { id, start, end };
  const content = cursorOn(cursor.bytes, { start, end });
  const name = readName(content);
  return name === undefined ? undefined : { id, name, start: content.at, end };
}
