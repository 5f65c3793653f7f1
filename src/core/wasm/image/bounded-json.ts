// Answers: what does JSON say that a stranger sends. Looked over before it is parsed: a small text can hold so many empty
// lists, or lists in lists, that parsing it costs a hundred times its size; and a key that stands twice reads one way
// here and another way in the proxy, which also takes `Layers` for `layers`.

export interface JsonBounds {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** `large`: more bytes, depth or values than is allowed; `twice`: a key stands twice, if only in another case. */
export type BoundedJson =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'large'; readonly what: string }
  | { readonly kind: 'twice'; readonly key: string }
  | { readonly kind: 'none' };

/** Objects, lists and their entries together. */
const mostValues = 20_000;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads UTF-8 JSON within bounds; never throws, and costs no more than a few times the size of the text. */
export function readBoundedJson(bytes: Uint8Array, { maxBytes, maxDepth }: JsonBounds): BoundedJson {
  if (bytes.byteLength > maxBytes) return { kind: 'large', what: `has more than ${maxBytes} bytes` };
  const found = lookOver(bytes, maxDepth);
  if (found !== undefined) return found;
  try {
    return { kind: 'value', value: JSON.parse(decoder.decode(bytes)) as unknown };
  } catch {
    return { kind: 'none' };
  }
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openers: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const closers: ReadonlySet<number> = new Set([0x7d, 0x5d]);

/** What is wrong with the text before it is parsed. It need not be JSON at all. */
function lookOver(bytes: Uint8Array, maxDepth: number): BoundedJson | undefined {
  const keys: Set<string>[] = [];
  let values = 0;
  let text: Uint8Array | undefined;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) {
      const start = at;
      at = endOfString(bytes, start);
      text = bytes.subarray(start, at + 1);
    }
    if (byte === colon && text !== undefined) {
      const key = keyOf(text);
      if (isTwice(keys.at(-1), key)) return { kind: 'twice', key };
      text = undefined;
    }
    values += nest(keys, byte);
    const what = excess(keys.length - maxDepth, values - mostValues, maxDepth);
    if (what !== undefined) return { kind: 'large', what };
  }
  return undefined;
}

function excess(levels: number, values: number, maxDepth: number): string | undefined {
  if (levels > 0) return `is nested deeper than ${maxDepth} levels`;
  return values > 0 ? `has more than ${mostValues} values` : undefined;
}

/** Goes into a list or an object, or out of it; the answer is how many values that adds at least. */
function nest(keys: Set<string>[], byte: number): number {
  if (closers.has(byte)) keys.pop();
  if (!openers.has(byte)) return byte === comma ? 1 : 0;
  keys.push(new Set());
  return 1;
}

/** Position of the quote that ends the string; the end of the text where none does. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at += 1) {
    if (bytes[at] === backslash) at += 1;
    else if (bytes[at] === quote) return at;
  }
  return bytes.length;
}

/** The key in the case that Go's decoder compares it in: it takes `ſize` for `size` too. */
function keyOf(written: Uint8Array): string {
  try {
    return String(JSON.parse(decoder.decode(written)))
      .toUpperCase()
      .toLowerCase();
  } catch {
    return '';
  }
}

function isTwice(keys: Set<string> | undefined, key: string): boolean {
  if (keys?.has(key)) return true;
  keys?.add(key);
  return false;
}
