// Answers: does `pillion serve` come up, follow its files, and say why where it cannot.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listen } from '../../src/edge/listen-address.ts';
import { provideSelfSigned } from '../../src/edge/self-signed.ts';
import { serve } from '../../src/roles/serve.ts';
import { agentFor, reviewBody, send, temporaryDirectory, until } from './loopback.ts';
import { logged, metric, type Options, optionsFor, ready, startServe } from './serving.ts';

test('it comes up warm and ready, answers, logs where it listens and what it decides, and ends with 0', async (context) => {
  const server = await startServe(context);
  assert.equal((await ready(server)).status, 200);
  const answered = await send(agentFor(context, server.ca), server.address, { body: reviewBody() });
  assert.equal(answered.status, 200);
  assert.equal(JSON.parse(answered.text).response.patchType, 'JSONPatch');
  const [line] = logged(server, 'ready');
  assert.equal(line?.['url'], `https://${server.address}/inject`);
  assert.equal(line?.['managementUrl'], server.managementUrl);
  assert.deepEqual(
    logged(server, 'admission').map(({ uid }) => uid),
    ['good'],
    'the warm-up is no admission',
  );
  assert.equal(await metric(server, 'pillion_admission_duration_seconds_count{decision="inject"}'), 1);
  assert.equal(await server.stop(), 0);
  assert.equal(logged(server, 'stopped').length, 1);
});

test('the warm-up is through before it is ready, and answered as every admission', async (context) => {
  const server = await startServe(context);
  const { conditions } = await ready(server);
  assert.deepEqual(
    conditions.find(({ condition }) => condition === 'warm-up'),
    { condition: 'warm-up', met: true, reason: 'done' },
  );
});

test('the key is nowhere in the log, the metrics, the settings or the readiness', async (context) => {
  const server = await startServe(context);
  const key = readFileSync(join(server.directory, 'tls.key'), 'utf8');
  const pages = await Promise.all(
    ['metrics', 'settings', 'readyz'].map(async (page) => (await fetch(`${server.managementUrl}/${page}`)).text()),
  );
  const all = [...pages, ...server.lines].join('\n');
  for (const part of key.split('\n').filter((line) => line.length > 10)) assert.ok(!all.includes(part));
});

const unusable: readonly (readonly [what: string, options: Partial<Options>, lines: readonly RegExp[]])[] = [
  [
    'neither a certificate nor a directory for one',
    { selfSigned: undefined },
    [/^Cannot serve: the API server speaks only TLS; give either --tls-cert and --tls-key, or --self-signed DIR$/],
  ],
  ['half of a pair', { selfSigned: undefined, tlsCert: 'a' }, [/--tls-cert and --tls-key/]],
  [
    'certificate files that are not there',
    { selfSigned: undefined, tlsCert: '/a', tlsKey: '/b' },
    [/^Cannot read "\/a"/],
  ],
  [
    'addresses that are none',
    { listen: 'x', managementListen: ':99999' },
    [/--listen "x": it is no address/, /--management-listen ":99999"/],
  ],
  ['a log level that is none', { logLevel: 'loud' }, [/^Cannot use --log-level "loud"/]],
  [
    'settings and a certificate that cannot be read',
    { sources: { values: '/nothing-1', mesh: '/nothing-2' }, selfSigned: '/dev/null/x' },
    [/^\/nothing-1: /, /^\/nothing-2: /, /^Cannot make a certificate in "\/dev\/null\/x"/],
  ],
];

for (const [what, changes, lines] of unusable) {
  test(`${what}: every problem in one line, and exit code 2`, async (context) => {
    const { exitCode, errors } = await refused(context, changes);
    assert.equal(exitCode, 2);
    assert.equal(errors.length, lines.length, errors.join(''));
    for (const [index, line] of lines.entries()) assert.match(errors[index]?.trimEnd() ?? '', line);
  });
}

