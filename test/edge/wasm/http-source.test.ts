// Answers: does a module come from a plain web server, and only the one that its sha256 names.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/core/wasm/digests.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { fetchModule, resolveModule } from '../../../src/edge/registry/fetch-module.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { type Misbehaviour, respond, startFaultServer } from '../../wasm/fault-server.ts';
import { moduleOf } from '../../wasm/module-builder.ts';

const module1 = moduleOf({ memory: [1, 2], custom: { pad: randomBytes(300_000) } });
const moduleDigest = digestOf(module1);

function client(context: TestContext): Registry {
  const registry = createRegistry({ plainHttp: [], limits: usualLimits, patienceMs: 60_000 });
  context.after(() => registry.close());
  return registry;
}

async function fetchFrom(context: TestContext, fault: Misbehaviour, path = '/filter.wasm?key=secret') {
  const server = await startFaultServer(context, { fault });
  const sink = memorySink();
  const source = { kind: 'http', url: `${server.url}${path}`, moduleDigest } as const;
  const fetched = await fetchModule(source, { registry: client(context), sink, limits: usualLimits });
  return { fetched, bytes: sink.bytes(), server };
}

for (const [what, sent] of [
  ['as it is', module1],
  ['compressed', gzipSync(module1)],
] as const) {
  test(`a module that a web server has ${what} is taken by its sha256`, async (context) => {
    const { fetched, bytes, server } = await fetchFrom(context, (_request, response) => respond(response, 200, sent));
    assert.ok(fetched.ok, fetched.ok ? '' : fetched.error.message);
    assert.equal(fetched.value.variant, 'http');
    assert.equal(fetched.value.moduleDigest, moduleDigest);
    assert.equal(fetched.value.manifestDigest, undefined);
    assert.ok(Buffer.from(module1).equals(bytes));
    assert.equal(server.asked[0]?.authorization, undefined);
  });
}

test('a module that breaks off in the middle goes on from there, also behind a redirect', async (context) => {
  const { fetched, server } = await fetchFrom(context, (_request, response, { path, range }) => {
    if (path.startsWith('/filter')) return respond(response, 302, '', { Location: '/there' });
    const from = Number(range?.match(/\d+/)?.[0] ?? 0);
    response.writeHead(from === 0 ? 200 : 206, {
      'Content-Range': `bytes ${from}-${module1.length - 1}/${module1.length}`,
    });
    if (from > 0) return response.end(module1.subarray(from)) && true;
    response.write(module1.subarray(0, 100_000), () => response.destroy());
    return true;
  });
  assert.ok(fetched.ok, fetched.ok ? '' : fetched.error.message);
  assert.equal(server.asked.filter(({ range }) => range !== undefined).length, 2, 'asked for and redirected');
});

test('another module than the one of the sha256 is refused', async (context) => {
  const other = moduleOf({ custom: { label: 'other' } });
  const { fetched } = await fetchFrom(context, (_request, response) => respond(response, 200, other));
  assert.ok(!fetched.ok);
  assert.equal(fetched.error.reason, 'DigestMismatch');
  assert.match(fetched.error.message, new RegExp(`it is ${digestOf(other)}, sha256 says ${moduleDigest}`));
  assert.doesNotMatch(fetched.error.message, /secret/);
});

test('a file without end is refused at the limit', async (context) => {
  const chunk = gzipSync(randomBytes(512 * 1024));
  const { fetched } = await fetchFrom(context, (_request, response) => {
    const more = (): void => {
      if (response.writable) response.write(chunk, (error) => error ?? setImmediate(more));
    };
    response.write(module1.subarray(0, 1_000));
    more();
    return true;
  });
  assert.ok(!fetched.ok);
  assert.equal(fetched.error.reason, 'TooLarge');
});

test('a file that is not there is refused, and the query is not told', async (context) => {
  const { fetched } = await fetchFrom(context, () => undefined);
  assert.ok(!fetched.ok);
  assert.equal(fetched.error.reason, 'NotFound');
  assert.match(fetched.error.message, /^Cannot read http:\/\/127\.0\.0\.1:\d+\/filter\.wasm: the answer is 404/);
});

test('what is no image is resolved without being asked for, and a file is not fetched', async (context) => {
  const registry = client(context);
  const url = 'https://127.0.0.1:1/filter.wasm';
  const source = { kind: 'http', url, moduleDigest } as const;
  const resolved = await resolveModule(source, { registry, limits: usualLimits });
  assert.deepEqual(resolved, { ok: true, value: { source, reference: url, pinned: url, warnings: [] } });
  const file = { kind: 'file', path: '/etc/passwd' } as const;
  const refused = await fetchModule(file, { registry, limits: usualLimits, sink: memorySink() });
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'SourceNotAllowed');
});
