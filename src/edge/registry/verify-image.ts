// Answers: who signed this image. Signatures are looked for where cosign keeps them, under a tag of the image's
// repository (cosign 2) and among the manifests that refer to the image (cosign 3); either place counts. So does a
// signature of the index that the image was found in, as long as that index lists the image.
// Does not belong here: what a signature is worth (core/wasm/signature/simple-signing.ts, sigstore-bundle.ts, signatures.ts).
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { isDigest, type ManifestDigest } from '../../core/wasm/digests.ts';
import {
  type Descriptor,
  type ImageManifest,
  listsImage,
  type Manifest,
  readManifest,
} from '../../core/wasm/image/manifest.ts';
import { pinnedText } from '../../core/wasm/image/read-source.ts';
import { usualLimits } from '../../core/wasm/limits.ts';
import { type Refusal, refusal, refusals } from '../../core/wasm/refusals.ts';
import { type Finding, judgeSignatures, keysOf, type SignatureForm } from '../../core/wasm/signature/signatures.ts';
import {
  bundleType,
  judgeBundle,
  predicateAnnotation,
  signPredicate,
} from '../../core/wasm/signature/sigstore-bundle.ts';
import {
  judgeSimpleSigning,
  signatureAnnotation,
  signatureTag,
  simpleSigningType,
} from '../../core/wasm/signature/simple-signing.ts';
import type { PublicKey } from '../../core/wasm/signature/trusted-key.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import type { Trust, Verification } from '../../core/wasm/trust.ts';
import type { Registry } from './registry.ts';

export type SignatureRegistry = Pick<Registry, 'manifest' | 'smallBlob' | 'referrers'>;

/** Of each form; more are not looked at. */
const mostSignatures = 50;
/** Of a signed text, and of a bundle. cosign writes less than 1 kB, and some 10 kB with a log entry. */
const mostBytes = 256 * 1024;

/** What is to run. */
export interface SignedImage {
  /** Says registry and repository; its own tag and digest are not looked at. */
  readonly image: ImageReference;
  readonly manifestDigest: ManifestDigest;
  /** Of the index that the image was found in. Whether the index lists the image is looked at here. */
  readonly indexDigest?: ManifestDigest;
}

/** What the search in one place gave: findings, and the fault that kept it from looking at everything. */
interface Found {
  readonly findings: readonly Finding[];
  readonly fault?: Refusal;
}

