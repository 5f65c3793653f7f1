// Answers: are the bytes that arrive those that were ordered. Counted and hashed as they pass; whoever reads only a part
// has the rest read by `finish`, so that a blob that was altered on its way is called that, and not a bad archive.
import { createHash } from 'node:crypto';
import { refusal } from '../../core/wasm/refusals.ts';
import { Refused } from './refused.ts';

export interface Order {
  /** As messages call it: `layer` where nothing is said. */
  readonly what?: string;
  readonly maxBytes: number;
  /** Size and digest that the blob has to have; without them only maxBytes counts. */
  readonly expected?: { readonly sizeBytes: number; readonly digest: string };
}

export interface CheckedBlob {
  /** The bytes as they arrive; leaving the iteration does not close the blob. Throws Refused. */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Reads what is left, so that size and digest are known to be right. Throws Refused. */
  finish(): Promise<void>;
  /** Lets go of the blob, wherever it is. */
  close(): Promise<void>;
}

export function checkedBlob(blob: AsyncIterable<Uint8Array>, order: Order): CheckedBlob {
  const iterator = blob[Symbol.asyncIterator]();
  const check = arrivalCheck(order);
  let last: Promise<Uint8Array | undefined> = Promise.resolve(undefined);
  let ended = false;
  const read = async (): Promise<Uint8Array | undefined> => {
    if (ended) return undefined;
    const { done, value } = await nextOf(iterator);
    ended = done === true;
    if (done === true) check.end();
    else check.chunk(value);
    return done === true ? undefined : value;
  };
  // One after the other, also where a reader has left while it waited for a chunk.
  const next = (): Promise<Uint8Array | undefined> => {
    last = last.then(read);
    return last;
  };
  return {
    chunks: () => all(next),
    finish: async () => {
      for await (const _ of all(next));
    },
    close: async () => {
      last.catch(() => undefined);
      ended = true;
      await iterator.return?.();
    },
  };
}

async function* all(next: () => Promise<Uint8Array | undefined>): AsyncGenerator<Uint8Array, void, undefined> {
  for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
}

function arrivalCheck({ what = 'layer', maxBytes, expected }: Order): { chunk(bytes: Uint8Array): void; end(): void } {
  const hash = createHash('sha256');
  let bytes = 0;
  const most = Math.min(maxBytes, expected?.sizeBytes ?? maxBytes);
  const mismatch = (state: string): Refused =>
    new Refused(refusal('DigestMismatch', `Cannot take the ${what}: it has ${state}`));
  return {
    chunk: (chunk) => {
      bytes += chunk.byteLength;
      if (bytes > most && most === expected?.sizeBytes) throw mismatch(`more than the ${most} bytes of its manifest`);
      if (bytes > most) {
        throw new Refused(refusal('TooLarge', `Cannot take the ${what}: it has more than the ${most} bytes allowed`));
      }
      hash.update(chunk);
    },
    end: () => {
      if (expected === undefined) return;
      const digest = `sha256:${hash.digest('hex')}`;
      if (bytes !== expected.sizeBytes) throw mismatch(`${bytes} bytes, and its manifest says ${expected.sizeBytes}`);
      if (digest !== expected.digest) throw mismatch(`digest ${digest}, and its manifest says ${expected.digest}`);
    },
  };
}

/** Faults of the connection are expected ones; who aborts wants to see the abort. */
async function nextOf(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array, unknown>> {
  try {
    return await iterator.next();
  } catch (error) {
    if (error instanceof Refused || (error instanceof Error && error.name === 'AbortError')) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
    throw new Refused(refusal('RegistryUnreachable', `Cannot fetch the layer: the transfer broke off (${code})`));
  }
}
