// Answers: what does an image manifest or an image index say, and which of its images and layers is the module.
// Does not belong here: whether its bytes have the digest that was asked for (edge/registry).
import { isObject, type JsonObject } from '../../model/json.ts';
import type { StringMap } from '../../model/pod.ts';
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import type { ManifestDigest } from '../digests.ts';
import type { WasmLimits } from '../limits.ts';
import type { Variant } from '../module.ts';
import { type Refusal, refusal } from '../refusals.ts';
import { readBoundedJson } from './bounded-json.ts';
import { type Descriptor, isMediaType, readAnnotations, readDescriptor, readDescriptors } from './descriptor.ts';

export type { Descriptor } from './descriptor.ts';

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly children: readonly Descriptor[];
  readonly annotations: StringMap;
}

export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations: StringMap;
}

export type Manifest = ImageManifest | ImageIndex;

export interface ModuleLayer {
  readonly variant: Extract<Variant, 'compat-oci' | 'compat-docker' | 'oci'>;
  readonly layer: Descriptor;
  readonly config: Descriptor;
}

/** Media types of the two forms that proxies take: an image like any other, and the artifact that wasme wrote. */
const mediaTypes = {
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  wasmConfig: 'application/vnd.module.wasm.config.v1+json',
  wasmLayer: 'application/vnd.module.wasm.content.layer.v1+wasm',
} as const;

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const indexTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** The media types of manifests that are read: for the header Accept. */
export const manifestMediaTypes: readonly string[] = [ociManifest, dockerManifest, ...indexTypes];

/** Images of an index, signatures of a manifest. */
const mostChildren = 1_000;

/**
 * Reads the bytes of a manifest whose digest was checked; `contentType` is the header of the answer. Source of the rules:
 * OCI image-spec 1.1 (manifest, index) and docker's image manifest version 2, schema 2.
 */
export function readManifest(bytes: Uint8Array, contentType: string, limits: WasmLimits): Result<Manifest, Refusal> {
  const { maxManifestBytes: maxBytes, maxManifestDepth: maxDepth } = limits;
  const read = readBoundedJson(bytes, { maxBytes, maxDepth });
  if (read.kind === 'large') return fail(refusal('ManifestTooLarge', `Cannot read the manifest: it ${read.what}`));
  if (read.kind === 'twice') return invalid(`its key ${quoted(read.key)} stands twice in one object`);
  if (read.kind === 'none' || !isObject(read.value)) return invalid('it is no JSON object');
  const mediaType = readMediaType(read.value, contentType);
  if (!mediaType.ok) return mediaType;
  return indexTypes.includes(mediaType.value)
    ? readIndex(read.value, mediaType.value)
    : readImage(read.value, mediaType.value, limits);
}

function invalid(state: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('InvalidManifest', `Cannot read the manifest: ${state}`));
}

/** One document must not be an image for one reader and an index for another: header, field and content have to agree. */
function readMediaType(manifest: JsonObject, contentType: string): Result<string, Refusal> {
  const sent = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  const { mediaType: written, schemaVersion, layers, manifests } = manifest;
  if (!manifestMediaTypes.includes(sent)) return invalid(`its media type ${quoted(sent)} is none of an image`);
  if (written !== undefined && written !== sent) {
    return invalid(`the registry calls it ${quoted(sent)}, it calls itself ${quoted(String(written))}`);
  }
  if (schemaVersion !== 2) return invalid('its schemaVersion is not 2');
  const foreign = indexTypes.includes(sent) ? (layers ?? manifest['config']) : manifests;
  return foreign === undefined ? ok(sent) : invalid('it has the fields of an image and of an index');
}

function readIndex(manifest: JsonObject, mediaType: string): Result<ImageIndex, Refusal> {
  const children = readDescriptors(manifest['manifests'], 'manifests', mostChildren);
  if (!children.ok) return children;
  return ok({ kind: 'index', mediaType, children: children.value, annotations: readAnnotations(manifest) });
}

function readImage(manifest: JsonObject, mediaType: string, limits: WasmLimits): Result<ImageManifest, Refusal> {
  const config = readDescriptor(manifest['config'], 'config');
  if (!config.ok) return config;
  const layers = readDescriptors(manifest['layers'], 'layers', limits.maxLayers);
  if (!layers.ok) return layers;
  const subject = manifest['subject'] === undefined ? undefined : readDescriptor(manifest['subject'], 'subject');
  if (subject?.ok === false) return subject;
  const { artifactType } = manifest;
  return ok({
    kind: 'image',
    mediaType,
    ...(isMediaType(artifactType) && { artifactType }),
    config: config.value,
    layers: layers.value,
    ...(subject !== undefined && { subject: subject.value }),
    annotations: readAnnotations(manifest),
  });
}

