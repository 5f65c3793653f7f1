// Answers: what is one signature in cosign's tag form worth. The signed text is the blob of a layer in the manifest
// under the tag `sha256-<hex>.sig` of the same repository; the signature stands in the layer's annotations.
// Source: cosign's specs/SIGNATURE_SPEC.md, and what cosign 2.6 writes.
import type { ManifestDigest } from '../digests.ts';
import { hexOf } from '../digests.ts';
import { fieldOf, readBase64, readSigned } from '../image/signed-json.ts';
import type { Finding } from './signatures.ts';
import { isSignedBy, type PublicKey } from './trusted-key.ts';

export const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const claimType = 'cosign container image signature';

/** The tag under which cosign keeps the signatures of an image. */
export function signatureTag(digest: ManifestDigest): string {
  return `sha256-${hexOf(digest)}.sig`;
}

/**
 * What the signature is worth. The text is read only after a key has vouched for it; where none has, a look into it
 * decides nothing but the words: what names another image would count with no key.
 *
 * @param payload The blob, byte by byte: the signature is over these bytes.
 * @param signature Value of the annotation, base64.
 */
export function judgeSimpleSigning(
  payload: Uint8Array,
  signature: string | undefined,
  digest: ManifestDigest,
  keys: readonly PublicKey[],
): Finding {
  const form = 'tag';
  const bytes = readBase64(signature);
  if (bytes === undefined) return { kind: 'invalid', form, why: 'is no base64 text' };
  const signer = keys.find((key) => isSignedBy(key, payload, bytes));
  const why = misfit(payload, digest);
  if (why !== undefined) return { kind: 'invalid', form, why };
  return signer ? { kind: 'signed', form, fingerprint: signer.fingerprint } : { kind: 'unknown', form };
}

/** Why the text does not speak for this image; undefined where it does. */
function misfit(payload: Uint8Array, digest: ManifestDigest): string | undefined {
  const critical = fieldOf(readSigned(payload), 'critical');
  const claimed = fieldOf(fieldOf(critical, 'image'), 'docker-manifest-digest');
  if (typeof claimed !== 'string') return 'is of a text that is no unambiguous claim';
  if (fieldOf(critical, 'type') !== claimType) return 'is of a claim of another type';
  return claimed === digest ? undefined : 'is of another image';
}
