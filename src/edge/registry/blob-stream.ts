// Answers: how do the bytes of a blob arrive, also when the connection breaks off in the middle: from there on, or from
// the start without the bytes that were given already. Whoever reads them counts them, and compares their digest (checked-blob.ts).
import { ok, type Result } from '../../core/model/problem.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import { backoffMs, pause } from '../pause.ts';
import type { Answer } from './exchange.ts';
import { CallError, refusalOf } from './fault.ts';
import { Refused } from './refused.ts';

export interface BlobOrder {
  /** The end of "Cannot …". */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Asks for the blob with these headers besides, and tries again by itself. */
  readonly ask: (
    headers: Readonly<Record<string, string>>,
    taken: readonly number[],
  ) => Promise<Result<Answer, Refusal>>;
}

const mostDrops = 5;

/** The blob once its answer is there. The iteration throws Refused where the rest cannot be had. */
export async function openBlob(order: BlobOrder): Promise<Result<AsyncIterable<Uint8Array>, Refusal>> {
  const answer = await order.ask({}, [200]);
  return answer.ok ? ok(continued(order, answer.value)) : answer;
}

async function* continued(order: BlobOrder, first: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  let answer: Answer | undefined = first;
  let done = 0;
  for (let drops = 1; answer !== undefined; drops += 1) {
    try {
      for await (const chunk of tailOf(answer, done)) {
        done += chunk.length;
        yield chunk;
      }
      answer = undefined;
    } catch (error) {
      answer = await goOn(order, { error, drops, done });
    }
  }
}

interface Drop {
  readonly error: unknown;
  readonly drops: number;
  readonly done: number;
}

/** The answer with the rest, after the one before broke off. */
async function goOn(order: BlobOrder, { error, drops, done }: Drop): Promise<Answer> {
  if (!(error instanceof CallError)) throw error;
  if (!error.fault.isTransient || drops > mostDrops || order.signal.aborted) {
    throw new Refused(refusalOf(order.what, error.fault));
  }
  await pause(backoffMs(drops), order.signal);
  const next = await (done === 0 ? order.ask({}, [200]) : order.ask({ Range: `bytes=${done}-` }, [200, 206, 416]));
  if (!next.ok) throw new Refused(next.error);
  return next.value;
}

/** The bytes after the first `done` ones, whether the registry sends only these (206), all again (200), or has no more (416). */
async function* tailOf(
  { status, headers, body, discard }: Answer,
  done: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  // nothing is left: it broke off behind the last byte
  if (status === 416) return discard();
  const isRange = status === 206;
  if (isRange && !headers['content-range']?.startsWith(`bytes ${done}-`)) {
    throw new CallError({
      reason: 'InvalidAnswer',
      state: 'it sends another range than was asked for',
      isTransient: false,
    });
  }
  let skip = isRange ? 0 : done;
  for await (const chunk of body) {
    if (skip < chunk.length) yield skip === 0 ? chunk : chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}
