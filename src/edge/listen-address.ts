// Answers: where does a server listen: from the text of an option to the address that it really got.
import type { Server } from 'node:net';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';

/** `:15017`, `127.0.0.1:0`, `[::1]:15017`. */
const shape = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/;
const highestPort = 65_535;

export interface Address {
  /** Undefined: every interface. */
  readonly host: string | undefined;
  /** 0: one that is free. */
  readonly port: number;
}

/** Reads `host:port` or `:port`; `option` is named in the error, which is one line. */
export function readAddress(text: string, option: string): Result<Address, string> {
  const [, bracketed, plain = '', digits] = shape.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > highestPort) {
    return fail(`Cannot use ${option} ${quoted(text)}: it is no address; write host:port or :port`);
  }
  const host = bracketed ?? plain;
  return ok({ host: host === '' ? undefined : host, port });
}

const states: { readonly [code: string]: string } = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'access is denied',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

/** Lets the server listen; `option` is named in the error. The value is `host:port` under which it can be called. */
export async function listen(server: Server, address: Address, option: string): Promise<Result<string, string>> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | undefined>();
  server.once('error', resolve);
  server.listen({ port: address.port, ...(address.host === undefined ? {} : { host: address.host }) }, () =>
    resolve(undefined),
  );
  const error = await promise;
  server.removeListener('error', resolve);
  if (error !== undefined) {
    const state = states[error.code ?? ''] ?? error.message;
    return fail(
      `Cannot listen on ${address.host ?? ''}:${address.port}: ${state}; give another address with ${option}`,
    );
  }
  return ok(reachable(server));
}

function reachable(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no address');
  const { address, family, port } = bound;
  if (address === '::' || address === '0.0.0.0') return `127.0.0.1:${port}`;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
