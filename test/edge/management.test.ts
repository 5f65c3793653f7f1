// Answers: does the management port tell operators what they need, and nobody what is secret.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { listen } from '../../src/edge/listen-address.ts';
import { createManagement, type ManagementParts } from '../../src/edge/management.ts';
import { removed } from '../../src/edge/redaction.ts';
import { facts } from '../builders.ts';

interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

type Get = (path: string, method?: string) => Promise<Page>;

async function start(context: TestContext, changes: Partial<ManagementParts> = {}): Promise<Get> {
  const parts: ManagementParts = {
    conditions: () => [],
    printMetrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' }),
    settings: () => ({}),
    failed: (error) => assert.fail(error as Error),
    ...changes,
  };
  const server = createManagement(parts);
  const address = await listen(server, { host: '127.0.0.1', port: 0 }, '--management-listen');
  assert.ok(address.ok);
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return async (path, method = 'GET') => {
    const response = await fetch(`http://${address.value}${path}`, { method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

test('/healthz says that the process is alive, and nothing says what it is built with', async (context) => {
  const get = await start(context);
  const { status, text, headers } = await get('/healthz');
  assert.deepEqual([status, text], [200, 'ok\n']);
  assert.equal(headers.get('x-powered-by'), null);
});

test('/readyz is 503 until every condition is met, and names each with its reason', async (context) => {
  let isMet = false;
  const get = await start(context, {
    conditions: () => [
      { name: 'settings', isMet: true, reason: 'in use' },
      { name: 'warm-up', isMet, reason: isMet ? 'done' : 'not yet' },
    ],
  });
  const before = await get('/readyz');
  assert.equal(before.status, 503);
  assert.deepEqual(JSON.parse(before.text), {
    ready: false,
    conditions: [
      { condition: 'settings', met: true, reason: 'in use' },
      { condition: 'warm-up', met: false, reason: 'not yet' },
    ],
  });
  isMet = true;
  const after = await get('/readyz');
  assert.equal(after.status, 200);
  assert.equal(JSON.parse(after.text).ready, true);
});

test('/metrics is what Prometheus reads, with its content type', async (context) => {
  const { text, headers } = await (await start(context))('/metrics');
  assert.equal(text, 'a 1\n');
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0.0.4/);
});

test('/settings shows the facts, Maps and all', async (context) => {
  const all = facts({ kubeletVersions: ['v1.34.0'], namespace: { name: 'shop', labels: { a: 'b' } } });
  const get = await start(context, { settings: () => all });
  const shown = JSON.parse((await get('/settings')).text);
  assert.equal(shown.values.global.tokenAudience, all.values.global.tokenAudience);
  assert.deepEqual(shown.native.nodes.nodes, [{ name: '', labels: {}, kubeletVersion: 'v1.34.0' }]);
  assert.deepEqual(shown.namespaces.shop.labels, { a: 'b' });
  assert.ok(!JSON.stringify(shown).includes(removed), 'the defaults hold no secret');
});

test('/settings shows no secret: by its name, by its look, and in variables', async (context) => {
  const pem = '-----BEGIN PRIVATE KEY-----\nhidden-1\n-----END PRIVATE KEY-----';
  const token = 'eyJhbGciOiJSUzI1NiJ9.hidden-2.x';
  const guarded = {
    password: 'hidden-3',
    proxyMetadata: { API_KEY: 'hidden-4', SECRET_NAME: 'hidden-5', accessToken: 'hidden-6', privateKey: ['hidden-7'] },
    text: pem,
    nested: new Map([['list', [token, 'https://user:hidden-8@example.com/']]]),
    header: 'Bearer hidden-9',
    env: [{ name: 'DB_PASSWORD', value: 'hidden-10' }],
  };
  const harmless = {
    matchExpressions: [{ key: 'app', operator: 'Exists' }],
    imagePullSecrets: ['registry'],
    env: [{ name: 'MODE', value: 'production' }],
    url: 'https://example.com/a@b',
    apiKey: '',
  };
  const get = await start(context, { settings: () => ({ guarded, harmless }) });
  const { text } = await get('/settings');
  assert.doesNotMatch(text, /hidden/);
  assert.deepEqual(JSON.parse(text).harmless, harmless);
  assert.equal(JSON.parse(text).guarded.env[0].name, 'DB_PASSWORD');
});

test('other pages, methods and paths that are badly encoded get one line', async (context) => {
  const get = await start(context);
  for (const [path, method] of [
    ['/nothing', 'GET'],
    ['/healthz', 'POST'],
    ['/%E0%A4', 'GET'],
  ] as const) {
    const { status, text } = await get(path, method);
    assert.ok(status === 404 || status === 400, String(status));
    assert.match(text, /^Cannot [^\n]+\n$/);
  }
});

test('a fault of ours is 500 without its stack, and recorded', async (context) => {
  const failures: unknown[] = [];
  const get = await start(context, {
    printMetrics: () => Promise.reject(new Error('secret of the house')),
    failed: (error) => failures.push(error),
  });
  const { status, text } = await get('/metrics');
  assert.equal(status, 500);
  assert.match(text, /^Cannot answer the request: internal error; [^\n]+\n$/);
  assert.doesNotMatch(text, /secret/);
  assert.equal((failures[0] as Error).message, 'secret of the house');
  assert.equal((await get('/healthz')).status, 200);
});
