// Answers: what is a JSON object to us. Pods are treated as JSON and never parsed into a closed type and printed back,
// so that fields of a Kubernetes version newer than this code survive.

/** A JSON object of unknown shape. */
export type JsonObject = { readonly [key: string]: unknown };

/** True for a JSON object: not null, not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Those of its elements that are JSON objects; none of what is no list. */
export function objectsIn(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** What the JSON says, undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** True where both say the same; the order of keys does not count, that of elements does. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (isObject(one) && isObject(other)) {
    const keys = Object.keys(one);
    const isSameSize = keys.length === Object.keys(other).length;
    return isSameSize && keys.every((key) => Object.hasOwn(other, key) && isSameJson(one[key], other[key]));
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((element, at) => isSameJson(element, other[at]));
  }
  return one === other;
}
