// Is only what is kept of a long list in memory. How a reflector heals, test/cluster/reflector.test.ts shows.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { resources } from '../../src/core/cluster/resources.ts';
import { kubeOf } from '../../src/edge/kube/client.ts';
import { reflect } from '../../src/edge/kube/reflector.ts';
import { until } from '../cluster/control-plane.ts';
import { configOf } from './api-server.ts';

test('what is kept is taken from each page before the next is asked for, and all pages count', async (context) => {
  const order: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://test');
    response.setHeader('content-type', 'application/json');
    if (searchParams.get('watch') === 'true') {
      order.push(`watch from ${searchParams.get('resourceVersion')}`);
      response.flushHeaders();
      return;
    }
    const page = Number(searchParams.get('continue') ?? '1');
    order.push(`page ${page}`);
    const next = page === 3 ? {} : { continue: String(page + 1) };
    const items = [{ metadata: { name: `of-page-${page}` } }];
    response.end(JSON.stringify({ metadata: { resourceVersion: '7', ...next }, items }));
  });
  context.after(() => server.closeAllConnections());
  const reflection = reflect(kubeOf(await configOf(context, server)), resources.namespaces, {
    project: ({ metadata }) => {
      order.push(`kept ${metadata.name}`);
      return metadata.name;
    },
    changed: () => {},
  });
  context.after(reflection.close);
  await until('the watch is open', async () => order.includes('watch from 7'));
  const pages = [1, 2, 3].flatMap((page) => [`page ${page}`, `kept of-page-${page}`]);
  assert.deepEqual(order, [...pages, 'watch from 7']);
  assert.deepEqual([...reflection.items().keys()], ['of-page-1', 'of-page-2', 'of-page-3']);
});
