// Answers: does a module come though the registry is difficult: wants to know who asks, sends elsewhere, is busy, or
// breaks off in the middle. Each ends with the module, byte by byte.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Credentials, readDockerConfig } from '../../../src/core/wasm/image/docker-config.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { fetchModule } from '../../../src/edge/registry/fetch-module.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { type FaultServer, type Misbehaviour, respond, startFaultServer } from '../../wasm/fault-server.ts';
import { moduleOf } from '../../wasm/module-builder.ts';

/** Random at its end, so that the layer is large and breaks off in the middle. */
const moduleBytes = moduleOf({ memory: [1, 2], custom: { pad: randomBytes(600_000) } });
const packed = packModule(moduleBytes, { rootIds: ['root'] });
const layerPath = `/v2/team/filter/blobs/${packed.layer.digest}`;
const manifestPath = '/v2/team/filter/manifests/1.2';

function client(context: TestContext, servers: readonly FaultServer[], credentials?: Credentials): Registry {
  const plainHttp = servers.map(({ host }) => host);
  const registry = createRegistry({
    plainHttp,
    limits: usualLimits,
    patienceMs: 60_000,
    ...(credentials && { credentials }),
  });
  context.after(() => registry.close());
  return registry;
}

function credentialsFor(server: FaultServer, auth: Readonly<Record<string, string>>): Credentials {
  const read = readDockerConfig(JSON.stringify({ auths: { [server.host]: auth } }));
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

async function assertPulled(registry: Registry, server: FaultServer): Promise<void> {
  const sink = memorySink();
  const fetched = await fetchModule({ kind: 'image', image: server.image }, { registry, sink, limits: usualLimits });
  assert.ok(fetched.ok, fetched.ok ? '' : fetched.error.message);
  assert.equal(fetched.value.moduleDigest, packed.moduleDigest);
  assert.equal(fetched.value.manifestDigest, packed.manifest.digest);
  assert.equal(fetched.value.layerDigest, packed.layer.digest);
  assert.equal(fetched.value.pinned, `oci://${server.host}/team/filter@${packed.manifest.digest}`);
  assert.deepEqual(fetched.value.rootIds, ['root']);
  assert.ok(Buffer.from(moduleBytes).equals(sink.bytes()), 'the very bytes');
}

const secret = { username: 'reader', password: 'a:b' };
const basic = `Basic ${Buffer.from('reader:a:b').toString('base64')}`;

/** Lets in whoever shows one of the headers. */
function letIn(accepted: () => string, challenge: () => string): Misbehaviour {
  return (_request, response, { authorization, path }) =>
    path.startsWith('/v2/') && authorization !== accepted()
      ? respond(response, 401, '', { 'WWW-Authenticate': challenge() })
      : undefined;
}

test('a registry that wants user name and password gets them, and only after it asked', async (context) => {
  const fault = letIn(
    () => basic,
    () => 'Basic realm="the registry"',
  );
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server], credentialsFor(server, secret)), server);
  assert.equal(server.asked[0]?.authorization, undefined);
  assert.equal(server.asked.filter(({ authorization }) => authorization === undefined).length, 1, 'once is enough');
});

test('a registry with a token service gets a token of the service, which gets the credentials', async (context) => {
  const tokens = await startFaultServer(context, {
    fault: (_request, response) => respond(response, 200, JSON.stringify({ token: 'abc', expires_in: 300 })),
  });
  const challenge = `Bearer realm="${tokens.url}/token",service="registry, or so",scope="repository:other:pull"`;
  const fault = letIn(
    () => 'Bearer abc',
    () => challenge,
  );
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server], credentialsFor(server, secret)), server);
  assert.equal(tokens.asked.length, 1, 'the token is kept');
  const asked = new URL(tokens.asked[0]?.path ?? '', tokens.url);
  assert.equal(asked.searchParams.get('scope'), 'repository:team/filter:pull');
  assert.equal(asked.searchParams.get('service'), 'registry, or so');
  assert.equal(tokens.asked[0]?.authorization, basic);
  assert.ok(
    server.asked.every(({ authorization }) => authorization !== basic),
    'the password goes to the service alone',
  );
});

