// Answers: what can the kubelet and Prometheus ask a process that must stay small: the pages of management.ts but for
// the settings, without express.
import { createServer, type Server } from 'node:http';
import { quoted } from '../core/model/problem.ts';
import type { Condition } from './management.ts';

const limits = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 5_000 };
const mostConnections = 20;

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Makes the server; it listens once `server.listen` is called. */
export function createPlainManagement(parts: {
  readonly conditions: () => readonly Condition[];
  readonly printMetrics: () => string;
}): Server {
  const pages: Readonly<Record<string, () => Page>> = {
    '/healthz': () => plain(200, 'ok\n'),
    '/readyz': () => readiness(parts.conditions()),
    '/metrics': () => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: parts.printMetrics() }),
  };
  const server = createServer(limits, ({ method = '', url = '' }, response) => {
    const [path = ''] = url.split('?');
    const page = method === 'GET' && Object.hasOwn(pages, path) ? pages[path]?.() : undefined;
    const nothing = `Cannot ${method} ${quoted(path)}: there is no such page; get /healthz, /readyz or /metrics\n`;
    const { status, type, text } = page ?? plain(404, nothing);
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text);
  });
  server.maxConnections = mostConnections;
  return server;
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', text };
}

function readiness(conditions: readonly Condition[]): Page {
  const ready = conditions.every(({ isMet }) => isMet);
  const shown = conditions.map(({ name, isMet, reason }) => ({ condition: name, met: isMet, reason }));
  const text = `${JSON.stringify({ ready, conditions: shown }, undefined, 2)}\n`;
  return { status: ready ? 200 : 503, type: 'application/json; charset=utf-8', text };
}