/**
 * The image of an index that is taken: the only one, else that for linux/amd64, which proxies take too, else the only one
 * for a platform of WebAssembly. What a build tool adds about an image (attestations) is none.
 */
export function chooseChild(index: ImageIndex): Result<Descriptor, Refusal> {
  const images = imagesOf(index);
  const [only] = images;
  if (only !== undefined && images.length === 1) return ok(only);
  const common = images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64');
  if (common !== undefined) return ok(common);
  const [wasm, second] = images.filter(({ platform }) => /^wasm/.test(platform?.architecture ?? ''));
  if (wasm !== undefined && second === undefined) return ok(wasm);
  const found = index.children.map(({ mediaType, platform }) =>
    platform === undefined ? mediaType : `${platform.os}/${platform.architecture}`,
  );
  return unknown('the index names neither one image nor one for linux/amd64', found);
}

/** The images of an index, in its order. */
export function imagesOf({ children }: ImageIndex): readonly Descriptor[] {
  return children.filter(isImage);
}

/** True for an index that lists the image: who signed the index has signed the image with it. */
export function listsImage(manifest: Manifest, digest: ManifestDigest): boolean {
  return manifest.kind === 'index' && manifest.children.some((one) => one.digest === digest && isImage(one));
}

function isImage({ mediaType, annotations, platform }: Descriptor): boolean {
  if (mediaType !== ociManifest && mediaType !== dockerManifest) return false;
  return annotations?.['vnd.docker.reference.type'] === undefined && platform?.os !== 'unknown';
}

/**
 * The layer that the module is in: the last one of an image, or the one with the module of wasme's artifact. With
 * `limits`, a layer that claims to be larger than is allowed is refused before anybody asks for it.
 */
export function moduleLayer(image: ImageManifest, limits?: WasmLimits): Result<ModuleLayer, Refusal> {
  const found = compatLayer(image) ?? artifactLayer(image);
  if (found === undefined) {
    const types = [image.artifactType, image.config.mediaType, ...image.layers.map(({ mediaType }) => mediaType)];
    return unknown(
      'it is neither an image whose last layer is a gzipped tar, nor an artifact of configuration and module',
      types.flatMap((type) => type ?? []),
    );
  }
  const { sizeBytes } = found.layer;
  if (limits !== undefined && sizeBytes > limits.maxCompressedBytes) {
    return fail(
      refusal(
        'TooLarge',
        `Cannot take the layer: it has ${sizeBytes} bytes, and ${limits.maxCompressedBytes} are allowed`,
      ),
    );
  }
  return ok(found);
}

/** Layers that lie elsewhere (`foreign`, `nondistributable`) have media types of their own and so are none. */
function compatLayer({ mediaType, config, layers }: ImageManifest): ModuleLayer | undefined {
  const layer = layers.at(-1);
  if (layer === undefined) return undefined;
  const types = `${mediaType} ${config.mediaType} ${layer.mediaType}`;
  if (types === `${ociManifest} ${mediaTypes.ociConfig} ${mediaTypes.ociLayer}`) {
    return { variant: 'compat-oci', layer, config };
  }
  if (types === `${dockerManifest} ${mediaTypes.dockerConfig} ${mediaTypes.dockerLayer}`) {
    return { variant: 'compat-docker', layer, config };
  }
  return undefined;
}

function artifactLayer({ mediaType, config, layers }: ImageManifest): ModuleLayer | undefined {
  const [layer, second] = layers.filter((one) => one.mediaType === mediaTypes.wasmLayer);
  if (mediaType !== ociManifest || config.mediaType !== mediaTypes.wasmConfig) return undefined;
  // Two layers, of which one is the configuration: proxies count them.
  if (layer === undefined || second !== undefined || layers.length !== 2) return undefined;
  return { variant: 'oci', layer, config };
}

const mostShown = 6;

function unknown(state: string, found: readonly string[]): { readonly ok: false; readonly error: Refusal } {
  const shown = [...new Set(found)].slice(0, mostShown).join(', ');
  return fail(
    refusal('UnknownVariant', `Cannot find the module in the image: ${state}; found ${shown || 'no layers'}`),
  );
}
