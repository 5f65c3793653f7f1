// Answers: how does something small come to stand at a path in one step, so that nothing else is ever seen there, and
// nothing is left where it cannot.
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorePaths } from './store-paths.ts';

/** Has it made under another name of the same file system, then renamed. Throws where either cannot be. */
export async function putInPlace(
  { tmp }: Pick<StorePaths, 'tmp'>,
  path: string,
  make: (between: string) => Promise<void>,
): Promise<void> {
  const between = join(tmp, randomUUID());
  try {
    await make(between);
    await rename(between, path);
  } catch (error) {
    await rm(between, { force: true }).catch(() => {}); // the next start of the agent empties the directory
    throw error;
  }
}
