// Answers: which image does a source mean, and how do the bytes of its module come here.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { ManifestDigest, ModuleDigest } from '../../core/wasm/digests.ts';
import { largestConfigBytes, lastDiffId, rootIdsOf } from '../../core/wasm/image/image-config.ts';
import { type Descriptor, type ModuleLayer, moduleLayer } from '../../core/wasm/image/manifest.ts';
import { pinnedText, referenceText } from '../../core/wasm/image/read-source.ts';
import type { FetchedModule } from '../../core/wasm/module.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference, ModuleSource } from '../../core/wasm/source.ts';
import { findImage, type ResolveParts } from './find-image.ts';
import type { ModuleSink } from './module-sink.ts';
import { urlText } from './place.ts';
import type { Registry } from './registry.ts';
import { type UnpackedModule, unpackModule } from './unpack.ts';

/** A source whose tag was followed: fetching it again gives the same bytes. */
export interface ResolvedSource {
  /** The image by the digest of its image manifest; another source as it is. */
  readonly source: ModuleSource;
  /** As asked. */
  readonly reference: string;
  /** The same by digest. */
  readonly pinned: string;
  /** Of the image manifest; absent for what is no image. */
  readonly manifestDigest?: ManifestDigest;
  /** Of the index that lists the image manifest, where the reference names an index: signatures may be of either. */
  readonly indexDigest?: ManifestDigest;
  /** Each one sentence: the tag names another digest than the one given. */
  readonly warnings: readonly string[];
}

export interface FetchParts extends ResolveParts {
  /** Gets the bytes of the module; what it holds counts for nothing where the fetch is refused. */
  readonly sink: ModuleSink;
  readonly expected?: { readonly manifestDigest?: ManifestDigest; readonly moduleDigest?: ModuleDigest };
}

/** Follows tag and index to the one image manifest. Nothing but manifests is fetched. */
export async function resolveModule(
  source: ModuleSource,
  parts: ResolveParts,
  signal?: AbortSignal,
): Promise<Result<ResolvedSource, Refusal>> {
  if (source.kind !== 'image') {
    const text = source.kind === 'http' ? source.url : `file://${source.path}`;
    return ok({ source, reference: text, pinned: text, warnings: [] });
  }
  const found = await findImage(source.image, parts, signal);
  if (!found.ok) return found;
  const { digest, indexDigest } = found.value;
  const { registry, repository } = source.image;
  return ok({
    source: { kind: 'image', image: { registry, repository, digest } },
    reference: referenceText(source.image),
    pinned: pinnedText(source.image, digest),
    manifestDigest: digest,
    ...(indexDigest && { indexDigest }),
    warnings: await movedTag(source.image, parts.registry, signal),
  });
}

/** Fetches the module into the sink. Everything is checked by digest: manifest, layer, module. */
export async function fetchModule(
  source: ModuleSource,
  parts: FetchParts,
  signal?: AbortSignal,
): Promise<Result<FetchedModule, Refusal>> {
  if (source.kind === 'file') {
    return fail(refusal('SourceNotAllowed', 'Cannot fetch the module: a file:// source is on one machine alone'));
  }
  const fetched =
    source.kind === 'http' ? await fetchFile(source, parts, signal) : await fetchImage(source.image, parts, signal);
  if (!fetched.ok) return fetched;
  const { moduleDigest } = fetched.value;
  const expected = parts.expected?.moduleDigest;
  if (expected === undefined || expected === moduleDigest) return fetched;
  const reference = source.kind === 'http' ? urlText(new URL(source.url)) : fetched.value.reference;
  return fail(
    refusal('DigestMismatch', `Cannot take the module of ${reference}: it is ${moduleDigest}, expected is ${expected}`),
  );
}

type HttpSource = ModuleSource & { readonly kind: 'http' };

