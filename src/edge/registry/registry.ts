// Answers: what can a registry be asked, and be told. Rules: OCI distribution-spec 1.1.
import type { Result } from '../../core/model/problem.ts';
import type { ManifestDigest } from '../../core/wasm/digests.ts';
import type { Credentials } from '../../core/wasm/image/docker-config.ts';
import type { Descriptor } from '../../core/wasm/image/manifest.ts';
import type { WasmLimits } from '../../core/wasm/limits.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { openConnections } from './connections.ts';
import { download } from './download.ts';
import { type FetchedManifest, fetchBlob, fetchManifest, headManifest, streamBlob } from './pull.ts';
import { pushBlob, pushManifest } from './push.ts';
import { readReferrers } from './referrers.ts';
import type { Session } from './session.ts';
import { createTokens } from './tokens.ts';

export type { FetchedManifest } from './pull.ts';

export interface RegistryOptions {
  readonly credentials?: Credentials;
  /** Registries that are spoken to without TLS: `host` or `host:port`. */
  readonly plainHttp: readonly string[];
  /** Authorities, PEM, that are trusted besides the public ones. */
  readonly caBundle?: string;
  readonly limits: WasmLimits;
  /** How long nothing may arrive, and the longest wait that is slept here when a registry asks for one. 30 s if absent. */
  readonly patienceMs?: number;
  /** As who we ask: `pillion` where absent. */
  readonly userAgent?: string;
}

/** Called with the bytes so far and of all. */
export type Progress = (doneBytes: number, totalBytes: number) => void;

/** Nothing throws but the iteration of a blob, which throws Refused (refused.ts). */
export interface Registry {
  /** The manifest or index that the reference names; of tag and digest the digest counts. */
  manifest(image: ImageReference, signal?: AbortSignal): Promise<Result<FetchedManifest, Refusal>>;
  /** Digest of what the tag names now; that of the reference where it has one and the registry has it. */
  head(image: ImageReference, signal?: AbortSignal): Promise<Result<ManifestDigest, Refusal>>;
  /** The blob as it arrives. Whoever reads it counts it and compares it with its digest, as unpackModule does. */
  blob(
    image: ImageReference,
    descriptor: Descriptor,
    signal?: AbortSignal,
  ): Promise<Result<AsyncIterable<Uint8Array>, Refusal>>;
  /** A blob that is small enough to be held in memory, compared with its digest: a configuration, a signature. */
  smallBlob(
    image: ImageReference,
    descriptor: Descriptor,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Result<Uint8Array, Refusal>>;
  /** What refers to the manifest, by the API or by the referrers tag, which may not tell the type; empty where nothing does. */
  referrers(
    image: ImageReference,
    digest: ManifestDigest,
    artifactType: string,
    signal?: AbortSignal,
  ): Promise<Result<readonly Descriptor[], Refusal>>;
  /** A file that is in no registry; no credentials are shown. */
  download(url: string, signal?: AbortSignal): Promise<Result<AsyncIterable<Uint8Array>, Refusal>>;
  /** Sends the bytes unless they are there; the value says whether they were sent. */
  uploadBlob(
    image: ImageReference,
    bytes: Uint8Array,
    progress?: Progress,
    signal?: AbortSignal,
  ): Promise<Result<boolean, Refusal>>;
  /** Puts the manifest under the tag of the reference, or under its digest where it has no tag. */
  putManifest(
    image: ImageReference,
    bytes: Uint8Array,
    mediaType: string,
    signal?: AbortSignal,
  ): Promise<Result<ManifestDigest, Refusal>>;
  /** Closes connections that are kept open. */
  close(): void;
}

const usualPatienceMs = 30_000;
/** So many times the patience, a small answer and a blob may take in all, with everything that is tried again. */
const smallTimes = 6;
const blobTimes = 20;

/** A client; its connections, tokens and waits are its own. */
export function createRegistry(options: RegistryOptions): Registry {
  const { credentials, plainHttp, caBundle, limits, patienceMs = usualPatienceMs, userAgent = 'pillion' } = options;
  const wire = { connections: openConnections(caBundle), patienceMs, userAgent };
  const session: Session = { ...wire, plainHttp, tokens: createTokens(wire, credentials), holds: new Map() };
  const within = (times: number, signal?: AbortSignal): AbortSignal => {
    const deadline = AbortSignal.timeout(patienceMs * times);
    return signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  };
  const small = (signal?: AbortSignal) => ({ limits, signal: within(smallTimes, signal) });
  const large = (signal?: AbortSignal) => ({ signal: within(blobTimes, signal) });
  return {
    manifest: (image, signal) => fetchManifest(session, { image, ...small(signal) }),
    head: (image, signal) => headManifest(session, { image, ...small(signal) }),
    blob: (image, descriptor, signal) => streamBlob(session, { image, descriptor, ...large(signal) }),
    smallBlob: (image, descriptor, maxBytes, signal) =>
      fetchBlob(session, { image, descriptor, ...small(signal) }, maxBytes),
    referrers: (image, digest, artifactType, signal) =>
      readReferrers(session, { image, digest, artifactType, ...small(signal) }),
    download: (url, signal) => download(session, { url, ...large(signal) }),
    uploadBlob: (image, bytes, progress, signal) =>
      pushBlob(session, { image, bytes, ...(progress && { progress }), ...large(signal) }),
    putManifest: (image, bytes, mediaType, signal) =>
      pushManifest(session, { image, bytes, ...small(signal) }, mediaType),
    close: () => wire.connections.close(),
  };
}
