// Answers: which ports can a test give to a program that cannot take a free one by itself, and nobody takes them before.
import { createServer } from 'node:net';

/** Below those that the system gives out by itself (Linux from 32768, macOS from 49152). */
const [firstPort, lastPort] = [20_000, 29_999];

// two processes with neighbouring ids begin far from each other
let next = firstPort + ((process.pid * 37) % (lastPort - firstPort));

/** So many ports, no two alike. They stay free: whoever asks the system for any port gets none of these. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    next = next >= lastPort ? firstPort : next + 1;
    const port = next; // who asks meanwhile gets another
    if (await isFree(port)) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.on('error', () => resolve(false));
  server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  return promise;
}