test('a token that is not valid any more in the middle is replaced by a new one', async (context) => {
  let issued = 0;
  const tokens = await startFaultServer(context, {
    fault: (_request, response) => {
      issued += 1;
      return respond(response, 200, JSON.stringify({ access_token: `token-${issued}`, expires_in: 3_600 }));
    },
  });
  let isRevoked = false;
  const fault: Misbehaviour = (request, response, asked) => {
    isRevoked ||= asked.path === layerPath;
    const valid = isRevoked ? 'Bearer token-2' : 'Bearer token-1';
    return letIn(
      () => valid,
      () => `Bearer realm="${tokens.url}/token"`,
    )(request, response, asked);
  };
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
  assert.equal(issued, 2);
  assert.equal(tokens.asked[0]?.authorization, undefined, 'without credentials it is asked anonymously');
});

test('a token that lives shorter than a request is used once, and another one is got', async (context) => {
  let issued = 0;
  const server: FaultServer = await startFaultServer(context, {
    packed,
    fault: (_request, response, { path, authorization }) => {
      if (path.startsWith('/token')) {
        issued += 1;
        return respond(response, 200, JSON.stringify({ token: `t${issued}`, expires_in: 1 }));
      }
      if (authorization === `Bearer t${issued}` && issued > 0) return undefined;
      return respond(response, 401, '', { 'WWW-Authenticate': `Bearer realm="${server.url}/token"` });
    },
  });
  await assertPulled(client(context, [server]), server);
  assert.ok(issued >= 3, 'manifest, configuration and layer');
});

test('an identity token is exchanged for a bearer token', async (context) => {
  const tokens = await startFaultServer(context, {
    fault: (_request, response) => respond(response, 200, JSON.stringify({ access_token: 'fresh' })),
  });
  const fault = letIn(
    () => 'Bearer fresh',
    () => `Bearer realm="${tokens.url}/oauth2/token",service="s"`,
  );
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server], credentialsFor(server, { identitytoken: 'long-lived' })), server);
  const [asked] = tokens.asked;
  assert.equal(asked?.method, 'POST');
  const form = new URLSearchParams(asked?.body);
  assert.equal(form.get('grant_type'), 'refresh_token');
  assert.equal(form.get('refresh_token'), 'long-lived');
  assert.equal(form.get('scope'), 'repository:team/filter:pull');
  assert.equal(form.get('service'), 's');
});

test('credentials do not follow a redirect to another host, nor to another port of it', async (context) => {
  const storage = await startFaultServer(context, {
    packed,
    fault: (_request, response, { path }) =>
      path.startsWith('/storage?') ? respond(response, 200, packed.layer.bytes) : undefined,
  });
  const fault: Misbehaviour = (request, response, asked) => {
    if (asked.path === layerPath && asked.authorization === basic) {
      return respond(response, 307, '', { Location: `${storage.url}/storage?signature=1` });
    }
    return letIn(
      () => basic,
      () => 'Basic realm="r"',
    )(request, response, asked);
  };
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server], credentialsFor(server, secret)), server);
  assert.equal(storage.asked.length, 1);
  assert.equal(storage.asked[0]?.authorization, undefined);
});

test('credentials go to no token service that the storage names to which a registry redirects', async (context) => {
  const stranger = await startFaultServer(context, {
    fault: (_request, response) => respond(response, 200, '{"token":"a"}'),
  });
  const storage = await startFaultServer(context, {
    fault: (_request, response) =>
      respond(response, 401, '', { 'WWW-Authenticate': `Bearer realm="${stranger.url}/token"` }),
  });
  const fault: Misbehaviour = (request, response, asked) =>
    asked.path === layerPath && asked.count < 3
      ? respond(response, 307, '', { Location: `${storage.url}/storage` })
      : letIn(
          () => basic,
          () => 'Basic realm="r"',
        )(request, response, asked);
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server], credentialsFor(server, secret)), server);
  assert.deepEqual([storage.asked.length, stranger.asked.length], [2, 0]);
});

