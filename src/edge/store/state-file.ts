// Answers: what does the agent remember over a restart: when each module was last referred to. It can be lost: everything
// counts as used then.
import { readFile, writeFile } from 'node:fs/promises';
import { isObject, parseJson } from '../../core/model/json.ts';
import { isDigest, type ModuleDigest } from '../../core/wasm/digests.ts';
import type { LastUse } from '../../core/wasm/store/evict.ts';
import { putInPlace } from './put-in-place.ts';
import type { StorePaths } from './store-paths.ts';

/** Empty where there is none, or none that can be read. */
export async function readLastUse({ state }: StorePaths): Promise<LastUse> {
  const text = await readFile(state, 'utf8').catch(() => '');
  const read = parseJson(text);
  const lastUse = isObject(read) && isObject(read['lastUse']) ? read['lastUse'] : {};
  return new Map(
    Object.entries(lastUse).flatMap(([digest, time]): [ModuleDigest, number][] => {
      const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
      return isDigest(digest) && !Number.isNaN(at) ? [[digest, at]] : [];
    }),
  );
}

/** Throws where it cannot be written; the old one is whole then. */
export async function writeLastUse(paths: StorePaths, lastUse: LastUse): Promise<void> {
  const times = [...lastUse].map(([digest, at]) => [digest, new Date(at).toISOString()]);
  const text = `${JSON.stringify({ lastUse: Object.fromEntries(times) }, undefined, 2)}\n`;
  await putInPlace(paths, paths.state, (between) => writeFile(between, text, { mode: 0o600 }));
}
