// Answers: what does a Service do with connections: new ones go to replicas that are ready, those that are open stay
// where they are.
// Does not belong here: the replicas (replicas.ts).
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

export interface Backend {
  /** `host:port` for admissions. */
  readonly address: string;
  /** Where its /readyz is. */
  readonly managementUrl: string;
}

export interface Balancer {
  /** `host:port` */
  readonly address: string;
  add(backend: Backend): void;
  remove(backend: Backend): void;
  /** Backends that new connections go to. */
  readonly ready: readonly Backend[];
}

const lookEveryMs = 100;

/** Listens at a free port of the host; ended after the test. */
export async function startBalancer(context: Pick<TestContext, 'after'>, host: string): Promise<Balancer> {
  const backends = new Map<Backend, boolean>();
  const sockets = new Set<Socket>();
  const ready = (): readonly Backend[] => [...backends].flatMap(([backend, isReady]) => (isReady ? [backend] : []));
  let turn = 0;
  const server = createServer((client) => {
    const all = ready();
    const backend = all[turn++ % Math.max(1, all.length)];
    if (backend === undefined) {
      client.resetAndDestroy(); // as a Service without endpoints
      return;
    }
    const [name, port] = backend.address.split(':');
    const upstream = connect(Number(port), name);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const closing = new AbortController();
  const looking = look(backends, closing.signal);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  context.after(async () => {
    closing.abort();
    server.close();
    for (const socket of sockets) socket.destroy();
    await looking;
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `${host}:${port}`,
    add: (backend) => void backends.set(backend, false),
    remove: (backend) => void backends.delete(backend),
    get ready() {
      return ready();
    },
  };
}

async function look(backends: Map<Backend, boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await Promise.all(
      [...backends.keys()].map(async (backend) => {
        const isReady = await isReadyNow(backend);
        if (backends.has(backend)) backends.set(backend, isReady);
      }),
    );
    await wait(lookEveryMs);
  }
}

async function isReadyNow({ managementUrl }: Backend): Promise<boolean> {
  try {
    const response = await fetch(`${managementUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