interface Search {
  readonly registry: SignatureRegistry;
  readonly image: ImageReference;
  /** What is to be signed. */
  readonly digest: ManifestDigest;
  readonly keys: readonly PublicKey[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Whether the image is signed as every trust asks, by signatures of its own manifest and of its index together. What only
 * warns never refuses: not for a missing signature, and not for a registry that does not answer.
 *
 * @returns Who signed. Refused with SignatureMissing, SignatureInvalid or KeyUnknown, with what the registry answered
 * where it kept the signatures from being looked at, or with InvalidSpec for a key that is none.
 */
export async function verifyImage(
  registry: SignatureRegistry,
  { image, manifestDigest, indexDigest }: SignedImage,
  trusts: readonly Trust[],
  signal?: AbortSignal,
): Promise<Result<Verification, Refusal>> {
  const asked = trusts.filter(({ mode }) => mode !== 'off');
  if (asked.length === 0) return ok({ signedBy: [] });
  const keys = keysOf(asked);
  const verdict = keys.ok
    ? await search({ registry, image, digest: manifestDigest, keys: keys.value, signal }, indexDigest, asked)
    : keys;
  if (verdict.ok || asked.some(({ mode }) => mode === 'enforce')) return verdict;
  return ok({ signedBy: [], warning: `${verdict.error.reason}: ${verdict.error.message}` });
}

/** Looks from place to place, and no further once what was found suffices. */
async function search(
  where: Search,
  indexDigest: ManifestDigest | undefined,
  trusts: readonly Trust[],
): Promise<Result<Verification, Refusal>> {
  const name = pinnedText(where.image, where.digest);
  const ofIndex = indexDigest === undefined ? undefined : { ...where, digest: indexDigest };
  const places: readonly (() => Promise<Found>)[] = [
    () => searchTag(where),
    () => searchReferrers(where),
    ...(ofIndex ? [() => searchIndex(ofIndex, where.digest)] : []),
  ];
  const findings: Finding[] = [];
  let fault: Refusal | undefined;
  for (const look of places) {
    const found = await look();
    findings.push(...found.findings);
    fault ??= found.fault;
    const verdict = judgeSignatures(name, trusts, where.keys, findings);
    if (verdict.ok && verdict.value.warning === undefined) return verdict;
  }
  const verdict = judgeSignatures(name, trusts, where.keys, findings);
  if (fault === undefined) return verdict;
  // where all that is enforced holds, the rest only warns
  return verdict.ok ? ok({ ...verdict.value, warning: `${fault.reason}: ${fault.message}` }) : fail(fault);
}

/** Signatures of the index. They count for nothing unless the index itself, by its digest, lists the image. */
async function searchIndex(where: Search, manifestDigest: ManifestDigest): Promise<Found> {
  const { registry, image, digest, signal } = where;
  const { registry: host, repository } = image;
  const index = readAny(await registry.manifest({ registry: host, repository, digest }, signal));
  const cannot = `Cannot trust ${pinnedText(image, manifestDigest)}: its index ${digest}`;
  if (!index.ok) {
    const { reason } = index.error;
    // one that is gone lists nothing any more, and nobody did anything wrong
    if (reason === 'NotFound') return { findings: [] };
    const unreadable = refusal('SignatureInvalid', `${cannot} cannot be read (${reason})`);
    return { findings: [], fault: isUnanswered(index.error) ? index.error : unreadable };
  }
  if (!listsImage(index.value, manifestDigest)) {
    return { findings: [], fault: refusal('SignatureInvalid', `${cannot} does not list it`) };
  }
  const [tagged, referring] = [await searchTag(where), await searchReferrers(where)];
  const fault = tagged.fault ?? referring.fault;
  return { findings: [...tagged.findings, ...referring.findings], ...(fault && { fault }) };
}

/** Tag form: each layer of the manifest under the tag is a signature. */
async function searchTag(where: Search): Promise<Found> {
  const { registry, image, digest, keys, signal } = where;
  const { registry: host, repository } = image;
  const fetched = await registry.manifest({ registry: host, repository, tag: signatureTag(digest) }, signal);
  const manifest = readImage(fetched);
  if (!manifest.ok) return afterRefusal('tag', manifest.error);
  const layers = manifest.value.layers.filter(({ mediaType }) => mediaType === simpleSigningType);
  return each(layers, async (layer) => {
    const payload = await registry.smallBlob(image, layer, mostBytes, signal);
    if (!payload.ok) return afterRefusal('tag', payload.error, true);
    const signature = layer.annotations?.[signatureAnnotation];
    return { findings: [judgeSimpleSigning(payload.value, signature, digest, keys)] };
  });
}

/** Bundle form: each manifest that refers to the image and says that it is a bundle holds one signature. */
async function searchReferrers(where: Search): Promise<Found> {
  const { registry, image, digest, signal } = where;
  const listed = await registry.referrers(image, digest, bundleType, signal);
  if (!listed.ok) return afterRefusal('bundle', listed.error);
  return each(listed.value, (one) => lookAtBundle(where, one));
}

async function lookAtBundle({ registry, image, digest, keys, signal }: Search, one: Descriptor): Promise<Found> {
  if (isAttestation(one)) return { findings: [{ kind: 'other', form: 'bundle' }] };
  const { registry: host, repository } = image;
  if (!isDigest(one.digest)) return { findings: [{ kind: 'invalid', form: 'bundle', why: 'has no digest' }] };
  const fetched = await registry.manifest({ registry: host, repository, digest: one.digest }, signal);
  const manifest = readImage(fetched);
  if (!manifest.ok) return afterRefusal('bundle', manifest.error, true);
  if (isAttestation(manifest.value)) return { findings: [{ kind: 'other', form: 'bundle' }] };
  const layer = manifest.value.layers.find(({ mediaType }) => mediaType === bundleType);
  if (layer === undefined) return { findings: [] };
  const bundle = await registry.smallBlob(image, layer, mostBytes, signal);
  if (!bundle.ok) return afterRefusal('bundle', bundle.error, true);
  return { findings: [judgeBundle(bundle.value, digest, keys)] };
}

/** Told by the annotation, which spares a request; what lies here can only keep a signature from counting. */
function isAttestation({ annotations }: Pick<Descriptor, 'annotations'>): boolean {
  const predicate = annotations?.[predicateAnnotation];
  return predicate !== undefined && predicate !== signPredicate;
}

type Answered = Awaited<ReturnType<Registry['manifest']>>;

function readImage(fetched: Answered): Result<ImageManifest, Refusal> {
  const read = readAny(fetched);
  if (!read.ok) return read;
  if (read.value.kind === 'image') return ok(read.value);
  return fail(refusal('InvalidManifest', 'Cannot read a signature: it is an index of images'));
}

function readAny(fetched: Answered): Result<Manifest, Refusal> {
  return fetched.ok ? readManifest(fetched.value.bytes, fetched.value.contentType, usualLimits) : fetched;
}

/** Looks at one after the other, so that many signatures are no burst, until the registry no longer answers. */
async function each<T>(all: readonly T[], look: (one: T) => Promise<Found>): Promise<Found> {
  const findings: Finding[] = [];
  for (const one of all.slice(0, mostSignatures)) {
    const found = await look(one);
    findings.push(...found.findings);
    if (found.fault) return { findings, fault: found.fault };
  }
  return { findings };
}

/**
 * What is not there is no signature; what is listed and not there, or is not what it should be, is a broken one; and a
 * registry that does not answer has said nothing at all.
 */
function afterRefusal(form: SignatureForm, error: Refusal, isListed = false): Found {
  if (error.reason === 'NotFound' && !isListed) return { findings: [] };
  if (isUnanswered(error)) return { findings: [], fault: error };
  return { findings: [{ kind: 'invalid', form, why: `cannot be read (${error.reason})` }] };
}

/** The registry has said nothing about what was asked, and may later. */
function isUnanswered({ reason }: Refusal): boolean {
  const { fault, passes } = refusals[reason];
  return fault === 'registry' && passes;
}
