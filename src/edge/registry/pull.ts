// Answers: how do a manifest, a blob and a file come here. What is named by its digest is compared with it.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { digestOf, isDigest, type ManifestDigest } from '../../core/wasm/digests.ts';
import { type Descriptor, manifestMediaTypes } from '../../core/wasm/image/manifest.ts';
import type { WasmLimits } from '../../core/wasm/limits.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { openBlob } from './blob-stream.ts';
import { checkedBlob } from './checked-blob.ts';
import { lasting } from './fault.ts';
import { imageText, manifestPath } from './place.ts';
import { Refused } from './refused.ts';
import { ask, askAll, type Question, type Session } from './session.ts';

export interface ManifestOrder {
  readonly image: ImageReference;
  readonly limits: WasmLimits;
  readonly signal: AbortSignal;
}

export interface FetchedManifest {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** Computed from the bytes; it is the one that was asked for. */
  readonly digest: ManifestDigest;
}

/** The bytes of the manifest; refused where they are not those of the digest that was asked for. */
export async function fetchManifest(session: Session, order: ManifestOrder): Promise<Result<FetchedManifest, Refusal>> {
  const { limits, image } = order;
  const question: Question = { ...manifestQuestion(order), method: 'GET', taken: [200] };
  const tooLong = lasting('ManifestTooLarge', `it is larger than ${limits.maxManifestBytes} bytes`);
  const asked = await askAll(session, question, limits.maxManifestBytes, tooLong);
  if (!asked.ok) return asked;
  const { bytes, answer } = asked.value;
  const contentType = answer.headers['content-type'] ?? '';
  if (/^text\/html\b/i.test(contentType)) {
    return fail(refusal('InvalidAnswer', `Cannot ${question.what}: the answer is a web page (text/html)`));
  }
  const digest = digestOf(bytes);
  if (image.digest === undefined || image.digest === digest) return ok({ bytes, contentType, digest });
  return fail(refusal('DigestMismatch', `Cannot ${question.what}: the manifest that arrives is ${digest}`));
}

/** Digest of what the reference names. Registries that limit pulls do not count the method HEAD. */
export async function headManifest(session: Session, order: ManifestOrder): Promise<Result<ManifestDigest, Refusal>> {
  const asked = await ask(session, { ...manifestQuestion(order), method: 'HEAD', taken: [200] });
  if (!asked.ok) return asked;
  asked.value.discard();
  if (order.image.digest !== undefined) return ok(order.image.digest);
  const said = asked.value.headers['docker-content-digest'];
  if (isDigest(said)) return ok(said);
  const fetched = await fetchManifest(session, order);
  return fetched.ok ? ok(fetched.value.digest) : fetched;
}

function manifestQuestion({ image, signal }: ManifestOrder): Omit<Question, 'method' | 'taken'> {
  const headers = { Accept: manifestMediaTypes.join(', ') };
  const what = `read the manifest of ${imageText(image)}`;
  return { what, image, at: manifestPath(image), actions: 'pull', headers, signal };
}

export interface BlobOrder {
  readonly image: ImageReference;
  readonly descriptor: Descriptor;
  readonly signal: AbortSignal;
}

/** The blob as it arrives. Whoever reads it counts the bytes and compares the digest. */
export function streamBlob(
  session: Session,
  { image, descriptor, signal }: BlobOrder,
): Promise<Result<AsyncIterable<Uint8Array>, Refusal>> {
  const { digest } = descriptor;
  const what = `read the blob ${digest} of ${image.registry}/${image.repository}`;
  const question = { what, image, method: 'GET', at: `blobs/${digest}`, actions: 'pull', signal } as const;
  return openBlob({ what, signal, ask: (headers, taken) => ask(session, { ...question, headers, taken }) });
}

/** The whole blob, counted and compared with its digest. */
export async function fetchBlob(
  session: Session,
  order: BlobOrder,
  maxBytes: number,
): Promise<Result<Uint8Array, Refusal>> {
  const opened = await streamBlob(session, order);
  if (!opened.ok) return opened;
  const { descriptor } = order;
  const what = `blob ${descriptor.digest} (${descriptor.mediaType})`;
  const blob = checkedBlob(opened.value, { what, maxBytes, expected: descriptor });
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of blob.chunks()) chunks.push(chunk);
  } catch (error) {
    if (error instanceof Refused) return fail(error.refusal);
    throw error;
  } finally {
    await blob.close();
  }
  return ok(Buffer.concat(chunks));
}
