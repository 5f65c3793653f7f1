// Answers: how do a few bytes get to a pod of ours that asks for them: over HTTP, under paths that nobody can guess, for as
// long as they are offered.
// Does not belong here: getting them (fetched-files.ts), who reaches the port (core/wasm/trial/trial-pod.ts, NetworkPolicy).
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Result } from '../core/model/problem.ts';
import { type Address, listen } from './listen-address.ts';

export interface Offer {
  readonly port: number;
  /** Nobody gets anything any more, who is still reading neither. */
  close(): void;
}

const limits = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 1_000 };
/** Two containers of one pod, and some who try again. */
const mostConnections = 16;

/** Offers the bytes under their paths, to GET alone; the error is one line. */
export async function offerFiles(
  files: ReadonlyMap<string, Uint8Array>,
  address: Address,
): Promise<Result<Offer, string>> {
  const server = serverOf(files);
  const bound = await listen(server, address, 'the port for trial pods');
  if (!bound.ok) return bound;
  const { port } = server.address() as AddressInfo;
  return {
    ok: true,
    value: {
      port,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    },
  };
}

function serverOf(files: ReadonlyMap<string, Uint8Array>): Server {
  const server = createServer(limits, ({ method, url = '' }, response) => {
    const bytes = method === 'GET' ? files.get(url) : undefined;
    if (bytes === undefined) {
      response.writeHead(404, { 'Content-Length': '0' }).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': String(bytes.length) });
    response.end(bytes);
  });
  server.maxConnections = mostConnections;
  return server;
}
