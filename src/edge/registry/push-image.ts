// Answers: how does a packed image come into a registry. Blobs first and the manifest last: nobody finds a manifest
// whose blobs are not there.
import { ok, type Result } from '../../core/model/problem.ts';
import type { ManifestDigest } from '../../core/wasm/digests.ts';
import type { PackedImage } from '../../core/wasm/image/pack.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import type { Progress, Registry } from './registry.ts';

export interface Pushed {
  readonly manifestDigest: ManifestDigest;
  /** Blobs that the registry had already count for nothing. */
  readonly sentBytes: number;
}

/**
 * Puts the image under the tag of the reference, or under its digest where it has no tag.
 *
 * @param progress Told of bytes of both blobs together.
 */
export async function pushImage(
  registry: Pick<Registry, 'uploadBlob' | 'putManifest'>,
  image: ImageReference,
  { layer, config, manifest }: PackedImage,
  progress?: Progress,
): Promise<Result<Pushed, Refusal>> {
  const totalBytes = layer.bytes.length + config.bytes.length;
  let before = 0;
  let sentBytes = 0;
  for (const { bytes } of [layer, config]) {
    const start = before;
    const sent = await registry.uploadBlob(image, bytes, (doneBytes) => progress?.(start + doneBytes, totalBytes));
    if (!sent.ok) return sent;
    before += bytes.length;
    if (sent.value) sentBytes += bytes.length;
    progress?.(before, totalBytes);
  }
  const put = await registry.putManifest(image, manifest.bytes, manifest.mediaType);
  return put.ok ? ok({ manifestDigest: put.value, sentBytes }) : put;
}
