// Answers: how is one HTTP request sent and its answer taken: with a deadline for each part, and nothing unbounded.
// Does not belong here: redirects (redirects.ts), credentials (session.ts), trying again (retry.ts).
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Result } from '../../core/model/problem.ts';
import { fail, ok } from '../../core/model/problem.ts';
import { bodyOf } from './answer-body.ts';
import type { Connections } from './connections.ts';
import { CallError, type Fault, faultOf, lasting, stopped, unreachable } from './fault.ts';
import { forbiddenUrl, guardedLookup } from './forbidden-address.ts';

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Called with the bytes that were sent so far. */
  readonly onSent?: (doneBytes: number) => void;
  /** False for hosts that an answer named. */
  readonly mayBeLoopback: boolean;
  /** Ends the request and its answer, whatever it waits for. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** That was asked. */
  readonly url: URL;
  /** As it arrives; throws CallError where it breaks off or nothing comes. Read once, or discarded. */
  readonly body: AsyncIterable<Uint8Array>;
  /** For answers whose body is not read. */
  discard(): void;
}

export interface Wire {
  readonly connections: Connections;
  /** How long nothing may arrive: for a connection, for the head of the answer, between two parts of its body. */
  readonly patienceMs: number;
  /** As who we ask: what the log of a registry shows. */
  readonly userAgent: string;
}

const maxHeaderBytes = 32 * 1024;
/** Small enough to be read to its end, so that the connection can be used again. */
const worthDraining = 16 * 1024;
const writtenAtOnce = 64 * 1024;

/** Sends the request. The answer is ok whatever its status is; a fault where there is none. */
export async function exchange(
  { connections, patienceMs, userAgent }: Wire,
  call: Call,
): Promise<Result<Answer, Fault>> {
  const forbidden = forbiddenUrl(call.url, call.mayBeLoopback);
  if (forbidden !== undefined) return fail(forbidden);
  let sent: ClientRequest | undefined;
  try {
    const send = call.url.protocol === 'http:' ? httpRequest : httpsRequest;
    sent = send(plainUrl(call.url), {
      method: call.method,
      headers: {
        'User-Agent': userAgent,
        ...call.headers,
        ...(call.body && { 'Content-Length': String(call.body.length) }),
      },
      agent: connections.agentFor(call.url),
      lookup: guardedLookup(call.mayBeLoopback),
      maxHeaderSize: maxHeaderBytes,
      signal: call.signal,
    });
    const response = await answerTo(sent, call, patienceMs);
    return ok(answerOf(response, call, patienceMs));
  } catch (error) {
    sent?.destroy();
    return fail(call.signal.aborted ? stopped(call.signal) : faultOf(error));
  }
}

/** User names in URLs would become credentials of their own. */
function plainUrl(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  plain.hash = '';
  return plain;
}

function answerTo(sent: ClientRequest, call: Call, patienceMs: number): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  let timer: NodeJS.Timeout | undefined;
  const within = (what: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => sent.destroy(new CallError(unreachable(`${what} within ${patienceMs} ms`))), patienceMs);
  };
  within('no connection');
  sent.on('socket', (socket) => {
    const connected = (): void => within('no answer');
    if (!socket.connecting) connected();
    else socket.once(call.url.protocol === 'http:' ? 'connect' : 'secureConnect', connected);
  });
  sent.on('response', (response) => {
    clearTimeout(timer);
    resolve(response);
  });
  sent.on('upgrade', (response, socket) => {
    socket.destroy();
    reject(new CallError(lasting('InvalidAnswer', `the answer is ${response.statusCode}, which nobody asked for`)));
  });
  sent.on('error', (error) => {
    clearTimeout(timer);
    reject(error);
  });
  // Node closes without an error what nobody takes: an answer 101
  sent.on('close', () => {
    clearTimeout(timer);
    reject(new CallError(unreachable('the connection was closed without an answer')));
  });
  if (call.body === undefined) sent.end();
  else
    void writeBody(sent, call.body, (doneBytes) => {
      within('no answer');
      call.onSent?.(doneBytes);
    });
  return promise;
}

/** Writes piece by piece, as fast as the other side takes it; ends early where the answer is there already. */
async function writeBody(sent: ClientRequest, body: Uint8Array, onSent: (doneBytes: number) => void): Promise<void> {
  let isOver = false;
  sent.once('response', () => {
    isOver = true;
  });
  for (let at = 0; at < body.length && !isOver && !sent.destroyed; ) {
    const piece = body.subarray(at, at + writtenAtOnce);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    sent.write(piece, resolve);
    await promise;
    at += piece.length;
    if (!isOver && !sent.destroyed) onSent(at);
  }
  sent.end();
}

function answerOf(response: IncomingMessage, call: Call, patienceMs: number): Answer {
  // an error may come before anybody reads; whoever reads then gets it
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    url: call.url,
    body: bodyOf(response, patienceMs, call.signal),
    discard: () => {
      const length = Number(response.headers['content-length'] ?? Number.NaN);
      if (call.method === 'HEAD' || length <= worthDraining) response.resume();
      else response.destroy();
    },
  };
}
