// Answers: which files does an image layout have, and which images does its index name. Source of the rules: OCI
// image-spec 1.1, image-layout.md.
// Does not belong here: reading and writing the files (edge/image-layout.ts).
import { isObject, type JsonObject, parseJson } from '../../model/json.ts';
import { hexOf, isDigest, type ManifestDigest, type ModuleDigest } from '../digests.ts';
import type { PackedImage } from './pack.ts';
import { tarOf } from './tar.ts';

/** One image of a layout, under the name that it was packed as. */
export interface LayoutEntry {
  readonly reference: string;
  readonly digest: ManifestDigest;
  readonly mediaType: string;
  /** Of the manifest. */
  readonly sizeBytes: number;
  readonly moduleDigest: ModuleDigest;
}

const layoutFile = 'oci-layout';
export const indexFile = 'index.json';
const layoutText = '{"imageLayoutVersion":"1.0.0"}';
const indexType = 'application/vnd.oci.image.index.v1+json';
const referenceAnnotation = 'org.opencontainers.image.ref.name';
const moduleAnnotation = 'pillion.dev/wasm-module';

export function blobPath(digest: `sha256:${string}`): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** Every file but the index: path and content. */
export function layoutFiles({ manifest, config, layer }: PackedImage): ReadonlyMap<string, Uint8Array> {
  return new Map<string, Uint8Array>([
    [layoutFile, Buffer.from(layoutText)],
    ...[layer, config, manifest].map((blob): [string, Uint8Array] => [blobPath(blob.digest), blob.bytes]),
  ]);
}

/** The layout with this one image as a tar archive. */
export function layoutArchive(reference: string, packed: PackedImage): Uint8Array {
  const files = new Map(layoutFiles(packed)).set(indexFile, Buffer.from(indexText([entryOf(reference, packed)])));
  return tarOf([...files].map(([name, bytes]) => ({ name, bytes })));
}

export function entryOf(reference: string, { manifest, moduleDigest }: PackedImage): LayoutEntry {
  const { digest, mediaType, bytes } = manifest;
  return { reference, digest, mediaType, sizeBytes: bytes.length, moduleDigest };
}

/** The images that the index names; those without a name, and what cannot be read, are left out. */
export function readIndex(text: string): readonly LayoutEntry[] {
  const index = parseJson(text);
  const manifests = isObject(index) && Array.isArray(index['manifests']) ? index['manifests'] : [];
  return manifests.filter(isObject).flatMap((one) => readEntry(one) ?? []);
}

function readEntry({ digest, mediaType, size, annotations }: JsonObject): LayoutEntry | undefined {
  const { [referenceAnnotation]: reference, [moduleAnnotation]: moduleDigest } = isObject(annotations)
    ? annotations
    : {};
  if (!isDigest(digest) || typeof reference !== 'string' || !isDigest(moduleDigest)) return undefined;
  const sizeBytes = typeof size === 'number' ? size : 0;
  return { reference, digest, mediaType: String(mediaType), sizeBytes, moduleDigest };
}

/** The index with the entry in the place of one of the same name. */
export function withEntry(entries: readonly LayoutEntry[], entry: LayoutEntry): readonly LayoutEntry[] {
  return [...entries.filter(({ reference }) => reference !== entry.reference), entry];
}

export function indexText(entries: readonly LayoutEntry[]): string {
  const manifests = entries.map(({ reference, digest, mediaType, sizeBytes, moduleDigest }) => ({
    mediaType,
    digest,
    size: sizeBytes,
    annotations: { [referenceAnnotation]: reference, [moduleAnnotation]: moduleDigest },
  }));
  return `${JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }, undefined, 2)}\n`;
}
