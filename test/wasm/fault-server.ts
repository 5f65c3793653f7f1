// Answers: how does a test get a registry that does what no real one can be brought to: one image in memory, and before
// each answer a fault may have its way.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { PackedImage } from '../../src/core/wasm/image/pack.ts';
import type { ImageReference } from '../../src/core/wasm/source.ts';

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly body: string;
}

/** Answers the request and returns true, or leaves it to the registry. `count` requests came to this path, this one included. */
export type Misbehaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  asked: Asked & { readonly count: number },
) => boolean | undefined;

export interface FaultServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly url: string;
  /** Everything that was asked so far. */
  readonly asked: readonly Asked[];
  /** As asked for by its tag. */
  readonly image: ImageReference;
}

export interface FaultServerOptions {
  readonly packed?: PackedImage;
  readonly fault?: Misbehaviour;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export const repository = 'team/filter';
export const tag = '1.2';

/** Starts it; it ends with the test, whatever it still sends. */
export async function startFaultServer(
  context: Pick<TestContext, 'after'>,
  options: FaultServerOptions,
): Promise<FaultServer> {
  const asked: Asked[] = [];
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (chunk) => {
      body += chunk;
    });
    // whoever asked may have had enough
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, authorization: headers.authorization, range: headers.range, body };
      asked.push(one);
      const count = asked.filter((other) => other.path === path).length;
      if (options.fault?.(request, response, { ...one, count }) === true) return;
      serveImage(options.packed, one, response);
    });
  };
  const server = options.tls ? createSecureServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const image = { registry: host, repository, tag };
  return { host, url: `http${options.tls ? 's' : ''}://${host}`, asked, image };
}

function serveImage(packed: PackedImage | undefined, { method, path, range }: Asked, response: ServerResponse): void {
  const found = packed === undefined ? undefined : contentOf(packed, path);
  if (found === undefined) {
    respond(response, 404, JSON.stringify({ errors: [{ code: 'NOT_FOUND', message: 'no such thing' }] }));
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const bytes = found.bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    'Content-Type': found.mediaType,
    'Content-Length': bytes.length,
    'Docker-Content-Digest': found.digest,
    ...(from > 0 && { 'Content-Range': `bytes ${from}-${found.bytes.length - 1}/${found.bytes.length}` }),
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}

/** What an honest registry has under the path. */
export function contentOf({ manifest, config, layer }: PackedImage, path: string) {
  const base = `/v2/${repository}`;
  if (path === `${base}/manifests/${tag}` || path === `${base}/manifests/${manifest.digest}`) return manifest;
  return [config, layer].find((blob) => path === `${base}/blobs/${blob.digest}`);
}

export function respond(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): true {
  response.writeHead(status, headers);
  response.end(body);
  return true;
}
