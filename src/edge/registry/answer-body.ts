// Answers: how is the body of an answer read: as it arrives, with a deadline for each part, or whole and bounded.
import type { IncomingMessage } from 'node:http';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { CallError, type Fault, faultOf, stopped, unreachable } from './fault.ts';

/** The body as it arrives. Time counts only while it is waited for: a slow reader is no slow registry. */
export async function* bodyOf(
  response: IncomingMessage,
  patienceMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isWaiting = true;
  const timer = setTimeout(() => {
    if (isWaiting) response.destroy(new CallError(unreachable(`nothing arrives for ${patienceMs} ms`)));
  }, patienceMs);
  try {
    for await (const chunk of response) {
      isWaiting = false;
      yield chunk;
      isWaiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw new CallError(signal.aborted ? stopped(signal) : faultOf(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The whole body; the fault is `tooLong` where it has more bytes, whatever it said about its length. */
export async function readAll(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLong: Fault,
): Promise<Result<Uint8Array, Fault>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      length += chunk.length;
      if (length > maxBytes) return fail(tooLong);
      chunks.push(chunk);
    }
  } catch (error) {
    return fail(faultOf(error));
  }
  return ok(Buffer.concat(chunks));
}

const longestFault = 4_096;

/** The start of an answer that is a fault, as text; empty where it cannot be read. */
export async function readStart(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length >= longestFault) break;
    }
  } catch {
    // what came is enough
  }
  return text.slice(0, longestFault);
}
