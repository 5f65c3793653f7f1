// Answers: what can operators and the kubelet ask the process: is it alive, is it ready and why not, its metrics, its
// settings without secrets.
// Does not belong here: admission (http.ts). What comes in here is never heavy, so that express may carry it.
import { createServer, type Server } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { quoted } from '../core/model/problem.ts';
import { withoutSecrets } from './redaction.ts';

/** One thing that has to hold for the process to get admissions. */
export interface Condition {
  readonly name: string;
  readonly isMet: boolean;
  /** What is the case, in words, whether it is met or not. */
  readonly reason: string;
}

export interface ManagementParts {
  readonly conditions: () => readonly Condition[];
  readonly printMetrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Anything that can be shown as JSON; secrets are taken out here. */
  readonly settings: () => unknown;
  readonly failed: (error: unknown) => void;
}

const limits = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 5_000 };
const mostConnections = 100;

/** Makes the server; it listens once `server.listen` is called. */
export function createManagement(parts: ManagementParts): Server {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('json spaces', 2);
  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const conditions = parts.conditions();
    const ready = conditions.every(({ isMet }) => isMet);
    const shown = conditions.map(({ name, isMet, reason }) => ({ condition: name, met: isMet, reason }));
    response.status(ready ? 200 : 503).json({ ready, conditions: shown });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await parts.printMetrics();
    response.set('Content-Type', contentType).send(text);
  });
  app.get('/settings', (_request, response) => {
    response.json(withoutSecrets(parts.settings()));
  });
  app.use(notFound, failure(parts.failed));
  const server = createServer(limits, app);
  server.maxConnections = mostConnections;
  return server;
}

const notFound: RequestHandler = ({ method, path }, response) => {
  const pages = '/healthz, /readyz, /metrics or /settings';
  response
    .status(404)
    .type('text')
    .send(`Cannot ${method} ${quoted(path)}: there is no such page; get ${pages}\n`);
};

/** Express would show the stack. Four arguments are how it knows a handler of errors. */
function failure(failed: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const status = error instanceof URIError ? 400 : 500;
    if (status === 500) failed(error);
    const state = status === 400 ? 'its path is not percent-encoded UTF-8' : 'internal error; see the log of pillion';
    response.status(status).type('text').send(`Cannot answer the request: ${state}\n`);
  };
}
