// Answers: are the parts of the registry client that no server shows right: where nobody may be sent, how long a wait
// is, and what the client brings into a process that has to be small.
import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { suite, test } from 'node:test';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { forbiddenUrl, guardedLookup, mayStayOnLoopback } from '../../../src/edge/registry/forbidden-address.ts';
import { createRegistry } from '../../../src/edge/registry/registry.ts';
import { retryAfterMs } from '../../../src/edge/registry/retry.ts';
import { runProgram } from '../../program.ts';

suite('nobody is sent', () => {
  const forbidden: readonly (readonly [url: string, mayBeLoopback: boolean])[] = [
    ['http://169.254.169.254/latest', true],
    ['http://169.254.1.1/', true],
    ['http://0xa9fea9fe/', true],
    ['https://[::ffff:169.254.169.254]/', true],
    ['https://[fe80::1]/', true],
    ['https://[fd00:ec2::254]/', true],
    ['http://100.100.100.200/', true],
    ['http://0.0.0.0/', true],
    ['https://127.0.0.1/', false],
    ['https://127.9.9.9/', false],
    ['https://[::1]/', false],
    ['https://localhost:8443/', false],
    ['https://any.localhost/', false],
  ];
  for (const [url, mayBeLoopback] of forbidden) {
    test(`to ${url}${mayBeLoopback ? '' : ' from elsewhere'}`, () => {
      assert.equal(forbiddenUrl(new URL(url), mayBeLoopback)?.reason, 'InvalidAnswer');
    });
  }

  test('but to private and public addresses, and on loopback who is there already', () => {
    for (const url of [
      'https://10.0.0.1/',
      'https://[fd00::1]/',
      'https://registry.example.com/',
      'https://8.8.8.8/',
    ]) {
      assert.equal(forbiddenUrl(new URL(url), false), undefined);
    }
    assert.equal(forbiddenUrl(new URL('http://127.0.0.1:5000/'), true), undefined);
    const [here, there] = [new URL('http://127.0.0.1:5000/'), new URL('https://registry.example.com/')];
    assert.equal(mayStayOnLoopback(here, new URL('http://localhost/')), true);
    assert.equal(mayStayOnLoopback(there, here), false);
    assert.equal(mayStayOnLoopback(there, there), true);
  });

  test('to a name that means such an address', async () => {
    const addressOf = (hostname: string, mayBeLoopback: boolean) =>
      new Promise<NodeJS.ErrnoException | string | LookupAddress[]>((resolve) => {
        guardedLookup(mayBeLoopback)(hostname, { all: true }, (error, address) => resolve(error ?? address));
      });
    assert.ok((await addressOf('localhost', false)) instanceof Error);
    assert.ok(Array.isArray(await addressOf('localhost', true)));
    assert.ok((await addressOf('169.254.169.254', true)) instanceof Error);
  });
});

const nowMs = Date.parse('Fri, 20 Nov 2026 12:00:00 GMT');

for (const [header, expected] of [
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['-5', 0], // read as a date of long ago
  ['0', 0],
  ['2', 2_000],
  ['0.0001', 0.1],
  ['300', 300_000],
  ['301', 300_000],
  ['1e99', undefined],
  ['99999999999999999999', 300_000],
  ['Fri, 20 Nov 2026 12:00:10 GMT', 10_000],
  ['Fri, 20 Nov 2026 11:59:50 GMT', 0],
  ['Fri, 20 Nov 2099 12:00:00 GMT', 300_000],
  ['9'.repeat(200), undefined],
] as const) {
  test(`Retry-After "${header?.slice(0, 40)}" means ${expected} ms`, () => {
    assert.equal(retryAfterMs(header, nowMs), expected);
  });
}

test('authorities that are none are said to be none', async () => {
  const registry = createRegistry({ plainHttp: [], limits: usualLimits, caBundle: 'no certificate' });
  const refused = await registry.manifest({ registry: '127.0.0.1:1', repository: 'team/filter', tag: '1' });
  registry.close();
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'InvalidSpec');
  assert.match(refused.error.message, /caBundle does not begin with a certificate/);
});

test('the client brings no package with it', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve: (name, context, next) => {
      const found = next(name, context);
      loaded.push(found.url);
      return found;
    } });
    await import(${JSON.stringify(new URL('../../../src/edge/registry/fetch-module.ts', import.meta.url).href)});
    await import(${JSON.stringify(new URL('../../../src/edge/registry/registry-of-options.ts', import.meta.url).href)});
    await import(${JSON.stringify(new URL('../../../src/edge/kube/pull-secret.ts', import.meta.url).href)});
    console.log(JSON.stringify(loaded));
  `;
  const { code, stdout, stderr } = await runProgram(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(code, 0, stderr);
  const loaded: readonly string[] = JSON.parse(stdout);
  assert.ok(loaded.length > 20);
  assert.deepEqual(
    loaded.filter((url) => url.includes('node_modules')),
    [],
  );
});
