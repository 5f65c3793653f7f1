// Answers: what does a signed JSON text say that everybody reads alike. Of two keys that are the same but for case some
// readers take the first, some the last: who signs such a text has signed two.
import { isObject, type JsonObject } from '../../model/json.ts';
import { readBoundedJson } from './bounded-json.ts';

const bounds = { maxBytes: 1024 * 1024, maxDepth: 32 };

/** The JSON object that these bytes are in UTF-8; undefined where they are none, or one that can be read in two ways. */
export function readSigned(bytes: Uint8Array): JsonObject | undefined {
  const read = readBoundedJson(bytes, bounds);
  return read.kind === 'value' && isObject(read.value) ? read.value : undefined;
}

/** As readers that do not mind case compare keys. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** The value under the key, whatever its case. Only for what `readSigned` gave: no second key can match. */
export function fieldOf(value: unknown, key: string): unknown {
  if (!isObject(value)) return undefined;
  const wanted = folded(key);
  return Object.entries(value).find(([name]) => folded(name) === wanted)?.[1];
}

/** The bytes that a text in standard base64 stands for; undefined where it is none. */
export function readBase64(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined;
}