async function fetchFile(
  { url, moduleDigest }: HttpSource,
  { registry, limits, sink }: FetchParts,
  signal?: AbortSignal,
): Promise<Result<FetchedModule, Refusal>> {
  const blob = await registry.download(url, signal);
  if (!blob.ok) return blob;
  const unpacked = await unpackModule(blob.value, { variant: 'http', limits, sink });
  if (!unpacked.ok) return unpacked;
  if (unpacked.value.moduleDigest !== moduleDigest) {
    const found = unpacked.value.moduleDigest;
    const shown = urlText(new URL(url));
    return fail(
      refusal('DigestMismatch', `Cannot take the module of ${shown}: it is ${found}, sha256 says ${moduleDigest}`),
    );
  }
  return ok({ reference: url, pinned: url, variant: 'http', ...unpacked.value });
}

async function fetchImage(
  image: ImageReference,
  parts: FetchParts,
  signal?: AbortSignal,
): Promise<Result<FetchedModule, Refusal>> {
  const { expected } = parts;
  const found = await findImage(image, parts, signal);
  if (!found.ok) return found;
  const { manifest, digest } = found.value;
  const reference = referenceText(image);
  if (expected?.manifestDigest !== undefined && expected.manifestDigest !== digest) {
    const state = `its manifest is ${digest}, expected is ${expected.manifestDigest}`;
    return fail(refusal('DigestMismatch', `Cannot take the module of ${reference}: ${state}`));
  }
  const chosen = moduleLayer(manifest, parts.limits);
  if (!chosen.ok) return chosen;
  const unpacked = await fetchLayer(image, chosen.value, parts, signal);
  if (!unpacked.ok) return unpacked;
  const { variant, layer } = chosen.value;
  const pinned = pinnedText(image, digest);
  return ok({ reference, pinned, variant, manifestDigest: digest, layerDigest: layer.digest, ...unpacked.value });
}

async function fetchLayer(
  image: ImageReference,
  { variant, layer, config }: ModuleLayer,
  parts: FetchParts,
  signal?: AbortSignal,
): Promise<Result<UnpackedModule, Refusal>> {
  const { registry, limits, sink } = parts;
  const facts = await readConfig(image, config, parts, signal);
  if (!facts.ok) return facts;
  const { diffId, rootIds } = facts.value;
  const blob = await registry.blob(image, layer, signal);
  if (!blob.ok) return blob;
  const unpacking = { variant, layer, limits, sink, ...(diffId !== undefined && { diffId }) };
  const unpacked = await unpackModule(blob.value, unpacking);
  if (!unpacked.ok || unpacked.value.rootIds.length > 0) return unpacked;
  return ok({ ...unpacked.value, rootIds });
}

interface ConfigFacts {
  readonly diffId?: string;
  readonly rootIds: readonly string[];
}

async function readConfig(
  image: ImageReference,
  config: Descriptor,
  { registry }: FetchParts,
  signal?: AbortSignal,
): Promise<Result<ConfigFacts, Refusal>> {
  const bytes = await registry.smallBlob(image, config, largestConfigBytes, signal);
  if (!bytes.ok) return bytes;
  const diffId = lastDiffId(bytes.value);
  if (!diffId.ok) return diffId;
  return ok({ ...(diffId.value !== undefined && { diffId: diffId.value }), rootIds: rootIdsOf(bytes.value) });
}

/** Where tag and digest are both given, the digest is taken; people should know when the tag names another one by now. */
async function movedTag(image: ImageReference, registry: Registry, signal?: AbortSignal): Promise<readonly string[]> {
  const { digest, ...tagged } = image;
  if (digest === undefined || tagged.tag === undefined) return [];
  const now = await registry.head(tagged, signal);
  const what = `Cannot compare the tag ${tagged.tag} of ${image.registry}/${image.repository} with its digest`;
  if (!now.ok) return [`${what}: ${now.error.message}; the digest is taken`];
  if (now.value === digest) return [];
  return [
    `The tag ${tagged.tag} of ${image.registry}/${image.repository} names ${now.value}; the digest ${digest} is taken`,
  ];
}
