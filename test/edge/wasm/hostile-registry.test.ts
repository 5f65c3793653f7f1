// Answers: can a registry, or whoever stands before it, harm the one that asks: fill its memory, keep it waiting, send it
// where it must not go, have its credentials, or have it take other bytes than those that were asked for.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, suite, type TestContext, test } from 'node:test';
import { digestOf } from '../../../src/core/wasm/digests.ts';
import { readDockerConfig } from '../../../src/core/wasm/image/docker-config.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { type IssuedPair, issueLeaf } from '../../../src/edge/issue-certificate.ts';
import { fetchModule } from '../../../src/edge/registry/fetch-module.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { type FaultServer, respond, startFaultServer } from '../../wasm/fault-server.ts';
import {
  challenge,
  type HostileAnswer,
  hostileAnswers,
  layerPath,
  packed,
  redirect,
  shortMs,
  tooMany,
} from '../../wasm/hostile-answers.ts';

const password = 'never "to be\\ seen';
/** Nothing that is no silence keeps anybody waiting for so long, on whatever machine. */
const patienceMs = 60_000;
const mostMs = 40_000;
const mostGrowthBytes = 50 * 1024 * 1024;

function client(
  context: Pick<TestContext, 'after'>,
  server: FaultServer,
  more: { readonly caBundle?: string; readonly patienceMs?: number } = {},
): Registry {
  const auth = readDockerConfig(JSON.stringify({ auths: { [server.host]: { username: 'reader', password } } }));
  if (!auth.ok) throw new Error(auth.error.message);
  const plainHttp = server.url.startsWith('http:') ? [server.host] : [];
  const registry = createRegistry({ credentials: auth.value, plainHttp, limits: usualLimits, patienceMs, ...more });
  context.after(() => registry.close());
  return registry;
}

function pull(registry: Registry, image: FaultServer['image']) {
  return fetchModule({ kind: 'image', image }, { registry, sink: memorySink(), limits: usualLimits });
}

/** The most that the process holds from now on, beyond what it holds now: told when it is stopped. */
function sampleGrowth(): () => number {
  const atFirst = process.memoryUsage.rss();
  let most = atFirst;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 10);
  return () => {
    clearInterval(timer);
    return most - atFirst;
  };
}

async function refuses(context: TestContext, hostile: HostileAnswer): Promise<void> {
  const { reason, says, fault, mostAsked = 8, pinned = false, isSlow = false } = hostile;
  const server = await startFaultServer(context, { packed, fault });
  const registry = client(context, server, isSlow ? { patienceMs: shortMs } : {});
  const image = { ...server.image, ...(pinned && { digest: packed.manifest.digest }) };
  const began = performance.now();
  const refused = await pull(registry, image);
  assert.ok(!refused.ok, 'it is taken');
  assert.equal(refused.error.reason, reason, refused.error.message);
  assert.match(refused.error.message, says);
  assert.ok(refused.error.message.length < 1_000 && !refused.error.message.includes('never'));
  assert.ok(server.asked.length <= mostAsked, `${server.asked.length} requests`);
  assert.ok(performance.now() - began < mostMs, 'in time');
}

suite('a hostile registry', { concurrency: 4 }, () => {
  let stopSampling: () => number;

  before(async () => {
    const ends: (() => void)[] = [];
    const context = { after: (end: () => void) => void ends.push(end) };
    const server = await startFaultServer(context, { packed });
    assert.ok((await pull(client(context, server), server.image)).ok, 'an honest one is taken');
    for (const end of ends) end();
    stopSampling = sampleGrowth();
  });

  after(() => {
    const grownBytes = stopSampling();
    assert.ok(grownBytes < mostGrowthBytes, `${grownBytes} bytes more, servers and clients together`);
  });

  for (const hostile of hostileAnswers.filter(({ isSlow = false }) => !isSlow)) {
    test(`${hostile.what} is refused`, (context) => refuses(context, hostile));
  }
});

// not beside those that send as much as they can: each would take the other's time for its own
suite('a slow registry', { concurrency: true }, () => {
  for (const hostile of hostileAnswers.filter(({ isSlow = false }) => isSlow)) {
    test(`${hostile.what} is refused`, (context) => refuses(context, hostile));
  }
});

test('a registry that asked to wait for long is left alone until then', async (context) => {
  const server = await startFaultServer(context, { packed, fault: tooMany('7200') });
  const registry = client(context, server);
  for (const count of [1, 2, 3]) {
    const refused = await pull(registry, server.image);
    assert.ok(!refused.ok && refused.error.reason === 'RateLimited', `${count}`);
    const waitMs = refused.error.retryAfterMs ?? 0;
    assert.ok(waitMs > 290_000 && waitMs <= 300_000, `${waitMs}`);
  }
  assert.equal(server.asked.length, 1);
});

async function certificate(): Promise<IssuedPair> {
  const now = new Date();
  const subject = { commonName: 'registry', dnsNames: ['localhost'], addresses: ['127.0.0.1'] };
  return issueLeaf(subject, { now, notAfter: new Date(now.getTime() + 3_600_000) });
}

