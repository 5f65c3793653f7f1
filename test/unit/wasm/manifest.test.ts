// Answers: are both forms of Wasm images understood, and is of several the one taken that a proxy takes.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readDescriptor, readDescriptors } from '../../../src/core/wasm/image/descriptor.ts';
import { largestConfigBytes, lastDiffId, rootIdsOf } from '../../../src/core/wasm/image/image-config.ts';
import {
  chooseChild,
  type ImageIndex,
  type ImageManifest,
  listsImage,
  type Manifest,
  moduleLayer,
  readManifest,
} from '../../../src/core/wasm/image/manifest.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const ociLayer = 'application/vnd.oci.image.layer.v1.tar+gzip';

const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const descriptor = (mediaType: string, digit: string, size = 100): object => ({
  mediaType,
  digest: digestOf(digit),
  size,
});

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

function read(value: object, contentType: string): Manifest {
  const manifest = readManifest(json({ schemaVersion: 2, ...value }), contentType, usualLimits);
  assert.ok(manifest.ok, JSON.stringify(manifest));
  return manifest.value;
}

function image(value: object, contentType = ociManifest): ImageManifest {
  const manifest = read(value, contentType);
  assert.equal(manifest.kind, 'image');
  return manifest as ImageManifest;
}

function index(...children: readonly (readonly [platform: string, digit: string])[]): ImageIndex {
  const manifests = children.map(([platform, digit]) => {
    const [os, architecture] = platform.split('/');
    return { ...descriptor(ociManifest, digit), platform: { os, architecture } };
  });
  return read({ manifests }, ociIndex) as ImageIndex;
}

const compat = {
  config: descriptor('application/vnd.oci.image.config.v1+json', 'a'),
  layers: [descriptor(ociLayer, 'b'), descriptor(ociLayer, 'c')],
};

suite('the layer of the module', () => {
  test('is the last one of an OCI image, whatever is below it', () => {
    const layer = moduleLayer(image({ mediaType: ociManifest, ...compat }));
    assert.ok(layer.ok);
    assert.equal(layer.value.variant, 'compat-oci');
    assert.equal(layer.value.layer.digest, digestOf('c'));
    assert.equal(layer.value.config.digest, digestOf('a'));
  });

  test('is the last one of an image of docker', () => {
    const value = {
      mediaType: dockerManifest,
      config: descriptor('application/vnd.docker.container.image.v1+json', 'a'),
      layers: [descriptor('application/vnd.docker.image.rootfs.diff.tar.gzip', 'b')],
    };
    const layer = moduleLayer(image(value, `${dockerManifest}; charset=utf-8`));
    assert.ok(layer.ok);
    assert.equal(layer.value.variant, 'compat-docker');
    assert.equal(layer.value.config.digest, digestOf('a'));
    assert.equal(layer.value.layer.digest, digestOf('b'));
  });

  test('is the one with the bytes in the artifact of wasme, first or second', () => {
    const config = descriptor('application/vnd.module.wasm.config.v1+json', 'a');
    const content = descriptor('application/vnd.module.wasm.content.layer.v1+wasm', 'b');
    for (const layers of [
      [config, content],
      [content, config],
    ]) {
      const layer = moduleLayer(image({ config, layers }));
      assert.ok(layer.ok);
      assert.equal(layer.value.variant, 'oci');
      assert.equal(layer.value.layer.digest, digestOf('b'));
    }
  });

  test('a refusal names the media types that were found', () => {
    const config = descriptor('application/vnd.wasm.config.v0+json', 'a');
    const layer = moduleLayer(image({ config, layers: [descriptor('application/wasm', 'b')] }));
    assert.ok(!layer.ok);
    assert.match(layer.error.message, /found application\/vnd\.wasm\.config\.v0\+json, application\/wasm$/);
  });

  test('one that is larger than is allowed is refused before it is fetched', () => {
    const layers = [descriptor(ociLayer, 'b', usualLimits.maxCompressedBytes + 1)];
    assert.ok(moduleLayer(image({ ...compat, layers })).ok, 'without limits it is only named');
    const limited = moduleLayer(image({ ...compat, layers }), usualLimits);
    assert.ok(!limited.ok && limited.error.reason === 'TooLarge');
  });
});

