// Answers: how do a blob and a manifest get into a registry. Monolithic upload of OCI distribution-spec 1.1: POST, PUT.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { digestOf, type ManifestDigest } from '../../core/wasm/digests.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { type Fault, lasting, refusalOf } from './fault.ts';
import { imageText } from './place.ts';
import { readTarget } from './redirects.ts';
import { ask, askOnce, type Question, retriedAt, type Session } from './session.ts';

export interface Upload {
  readonly image: ImageReference;
  readonly bytes: Uint8Array;
  /** Called with the bytes so far and of all. */
  readonly progress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

type Base = Pick<Question, 'what' | 'image' | 'actions' | 'signal'>;

/** Sends the blob unless the registry has it; the value says whether it was sent. */
export async function pushBlob(session: Session, upload: Upload): Promise<Result<boolean, Refusal>> {
  const { image, bytes, progress, signal } = upload;
  const digest = digestOf(bytes);
  const what = `push the blob ${digest} to ${image.registry}/${image.repository}`;
  const base: Base = { what, image, actions: 'pull,push', signal };
  const there = await ask(session, { ...base, method: 'HEAD', at: `blobs/${digest}`, taken: [200, 404] });
  if (!there.ok) return there;
  there.value.discard();
  if (there.value.status === 200) {
    progress?.(bytes.length, bytes.length);
    return ok(false);
  }
  const sent = await retriedAt(session, base, () => uploadOnce(session, base, { ...upload, digest }));
  return sent.ok ? ok(true) : fail(refusalOf(what, sent.error));
}

async function uploadOnce(
  session: Session,
  base: Base,
  { bytes, digest, progress }: Upload & { readonly digest: string },
): Promise<Result<void, Fault>> {
  const started = await askOnce(session, {
    ...base,
    method: 'POST',
    at: 'blobs/uploads/',
    body: noBytes,
    taken: [202],
  });
  if (!started.ok) return started;
  started.value.discard();
  const { location } = started.value.headers;
  if (location === undefined) return fail(lasting('InvalidAnswer', 'it starts an upload without saying where'));
  const target = readTarget(location, started.value.url);
  if (!target.ok) return target;
  target.value.searchParams.set('digest', digest);
  const put = await askOnce(session, {
    ...base,
    method: 'PUT',
    at: target.value,
    headers: { 'Content-Type': 'application/octet-stream' },
    body: bytes,
    taken: [201],
    onSent: (doneBytes) => progress?.(doneBytes, bytes.length),
  });
  if (put.ok) put.value.discard();
  return put.ok ? ok(undefined) : put;
}

/** Puts the manifest under the tag of the reference, or under its digest where it has no tag. */
export async function pushManifest(
  session: Session,
  { image, bytes, signal }: Upload,
  mediaType: string,
): Promise<Result<ManifestDigest, Refusal>> {
  const digest = digestOf(bytes);
  const what = `push the manifest of ${imageText(image)}`;
  if (image.digest !== undefined && image.digest !== digest) {
    return fail(refusal('DigestMismatch', `Cannot ${what}: the manifest is ${digest}`));
  }
  const put = await ask(session, {
    what,
    image,
    actions: 'pull,push',
    signal,
    method: 'PUT',
    at: `manifests/${image.tag ?? digest}`,
    headers: { 'Content-Type': mediaType },
    body: bytes,
    taken: [201],
  });
  if (!put.ok) return put;
  put.value.discard();
  return ok(digest);
}

const noBytes = new Uint8Array();
