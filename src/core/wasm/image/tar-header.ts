// Answers: what does a header of a tar archive say. Stricter than most readers: what two of them read in two ways is
// refused, so that the module that was checked is the module that a proxy finds.
// Sources: POSIX.1-2024 (pax, ustar), and what GNU tar adds to it.

export const blockBytes = 512;

export interface TarHeader {
  readonly name: string;
  readonly sizeBytes: number;
  /** `file`, `directory` and `other` (links, devices) are entries; the rest describes the entry that follows. */
  readonly kind: 'file' | 'directory' | 'other' | 'extended' | 'global' | 'long-name' | 'long-link';
}

const kinds: Readonly<Record<string, TarHeader['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'other',
  '2': 'other',
  '3': 'other',
  '4': 'other',
  '5': 'directory',
  '6': 'other',
  x: 'extended',
  g: 'global',
  L: 'long-name',
  K: 'long-link',
};

const ustar = 'ustar\x0000';
const gnu = 'ustar  \0';

/** True for a block of zeros: two of them end an archive. */
export function isEmptyBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether an archive begins with these bytes. */
export function beginsTar(bytes: Uint8Array): boolean {
  return bytes.length >= blockBytes && latin1(bytes, 257, 262) === 'ustar';
}

/** Reads a header of 512 bytes; a text says what is wrong with it. */
export function readTarHeader(block: Uint8Array): TarHeader | string {
  const format = latin1(block, 257, 265);
  if (format !== ustar && format !== gnu) return 'a header is neither of ustar nor of GNU tar';
  if (readOctal(block, 148, 156) !== checksum(block)) return 'the sum of a header is wrong';
  const kind = kinds[latin1(block, 156, 157)];
  if (kind === undefined) return 'an entry is of a kind that not every reader knows (sparse, multi-volume)';
  const sizeBytes = readSize(block);
  if (sizeBytes === undefined) return 'the size of an entry is no number';
  if ((kind === 'directory' || kind === 'other') && sizeBytes > 0) return 'an entry without content has a size';
  const prefix = format === ustar ? textUntilNul(block, 345, 500) : '';
  const name = textUntilNul(block, 0, 100);
  return { name: prefix === '' ? name : `${prefix}/${name}`, sizeBytes, kind };
}

/** The sum of all bytes, where those of the sum itself count as blanks. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < blockBytes; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  return sum;
}

/** Octal digits, or a binary number where the first bit is set, as GNU writes large ones. */
function readSize(block: Uint8Array): number | undefined {
  const first = block[124] ?? 0;
  if (first < 0x80) return readOctal(block, 124, 136);
  if (first !== 0x80) return undefined;
  let size = 0;
  for (let at = 125; at < 136; at += 1) size = size * 256 + (block[at] ?? 0);
  return Number.isSafeInteger(size) ? size : undefined;
}

function readOctal(block: Uint8Array, start: number, end: number): number | undefined {
  const digits = /^ *([0-7]*)[ \0]*$/.exec(latin1(block, start, end))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits || '0', 8);
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function textUntilNul(bytes: Uint8Array, start: number, end: number): string {
  const field = bytes.subarray(start, end);
  const nul = field.indexOf(0);
  return decoder.decode(nul < 0 ? field : field.subarray(0, nul));
}

/** The text of a GNU long name. */
export function readLongName(content: Uint8Array): string {
  return textUntilNul(content, 0, content.length);
}

/** What readers take for text; other records, as those of capabilities, may hold any bytes. */
const textRecords: ReadonlySet<string> = new Set(['path', 'linkpath', 'uname', 'gname']);

/** The records of a pax header, `<length> <key>=<value>\n`; a text says what is wrong with them. */
export function readPaxRecords(content: Uint8Array): ReadonlyMap<string, string> | string {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const digits = /^([1-9][0-9]{0,6}) /.exec(latin1(content, at, at + 8))?.[1];
    const length = Number(digits ?? 0);
    const record = content.subarray(at, at + length);
    if (digits === undefined || record.length < length || record.at(-1) !== 0x0a)
      return 'a record is cut off or broken';
    const text = decoder.decode(record.subarray(digits.length + 1, -1));
    const equals = text.indexOf('=');
    const key = text.slice(0, equals);
    if (equals < 1 || key.includes('\0')) return 'a record is broken';
    if (textRecords.has(key) && text.includes('\0')) return 'a record is broken';
    if (records.has(key)) return `the record "${key.slice(0, 100)}" stands twice`;
    records.set(key, text.slice(equals + 1));
    at += length;
  }
  return records;
}
