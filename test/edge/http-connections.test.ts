// Answers: does the admission port stand clients that are slow, go away, come in crowds, or speak something else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { agentFor, type Loopback, openSocket, readToEnd, reviewBody, send, startListener, until } from './loopback.ts';

const mebibyte = 1024 * 1024;

function head(length: number): string {
  return `POST /inject HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

async function assertAnswers(context: Parameters<typeof agentFor>[0], { address, ca }: Loopback): Promise<void> {
  const { status, text } = await send(agentFor(context, ca), address, { body: reviewBody() });
  assert.equal(status, 200, text);
}

test('the API server is the one that closes an idle connection: keep-alive outlasts its 90 s', async (context) => {
  const { listener, address, ca } = await startListener(context);
  assert.ok(listener.server.keepAliveTimeout >= 95_000);
  const { headers } = await send(agentFor(context, ca), address, { body: reviewBody() });
  assert.equal(headers['keep-alive'], 'timeout=120');
});

test('a slow sender is answered, and holds nobody up', async (context) => {
  const loopback = await startListener(context);
  const socket = await openSocket(context, loopback);
  const body = reviewBody();
  socket.write(head(Buffer.byteLength(body)));
  for (const byte of body.slice(0, 20)) {
    socket.write(byte);
    await assertAnswers(context, loopback);
  }
  assert.equal(loopback.recorded.decided.length, 20);
  socket.write(body.slice(20));
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1.1 200 OK\r\n/);
});

test('a sender that is too slow gets 408 and is counted', async (context) => {
  const limits = { requestTimeout: 100, headersTimeout: 100, connectionsCheckingInterval: 20 };
  const loopback = await startListener(context, {}, limits);
  for (const part of [head(10), 'POST /inject HT']) {
    const socket = await openSocket(context, loopback);
    socket.write(part);
    assert.match(await readToEnd(socket), /^HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n/);
  }
  assert.deepEqual(loopback.recorded.refused, [408, 408]);
});

test('a connection that was opened in advance is idle, not slow: its first request may come late', async (context) => {
  const limits = { requestTimeout: 100, headersTimeout: 100, connectionsCheckingInterval: 20, keepAliveTimeout: 5_000 };
  const loopback = await startListener(context, {}, limits);
  const early = await openSocket(context, loopback);
  const never = await openSocket(context, loopback);
  const slow = await openSocket(context, loopback);
  slow.write('POST /inject HT');
  assert.match(await readToEnd(slow), /^HTTP\/1.1 408 /, 'time enough for all three');
  await new Promise((resolve) => setTimeout(resolve, 200));
  early.write(head(Buffer.byteLength(reviewBody())) + reviewBody());
  const [answer] = await once(early, 'data');
  assert.match(String(answer), /^HTTP\/1.1 200 OK\r\n/);
  assert.equal(await readToEnd(never), '', 'closed without a word, as an idle one');
  assert.deepEqual(loopback.recorded.refused, [408]);
});

test('a client that goes away in the middle of a body is forgotten', async (context) => {
  const loopback = await startListener(context);
  for (const end of ['destroy', 'end'] as const) {
    const socket = await openSocket(context, loopback);
    socket.on('error', () => {});
    socket.write(head(1000) + reviewBody().slice(0, 100));
    await assertAnswers(context, loopback);
    socket[end]();
  }
  await until('only the connections of the good reviews are left', async () => (await connectionsOf(loopback)) === 2);
  await assertAnswers(context, loopback);
  assert.deepEqual(loopback.recorded.failed, []);
});

test('a client that goes away before the answer is forgotten', async (context) => {
  const loopback = await startListener(context);
  const socket = await openSocket(context, loopback);
  socket.on('error', () => {});
  socket.write(head(reviewBody().length) + reviewBody(), () => socket.destroy());
  await until('the review is decided', () => loopback.recorded.decided.length === 1);
  await assertAnswers(context, loopback);
  assert.deepEqual(loopback.recorded.failed, []);
});

test('whoever sends a body that is too large to its end can still read why it was refused', async (context) => {
  const loopback = await startListener(context);
  const socket = await openSocket(context, loopback);
  socket.pause();
  socket.write(head(20 * mebibyte));
  await new Promise((resolve) => socket.write(Buffer.alloc(20 * mebibyte, ' '), resolve));
  const answer = await readToEnd(socket);
  assert.match(answer, /^HTTP\/1.1 413 Payload Too Large\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/);
  assert.match(answer, /Cannot read the review: the body is larger than 8 MiB/);
});

test('bodies that arrive at one time may hold so much memory; above it clients are asked to come again', async (context) => {
  const loopback = await startListener(context);
  const almost = 8 * mebibyte - 1;
  const sockets = await Promise.all(Array.from({ length: 9 }, () => openSocket(context, loopback)));
  const answers = sockets.map((socket) => once(socket, 'data').then(([data]) => String(data)));
  for (const socket of sockets)
    socket.write(Buffer.concat([Buffer.from(head(8 * mebibyte)), Buffer.alloc(almost, ' ')]));
  const answer = await Promise.race(answers);
  assert.match(answer, /^HTTP\/1.1 503 Service Unavailable\r\n/);
  assert.match(answer, /\r\nRetry-After: 1\r\n/);
  for (const socket of sockets) socket.destroy();
  await until('the memory is given back', async () => (await connectionsOf(loopback)) === 0);
  await assertAnswers(context, loopback);
});

test('300 connections at one time are all answered', async (context) => {
  const { address, ca, recorded } = await startListener(context);
  const agent = agentFor(context, ca, 300);
  const answers = await Promise.all(
    Array.from({ length: 600 }, (_, index) => send(agent, address, { body: reviewBody(undefined, `uid-${index}`) })),
  );
  answers.forEach(({ status, text }, index) => {
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).response.uid, `uid-${index}`, 'everybody gets the answer to their own review');
  });
  assert.equal(recorded.decided.length, 600);
});

test('what is not HTTP gets 400, what is not TLS is closed, and reviews are answered as before', async (context) => {
  const loopback = await startListener(context);
  const garbage = await openSocket(context, loopback);
  garbage.write('EHLO example.com\r\n\r\n');
  assert.match(await readToEnd(garbage), /^HTTP\/1.1 400 Bad Request\r\n/);
  const large = await openSocket(context, loopback);
  large.write(`POST /inject HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(await readToEnd(large), /^HTTP\/1.1 431 Request Header Fields Too Large\r\n/);
  assert.deepEqual(loopback.recorded.refused, [400, 431]);
  const plain = connectPlain(Number(loopback.address.split(':')[1]), '127.0.0.1');
  plain.on('error', () => {});
  plain.write(`${head(2)}{}`);
  plain.resume();
  await once(plain, 'close');
  await assertAnswers(context, loopback);
});

test('TLS 1.1 is refused, TLS 1.2 is spoken, and HTTP/1.1 is what is offered', async (context) => {
  const { address, ca } = await startListener(context);
  const port = Number(address.split(':')[1]);
  const options = { host: '127.0.0.1', port, ca, servername: 'localhost', ALPNProtocols: ['h2', 'http/1.1'] };
  const old = connect({ ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  const [error] = await once(old, 'error');
  assert.match(String(error), /version|protocol/i);
  const current = connect({ ...options, maxVersion: 'TLSv1.2' });
  context.after(() => current.destroy());
  await once(current, 'secureConnect');
  assert.equal(current.getProtocol(), 'TLSv1.2');
  assert.equal(current.alpnProtocol, 'http/1.1');
});

function connectionsOf({ listener }: Loopback): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  listener.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  return promise;
}
