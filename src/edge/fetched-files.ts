// Answers: how does a trial pod get its files: from control, each checked by its digest before it has its name.
// Does not belong here: offering them (offered-files.ts).
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fail, ok, type Result } from '../core/model/problem.ts';
import { pause } from './pause.ts';

export interface WantedFile {
  /** Below the directory. */
  readonly path: string;
  readonly digest: `sha256:${string}`;
}

export interface FetchPlan {
  /** URL below which each file is found under the digits of its digest. */
  readonly from: string;
  readonly directory: string;
  readonly files: readonly WantedFile[];
  readonly mostBytes: number;
  /** For all of it. A NetworkPolicy can need some time to know a new pod. */
  readonly patienceMs: number;
}

const tryMs = 5_000;
const pauseMs = 200;

/** Gets all files, trying again while there is time; the error is one line without the URL's secret. */
export async function fetchFiles(plan: FetchPlan): Promise<Result<void, string>> {
  const deadline = AbortSignal.timeout(plan.patienceMs);
  for (const file of plan.files) {
    let failure: string | undefined;
    do {
      failure = await attempt(plan, file);
      if (failure !== undefined) await pause(pauseMs, deadline);
    } while (failure !== undefined && !deadline.aborted);
    if (failure !== undefined)
      return fail(`Cannot get the files of the trial from ${new URL(plan.from).host}: ${failure}`);
  }
  return ok(undefined);
}

/** Why it went wrong. */
async function attempt({ from, directory, mostBytes }: FetchPlan, { path, digest }: WantedFile) {
  const target = join(directory, path);
  const partial = `${target}.partial`;
  try {
    await mkdir(dirname(target), { recursive: true });
    const hex = digest.slice('sha256:'.length);
    const response = await fetch(`${from}/${hex}`, { signal: AbortSignal.timeout(tryMs), redirect: 'error' });
    if (response.status !== 200 || response.body === null) return `HTTP ${response.status}`;
    const hash = createHash('sha256');
    const counted = countingInto(hash, mostBytes);
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(partial, { mode: 0o444 }));
    if (hash.digest('hex') !== hex) return 'what came has another digest';
    await rename(partial, target);
    return undefined;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return cause instanceof Error ? cause.message || cause.name : String(cause);
  } finally {
    await rm(partial, { force: true }).catch(() => {});
  }
}

function countingInto(hash: { update(chunk: Uint8Array): unknown }, mostBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      seen += chunk.length;
      hash.update(chunk);
      done(seen > mostBytes ? new Error(`it is larger than ${mostBytes} bytes`) : null, chunk);
    },
  });
}
