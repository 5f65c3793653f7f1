// Answers: does a server that is told to stop fail any request on the way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Agent } from 'node:https';
import { type TestContext, test } from 'node:test';
import { agentFor, openSocket, readToEnd, reviewBody, send, until } from './loopback.ts';
import { logged, ready, type Serving, startServe } from './serving.ts';

interface Hammering {
  readonly statuses: number[];
  /** Every failure of a request. */
  readonly failures: unknown[];
  readonly ended: Promise<unknown>;
}

/**
 * Clients that each keep one connection busy, as an API server does. Whose answer ends the connection goes to another
 * replica, that is: stops here.
 */
function hammer(context: TestContext, { address, ca }: Serving, clients: number): Hammering {
  const [statuses, failures]: [number[], unknown[]] = [[], []];
  const one = async (agent: Agent): Promise<void> => {
    for (;;) {
      const { status, headers } = await send(agent, address, { body: reviewBody() });
      statuses.push(status);
      if (headers['connection'] === 'close') return;
    }
  };
  const all = Array.from({ length: clients }, () => one(agentFor(context, ca)).catch((error) => failures.push(error)));
  return { statuses, failures, ended: Promise.all(all) };
}

test('clients that never pause are all answered until the answers send them elsewhere', async (context) => {
  const clients = 8;
  const server = await startServe(context, { drainDelayMs: 2_000 });
  const { statuses, failures, ended } = hammer(context, server, clients);
  await until('all are under way', () => statuses.length > 50);
  const stopped = server.stop();
  const before = statuses.length;
  await ended;
  assert.equal(await stopped, 0);
  // of each client, one was under way, and one ends its connection
  assert.ok(statuses.length > before + 2 * clients, `it served ${statuses.length - before} meanwhile`);
  assert.deepEqual(failures, []);
  assert.ok(statuses.every((status) => status === 200));
});

test('readiness names the end at once, while new connections are still served', async (context) => {
  const server = await startServe(context, { drainDelayMs: 60_000 });
  void server.stop();
  const { status, conditions } = await ready(server);
  assert.equal(status, 503);
  assert.deepEqual(
    conditions.filter(({ met }) => !met).map(({ condition }) => condition),
    ['not-draining'],
  );
  const answered = await send(agentFor(context, server.ca), server.address, { body: reviewBody() });
  assert.equal(answered.status, 200);
  assert.equal(answered.headers['connection'], 'keep-alive');
});

test('a request that is in flight when the listener closes is answered, and its connection ends', async (context) => {
  const server = await startServe(context);
  const socket = await openSocket(context, server);
  const body = reviewBody();
  const head = `POST /inject HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.write(`${head}\r\nExpect: 100-continue\r\n\r\n`);
  assert.match(String(await once(socket, 'data')), /100 Continue/, 'the server has the request');
  const answer = readToEnd(socket);
  const stopped = server.stop();
  await until('nobody is let in any more', () => isClosed(context, server));
  socket.write(body);
  assert.match(await answer, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(await answer, /\r\nConnection: close\r\n/);
  assert.equal(await stopped, 0);
});

test('idle and unused connections do not hold up the end', async (context) => {
  const server = await startServe(context);
  const [unused, idle] = [await openSocket(context, server), agentFor(context, server.ca)];
  await send(idle, server.address, { body: reviewBody() });
  const started = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - started < 5_000);
  await readToEnd(unused);
});

test('whoever asks a second time to stop is not kept waiting', async (context) => {
  const server = await startServe(context, { drainDelayMs: 60_000 });
  server.signals.emit('SIGINT');
  await until('it drains', () => logged(server, /serving on/).length === 1);
  server.signals.emit('SIGINT');
  assert.equal(await server.ended, 0);
});

async function isClosed(context: TestContext, server: Serving): Promise<boolean> {
  try {
    (await openSocket(context, server)).destroy();
    return false;
  } catch {
    return true;
  }
}
