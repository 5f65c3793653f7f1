// Answers: which image manifest does a reference mean.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { ManifestDigest } from '../../core/wasm/digests.ts';
import {
  chooseChild,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  imagesOf,
  moduleLayer,
  readManifest,
} from '../../core/wasm/image/manifest.ts';
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

/** So many images of an index are looked into where their platforms do not tell. */
const mostLookedInto = 8;

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
  const readChild = (child: Descriptor) => readManifestOf({ ...image, digest: child.digest }, registry, limits, signal);
  const child = chooseChild(manifest);
  const second = child.ok ? await readChild(child.value) : ((await firstModule(manifest, readChild)) ?? child);
  if (!second.ok) return second;
  if (second.value.manifest.kind === 'image') {
    return ok({ manifest: second.value.manifest, digest: second.value.digest, indexDigest: digest });
  }
  return fail(refusal('InvalidManifest', `Cannot take ${referenceText(image)}: its index lists another index`));
}

/** The first of the images whose layers can hold a module; undefined where none does, or what a registry refused. */
async function firstModule(
  index: ImageIndex,
  readChild: (child: Descriptor) => ReturnType<typeof readManifestOf>,
): Promise<Awaited<ReturnType<typeof readManifestOf>> | undefined> {
  for (const child of imagesOf(index).slice(0, mostLookedInto)) {
    const read = await readChild(child);
    // one that was not copied here with its index
    if (!read.ok && read.error.reason === 'NotFound') continue;
    if (!read.ok || (read.value.manifest.kind === 'image' && moduleLayer(read.value.manifest).ok)) return read;
  }
  return undefined;
}

async function readManifestOf(image: ImageReference, registry: Registry, limits: WasmLimits, signal?: AbortSignal) {
  const fetched = await registry.manifest(image, signal);
  if (!fetched.ok) return fetched;
  const { bytes, contentType, digest } = fetched.value;
  const manifest = readManifest(bytes, contentType, limits);
  return manifest.ok ? ok({ manifest: manifest.value, digest }) : manifest;
}
