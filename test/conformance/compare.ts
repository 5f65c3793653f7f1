// Answers: are two pods equal in the sense of the conformance data: quantities by value, absent, null and empty alike,
// lists in order, JSON inside annotations and environment parsed. Nothing else is excluded.
// Does not belong here: where the pods come from (cases.ts).
import { isObject } from '../../src/core/model/json.ts';
import { quantityValue } from './quantity.ts';

export interface Difference {
  /** Place in the pod, list elements by index and name: `spec.containers[1 istio-proxy].args[0]`. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Every difference between two pods, in the order of the expected one; none where they are equal. */
export function differences(expected: unknown, actual: unknown): readonly Difference[] {
  return literalDifferences(canonical(expected, []), canonical(actual, []));
}

/** Every difference between two values as they are written: nothing else counts as the same. */
export function literalDifferences(expected: unknown, actual: unknown): readonly Difference[] {
  const found: Difference[] = [];
  collect(expected, actual, '', found);
  return found;
}

/** What of the first pod is not in the second: other differences are additions, for lists at their end. */
export function losses(sent: unknown, kept: unknown): readonly Difference[] {
  return differences(sent, kept).filter(({ expected, actual }) => {
    if (expected === undefined) return false;
    const isLonger = Array.isArray(expected) && Array.isArray(actual) && actual.length > expected.length;
    return !isLonger || expected.some((element, index) => JSON.stringify(element) !== JSON.stringify(actual[index]));
  });
}

/** The difference as one line; long values are cut. */
export function differenceLine({ path, expected, actual }: Difference): string {
  return `${path}: expected ${shown(expected)}, got ${shown(actual)}`;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

/** The value in the one form that all equal values share; undefined where it counts as absent. */
function canonical(value: unknown, path: readonly string[]): unknown {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return canonicalList(value, path);
  if (isObject(value)) return canonicalObject(value, path);
  if (isQuantity(path)) return quantityValue(value);
  return typeof value === 'string' && mayHoldJson(path) ? parsedJson(value) : value;
}

/** An element counts though it is empty: it moves the others. */
function canonicalList(list: readonly unknown[], path: readonly string[]): unknown {
  if (list.length === 0) return undefined;
  return list.map((element) => canonical(element, [...path, '*']) ?? {});
}

function canonicalObject(object: object, path: readonly string[]): unknown {
  const members = Object.entries(object)
    .map(([key, member]) => [key, canonical(member, [...path, key])] as const)
    .filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** Fields of type Quantity in k8s.io/api/core/v1 that a pod can have. */
function isQuantity(path: readonly string[]): boolean {
  const last = path.at(-1) ?? '';
  const parent = path.at(-2) ?? '';
  if (['limits', 'requests'].includes(parent)) return path.at(-3) === 'resources';
  if (parent === 'overhead') return path.at(-3) === 'spec';
  return (last === 'sizeLimit' && parent === 'emptyDir') || (last === 'divisor' && parent === 'resourceFieldRef');
}

function mayHoldJson(path: readonly string[]): boolean {
  if (path.at(-2) === 'annotations') return path.at(-3) === 'metadata';
  return path.at(-1) === 'value' && path.at(-3) === 'env';
}

/** A text that is a JSON object or list as such; marked, so that the text `{}` stays different from no text. */
function parsedJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return { JSON: canonical(JSON.parse(text), []) ?? 'empty' };
  } catch {
    return text;
  }
}

function collect(expected: unknown, actual: unknown, path: string, found: Difference[]): void {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    collectList(expected, actual, path, found);
  } else if (isObject(expected) && isObject(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      collect(expected[key], actual[key], path === '' ? key : `${path}.${key}`, found);
    }
  } else if (!Object.is(expected, actual)) {
    found.push({ path, expected, actual });
  }
}

/** Where the names of a list differ, that is the difference; elements are then paired by name to show the rest. */
function collectList(
  expected: readonly unknown[],
  actual: readonly unknown[],
  path: string,
  found: Difference[],
): void {
  const [expectedNames, actualNames] = [expected.map(nameOf), actual.map(nameOf)];
  const isSameOrder =
    expected.length === actual.length && expectedNames.every((name, index) => name === actualNames[index]);
  if (isSameOrder) {
    for (const [index, element] of expected.entries()) {
      collect(element, actual[index], `${path}[${[index, expectedNames[index]].join(' ').trim()}]`, found);
    }
    return;
  }
  found.push({ path: `${path}[]`, expected: expected.map(summary), actual: actual.map(summary) });
  for (const [index, element] of expected.entries()) {
    const name = expectedNames[index];
    const other = name === undefined ? -1 : actualNames.indexOf(name);
    if (other >= 0) collect(element, actual[other], `${path}[${name}]`, found);
  }
}

function nameOf(element: unknown): string | undefined {
  return isObject(element) && typeof element['name'] === 'string' ? element['name'] : undefined;
}

function summary(element: unknown): unknown {
  return nameOf(element) ?? element;
}