test('an address that is taken: one line that names the option, and exit code 2', async (context) => {
  const taken = createServer();
  const address = await listen(taken, { host: '127.0.0.1', port: 0 }, '');
  assert.ok(address.ok);
  context.after(() => taken.close());
  for (const [option, changes] of [
    ['--listen', { listen: address.value }],
    ['--management-listen', { managementListen: address.value }],
  ] as const) {
    const { exitCode, errors } = await refused(context, changes);
    assert.equal(exitCode, 2);
    assert.deepEqual(errors, [
      `Cannot listen on ${address.value}: another process listens there; give another address with ${option}\n`,
    ]);
  }
});

test('settings that change on disk are used without a restart; broken ones leave the last good ones in use', async (context) => {
  const values = join(temporaryDirectory(context), 'values.yaml');
  const write = (hub: string): void =>
    writeFileSync(values, `global: {hub: ${hub}, tag: v1, proxy: {image: proxyv2}}\n`);
  write('example.com/one');
  const server = await startServe(context, { sources: { overrides: values } });
  const agent = agentFor(context, server.ca);
  const image = async (): Promise<string> => {
    const { text } = await send(agent, server.address, { body: reviewBody() });
    return Buffer.from(JSON.parse(text).response.patch, 'base64').toString();
  };
  assert.match(await image(), /example.com\/one\/proxyv2:v1/);

  write('example.com/two');
  await until('the new settings are used', async () => (await image()).includes('example.com/two'));

  writeFileSync(values, 'global: [');
  await until('the broken settings are refused', async () => logged(server, /settings rejected/).length > 0);
  assert.match(await image(), /example.com\/two/);
  const { status, conditions } = await ready(server);
  assert.equal(status, 200);
  assert.match(
    conditions.find(({ condition }) => condition === 'settings')?.reason ?? '',
    /last good ones .+values.yaml/,
  );
  await until('they count as stale', async () => (await metric(server, 'pillion_settings_stale_seconds')) > 0);

  write('example.com/three');
  await until('good settings are used again', async () => (await image()).includes('example.com/three'));
  assert.equal(await metric(server, 'pillion_settings_stale_seconds'), 0);
});

test('SIGHUP reads the settings again', async (context) => {
  const server = await startServe(context);
  const before = logged(server, 'settings in use').length;
  server.signals.emit('SIGHUP');
  await until('they are read', () => logged(server, 'settings in use').length === before + 1);
});

test('a certificate that changes on disk is shown by the running server, and a broken one is refused', async (context) => {
  const directory = temporaryDirectory(context);
  const files = await provideSelfSigned(directory, new Date());
  assert.ok(files.ok);
  const { cert: tlsCert, key: tlsKey } = files.value;
  const server = await startServe(context, { selfSigned: undefined, tlsCert, tlsKey });
  const good = readFileSync(tlsCert, 'utf8');
  writeFileSync(tlsCert, 'broken');
  await until('it is refused', async () => (await metric(server, 'pillion_certificate_rejected')) === 1);
  assert.equal((await ready(server)).status, 200);
  assert.equal((await send(agentFor(context, server.ca), server.address, { body: reviewBody() })).status, 200);
  writeFileSync(tlsCert, good);
  await until('the good one is used', async () => (await metric(server, 'pillion_certificate_rejected')) === 0);

  const next = temporaryDirectory(context);
  assert.ok((await provideSelfSigned(next, new Date())).ok);
  writeFileSync(tlsKey, readFileSync(join(next, 'tls.key')));
  writeFileSync(tlsCert, readFileSync(join(next, 'tls.crt')));
  const agent = (): Parameters<typeof send>[0] => agentFor(context, readFileSync(join(next, 'ca.crt'), 'utf8'));
  await until('new connections trust the new authority', () =>
    send(agent(), server.address, { body: reviewBody() }).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
});

async function refused(context: TestContext, changes: Partial<Options>) {
  const errors: string[] = [];
  const io = { stderr: { write: (text: string) => errors.push(text) } };
  const output = { stream: { write: () => {} }, close: async () => {} };
  const options = optionsFor(temporaryDirectory(context), changes);
  const exitCode = await serve(options, io, { signals: new EventEmitter(), output });
  return { exitCode, errors };
}
