// Answers: what exactly does the API server send to the webhook, and what does it get back. A TLS listener in between,
// with the webhook's own certificate, that passes everything on and keeps a copy.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { listen } from '../../src/edge/listen-address.ts';

/** One request and its answer, byte for byte as texts. */
export interface Exchange {
  /** Path and query. */
  readonly target: string;
  readonly requestText: string;
  readonly status: number;
  readonly responseText: string;
}

export interface RecordedWebhook {
  /** `host:port` on this machine. */
  readonly address: string;
  /** Certificate of the authority to trust, PEM. */
  readonly ca: string;
  /** Where its `tls.crt` and `tls.key` are. */
  readonly directory: string;
}

export interface Recorder {
  /** `host:port` for the API server. */
  readonly address: string;
  /** In the order in which they were answered. */
  readonly exchanges: readonly Exchange[];
}

/** Listens at a free port of the host; ended after the test. */
export async function startRecorder(
  context: Pick<TestContext, 'after'>,
  host: string,
  webhook: RecordedWebhook,
): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const agent = new Agent({ ca: webhook.ca, servername: 'localhost', keepAlive: true });
  const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(webhook.directory, file)));
  const server = createServer({ cert, key }, (incoming, reply) => {
    passOn(webhook, agent, incoming, reply).then(
      (exchange) => exchanges.push(exchange),
      (error: unknown) => reply.writeHead(502).end(`the recorder got no answer: ${error}`),
    );
  });
  const address = await listen(server, { host, port: 0 }, 'the recorder');
  if (!address.ok) throw new Error(address.error);
  context.after(() => {
    server.close();
    server.closeAllConnections();
    agent.destroy();
  });
  return { address: address.value, exchanges };
}

async function passOn(
  { address }: RecordedWebhook,
  agent: Agent,
  incoming: IncomingMessage,
  reply: ServerResponse,
): Promise<Exchange> {
  const asked = await bytesOf(incoming);
  const { method = '', url: target = '', headers } = incoming;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const [hostname, port] = address.split(':');
  request({ hostname, port, path: target, method, headers, agent }, resolve).on('error', reject).end(asked);
  const answer = await promise;
  const answered = await bytesOf(answer);
  const status = answer.statusCode ?? 0;
  reply.writeHead(status, answer.headers).end(answered);
  return { target, requestText: asked.toString(), status, responseText: answered.toString() };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
