// Answers: which manifests must never be followed to a module.
import type { HostileFixture } from './hostile-fixtures.ts';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const ociConfig = 'application/vnd.oci.image.config.v1+json';
const ociLayer = 'application/vnd.oci.image.layer.v1.tar+gzip';
const wasmLayer = 'application/vnd.module.wasm.content.layer.v1+wasm';
const digest = `sha256:${'a'.repeat(64)}`;

const config = { mediaType: ociConfig, digest, size: 2 };
const layer = { mediaType: ociLayer, digest, size: 1000 };

/** A manifest that is taken, but for these fields. */
function image(fields: object): object {
  return { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer], ...fields };
}

function index(...platforms: readonly string[]): object {
  const manifests = platforms.map((platform) => {
    const [os, architecture] = platform.split('/');
    return { mediaType: ociManifest, digest, size: 500, platform: { os, architecture } };
  });
  return { schemaVersion: 2, mediaType: ociIndex, manifests };
}

type Row = readonly [
  name: string,
  reason: HostileFixture['reason'],
  says: string,
  made: () => object | string | Uint8Array,
  contentType?: string,
];

const rows: readonly Row[] = [
  ['more than 4 MiB', 'ManifestTooLarge', 'it has more than 4194304 bytes', () => Buffer.alloc(4_200_000, ' ')],
  ['lists in lists in lists', 'ManifestTooLarge', 'it is nested deeper than 32 levels', () => '['.repeat(1_000_000)],
  [
    '33 levels',
    'ManifestTooLarge',
    'it is nested deeper than 32 levels',
    () => `{"a":${'['.repeat(32)}${']'.repeat(32)}}`,
  ],
  [
    'a million empty lists',
    'ManifestTooLarge',
    'it has more than 20000 values',
    () => `{"a":[${'[],'.repeat(1_000_000)}[]]}`,
  ],
  [
    '65 layers',
    'ManifestTooLarge',
    'layers has more than 64 entries',
    () => image({ layers: Array.from({ length: 65 }, () => layer) }),
  ],
  [
    'layers twice',
    'InvalidManifest',
    'its key "layers" stands twice in one object',
    () => `{"layers":[],${JSON.stringify(image({})).slice(1)}`,
  ],
  [
    'layers, and Layers that other readers take',
    'InvalidManifest',
    'its key "layers" stands twice in one object',
    () => image({ Layers: [] }),
  ],
  [
    'a long s in place of an s',
    'InvalidManifest',
    'its key "layers" stands twice in one object',
    () => image({ layer\u017f: [] }),
  ],
  [
    'an image that is an index too',
    'InvalidManifest',
    'it has the fields of an image and of an index',
    () => image({ manifests: [] }),
  ],
  [
    'an index that is an image too',
    'InvalidManifest',
    'it has the fields of an image and of an index',
    () => ({ ...index('linux/amd64'), layers: [layer] }),
    ociIndex,
  ],
  [
    'a header that says another type',
    'InvalidManifest',
    'the registry calls it "application/vnd.oci.image.index.v1+json", it ca',
    () => image({}),
    ociIndex,
  ],
  ['no media type of an image', 'InvalidManifest', 'it is no JSON object', () => '<html>', 'text/html'],
  [
    'docker schema 1',
    'InvalidManifest',
    'its media type "application/vnd.docker.distribution.manifest.v1+pretty',
    () => '{}',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ],
  ['schema version 1', 'InvalidManifest', 'its schemaVersion is not 2', () => image({ schemaVersion: 1 })],
  ['no JSON', 'InvalidManifest', 'it is no JSON object', () => '{"layers":'],
  ['a list', 'InvalidManifest', 'it is no JSON object', () => '[]'],
  [
    'bytes that are no UTF-8',
    'InvalidManifest',
    'it is no JSON object',
    () => Buffer.from('{"a":"\xff\xfe"}', 'latin1'),
  ],
  ['no configuration', 'InvalidManifest', 'config is no descriptor', () => image({ config: undefined })],
  [
    'a layer of negative size',
    'InvalidManifest',
    'layers[0] has the size "-1", not a number of bytes',
    () => image({ layers: [{ ...layer, size: -1 }] }),
  ],
  [
    'a layer of half a byte',
    'InvalidManifest',
    'layers[0] has the size "0.5", not a number of bytes',
    () => image({ layers: [{ ...layer, size: 0.5 }] }),
  ],
  [
    'a layer of 2^63 bytes',
    'InvalidManifest',
    'layers[0] has the size "9223372036854776000", not a number of bytes',
    () => image({ layers: [{ ...layer, size: 2 ** 63 }] }),
  ],
  [
    'a layer whose size is a text',
    'InvalidManifest',
    'layers[0] has the size "1000", not a number of bytes',
    () => image({ layers: [{ ...layer, size: '1000' }] }),
  ],
  [
    'a layer whose digest is a path',
    'InvalidManifest',
    'layers[0] has the digest "sha256:../x", not sha256: and 64 digits',
    () => image({ layers: [{ ...layer, digest: 'sha256:../x' }] }),
  ],
  [
    'a layer with another algorithm',
    'InvalidManifest',
    'layers[0] has the digest "sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    () => image({ layers: [{ ...layer, digest: `sha512:${'a'.repeat(128)}` }] }),
  ],
  [
    'a media type with a line break',
    'InvalidManifest',
    'layers[0] has no media type',
    () => image({ layers: [{ ...layer, mediaType: 'a/b\r\nx: y' }] }),
  ],
  [
    'a layer of 65 MiB',
    'TooLarge',
    'it has 68157440 bytes, and 67108864 are allowed',
    () => image({ layers: [{ ...layer, size: 65 * 1024 * 1024 }] }),
  ],
  [
    'no layers',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () => image({ layers: [] }),
  ],
  [
    'a layer with zstd',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () => image({ layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }] }),
  ],
  [
    'a layer that is not compressed',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () => image({ layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar' }] }),
  ],
  [
    'a layer that lies elsewhere',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () =>
      image({
        layers: [
          {
            ...layer,
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
            urls: ['http://evil.example/'],
          },
        ],
      }),
  ],
  [
    'an artifact of application/wasm',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () =>
      image({
        config: { ...config, mediaType: 'application/vnd.wasm.config.v0+json' },
        layers: [{ ...layer, mediaType: 'application/wasm' }],
      }),
  ],
  [
    'an artifact with an empty configuration',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () =>
      image({
        artifactType: 'application/vnd.example',
        config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' },
      }),
  ],
  [
    'a chart',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () => image({ config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }),
  ],
  [
    'an artifact with two modules',
    'UnknownVariant',
    'it is neither an image whose last layer is a gzipped tar, nor an artif',
    () =>
      image({
        config: { ...config, mediaType: 'application/vnd.module.wasm.config.v1+json' },
        layers: [
          { ...layer, mediaType: wasmLayer },
          { ...layer, mediaType: wasmLayer },
        ],
      }),
  ],
  [
    'an index for other platforms',
    'UnknownVariant',
    'the index names neither one image nor one for linux/amd64; found linux',
    () => index('linux/arm64', 'windows/amd64'),
    ociIndex,
  ],
  [
    'an index whose platforms are novels',
    'UnknownVariant',
    'found ?/y',
    () => index(`${'x'.repeat(100_000)}/y`, '\u001b[2J/y'),
    ociIndex,
  ],
  [
    'an index of attestations alone',
    'UnknownVariant',
    'the index names neither one image nor one for linux/amd64; found unkno',
    () => index('unknown/unknown'),
    ociIndex,
  ],
  [
    'an index of indexes',
    'UnknownVariant',
    'the index names neither one image nor one for linux/amd64; found appli',
    () => ({ ...index(), manifests: [{ mediaType: ociIndex, digest, size: 1 }] }),
    ociIndex,
  ],
];

export const hostileManifests: readonly HostileFixture[] = rows.map(
  ([name, reason, says, made, contentType = ociManifest]) => ({
    name: `manifest: ${name}`,
    reason,
    says,
    make: () => ({ kind: 'manifest', bytes: bytesOf(made()), contentType }),
  }),
);

function bytesOf(made: object | string | Uint8Array): Uint8Array {
  if (made instanceof Uint8Array) return made;
  return Buffer.from(typeof made === 'string' ? made : JSON.stringify(made));
}
