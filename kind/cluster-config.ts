// Answers: which configuration does kind get: the file of this folder, with KIND_CONFIG merged over it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { isObject, type JsonObject } from '../src/core/model/json.ts';
import { CommandError } from './run.ts';

/** Maps are merged deep, lists of patches joined; everything else of `over` takes the place of what was there. */
export function mergeConfig(base: JsonObject, over: JsonObject): JsonObject {
  const merged = Object.entries(over).map(([key, value]): [string, unknown] => {
    const there = base[key];
    if (isObject(there) && isObject(value)) return [key, mergeConfig(there, value)];
    const isPatches = /Patches(JSON6902)?$/.test(key) && Array.isArray(there) && Array.isArray(value);
    return [key, isPatches ? [...there, ...value] : value];
  });
  return { ...base, ...Object.fromEntries(merged) };
}

/**
 * @param config file in kind/
 * @param over file that is merged over it
 * @returns the text for kind
 */
export function configText(config: string, over: string | undefined): string {
  const file = join(import.meta.dirname, config);
  if (over === undefined) return readFileSync(file, 'utf8');
  return stringify(mergeConfig(readConfig(file), readConfig(over)));
}

function readConfig(file: string): JsonObject {
  let read: unknown;
  try {
    read = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CommandError(`Cannot read "${file}": ${error instanceof Error ? error.message : error}`);
  }
  if (isObject(read)) return read;
  throw new CommandError(
    `Cannot read "${file}": it is no mapping; see https://kind.sigs.k8s.io/docs/user/configuration`,
  );
}
