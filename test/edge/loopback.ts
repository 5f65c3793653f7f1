// Answers: how does a test get a certificate, a listener on loopback, and answers from it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { admit } from '../../src/core/admit.ts';
import { printAnswer, readReview } from '../../src/core/review.ts';
import { type AdmissionParts, createAnswerer } from '../../src/edge/answer.ts';
import { type AdmissionListener, createListener, type Limits, type ListenerTelemetry } from '../../src/edge/http.ts';
import { listen } from '../../src/edge/listen-address.ts';
import { provideSelfSigned } from '../../src/edge/self-signed.ts';
import { type Certificate, loadCertificate } from '../../src/edge/tls.ts';
import { facts, pod } from '../builders.ts';
import { until as untilWithin } from '../until.ts';

/** A directory that is gone after the test. */
export function temporaryDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-edge-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A certificate of a directory of its own. */
export async function makeCertificate(context: TestContext): Promise<Certificate> {
  const files = await provideSelfSigned(temporaryDirectory(context), new Date());
  if (!files.ok) throw new Error(files.error);
  const loaded = await loadCertificate(files.value, new Date());
  if (!loaded.ok) throw new Error(loaded.error);
  return loaded.value;
}

/** What was recorded, in the order in which it happened. */
export interface Recorded {
  readonly decided: string[];
  readonly refused: number[];
  readonly failed: unknown[];
}

export interface Loopback {
  readonly listener: AdmissionListener;
  readonly address: string;
  readonly ca: string;
  readonly recorded: Recorded;
}

/** A listener with the real core, other than the changes say; ended after the test. */
export async function startListener(
  context: TestContext,
  changes: Partial<AdmissionParts> = {},
  limits: Partial<Limits> = {},
): Promise<Loopback> {
  const recorded: Recorded = { decided: [], refused: [], failed: [] };
  const telemetry: AdmissionParts['telemetry'] & ListenerTelemetry = {
    decided: (review) => recorded.decided.push(review.uid),
    refused: (status) => recorded.refused.push(status),
    failed: (error) => recorded.failed.push(error),
    handshakeFailed: () => {},
  };
  const all = facts();
  const answer = createAnswerer({ facts: () => all, readReview, admit, printAnswer, telemetry, ...changes });
  const certificate = await makeCertificate(context);
  // both sides are one process here, which a busy machine can hold up for longer than a handshake may take
  const listener = createListener(answer, certificate, telemetry, { handshakeTimeout: 120_000, ...limits });
  const address = await listen(listener.server, { host: '127.0.0.1', port: 0 }, '--listen');
  if (!address.ok) throw new Error(address.error);
  context.after(() => {
    listener.server.close();
    listener.server.closeAllConnections();
  });
  return { listener, address: address.value, ca: certificate.chain, recorded };
}

/** An agent that trusts the certificate and keeps its connections. */
export function agentFor(context: TestContext, ca: string, connections = 1): Agent {
  const agent = new Agent({ ca, keepAlive: true, maxSockets: connections });
  context.after(() => agent.destroy());
  return agent;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Several are sent chunked, without a length. */
  readonly body?: string | Buffer | readonly Buffer[];
}

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** True where the connection had been used before. */
  readonly reused: boolean;
}

const jsonType = { 'Content-Type': 'application/json' };

/** Sends a request over the agent and reads the whole answer. */
export function send(agent: Agent, address: string, sent: Sent): Promise<Received> {
  const { method = 'POST', path = '/inject?timeout=10s', headers = jsonType, body = '' } = sent;
  const { promise, resolve, reject } = Promise.withResolvers<Received>();
  const length = isPlain(body) ? { 'Content-Length': String(Buffer.byteLength(body)) } : {};
  const [hostname, port] = address.split(':');
  const options = { hostname, port, path, method, agent, headers: { ...headers, ...length } };
  const outgoing = request(options, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, reused: outgoing.reusedSocket });
    });
  });
  outgoing.on('error', reject);
  for (const piece of isPlain(body) ? [body] : body) outgoing.write(piece);
  outgoing.end();
  return promise;
}

function isPlain(body: Sent['body']): body is string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body);
}

/** The review that would bring the object; a small good pod where none is given. */
export function reviewBody(object: unknown = { kind: 'Pod', ...pod('web') }, uid = 'good'): string {
  const request_ = { uid, namespace: 'default', operation: 'CREATE', object };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: request_ });
}

/** A TLS connection without HTTP, ended after the test. */
export async function openSocket(
  context: TestContext,
  { address, ca }: Pick<Loopback, 'address' | 'ca'>,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const port = Number(address.split(':')[1]);
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' }, resolve);
  socket.on('error', reject);
  context.after(() => socket.destroy());
  await promise;
  return socket;
}

/** All that comes on the connection until the other side ends it. */
export async function readToEnd(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Waits until the condition holds; throws after the deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  await untilWithin(what, async () => condition(), { timeoutMs: deadlineMs, pauseMs: 5 });
}

/** What the directory's file holds. */
export function textOf(directory: string, file: string): string {
  return readFileSync(join(directory, file), 'utf8');
}
