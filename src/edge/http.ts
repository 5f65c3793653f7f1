// Answers: how do reviews come in over HTTPS, within which limits, and how does the listener end without failing one.
// Plain node:https, because a framework costs more than everything else on the way (docs/decisions).
// Does not belong here: what is answered (answer.ts), where certificates come from (tls.ts).
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Answerer, type HttpAnswer, refusal } from './answer.ts';
import { type BodyBudget, collectBody, type Excess, headerOf, largestBodyBytes } from './request-body.ts';
import type { AdmissionTelemetry } from './telemetry.ts';
import { type Certificate, secureOptions } from './tls.ts';

const usualLimits = {
  /** The API server drops a connection that was idle for 90 s; were we first, a review could meet the end of it. */
  keepAliveTimeout: 120_000,
  headersTimeout: 10_000,
  /** The longest timeout that a webhook can be registered with. */
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 10_000,
};
/** An API server keeps 25 connections and opens more in a burst; one costs about 44 KiB. */
const mostConnections = 4_096;
/** How long the rest of a body that is too large is read, so that the client comes to read the answer. */
const lingerMs = 5_000;

export interface AdmissionListener {
  readonly server: Server;
  /** New connections get this certificate; those that are open stay. */
  useCertificate(certificate: Certificate): void;
  /** From now on every answer ends its connection, so that clients go elsewhere on their own. */
  sayGoodbye(): void;
  /**
   * Stops listening and closes idle connections; resolves when the requests in flight are answered, or else after
   * `deadlineMs`, when what is left is cut off.
   */
  close(deadlineMs: number): Promise<void>;
}

/** What the listener counts and logs besides the answers. */
export interface ListenerTelemetry extends Pick<AdmissionTelemetry, 'refused'> {
  handshakeFailed(error: Error): void;
}

interface State {
  readonly answer: Answerer;
  readonly telemetry: ListenerTelemetry;
  readonly budget: BodyBudget;
  /** Connections on which no request has come yet: the server counts them neither as idle nor as busy. */
  readonly unused: Set<Duplex>;
  isEnding: boolean;
}

/** In milliseconds, under the names that node:https gives them. */
export type Limits = { readonly [Name in keyof typeof usualLimits]: number };

/** Makes the listener; it listens once `server.listen` is called (listen-address.ts). */
export function createListener(
  answer: Answerer,
  certificate: Certificate,
  telemetry: ListenerTelemetry,
  limits: Partial<Limits> = {},
): AdmissionListener {
  const state: State = { answer, telemetry, budget: { heldBytes: 0 }, unused: new Set(), isEnding: false };
  const server = createServer({ ...usualLimits, ...limits, ...secureOptions(certificate) }, (request, response) =>
    receive(state, request, response),
  );
  server.maxConnections = mostConnections;
  server.on('secureConnection', (socket) => watchUnused(state, socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (isOnlyUnused(state, error, socket)) socket.setTimeout(server.keepAliveTimeout);
    else refuseConnection(state, error, socket);
  });
  server.on('tlsClientError', (error) => telemetry.handshakeFailed(error));
  return {
    server,
    useCertificate: (next) => server.setSecureContext(secureOptions(next)),
    sayGoodbye: () => {
      state.isEnding = true;
    },
    close: (deadlineMs) => close(state, server, deadlineMs),
  };
}

function receive(state: State, request: IncomingMessage, response: ServerResponse): void {
  if (state.unused.delete(request.socket)) request.socket.setTimeout(0); // what ends an unused one
  collectBody(request, state.budget, (body) => {
    if (typeof body === 'string') return refuseBody(state, body, request, response);
    const { method = '', url: target = '' } = request;
    send(state, response, state.answer({ method, target, contentType: headerOf(request, 'content-type'), body }));
  });
}

function send(state: State, response: ServerResponse, { status, body }: HttpAnswer): void {
  if (state.isEnding) response.shouldKeepAlive = false;
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, headersOf(status, bytes));
  // Without a character beyond ASCII the text is written as it lies in memory, which is cheaper than encoding it.
  response.end(body, bytes === body.length ? 'latin1' : 'utf8');
}

function headersOf(status: number, bytes: number): string[] {
  const length = String(bytes);
  if (status === 200) return ['Content-Type', 'application/json', 'Content-Length', length];
  const text = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', length];
  if (status === 405) return [...text, 'Allow', 'POST'];
  // client-go tries again upon a Retry-After, within the webhook's timeout
  return status === 503 ? [...text, 'Retry-After', '1'] : text;
}

const excesses: { readonly [E in Excess]: HttpAnswer } = {
  'body-too-large': refusal(
    413,
    `Cannot read the review: the body is larger than ${largestBodyBytes / 1024 / 1024} MiB; send one pod`,
  ),
  'too-many-bodies': refusal(
    503,
    'Cannot read the review: too many large bodies are arriving at this moment; try again',
  ),
};

/**
 * Answers before the body is through. The answer is complete for the client at once, by its length, while the connection
 * stays open for what is still on its way: closing at once would make the kernel reset it and lose the answer.
 */
function refuseBody(state: State, excess: Excess, request: IncomingMessage, response: ServerResponse): void {
  const { status, body } = excesses[excess];
  state.telemetry.refused(status, body);
  response.shouldKeepAlive = false;
  response.writeHead(status, headersOf(status, Buffer.byteLength(body)));
  response.write(body);
  const finish = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(finish, lingerMs);
  request.once('end', finish);
  request.once('close', finish);
}

const statusOfError: { readonly [code: string]: number } = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What is not HTTP, or does not come in time, has no request to answer; it is answered on the bare connection. */
function refuseConnection(state: State, error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = statusOfError[error.code ?? ''] ?? 400;
  const { body } = refusal(status, `Cannot read the request: ${STATUS_CODES[status]}; send it anew`);
  state.telemetry.refused(status, body);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Connection: close', 'Content-Type: text/plain'];
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => socket.destroy());
}

/**
 * The server takes a connection on which nothing comes for a slow sender of headers. The API server opens some in advance
 * and may use them much later: a 408 would meet its request on the way. They are idle, and end as idle ones do.
 */
function isOnlyUnused({ unused }: State, { code }: NodeJS.ErrnoException, socket: Duplex): socket is TLSSocket {
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' && unused.has(socket) && (socket as TLSSocket).bytesRead === 0;
}

function watchUnused(state: State, socket: TLSSocket): void {
  state.unused.add(socket);
  socket.once('close', () => state.unused.delete(socket));
}

async function close(state: State, server: Server, deadlineMs: number): Promise<void> {
  state.isEnding = true;
  // one turn of the event loop, in which requests that have arrived on idle connections are read
  await new Promise((resolve) => setImmediate(resolve));
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  for (const socket of state.unused) socket.destroy();
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(timer);
}
