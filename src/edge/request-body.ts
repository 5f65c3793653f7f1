// Answers: what is the body of a request, within limits for one request and for all together.
// Does not belong here: what the bytes mean (answer.ts).
import type { IncomingMessage } from 'node:http';

const mebibyte = 1024 * 1024;
/**
 * The API server takes objects of at most 3 MiB, and an AdmissionReview can carry two of them: object and oldObject.
 */
export const largestBodyBytes = 8 * mebibyte;
/** Of all requests at one time. Above it the API server is asked to come again: slow senders must not fill the memory. */
export const largestTotalBytes = 64 * mebibyte;

/** Bytes that are held for requests that are still arriving. */
export interface BodyBudget {
  heldBytes: number;
}

export type Excess = 'body-too-large' | 'too-many-bodies';

/**
 * Collects the body and then calls `done` once with it, or at once with the limit that was passed; what comes after that
 * is read and thrown away. A client that goes away in the middle is forgotten: `done` is never called.
 */
export function collectBody(request: IncomingMessage, budget: BodyBudget, done: (body: Buffer | Excess) => void): void {
  const announced = Number(headerOf(request, 'content-length'));
  if (announced > largestBodyBytes) {
    request.resume();
    done('body-too-large');
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  let excess: Excess | undefined;
  const release = (): void => {
    budget.heldBytes -= size;
  };
  request.on('data', (chunk: Buffer) => {
    if (excess !== undefined) return;
    // Most bodies come in one piece: those are never waited for, so that they need not be counted.
    if (chunk.length === announced) {
      chunks.push(chunk);
      return;
    }
    if (size === 0) request.on('close', release);
    size += chunk.length;
    budget.heldBytes += chunk.length;
    excess = excessOf(size, budget);
    if (excess === undefined) chunks.push(chunk);
    else done(excess);
  });
  request.on('end', () => {
    if (excess === undefined) done(joined(chunks));
  });
}

function excessOf(size: number, budget: BodyBudget): Excess | undefined {
  if (size > largestBodyBytes) return 'body-too-large';
  return budget.heldBytes > largestTotalBytes ? 'too-many-bodies' : undefined;
}

/** Most reviews come in one piece, which then needs no copy. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}

/** The first header of that lower-case name. Node would make an object of all of them only to look up two. */
export function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const header = rawHeaders[index];
    if (header?.length === name.length && header.toLowerCase() === name) return rawHeaders[index + 1];
  }
  return undefined;
}
