// Answers: is nothing told any more of a watch that is over.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { watchOnce } from '../../src/edge/kube/watch.ts';
import { configOf } from './api-server.ts';

test('what comes after the event that ends a watch is not told', async (context) => {
  const namespace = (name: string): object => ({ metadata: { name, resourceVersion: '7' } });
  const events = [
    { type: 'ADDED', object: namespace('before') },
    { type: 'ERROR', object: { code: 410, message: 'too old' } },
    { type: 'DELETED', object: namespace('after') },
  ];
  const server = createServer((_, response) => {
    response.end(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  });
  const config = await configOf(context, server);
  const told: string[] = [];
  const end = await watchOnce(
    config,
    { path: '/api/v1/namespaces', query: {}, stallMs: 60_000, signal: new AbortController().signal },
    { opened: () => {}, changed: (type, { metadata }) => told.push(`${type} ${metadata.name}`) },
  );
  assert.equal(end.kind === 'lost' && end.error.code, 'gone');
  await new Promise((later) => setImmediate(later));
  assert.deepEqual(told, ['ADDED before']);
});
