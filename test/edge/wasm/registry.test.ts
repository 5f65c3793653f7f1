// Answers: do push and pull work with a real registry, over TLS and with credentials, and with images that another tool
// pushed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/core/wasm/digests.ts';
import { readDockerConfig } from '../../../src/core/wasm/image/docker-config.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import type { ImageReference } from '../../../src/core/wasm/source.ts';
import { issueLeaf } from '../../../src/edge/issue-certificate.ts';
import { fetchModule, resolveModule } from '../../../src/edge/registry/fetch-module.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { pushImage } from '../../../src/edge/registry/push-image.ts';
import { createRegistry, type Registry, type RegistryOptions } from '../../../src/edge/registry/registry.ts';
import { runProgram } from '../../program.ts';
import { tar } from '../../wasm/archive-builder.ts';
import {
  type Distribution,
  type DistributionOptions,
  isOnPath,
  login,
  skipWithoutRegistry,
  startDistribution,
} from '../../wasm/distribution.ts';
import { moduleOf, validModule } from '../../wasm/module-builder.ts';

const module1 = moduleOf({ memory: [1, 2], custom: { pad: randomBytes(400_000) } });
const packed = packModule(module1, { rootIds: ['one'] });
const repository = 'team/filter';

/** A registry for a suite, and clients of it. */
function realRegistry(options?: () => Promise<DistributionOptions>) {
  let distribution: Distribution | undefined;
  const clients: Registry[] = [];
  before(async () => {
    distribution = await startDistribution(await options?.());
  });
  after(async () => {
    for (const client of clients) client.close();
    await distribution?.stop();
  });
  const get = (): Distribution => distribution ?? assert.fail('not started');
  return {
    get,
    image: (tag: string): ImageReference => ({ registry: get().host, repository, tag }),
    client: (changes: Partial<RegistryOptions> = {}): Registry => {
      const client = createRegistry({ plainHttp: [get().host], limits: usualLimits, ...changes });
      clients.push(client);
      return client;
    },
  };
}

async function pull(registry: Registry, image: ImageReference) {
  const sink = memorySink();
  const fetched = await fetchModule({ kind: 'image', image }, { registry, sink, limits: usualLimits });
  if (!fetched.ok) throw new Error(fetched.error.message);
  return { ...fetched.value, bytes: sink.bytes() };
}

