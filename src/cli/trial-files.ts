// Answers: what does the init container of a trial pod do: it gets the files that control offers. A command for that
// pod alone, in no help and no completion.
// Does not belong here: which files (core/wasm/trial/trial-pod.ts).
import { parseArgs } from 'node:util';
import { isDigest } from '../core/wasm/digests.ts';
import { hardestModuleBytes } from '../core/wasm/limits.ts';
import { fetchFiles, type WantedFile } from '../edge/fetched-files.ts';
import { exitCodes, type Io } from './command.ts';

export const trialFilesName = 'trial-files';
const patienceMs = 30_000;

/** Runs it with the arguments after its name; returns the exit code. */
export async function runTrialFiles(args: readonly string[], io: Pick<Io, 'stderr'>): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string', default: '' },
      directory: { type: 'string', default: '' },
      file: { type: 'string', multiple: true, default: [] },
    },
  });
  const { from, directory, file } = values;
  const done = await fetchFiles({
    from,
    directory,
    files: file.map(readFile),
    mostBytes: hardestModuleBytes,
    patienceMs,
  });
  if (done.ok) return exitCodes.done;
  io.stderr.write(`${done.error}\n`);
  return exitCodes.unusable;
}

/** `path=sha256:…`. */
function readFile(text: string): WantedFile {
  const at = text.lastIndexOf('=');
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw new Error(`Cannot read "${text}": it is not path=sha256:…`);
  return { path: text.slice(0, at), digest };
}