test('what is held in memory is held up to its limit, also where the registry says that it is larger', async (context) => {
  const server = await startFaultServer(context, { packed });
  const { mediaType, digest, bytes } = packed.layer;
  const descriptor = { mediaType, digest, sizeBytes: bytes.length };
  const held = (mostBytes: number) => client(context, server).smallBlob(server.image, descriptor, mostBytes);
  assert.ok((await held(bytes.length)).ok);
  const refused = await held(bytes.length - 1);
  assert.equal(refused.ok ? undefined : refused.error.reason, 'TooLarge');
});

test('an index of very many images is looked into only at its beginning', async (context) => {
  const { mediaType } = packed.manifest;
  const manifests = Array.from({ length: 100 }, (_, number) => ({
    mediaType,
    digest: digestOf(Buffer.from(String(number))),
    size: 100,
    platform: { os: 'linux', architecture: `a${number}` },
  }));
  const type = 'application/vnd.oci.image.index.v1+json';
  const server = await startFaultServer(context, {
    fault: (_request, response, { path }) =>
      path.endsWith('/manifests/1.2')
        ? respond(response, 200, JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }), {
            'Content-Type': type,
          })
        : undefined,
  });
  const refused = await pull(client(context, server), server.image);
  assert.equal(refused.ok ? undefined : refused.error.reason, 'UnknownVariant');
  assert.equal(server.asked.length, 1 + 8);
});

test('a registry elsewhere sends nobody to a service of this machine', async (context) => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (address === undefined) return context.skip('this machine has no address but that of itself');
  const own = await startFaultServer(context, { packed });
  const registry = createServer((_request, response) => {
    respond(response, 307, '', { Location: `${own.url}${layerPath}` });
  });
  await new Promise<void>((resolve) => registry.listen(0, address, resolve));
  context.after(() => registry.close());
  const { port } = registry.address() as AddressInfo;
  const refused = await client(context, own).download(`http://${address}:${port}/filter.wasm`);
  assert.equal(refused.ok ? undefined : refused.error.reason, 'InvalidAnswer');
  assert.match(refused.ok ? '' : refused.error.message, /an address that nothing may be fetched from/);
  assert.equal(own.asked.length, 0);
});

test('a registry with TLS sends nobody to a place without it', async (context) => {
  const tls = await certificate();
  const plain = await startFaultServer(context, { packed });
  const fault = redirect(layerPath, `${plain.url}${layerPath}`);
  const server = await startFaultServer(context, { packed, tls, fault });
  const refused = await pull(client(context, server, { caBundle: tls.cert }), server.image);
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'InvalidAnswer');
  assert.match(refused.error.message, /redirects from https to http/);
  assert.equal(plain.asked.length, 0);
});

test('a registry with TLS gets no password sent to a token service without it', async (context) => {
  const tls = await certificate();
  const plain = await startFaultServer(context, {
    fault: (_request, response) => respond(response, 200, '{"token":"a"}'),
  });
  const server = await startFaultServer(context, {
    packed,
    tls,
    fault: challenge(`Bearer realm="${plain.url}/token"`),
  });
  const refused = await pull(client(context, server, { caBundle: tls.cert }), server.image);
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'InvalidAnswer');
  assert.match(refused.error.message, /no https URL/);
  assert.equal(plain.asked.length, 0);
});

test('a certificate that nobody trusts ends it, at once and before anything is asked', async (context) => {
  const tls = await certificate();
  const server = await startFaultServer(context, { packed, tls });
  const began = performance.now();
  for (const caBundle of [undefined, (await certificate()).cert]) {
    const refused = await pull(client(context, server, caBundle === undefined ? {} : { caBundle }), server.image);
    assert.ok(!refused.ok);
    assert.equal(refused.error.reason, 'RegistryUnreachable');
    assert.match(refused.error.message, /certificate is not trusted .*caBundle/);
  }
  assert.ok(performance.now() - began < mostMs);
  assert.equal(server.asked.length, 0);
});

test('a registry without TLS is not spoken to without it unless that was said', async (context) => {
  const server = await startFaultServer(context, { packed });
  const registry = createRegistry({ plainHttp: ['elsewhere'], limits: usualLimits, patienceMs });
  context.after(() => registry.close());
  const refused = await pull(registry, server.image);
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'RegistryUnreachable');
  assert.match(refused.error.message, /plainHttpRegistries/);
  assert.equal(server.asked.length, 0);
});

test('a registry cannot have an upload sent to another host with the credentials, nor without TLS', async (context) => {
  const tls = await certificate();
  const plain = await startFaultServer(context, {});
  const other = await startFaultServer(context, { tls, fault: (_request, response) => respond(response, 201) });
  for (const target of [plain, other]) {
    const server = await startFaultServer(context, {
      tls,
      fault: (_request, response, { method, authorization }) => {
        if (authorization === undefined) return respond(response, 401, '', { 'WWW-Authenticate': 'Basic realm="r"' });
        return method === 'POST' ? respond(response, 202, '', { Location: `${target.url}/upload?a=b` }) : undefined;
      },
    });
    const pushed = await client(context, server, { caBundle: tls.cert }).uploadBlob(server.image, packed.layer.bytes);
    assert.equal(pushed.ok, target === other);
  }
  assert.equal(plain.asked.length, 0);
  assert.deepEqual(
    other.asked.map(({ method, authorization }) => [method, authorization]),
    [['PUT', undefined]],
  );
  assert.equal(other.asked[0]?.path, `/upload?a=b&digest=${encodeURIComponent(packed.layer.digest)}`);
});