test('credentials are shown to no registry that they are not for', async (context) => {
  const other = await startFaultServer(context, {});
  const fault = letIn(
    () => basic,
    () => 'Basic realm="r"',
  );
  const server = await startFaultServer(context, { packed, fault });
  const registry = client(context, [server], credentialsFor(other, secret));
  const refused = await registry.manifest(server.image);
  assert.ok(!refused.ok);
  assert.equal(refused.error.reason, 'Unauthorized');
  assert.match(refused.error.message, /no credentials are given for it/);
  assert.ok(server.asked.every(({ authorization }) => authorization === undefined));
});

test('a redirect on the same host keeps the credentials', async (context) => {
  const server = await startFaultServer(context, {
    packed,
    fault: (request, response, asked) => {
      if (asked.path === layerPath) return respond(response, 302, '', { Location: '/elsewhere' });
      if (asked.path === '/elsewhere' && asked.authorization === basic) {
        return respond(response, 200, packed.layer.bytes);
      }
      return letIn(
        () => basic,
        () => 'Basic realm="r"',
      )(request, response, asked);
    },
  });
  await assertPulled(client(context, [server], credentialsFor(server, secret)), server);
});

test('a registry that asks to wait is asked again then, and not before', async (context) => {
  const times: number[] = [];
  const fault: Misbehaviour = (_request, response, { path, count }) => {
    if (path !== manifestPath) return undefined;
    times.push(performance.now());
    return count === 1 ? respond(response, 429, '', { 'Retry-After': '1' }) : undefined;
  };
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
  assert.equal(times.length, 2);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 1_000, `${times}`);
});

test('a registry that is out of order twice is asked a third time', async (context) => {
  const fault: Misbehaviour = (_request, response, { path, count }) =>
    path === manifestPath && count < 3 ? respond(response, 503, 'not now') : undefined;
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
});

test('a storage that refuses an old link is asked with a new one', async (context) => {
  const storage = await startFaultServer(context, {
    fault: (_request, response, { path }) =>
      path === '/new' ? respond(response, 200, packed.layer.bytes) : respond(response, 403, 'expired'),
  });
  const fault: Misbehaviour = (_request, response, { path, count }) =>
    path === layerPath
      ? respond(response, 307, '', { Location: `${storage.url}/${count === 1 ? 'old' : 'new'}` })
      : undefined;
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
});

/** Sends so many bytes of the layer, and breaks off. */
function breakOff(response: Parameters<Misbehaviour>[1], bytes: Uint8Array, first: number): true {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length });
  response.write(bytes.subarray(0, first), () => response.destroy());
  return true;
}

test('a blob that breaks off in the middle goes on from there', async (context) => {
  const fault: Misbehaviour = (_request, response, { path, range }) =>
    path === layerPath && range === undefined ? breakOff(response, packed.layer.bytes, 200_000) : undefined;
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
  const ranges = server.asked.filter(({ path }) => path === layerPath).map(({ range }) => range);
  assert.equal(ranges.length, 2);
  assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
});

test('a blob that breaks off in the middle starts anew where the registry knows no ranges', async (context) => {
  const fault: Misbehaviour = (_request, response, { path, count }) => {
    if (path !== layerPath) return undefined;
    return count < 3
      ? breakOff(response, packed.layer.bytes, 200_000 * count)
      : respond(response, 200, packed.layer.bytes);
  };
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
  assert.equal(server.asked.filter(({ path }) => path === layerPath).length, 3);
});

test('a manifest that breaks off is asked for again', async (context) => {
  const fault: Misbehaviour = (_request, response, { path, count }) =>
    path === manifestPath && count === 1 ? breakOff(response, packed.manifest.bytes, 100) : undefined;
  const server = await startFaultServer(context, { packed, fault });
  await assertPulled(client(context, [server]), server);
});

test('nobody waits for a registry after the signal', async (context) => {
  const server = await startFaultServer(context, { packed, fault: () => true });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  const began = performance.now();
  const refused = await client(context, [server]).manifest(server.image, stop.signal);
  assert.ok(!refused.ok);
  assert.match(refused.error.message, /it was stopped/);
  assert.ok(performance.now() - began < 40_000, 'it does not wait for its patience to end');
});
