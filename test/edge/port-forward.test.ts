// Does a request through a port-forward come to an end, whatever the API server and the pod do. That it reaches a pod, the
// end-to-end tests show; here are servers that fail in every way.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { KubeConfig } from '@kubernetes/client-node';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { askPod } from '../../src/edge/kube/port-forward.ts';
import { until } from '../cluster/control-plane.ts';
import { configOf } from './api-server.ts';

/** Of those that answer, on whatever machine; what runs into it would say so. */
const patientMs = 60_000;
const shortMs = 500;
const port = Buffer.from([0xac, 0x3a]); // the port, as the first frame of a channel has it

/** The bytes of a frame of a channel, as a server sends it. */
function frame(channel: number, payload: Buffer | string): Buffer {
  const body = Buffer.concat([Buffer.of(channel), Buffer.from(payload)]);
  const head = body.length < 126 ? [0x82, body.length] : [0x82, 126, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

function accepted(request: string): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...lines, `Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Protocol: v4.channel.k8s.io', '', ''].join(
    '\r\n',
  );
}

interface Server {
  readonly config: KubeConfig;
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>;
}

/** An API server that does this at the first bytes of a connection, and that at those that come through the tunnel. */
async function apiServer(
  context: TestContext,
  first: (socket: Socket, request: string) => void,
  then: (socket: Socket) => void = () => {},
): Promise<Server> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.once('data', (data) => {
      first(socket, data.toString());
      socket.once('data', () => then(socket));
    });
  });
  context.after(() => {
    for (const socket of open) socket.destroy();
  });
  const config = await configOf(context, server);
  return { config, open };
}

interface Patience {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

function ask({ config }: Server, { timeoutMs = patientMs, signal }: Patience = {}): Promise<number> {
  const asked = { namespace: 'team', pod: 'job-x', port: 15_020, method: 'POST', path: '/quitquitquit' } as const;
  return askPod(config, { ...asked, timeoutMs, ...(signal && { signal }) });
}

async function failsWith(server: Server, code: string, message: RegExp, patience?: Patience): Promise<void> {
  await assert.rejects(ask(server, patience), (error) => {
    assert.ok(error instanceof KubeError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
  await until('no connection is left', async () => server.open.size === 0);
}

const upgrade = (socket: Socket, request: string): void => void socket.write(accepted(request));
const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK';

test('the answer of the pod comes through, and nothing is left open', async (context) => {
  const server = await apiServer(context, upgrade, (socket) => {
    socket.write(Buffer.concat([frame(0, port), frame(1, port), frame(0, answer)]));
  });
  assert.equal(await ask(server), 200);
  await until('no connection is left', async () => server.open.size === 0);
});

test('an answer that comes in pieces is one', async (context) => {
  const server = await apiServer(context, upgrade, (socket) => {
    socket.write(Buffer.concat([frame(0, port), ...[...answer].map((letter) => frame(0, letter))]));
  });
  assert.equal(await ask(server), 200);
});

for (const [title, bytes] of [
  ['in one piece with the handshake', (request: string) => [accepted(request), true] as const],
  ['after the handshake', (request: string) => [accepted(request), false] as const],
] as const) {
  test(`a port on which nobody listens is told at once, ${title}`, async (context) => {
    const refused = 'failed to connect to localhost:15020: dial tcp4 127.0.0.1:15020: connect: connection refused';
    const frames = Buffer.concat([frame(0, port), frame(1, port), frame(1, refused)]);
    const server = await apiServer(context, (socket, request) => {
      const [head, isWhole] = bytes(request);
      if (isWhole) socket.write(Buffer.concat([Buffer.from(head), frames]));
      else socket.write(head, () => setImmediate(() => socket.write(frames)));
    });
    await failsWith(server, 'unreachable', /Cannot ask port 15020 of pod team\/job-x: nobody listens there/);
  });
}

test('an API server that says nothing is given up in time', async (context) => {
  const server = await apiServer(context, () => {});
  await failsWith(server, 'unreachable', /no answer within 500 ms/, { timeoutMs: shortMs });
});

test('a handshake that does not end is given up in time', async (context) => {
  const server = await apiServer(context, (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n'));
  await failsWith(server, 'unreachable', /no answer within 500 ms/, { timeoutMs: shortMs });
});

test('a pod that says nothing is given up in time', async (context) => {
  const server = await apiServer(context, upgrade);
  await failsWith(server, 'unreachable', /no answer within 500 ms/, { timeoutMs: shortMs });
});

test('a connection that is cut before the answer is told', async (context) => {
  const server = await apiServer(context, upgrade, (socket) => socket.destroy());
  await failsWith(server, 'unreachable', /Cannot ask port 15020/);
});

test('what is no HTTP is told', async (context) => {
  const server = await apiServer(context, upgrade, (socket) => {
    socket.write(Buffer.concat([frame(0, port), frame(0, 'SSH-2.0\r\n')]));
  });
  await failsWith(server, 'unreachable', /Cannot ask port 15020/);
});

for (const [status, code] of [
  [403, 'forbidden'],
  [404, 'not-found'],
  [500, 'failing'],
] as const) {
  test(`a refusal with ${status} is told as ${code}`, async (context) => {
    const server = await apiServer(context, (socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    });
    await failsWith(server, code, new RegExp(`the API server answers ${status}`));
  });
}

for (const [title, first] of [
  ['before the handshake', () => {}],
  ['after it', upgrade],
] as const) {
  test(`whoever gives up ${title} is not kept waiting, and leaves nothing open`, async (context) => {
    const server = await apiServer(context, first);
    const ending = new AbortController();
    setTimeout(() => ending.abort(), 50);
    await failsWith(server, 'unreachable', /given up/, { signal: ending.signal });
  });
}
