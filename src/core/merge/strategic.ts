// Answers: what comes out when part of a pod is merged onto a pod, by Kubernetes' strategic merge patch.
// Source: Kubernetes, "Update API Objects in Place Using kubectl patch" and the patchMergeKey tags of core/v1.
// Nothing is changed in place; what the patch does not touch is shared with the original.
import { isObject, type JsonObject } from '../model/json.ts';

/** Lists whose elements are matched by a key; every other list is replaced. The names are unique within a pod. */
export const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  schedulingGates: 'name',
  resourceClaims: 'name',
  env: 'name',
  ports: 'containerPort', // the protocol is not considered
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
};

const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteFromList = '$deleteFromPrimitiveList/';
const elementOrder = '$setElementOrder/';

/**
 * The original with the patch merged onto it. A patch value of null takes the field away; values of different types and
 * scalars are replaced. What is new is taken without its nulls.
 */
export function mergeOverlay<T extends object>(original: T, patch: JsonObject): T {
  return mergeMaps(original as JsonObject, patch, withoutNulls) as T;
}

/** The same for a patch that is known to hold no nulls, whose new parts need not be searched for them. */
export function mergeNullFree<T extends object>(original: T, patch: JsonObject): T {
  return mergeMaps(original as JsonObject, patch, asItIs) as T;
}

/** What becomes of something that the original does not have. */
type Intake = (value: unknown) => unknown;

function asItIs(value: unknown): unknown {
  return value;
}

function mergeMaps(original: JsonObject, patch: JsonObject, intake: Intake): JsonObject {
  if (patch[directive] === 'replace') return withoutNulls(withoutDirectives(patch)) as JsonObject;
  if (patch[directive] === 'delete') return {};
  const result: Record<string, unknown> = { ...retained(original, patch[retainKeys]) };
  for (const name in patch) {
    const value = patch[name];
    if (name.startsWith('$')) {
      if (name.startsWith(deleteFromList)) deletePrimitives(result, name.slice(deleteFromList.length), value);
    } else if (value === null) delete result[name];
    else result[name] = mergeMember(result[name], patch, name, intake);
  }
  return result;
}

/** The member of that name in the patch, merged onto the original's. */
function mergeMember(original: unknown, patch: JsonObject, name: string, intake: Intake): unknown {
  const value = patch[name];
  if (isObject(value)) {
    if (isObject(original)) return mergeMaps(original, value, intake);
    return value[directive] === 'delete' ? undefined : mergeMaps({}, value, intake);
  }
  if (!Array.isArray(value)) return value;
  if (name === 'finalizers' && Array.isArray(original)) return [...new Set([...original, ...value])];
  const key = mergeKeys[name];
  if (key === undefined || !Array.isArray(original)) return newElements(value, intake);
  return mergeLists(original, value, key, { order: patch[`${elementOrder}${name}`], intake });
}

interface ListOptions {
  /** The order that the patch asks for; where undefined, its own. */
  readonly order: unknown;
  readonly intake: Intake;
}

/** Matches elements by their key: the first element of the original with that key is merged, a new one is appended. */
function mergeLists(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  { order, intake }: ListOptions,
): readonly unknown[] {
  if (patch.some((element) => isObject(element) && element[directive] === 'replace')) return newElements(patch, intake);
  const merged: (unknown | undefined)[] = [...original];
  let isNew = order === undefined;
  const keyOf = (element: unknown): unknown => (isObject(element) ? element[key] : undefined);
  for (const element of patch) {
    const index = merged.findIndex((candidate) => candidate !== undefined && keyOf(candidate) === keyOf(element));
    isNew &&= index < 0;
    if (isObject(element) && element[directive] === 'delete') {
      if (index >= 0) merged[index] = undefined;
    } else if (index < 0) merged.push(intake(element));
    else merged[index] = mergeMaps(merged[index] as JsonObject, element as JsonObject, intake);
  }
  if (isNew) return [...merged.slice(original.length), ...original]; // nothing of the patch was there
  const wanted = Array.isArray(order) ? order : patch;
  return interleave(original.map(keyOf), wanted.map(keyOf), merged, keyOf);
}

/**
 * The order of a merged list: the patch's elements in its order, and an element that only the original has directly
 * before the patch's element that stood behind it in the original; what is left over comes last. New elements of the
 * patch thus come first, the user's own last.
 */
function interleave(
  originalKeys: readonly unknown[],
  patchKeys: readonly unknown[],
  merged: readonly unknown[],
  keyOf: (element: unknown) => unknown,
): readonly unknown[] {
  const present = merged.filter((element) => element !== undefined);
  const rank = new Map<unknown, number>();
  for (const key of patchKeys) if (!rank.has(key)) rank.set(key, rank.size);
  const fromPatch = present
    .filter((element) => rank.has(keyOf(element)))
    .sort((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  const position = new Map<unknown, number>();
  for (const [index, key] of originalKeys.entries()) if (!position.has(key)) position.set(key, index);
  const rest = present.filter((element) => !rank.has(keyOf(element)));
  const result: unknown[] = [];
  let next = 0;
  for (const element of fromPatch) {
    const place = position.get(keyOf(element)) ?? -1;
    while (next < rest.length && (position.get(keyOf(rest[next])) ?? 0) < place) result.push(rest[next++]);
    result.push(element);
  }
  return [...result, ...rest.slice(next)];
}

function retained(original: JsonObject, keys: unknown): JsonObject {
  if (!Array.isArray(keys)) return original;
  return Object.fromEntries(Object.entries(original).filter(([name]) => keys.includes(name)));
}

function deletePrimitives(result: Record<string, unknown>, name: string, values: unknown): void {
  const list = result[name];
  if (Array.isArray(list) && Array.isArray(values)) result[name] = list.filter((element) => !values.includes(element));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));
}

/** Elements of a list that takes the place of another, or of none. */
function newElements(list: readonly unknown[], intake: Intake): readonly unknown[] {
  const elements = list.some(isDirective) ? list.filter((element) => !isDirective(element)) : list;
  return intake(elements) as readonly unknown[];
}

function isDirective(element: unknown): boolean {
  return isObject(element) && element[directive] !== undefined;
}

/** The API server's own bookkeeping of who wrote which field: often half of an object, and nobody here looks at it. */
export const bookkeeping = 'managedFields';

/** The value without members that are null, at any depth. The same reference comes back where there was none. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? listWithoutNulls(value) : mapWithoutNulls(value as JsonObject);
}

function listWithoutNulls(list: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    const element = list[index];
    const kept = withoutNulls(element);
    if (kept === element) continue;
    copy ??= [...list];
    copy[index] = kept;
  }
  return copy ?? list;
}

function mapWithoutNulls(map: JsonObject): JsonObject {
  let copy: Record<string, unknown> | undefined;
  for (const name in map) {
    const member = map[name];
    if (typeof member !== 'object' || name === bookkeeping) continue;
    const kept = member === null ? undefined : withoutNulls(member);
    if (kept === member) continue;
    copy ??= { ...map };
    if (kept === undefined) delete copy[name];
    else copy[name] = kept;
  }
  return copy ?? map;
}
