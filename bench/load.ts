// Answers: how fast are so many connections answered. A process of its own, told by messages what to do; it speaks
// HTTP/1.1 over TLS by itself, because node:https costs the client as much as the server.
import { connect, type TLSSocket } from 'node:tls';
import { variedRequest } from './reviews.ts';

/** Load on one server: for so many seconds, or of so many requests. */
export interface LoadOrder {
  readonly address: string;
  readonly ca: string;
  readonly connections: number;
  readonly seconds?: number;
  readonly requests?: number;
  /** Number of the first request: no two of a run are equal. */
  readonly first: number;
  /** The review that is sent; the sample where absent. */
  readonly review?: string | undefined;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Run {
  readonly order: LoadOrder;
  readonly latenciesMs: number[];
  readonly endsAtMs: number;
  started: number;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order)));
  const startMs = performance.now();
  const endsAtMs = startMs + (order.seconds ?? 3600) * 1000;
  const state: Run = { order, latenciesMs: [], endsAtMs, started: 0 };
  await Promise.all(sockets.map((socket) => keepAsking(socket, state)));
  const seconds = (performance.now() - startMs) / 1000;
  for (const socket of sockets) socket.destroy();
  const sorted = Float64Array.from(state.latenciesMs).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { requests: sorted.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function open({ address, ca }: LoadOrder): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({ host: '127.0.0.1', port: Number(address.split(':').at(-1)), ca, servername: 'localhost' });
  socket.setNoDelay(true);
  socket.once('secureConnect', () => resolve(socket));
  socket.once('error', reject);
  return promise;
}

/** One request after the other on one connection, until the time or the number is reached. */
function keepAsking(socket: TLSSocket, state: Run): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = variedRequest(state.order.address, state.order.review);
  let [uid, askedMs, expectedBytes, gotBytes] = ['', 0, 0, 0];
  const ask = (): void => {
    const isOver =
      state.order.requests === undefined ? performance.now() >= state.endsAtMs : state.started >= state.order.requests;
    if (isOver) {
      resolve();
      return;
    }
    uid = request.vary(state.order.first + state.started);
    state.started += 1;
    [expectedBytes, gotBytes, askedMs] = [0, 0, performance.now()];
    socket.write(request.bytes);
  };
  socket.on('data', (chunk: Buffer) => {
    if (gotBytes === 0) expectedBytes = lengthOfAnswer(chunk, uid);
    gotBytes += chunk.length;
    if (gotBytes < expectedBytes) return;
    state.latenciesMs.push(performance.now() - askedMs);
    ask();
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed the connection')));
  ask();
  return promise;
}

/** Bytes of the whole answer, from its beginning; throws where it is not a patch for this request. */
function lengthOfAnswer(chunk: Buffer, uid: string): number {
  const start = chunk.toString('latin1', 0, 600);
  const head = start.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(start)?.[1];
  const isPatch =
    start.startsWith('HTTP/1.1 200 ') &&
    start.includes(uid) &&
    start.includes('"allowed":true') &&
    start.includes('"patch"');
  if (head < 0 || length === undefined || !isPatch) throw new Error(`the answer is not what was asked for: ${start}`);
  return head + 4 + Number(length);
}

process.on('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
