// Answers: how is the API server asked by a process that must stay small: by Node's own HTTP alone. The client library
// costs some 15 MB of memory before its first call.
// Does not belong here: which calls there are (calls.ts), where address and credentials come from (service-account.ts).
import { request as plainRequest } from 'node:http';
import { type RequestOptions, request as secureRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { isObject, type JsonObject, parseJson } from '../../core/model/json.ts';
import { countPassed } from '../return-memory.ts';
import { type CallOptions, callsOf, type Followable, type KubeCalls, readFault } from './calls.ts';
import { KubeError, kubeErrorOf } from './kube-error.ts';
import { readEvent, type WatchEnd, type WatchHandlers, type WatchRequest } from './watch-stream.ts';

/** Where the API server is, and what it is shown. */
export interface KubeConnection {
  /** `https://host:port`. */
  readonly server: string;
  /** Authorities, certificate, `headers` with the credentials: asked for before each call, since they change. */
  readonly options: () => Promise<RequestOptions>;
}

/** The calls and streams, and nothing of the client library. */
export interface PlainKube extends KubeCalls, Followable {
  readonly server: string;
}

/** The API server answers within this, or it counts as unreachable. */
const patienceMs = 15_000;
/** Longer answers are cut: a page of 500 objects, of which none can be larger than etcd allows. */
const longestAnswerBytes = 64 * 1024 * 1024;
/** So many times the memory of its bytes an answer needs for a moment, once it is read and until something of it is kept. */
const timesAsJson = 8;
const longestEventCharacters = 8 * 1024 * 1024;

export function connectPlainly(connection: KubeConnection): PlainKube {
  return {
    server: connection.server,
    ...callsOf((method, path, options) => send(connection, method, path, options)),
    watch: (request, handlers) => watch(connection, request, handlers),
  };
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

type Incoming = Parameters<NonNullable<Parameters<typeof plainRequest>[2]>>[0];

/** The answer once its head is there; rejects where there is none. */
async function open(connection: KubeConnection, asked: Asked): Promise<Incoming> {
  const url = new URL(asked.path, connection.server);
  for (const [name, value] of Object.entries(asked.query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const own = await connection.options();
  const headers = { ...(own.headers as Record<string, string>), Accept: 'application/json', ...asked.headers };
  const { promise, resolve, reject } = Promise.withResolvers<Incoming>();
  const request = url.protocol === 'http:' ? plainRequest : secureRequest;
  const outgoing = request(url, { ...own, method: asked.method, headers, signal: asked.signal }, resolve);
  outgoing.on('error', reject);
  // Node closes without an error what nobody takes: an answer 101
  outgoing.on('close', () => reject(new Error('the connection was closed without an answer')));
  outgoing.end(asked.body);
  return promise;
}

async function send(
  connection: KubeConnection,
  method: string,
  path: string,
  { query = {}, body, contentType = 'application/json', signal }: CallOptions = {},
): Promise<JsonObject> {
  const deadline = AbortSignal.timeout(patienceMs);
  try {
    const incoming = await open(connection, {
      method,
      path,
      query,
      headers: body === undefined ? {} : { 'Content-Type': contentType },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    const text = await textOf(incoming);
    const status = incoming.statusCode ?? 0;
    if (status >= 400) throw kubeErrorOf(status, readFault(text));
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw kubeErrorOf(undefined, error, `${method} ${path}`);
  }
}

async function textOf(incoming: Incoming): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > longestAnswerBytes) throw new Error(`the answer is longer than ${longestAnswerBytes} bytes`);
    chunks.push(chunk);
    countPassed(chunk.byteLength * timesAsJson);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function watch(connection: KubeConnection, request: WatchRequest, handlers: WatchHandlers): Promise<WatchEnd> {
  const { path, query, stallMs, signal } = request;
  const cut = new AbortController();
  const stalled = setTimeout(() => cut.abort(), stallMs);
  const both = AbortSignal.any([cut.signal, signal]);
  try {
    const asked = { method: 'GET', path, query: { ...query, watch: 'true' }, headers: {}, signal: both };
    const incoming = await open(connection, asked);
    const status = incoming.statusCode ?? 0;
    if (status !== 200) {
      const fault = kubeErrorOf(status, readFault(await textOf(incoming)));
      return { kind: 'lost', error: kubeErrorOf(status, { message: `Cannot watch ${path}: ${fault.message}` }) };
    }
    handlers.opened();
    for await (const line of linesOf(incoming)) {
      if (both.aborted) break; // what is still in the stream would go over what a list or the next watch has brought
      stalled.refresh();
      const event = parseJson(line);
      const { type, object } = isObject(event) ? event : {};
      const error = readEvent(type, object, path, handlers);
      if (error !== undefined) return { kind: 'lost', error };
    }
    return { kind: 'ended', error: undefined };
  } catch (error) {
    const isCut = both.aborted || isBrokenOff(error);
    return { kind: 'ended', error: isCut ? undefined : kubeErrorOf(undefined, error, `WATCH ${path}`) };
  } finally {
    clearTimeout(stalled);
    cut.abort(); // ends the connection
  }
}

/** The API server ended in the middle: no trouble before the next attempt fails too. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

async function* linesOf(incoming: Incoming): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestEventCharacters) throw new Error('an event is longer than any object can be');
    yield* lines.filter((line) => line !== '');
  }
}