suite('the image of an index', () => {
  const chosen = (found: ImageIndex): string => {
    const child = chooseChild(found);
    return child.ok ? child.value.digest : child.error.reason;
  };

  test('is the only one, whatever it is for', () => {
    assert.equal(chosen(index(['linux/arm64', 'a'])), digestOf('a'));
  });

  test('is that for linux/amd64 of several, as for a proxy', () => {
    assert.equal(chosen(index(['linux/arm64', 'a'], ['linux/amd64', 'b'])), digestOf('b'));
  });

  test('is the first of several for linux/amd64, as for a proxy', () => {
    assert.equal(chosen(index(['linux/arm64', 'a'], ['linux/amd64', 'b'], ['linux/amd64', 'c'])), digestOf('b'));
  });

  test('may be an image of docker too', () => {
    const manifests = [{ ...descriptor(dockerManifest, 'a'), platform: { os: 'linux', architecture: 'arm64' } }];
    assert.equal(chosen(read({ manifests }, ociIndex) as ImageIndex), digestOf('a'));
  });

  test('is the one for WebAssembly where there is none for linux/amd64', () => {
    assert.equal(chosen(index(['linux/arm64', 'a'], ['wasip1/wasm', 'b'])), digestOf('b'));
    assert.equal(chosen(index(['linux/arm64', 'a'], ['wasip1/nowasm', 'b'])), 'UnknownVariant');
  });

  test('is the only one beside the attestations of a build tool', () => {
    assert.equal(chosen(index(['linux/s390x', 'a'], ['unknown/unknown', 'b'])), digestOf('a'));
  });

  test('is none where several could be meant', () => {
    assert.equal(chosen(index(['linux/arm64', 'a'], ['linux/s390x', 'b'])), 'UnknownVariant');
  });
});

suite('an index lists', () => {
  const attestation = { 'vnd.docker.reference.type': 'attestation-manifest' };

  test('its images, whether or not they are the one that is taken', () => {
    const found = index(['linux/arm64', 'a'], ['linux/amd64', 'b']);
    const lists = ['a', 'b', 'c'].map((digit) => listsImage(found, `sha256:${digit.repeat(64)}` as const));
    assert.deepEqual(lists, [true, true, false]);
  });

  test('no image where the digest is of what a build tool says about one, or of another index', () => {
    const digest = `sha256:${'a'.repeat(64)}` as const;
    for (const child of [
      { ...descriptor(ociManifest, 'a'), annotations: attestation },
      { ...descriptor(ociManifest, 'a'), platform: { os: 'unknown', architecture: 'unknown' } },
      descriptor(ociIndex, 'a'),
    ]) {
      assert.equal(listsImage(read({ manifests: [child] }, ociIndex), digest), false);
    }
    assert.equal(listsImage(image({ ...compat, layers: [descriptor(ociLayer, 'a')] }), digest), false);
  });
});

suite('what a manifest says', () => {
  test('annotations, the subject and artifact types are kept: signatures stand there', () => {
    const manifest = image({
      artifactType: 'application/x',
      ...compat,
      layers: [{ ...descriptor(ociLayer, 'b'), annotations: { signature: 'abc', number: 1 } }],
      subject: descriptor(ociManifest, 'd'),
      annotations: { a: 'b' },
    });
    assert.equal(manifest.artifactType, 'application/x');
    assert.deepEqual(manifest.layers[0]?.annotations, { signature: 'abc' });
    assert.equal(manifest.subject?.digest, digestOf('d'));
    assert.deepEqual(manifest.annotations, { a: 'b' });
  });

  test('the addresses of layers are never given out', () => {
    const manifest = image({ ...compat, layers: [{ ...descriptor(ociLayer, 'b'), urls: ['http://evil.example/'] }] });
    assert.doesNotMatch(JSON.stringify(manifest), /evil/);
  });
});

