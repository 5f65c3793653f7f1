// Answers: what do files say that may change at any time: always the last that could be used.
// Does not belong here: noticing changes (file-watch.ts), what the files mean.
import { fail, ok, type Result } from '../core/model/problem.ts';
import { watchFiles } from './file-watch.ts';

export interface Source<T, E> {
  readonly paths: readonly string[];
  /** Reads the files; never throws for what stands in them. */
  readonly load: () => Promise<Result<T, E>>;
  /** The value is in use from now on. */
  readonly accepted: (value: T) => void;
  /** What the files hold cannot be used; the value before stays in use. Not called for the first load. */
  readonly rejected: (error: E) => void;
  /** A fault of ours while loading again. */
  readonly failed: (error: unknown) => void;
}

export interface Followed<T> {
  readonly current: () => T;
  /** Reads the files again, changed or not. */
  refresh(): Promise<void>;
  close(): void;
}

/** Loads the value and follows its files; or the error of the first load, and nothing is followed. */
export async function followFiles<T, E>(source: Source<T, E>): Promise<Result<Followed<T>, E>> {
  const held: { cell: { value: T } | undefined; error: E | undefined } = { cell: undefined, error: undefined };
  const update = async (): Promise<void> => {
    const loaded = await source.load();
    if (!loaded.ok) {
      held.error = loaded.error;
      if (held.cell !== undefined) source.rejected(loaded.error);
      return;
    }
    if (held.cell === undefined) held.cell = { value: loaded.value };
    else held.cell.value = loaded.value;
    source.accepted(loaded.value);
  };
  // the watch comes first: what changes while the files are read for the first time is read again
  const watch = await watchFiles(source.paths, () => update().catch(source.failed));
  await watch.refresh();
  const { cell, error } = held;
  if (cell !== undefined) return ok({ ...watch, current: () => cell.value });
  watch.close();
  if (error === undefined) throw new Error('the first load failed; see the log');
  return fail(error);
}