suite('a real registry', { skip: skipWithoutRegistry }, () => {
  const real = realRegistry();

  test('gives back what was pushed, with progress, and is not sent what it has', async () => {
    const registry = real.client();
    const told: (readonly [number, number])[] = [];
    const pushed = await pushImage(registry, real.image('1'), packed, (done, total) => told.push([done, total]));
    assert.ok(pushed.ok);
    assert.equal(pushed.value.manifestDigest, packed.manifest.digest);
    const totalBytes = packed.layer.bytes.length + packed.config.bytes.length;
    assert.deepEqual(told.at(-1), [totalBytes, totalBytes]);
    assert.ok(told.length > 5, 'piece by piece');
    assert.ok(told.every(([done], at) => done >= (told[at - 1]?.[0] ?? 0)));
    const again = await pushImage(registry, real.image('2'), packed);
    assert.ok(again.ok);
    assert.equal(again.value.sentBytes, 0);
    const pulled = await pull(real.client(), real.image('2'));
    assert.ok(Buffer.from(module1).equals(pulled.bytes));
    assert.equal(pulled.moduleDigest, packed.moduleDigest);
    assert.equal(pulled.variant, 'compat-oci');
    assert.deepEqual(pulled.rootIds, ['one']);
  });

  test('is asked for the layer once', async () => {
    const gets = (): number =>
      real.get().log().split(`"GET /v2/${repository}/blobs/${packed.layer.digest} HTTP/1.1" 200`).length - 1;
    const before_ = gets();
    await pull(real.client(), real.image('1'));
    assert.equal(gets(), before_ + 1);
  });

  test('says which digest a tag names, by HEAD, and that there is no such tag', async () => {
    const registry = real.client();
    const head = await registry.head(real.image('1'));
    assert.deepEqual(head, { ok: true, value: packed.manifest.digest });
    const missing = await registry.head(real.image('none'));
    assert.ok(!missing.ok);
    assert.equal(missing.error.reason, 'NotFound');
    assert.match(
      missing.error.message,
      /^Cannot read the manifest of 127\.0\.0\.1:\d+\/team\/filter:none: the answer is 404/,
    );
  });

  test('resolves a tag to its digest, an index to its image, and warns where a tag has moved from its digest', async () => {
    const registry = real.client();
    const type = 'application/vnd.oci.image.index.v1+json';
    const { digest, mediaType, bytes } = packed.manifest;
    const child = { mediaType, digest, size: bytes.length };
    const manifests = ['arm64', 'amd64'].map((architecture) => ({ ...child, platform: { os: 'linux', architecture } }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
    const put = await registry.putManifest(real.image('index'), index, type);
    assert.deepEqual(put, { ok: true, value: digestOf(index) });
    const parts = { registry, limits: usualLimits };
    const resolved = await resolveModule({ kind: 'image', image: real.image('index') }, parts);
    assert.ok(resolved.ok);
    assert.deepEqual(resolved.value, {
      source: { kind: 'image', image: { registry: real.get().host, repository, digest } },
      reference: `oci://${real.get().host}/${repository}:index`,
      pinned: `oci://${real.get().host}/${repository}@${digest}`,
      manifestDigest: digest,
      indexDigest: digestOf(index),
      warnings: [],
    });
    const both = await resolveModule({ kind: 'image', image: { ...real.image('index'), digest } }, parts);
    assert.ok(both.ok);
    assert.equal(both.value.manifestDigest, digest);
    assert.match(both.value.warnings.join(), /^The tag index of .* names sha256:.*; the digest sha256:.* is taken$/);
    assert.equal((await pull(registry, real.image('index'))).manifestDigest, digest);
  });

  test('is the first that can hold a module where the platforms of an index do not tell', async () => {
    const registry = real.client();
    const type = 'application/vnd.oci.image.index.v1+json';
    const { digest, mediaType, bytes } = packed.manifest;
    const other = JSON.parse(Buffer.from(bytes).toString());
    other.layers[0].mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd';
    const otherBytes = Buffer.from(JSON.stringify(other));
    assert.ok((await registry.putManifest(real.image('zstd'), otherBytes, mediaType)).ok);
    const children = [
      {
        mediaType,
        digest: digestOf(otherBytes),
        size: otherBytes.length,
        platform: { os: 'linux', architecture: 'arm' },
      },
      { mediaType, digest, size: bytes.length, platform: { os: 'linux', architecture: 'arm64' } },
    ];
    for (const [tag, manifests] of [
      ['some', children],
      ['none', [children[0], { ...children[0], platform: { os: 'linux', architecture: 's390x' } }]],
    ] as const) {
      const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
      assert.ok((await registry.putManifest(real.image(tag), index, type)).ok);
    }
    const parts = { registry, limits: usualLimits };
    const found = await resolveModule({ kind: 'image', image: real.image('some') }, parts);
    assert.ok(found.ok, JSON.stringify(found));
    assert.equal(found.value.manifestDigest, digest);
    const none = await resolveModule({ kind: 'image', image: real.image('none') }, parts);
    assert.ok(!none.ok);
    assert.equal(none.error.reason, 'UnknownVariant');
    assert.match(none.error.message, /found linux\/arm, linux\/s390x$/);
  });

  test('is refused where manifest or module are other ones than expected', async () => {
    const registry = real.client();
    const wanted = digestOf(Buffer.from('another'));
    for (const expected of [{ manifestDigest: wanted }, { moduleDigest: wanted }]) {
      const parts = { registry, limits: usualLimits, sink: memorySink(), expected };
      const refused = await fetchModule({ kind: 'image', image: real.image('1') }, parts);
      assert.ok(!refused.ok);
      assert.equal(refused.error.reason, 'DigestMismatch');
      assert.match(refused.error.message, new RegExp(`expected is ${wanted}`));
    }
  });

  test('has no referrers where nothing refers, and those of the referrers tag', async () => {
    const registry = real.client();
    const artifactType = 'application/vnd.example.signature';
    const none = await registry.referrers(real.image('1'), packed.manifest.digest, artifactType);
    assert.deepEqual(none, { ok: true, value: [] });
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const { digest, bytes } = packed.manifest;
    const one = { mediaType: packed.manifest.mediaType, digest, size: bytes.length };
    const manifests = [
      { ...one, artifactType: 'application/vnd.oci.empty.v1+json' },
      { ...one, artifactType },
      { ...one, artifactType: 'application/vnd.example.other' },
    ];
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    const put = await registry.putManifest(real.image(digest.replace(':', '-')), index, mediaType);
    assert.ok(put.ok);
    const found = await registry.referrers(real.image('1'), digest, artifactType);
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map((descriptor) => [descriptor.digest, descriptor.artifactType]),
      // what its writer did not name may be one, and comes last
      [artifactType, 'application/vnd.oci.empty.v1+json'].map((type) => [digest, type]),
    );
  });
});

const skipWithoutCrane =
  skipWithoutRegistry ||
  (!isOnPath('crane') && 'Cannot push with another tool: there is no "crane" on the PATH (go-containerregistry)');

suite('an image that crane pushed', { skip: skipWithoutCrane }, () => {
  const real = realRegistry();
  const directory = mkdtempSync(join(tmpdir(), 'pillion-crane-'));
  const layer = join(directory, 'layer.tar.gz');
  before(() => writeFileSync(layer, gzipSync(tar({ name: './plugin.wasm', content: validModule() }))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  async function crane(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram('crane', [...args, '--insecure'], { timeoutMs: 120_000 });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  for (const [variant, flags] of [
    ['compat-oci', ['--oci-empty-base']],
    ['compat-docker', []],
  ] as const) {
    test(`is pulled as ${variant}`, async () => {
      const image = real.image(variant);
      const name = `${image.registry}/${image.repository}:${variant}`;
      await crane('append', '--new_layer', layer, '--new_tag', name, ...flags);
      const pulled = await pull(real.client(), image);
      assert.equal(pulled.variant, variant);
      assert.ok(Buffer.from(validModule()).equals(pulled.bytes));
      assert.equal(pulled.manifestDigest, await crane('digest', name));
    });
  }
});

suite('a real registry with TLS that wants to know who asks', { skip: skipWithoutRegistry }, () => {
  const now = new Date();
  const lifetime = { now, notAfter: new Date(now.getTime() + 3_600_000) };
  const subject = { commonName: 'registry', dnsNames: ['localhost'], addresses: ['127.0.0.1'] };
  let caBundle = '';
  const real = realRegistry(async () => {
    const tls = await issueLeaf(subject, lifetime);
    caBundle = tls.cert;
    return { tls, auth: true };
  });
  const credentialsOf = (auth: Readonly<Record<string, string>>) => {
    const read = readDockerConfig(JSON.stringify({ auths: { [`https://${real.get().host}`]: auth } }));
    if (!read.ok) throw new Error(read.error.message);
    return { credentials: read.value, caBundle, plainHttp: [] };
  };

  test('takes and gives the image for the right password and the right authority', async () => {
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    const registry = real.client(credentialsOf({ auth }));
    const pushed = await pushImage(registry, real.image('1'), packed);
    assert.ok(pushed.ok, pushed.ok ? '' : pushed.error.message);
    assert.ok(Buffer.from(module1).equals((await pull(registry, real.image('1'))).bytes));
  });

  test('refuses who has none, or a wrong one, without naming it', async () => {
    for (const credentials of [{ caBundle, plainHttp: [] }, credentialsOf({ username: 'pusher', password: 'wr0ng' })]) {
      const refused = await real.client(credentials).manifest(real.image('1'));
      assert.ok(!refused.ok);
      assert.equal(refused.error.reason, 'Unauthorized');
      assert.doesNotMatch(refused.error.message, /wr0ng/);
    }
  });

  test('is not trusted without its authority', async () => {
    const refused = await real.client({ plainHttp: [] }).manifest(real.image('1'));
    assert.ok(!refused.ok);
    assert.match(refused.error.message, /its certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
  });
});