suite('configurations', () => {
  test('the digest of the last unpacked layer is that of the last diff_id', () => {
    const diffIds = [digestOf('a'), digestOf('b')];
    assert.deepEqual(lastDiffId(json({ rootfs: { diff_ids: diffIds } })), { ok: true, value: digestOf('b') });
    for (const without of [{}, { rootfs: {} }, { rootfs: { diff_ids: [] } }, { rootfs: null }]) {
      assert.deepEqual(lastDiffId(json(without)), { ok: true, value: undefined });
    }
    assert.ok(!lastDiffId(json({ rootfs: { diff_ids: ['x'] } })).ok);
    assert.ok(!lastDiffId(Buffer.from('no JSON')).ok);
  });

  test('root ids are read in both spellings, with and without a group around them', () => {
    for (const value of [
      { type: 'envoy_proxy', abiVersions: ['v0.2.1'], config: { rootIds: ['a', 'b'] } },
      { config: { root_ids: ['a', 'b'] } },
      { rootIds: ['a', 'b', '', 7, 'x'.repeat(300), 'a\u001b[2J'] },
    ]) {
      assert.deepEqual(rootIdsOf(json(value)), ['a', 'b']);
    }
  });

  test('root ids that cannot be read are none: they are a hint', () => {
    for (const text of [
      '',
      'no JSON',
      '[]',
      '{"config":null}',
      '{"rootIds":"a"}',
      ' '.repeat(largestConfigBytes + 1),
    ]) {
      assert.deepEqual(rootIdsOf(Buffer.from(text)), []);
    }
    assert.equal(rootIdsOf(json({ rootIds: Array.from({ length: 1_000 }, (_, at) => `id${at}`) })).length, 64);
  });
});

suite('a descriptor', () => {
  const descriptorOf = (changes: object) =>
    readDescriptor({ ...descriptor('application/x', 'a'), ...changes }, 'layers[0]');
  const refusedAs = (changes: object): string => {
    const read = descriptorOf(changes);
    return read.ok ? 'read' : read.error.message;
  };

  test('is read with what it says, as far as that can be shown', () => {
    const said = {
      size: 0,
      artifactType: 'a/b',
      annotations: { a: 'b', c: 1 },
      platform: { os: 'linux', architecture: 7 },
    };
    assert.deepEqual(descriptorOf(said), {
      ok: true,
      value: {
        mediaType: 'application/x',
        digest: digestOf('a'),
        sizeBytes: 0,
        artifactType: 'a/b',
        annotations: { a: 'b' },
        platform: { os: 'linux', architecture: '?' },
      },
    });
    assert.deepEqual(descriptorOf({ artifactType: 'no type', annotations: 'none', platform: 'none' }), {
      ok: true,
      value: { mediaType: 'application/x', digest: digestOf('a'), sizeBytes: 100, annotations: {} },
    });
    const shown = descriptorOf({ platform: { os: '\u001b[2J', architecture: 'a'.repeat(65) } });
    assert.deepEqual(shown.ok && shown.value.platform, { os: '?', architecture: '?' });
  });

  test('has a media type that can be shown, and no more', () => {
    for (const mediaType of ['a/b', `${'a'.repeat(127)}/${'b'.repeat(127)}`]) assert.ok(descriptorOf({ mediaType }).ok);
    const long = [`a/${'b'.repeat(128)}`, `${'a'.repeat(128)}/b`];
    for (const mediaType of [...long, '\u001b[2Ja/b', 'a/b\n', 'a/b; c=d', ' a/b', 'a', 'a/', 7, undefined])
      assert.equal(refusedAs({ mediaType }), 'Cannot read the manifest: layers[0] has no media type');
  });

  test('has a digest, and a size that is a whole number of bytes', () => {
    for (const size of [-1, 1.5, 2 ** 60, '1', null]) assert.match(refusedAs({ size }), /has the size/);
    assert.match(refusedAs({ size: undefined }), /has the size "undefined"/);
    for (const digest of ['sha256:abc', `sha512:${'a'.repeat(128)}`, digestOf('a').toUpperCase(), undefined])
      assert.match(refusedAs({ digest }), /has the digest/);
  });

  test('stands in a list of as many as are allowed, of which the first wrong one is told', () => {
    const [good, wrong] = [descriptor('a/b', 'a'), { mediaType: 'a/b' }];
    const read = readDescriptors([good, good], 'layers', 2);
    assert.equal(read.ok && read.value.length, 2);
    const many = readDescriptors([good, good, good], 'layers', 2);
    assert.equal(many.ok ? undefined : many.error.reason, 'ManifestTooLarge');
    const broken = readDescriptors([good, wrong, null], 'layers', 3);
    assert.match(broken.ok ? '' : broken.error.message, /layers\[1\] has the digest/);
  });
});
