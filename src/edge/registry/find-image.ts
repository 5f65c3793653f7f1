// Answers: which image manifest does a reference mean.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { ManifestDigest } from '../../core/wasm/digests.ts';
import { chooseChild, type ImageManifest, readManifest } from '../../core/wasm/image/manifest.ts';
import { referenceText } from '../../core/wasm/image/read-source.ts';
import type { WasmLimits } from '../../core/wasm/limits.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import type { Registry } from './registry.ts';

export interface ResolveParts {
  readonly registry: Registry;
  readonly limits: WasmLimits;
}

export interface FoundImage {
  readonly manifest: ImageManifest;
  readonly digest: ManifestDigest;
  /** Of the index that lists it, where the reference names an index. */
  readonly indexDigest?: ManifestDigest;
}

/** The image manifest, and that of an index the one of its children that is taken. */
export async function findImage(
  image: ImageReference,
  { registry, limits }: ResolveParts,
  signal?: AbortSignal,
): Promise<Result<FoundImage, Refusal>> {
  const first = await readManifestOf(image, registry, limits, signal);
  if (!first.ok) return first;
  const { manifest, digest } = first.value;
  if (manifest.kind === 'image') return ok({ manifest, digest });
  const child = chooseChild(manifest);
  if (!child.ok) return child;
  const second = await readManifestOf({ ...image, digest: child.value.digest }, registry, limits, signal);
  if (!second.ok) return second;
  if (second.value.manifest.kind === 'image') {
    return ok({ manifest: second.value.manifest, digest: second.value.digest, indexDigest: digest });
  }
  return fail(refusal('InvalidManifest', `Cannot take ${referenceText(image)}: its index lists another index`));
}

async function readManifestOf(image: ImageReference, registry: Registry, limits: WasmLimits, signal?: AbortSignal) {
  const fetched = await registry.manifest(image, signal);
  if (!fetched.ok) return fetched;
  const { bytes, contentType, digest } = fetched.value;
  const manifest = readManifest(bytes, contentType, limits);
  return manifest.ok ? ok({ manifest: manifest.value, digest }) : manifest;
}
