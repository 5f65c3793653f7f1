// The API client of the node agent against a server that does what no API server can be brought to.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { resources } from '../../src/core/cluster/resources.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { connectPlainly, type PlainKube } from '../../src/edge/kube/plain-client.ts';
import type { WatchEnd } from '../../src/edge/kube/watch-stream.ts';

type Answer = (incoming: IncomingMessage, response: ServerResponse) => void;

async function serve(context: TestContext, answer: Answer): Promise<PlainKube> {
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const options = async () => ({ headers: { Authorization: 'Bearer secret' } });
  return connectPlainly({ server: `http://127.0.0.1:${port}`, options });
}

interface Watched {
  readonly end: WatchEnd;
  /** `TYPE name`. */
  readonly events: readonly string[];
}

async function watch(kube: PlainKube, signal = new AbortController().signal, stallMs = 60_000): Promise<Watched> {
  const events: string[] = [];
  const request = { path: '/apis/x/v1/things', query: { resourceVersion: '7' }, stallMs, signal };
  const end = await kube.watch(request, {
    opened: () => void events.push('opened'),
    changed: (type, { metadata }) => void events.push(`${type} ${metadata.name}`),
  });
  return { end, events };
}

function event(type: string, name: string): string {
  return `${JSON.stringify({ type, object: { apiVersion: 'v1', kind: 'Thing', metadata: { name } } })}\n`;
}

suite('a watch', () => {
  test('tells every event, however the stream is cut into pieces, and ends where it ends', async (context) => {
    let url = '';
    const kube = await serve(context, async (incoming, response) => {
      url = incoming.url ?? '';
      const bytes = Buffer.from(event('ADDED', 'grüße') + event('DELETED', 'b'));
      for (const byte of bytes) response.write(Buffer.of(byte));
      response.end();
    });
    const { end, events } = await watch(kube);
    assert.deepEqual(events, ['opened', 'ADDED grüße', 'DELETED b']);
    assert.deepEqual(end, { kind: 'ended', error: undefined });
    assert.equal(url, '/apis/x/v1/things?resourceVersion=7&watch=true');
  });

  test('is lost where the API server says that it is too old, or refuses it', async (context) => {
    const old = { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } };
    const gone = await serve(context, (_, response) => response.end(`${JSON.stringify(old)}\n`));
    const { end } = await watch(gone);
    assert.ok(end.kind === 'lost' && end.error.code === 'gone');
    const refused = await serve(context, (_, response) => response.writeHead(403).end('{"message": "no"}'));
    const { end: other, events } = await watch(refused);
    assert.ok(other.kind === 'lost' && other.error.code === 'forbidden');
    assert.match(other.error.message, /^Cannot watch \/apis\/x\/v1\/things: no$/);
    assert.deepEqual(events, []);
  });

  test('is lost where a line is no event', async (context) => {
    const kube = await serve(context, (_, response) => response.end('<html>\n'));
    assert.equal((await watch(kube)).end.kind, 'lost');
  });

  test('is cut where nothing comes, and at once where nobody wants it', async (context) => {
    const kube = await serve(context, (_, response) => response.write(event('ADDED', 'a')));
    assert.deepEqual((await watch(kube, undefined, 100)).end, { kind: 'ended', error: undefined });
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 100);
    assert.deepEqual((await watch(kube, stopping.signal)).end, { kind: 'ended', error: undefined });
  });

  test('that breaks off goes on from where it was', async (context) => {
    const kube = await serve(context, (_, response) => {
      response.write(event('ADDED', 'a'), () => response.socket?.resetAndDestroy());
    });
    assert.deepEqual((await watch(kube)).end, { kind: 'ended', error: undefined });
  });

  test('says that there is no way', async () => {
    const kube = connectPlainly({ server: 'http://127.0.0.1:1', options: async () => ({}) });
    const { end } = await watch(kube);
    assert.ok(end.kind === 'ended' && end.error?.code === 'unreachable');
  });
});

suite('a call', () => {
  test('carries the credentials and the object, and gives the answer', async (context) => {
    const seen: string[] = [];
    const kube = await serve(context, (incoming, response) => {
      const { method, url, headers } = incoming;
      seen.push(`${method} ${url} ${headers['content-type']} ${headers.authorization}`);
      incoming.pipe(response);
    });
    const object = { apiVersion: 'pillion.dev/v1alpha1', kind: 'WasmStore', metadata: { name: 'node-1' } };
    assert.deepEqual(await kube.apply(object, { fieldManager: 'me' }), object);
    const path = '/apis/pillion.dev/v1alpha1/wasmstores/node-1?fieldManager=me&force=true';
    assert.deepEqual(seen, [`PATCH ${path} application/apply-patch+yaml Bearer secret`]);
  });

  test('says that there is none, that it is refused, or that nobody answers', async (context) => {
    const none = await serve(context, (_, response) => response.writeHead(404).end('{"message": "not found"}'));
    assert.equal(await none.get(resources.wasmStores, 'node-1'), undefined);
    const broken = await serve(context, (_, response) => response.writeHead(503).end('upstream'));
    await assert.rejects(broken.list(resources.wasmExtensions), { code: 'failing', message: 'upstream' });
    const other = await serve(context, ({ socket }) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'),
    );
    await assert.rejects(other.list(resources.wasmExtensions), /closed without an answer/);
    const silent = await serve(context, (incoming) => incoming.socket.resetAndDestroy());
    await assert.rejects(
      silent.list(resources.wasmExtensions),
      (error) => error instanceof KubeError && error.code === 'unreachable' && !error.message.includes('secret'),
    );
  });
});

suite('a list', () => {
  test('of what anybody may fill comes in pages that fit into the memory of an agent', async (context) => {
    const filling = 'x'.repeat(1_500_000);
    let longestPageBytes = 0;
    const kube = await serve(context, (incoming, response) => {
      const query = new URL(incoming.url ?? '', 'http://localhost').searchParams;
      const [limit, from] = [Number(query.get('limit')), Number(query.get('continue') ?? 0)];
      const until = Math.min(20, from + limit);
      const items = Array.from({ length: until - from }, (_, index) => ({
        metadata: { name: `one-${from + index}`, namespace: 'shop' },
        spec: { pluginConfig: { filling } },
      }));
      const text = JSON.stringify({
        metadata: { resourceVersion: '7', ...(until < 20 && { continue: `${until}` }) },
        items,
      });
      longestPageBytes = Math.max(longestPageBytes, text.length);
      response.end(text);
    });
    const { items } = await kube.list(resources.wasmExtensions);
    assert.equal(items.length, 20);
    assert.ok(longestPageBytes < 16 * 1024 * 1024, `a page of ${longestPageBytes} bytes`);
  });
});
