// Answers: what are the bytes of an image that carries a module. The compat variant as one plain image, since only that
// is read by Istio's agent, by other gateways, and by container runtimes as an image volume. The same module gives the
// same digest on every machine. Source: the Wasm image specification, variant compat; OCI image-spec 1.1.
import type { StringMap } from '../../model/pod.ts';
import { digestOf, type LayerDigest, type ManifestDigest, type ModuleDigest } from '../digests.ts';
import { gzipOf } from './gzip.ts';
import { tarOf } from './tar.ts';

export interface PackedBlob<Digest = `sha256:${string}`> {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** An image in memory: what a registry is given. */
export interface PackedImage {
  readonly manifest: PackedBlob<ManifestDigest>;
  readonly config: PackedBlob;
  readonly layer: PackedBlob<LayerDigest>;
  readonly moduleDigest: ModuleDigest;
  /** sha256 of the archive before it was compressed. */
  readonly diffId: `sha256:${string}`;
}

export interface PackOptions {
  /** Written as runtime-config.json besides the module. */
  readonly rootIds?: readonly string[];
  /** Of the manifest, besides the one that names the variant. */
  readonly annotations?: StringMap;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const epoch = '1970-01-01T00:00:00Z';

/** Packs the bytes as they are; whether they are a module is asked by `checkModule`. */
export function packModule(bytes: Uint8Array, { rootIds = [], annotations = {} }: PackOptions = {}): PackedImage {
  const archive = tarOf([
    { name: 'plugin.wasm', bytes },
    ...(rootIds.length > 0 ? [{ name: 'runtime-config.json', bytes: runtimeConfig(rootIds) }] : []),
  ]);
  const diffId = digestOf(archive);
  const layer = blob(layerType, gzipOf(archive));
  const config = blob(configType, jsonBytes(imageConfig(diffId)));
  const manifest = blob(
    manifestType,
    jsonBytes({
      schemaVersion: 2,
      mediaType: manifestType,
      config: descriptor(config),
      layers: [descriptor(layer)],
      annotations: sorted({ ...annotations, 'module.wasm.image/variant': 'compat' }),
    }),
  );
  return { manifest, config, layer, moduleDigest: digestOf(bytes), diffId };
}

/** As much of a configuration as runtimes want before they mount the image; a module runs on every architecture. */
function imageConfig(diffId: string): unknown {
  return {
    created: epoch,
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: epoch, created_by: 'pillion wasm pack' }],
  };
}

function runtimeConfig(rootIds: readonly string[]): Uint8Array {
  return jsonBytes({ type: 'envoy_proxy', abiVersions: [], config: { rootIds } });
}

function sorted(map: StringMap): StringMap {
  return Object.fromEntries(Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function blob(mediaType: string, bytes: Uint8Array): PackedBlob {
  return { mediaType, digest: digestOf(bytes), bytes };
}

function descriptor({ mediaType, digest, bytes }: PackedBlob): unknown {
  return { mediaType, digest, size: bytes.length };
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
