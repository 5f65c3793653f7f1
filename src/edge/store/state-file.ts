// Answers: what does the agent remember over a restart: when each module was last referred to. It can be lost: everything
// counts as used then.
import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, parseJson } from '../../core/model/json.ts';
import { isDigest, type ModuleDigest } from '../../core/wasm/digests.ts';
import type { LastUse } from '../../core/wasm/store/evict.ts';
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
export async function writeLastUse({ state, tmp }: StorePaths, lastUse: LastUse): Promise<void> {
  const times = [...lastUse].map(([digest, at]) => [digest, new Date(at).toISOString()]);
  const between = join(tmp, randomUUID());
  await writeFile(between, `${JSON.stringify({ lastUse: Object.fromEntries(times) }, undefined, 2)}\n`, {
    mode: 0o600,
  });
  await rename(between, state);
}
