// Answers: how does a test see what a registry is asked, and make it slow, broken off or away.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

export interface ThrottlingProxy {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `GET /v2/…` of every request so far; whole, where the answer got through to its end. */
  readonly asked: readonly { readonly line: string; readonly isWhole: boolean }[];
  /** Bodies come in pieces of this many bytes, each after a pause; undefined: as they come. */
  throttle(pace: { readonly pieceBytes: number; readonly pauseMs: number } | undefined): void;
  /** Resets every connection, and every new one, until the returned function is called. */
  refuse(): () => void;
}

/** A proxy before a registry on loopback, until the test ends. */
export async function startThrottlingProxy(
  context: Pick<TestContext, 'after'>,
  upstream: string,
): Promise<ThrottlingProxy> {
  const asked: { line: string; isWhole: boolean }[] = [];
  let pace: { readonly pieceBytes: number; readonly pauseMs: number } | undefined;
  let isRefusing = false;
  const forward = (incoming: IncomingMessage, response: ServerResponse): void => {
    const entry = { line: `${incoming.method} ${incoming.url}`, isWhole: false };
    asked.push(entry);
    const [host, port] = upstream.split(':');
    // the name that the client uses, so that what the registry points to leads here again
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      void send(answer, response, () => pace).then(
        () => {
          entry.isWhole = true;
        },
        () => response.destroy(),
      );
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  };
  const server = createServer((incoming, response) => {
    if (isRefusing) incoming.socket.resetAndDestroy();
    else forward(incoming, response);
  });
  server.on('connection', (socket) => isRefusing && socket.resetAndDestroy());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    throttle: (next) => {
      pace = next;
    },
    refuse: () => {
      isRefusing = true;
      server.closeAllConnections();
      return () => {
        isRefusing = false;
      };
    },
  };
}

type Pace = { readonly pieceBytes: number; readonly pauseMs: number } | undefined;

async function send(answer: AsyncIterable<Buffer>, response: ServerResponse, pace: () => Pace): Promise<void> {
  for await (const chunk of answer) {
    const now = pace();
    const step = now?.pieceBytes ?? chunk.length;
    for (let at = 0; at < chunk.length; at += step) {
      if (response.destroyed) throw new Error('nobody reads any more');
      response.write(chunk.subarray(at, at + step));
      if (now !== undefined) await wait(now.pauseMs);
    }
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  response.on('close', () => (response.writableFinished ? resolve() : reject(new Error('broken off'))));
  response.end();
  await promise;
}
