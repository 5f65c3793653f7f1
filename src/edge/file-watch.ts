// Answers: when have files changed. Notices it also where they are links into a directory that is swapped as a whole, as
// the kubelet does in Secret and ConfigMap volumes.
// Does not belong here: what the files hold.
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Notifications can fail to come (network file systems, no watches left), so that files are looked at now and then. */
const lookEveryMs = 10_000;
/** A swap comes as a burst of notifications. */
const settleMs = 50;

export interface FileWatch {
  /** Looks at the files at once, changed or not. */
  refresh(): Promise<void>;
  close(): void;
}

/**
 * Calls `changed` when one of the files is another than before, one call after the other and never two at once.
 * Changes from the moment on in which this resolves are noticed.
 */
export async function watchFiles(paths: readonly string[], changed: () => Promise<void>): Promise<FileWatch> {
  let known = await describe(paths);
  let last: Promise<void> = Promise.resolve();
  const look = async (always: boolean): Promise<void> => {
    const now = await describe(paths);
    if (now === known && !always) return;
    known = now;
    await changed();
  };
  const queue = (always: boolean): Promise<void> => {
    last = last.then(() => look(always));
    return last;
  };
  const watchers = openWatchers(paths, () => queue(false));
  const timer = setInterval(() => void queue(false), lookEveryMs).unref();
  return {
    refresh: () => queue(true),
    close: () => {
      clearInterval(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function openWatchers(paths: readonly string[], notify: () => Promise<void>): readonly FSWatcher[] {
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void notify(), settleMs).unref();
  };
  const directories = new Set(paths.map((path) => dirname(path)));
  return [...directories].flatMap((directory) => {
    try {
      // the directory, not the file: a watch on a file stays with the old one when a link is changed
      const watcher = watch(directory, { persistent: false }, settle);
      return [watcher.on('error', () => watcher.close())];
    } catch {
      return []; // the timer remains
    }
  });
}

/** What tells one state of the files from another, links followed. */
async function describe(paths: readonly string[]): Promise<string> {
  const states = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
        return `${dev}:${ino}:${size}:${mtimeNs}`;
      } catch {
        return 'none';
      }
    }),
  );
  return states.join(' ');
}
