// Answers: what is one signature in cosign's bundle form worth. A sigstore bundle is the only layer of a manifest that
// refers to the image; in it a DSSE envelope holds an in-toto statement about the image.
// Sources: sigstore's protobuf-specs (bundle v0.3), DSSE v1 (pre-authentication encoding), in-toto Statement v1, and
// what cosign 3.1 writes.
import { isObject } from '../../model/json.ts';
import { hexOf, type ManifestDigest } from '../digests.ts';
import { fieldOf, readBase64, readSigned } from '../image/signed-json.ts';
import type { Finding } from './signatures.ts';
import { isSignedBy, type PublicKey } from './trusted-key.ts';

export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const predicateAnnotation = 'dev.sigstore.bundle.predicateType';
/** Says that the image is signed; other predicates are attestations about how it came about. */
export const signPredicate = 'https://sigstore.dev/cosign/sign/v1';
const payloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';

interface Envelope {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Fingerprint of the key, as the bundle claims. */
  readonly hint: unknown;
}

/** What the signature in the bundle is worth. The statement is read only after a key has vouched for it. */
export function judgeBundle(bundle: Uint8Array, digest: ManifestDigest, keys: readonly PublicKey[]): Finding {
  const form = 'bundle';
  const envelope = readEnvelope(bundle);
  if (typeof envelope === 'string') return { kind: 'invalid', form, why: envelope };
  const { payload, signature, hint } = envelope;
  const signed = preAuthentication(payload);
  const signer = keys.find((key) => isSignedBy(key, signed, signature));
  if (signer === undefined) {
    const claimed = keys.find(({ fingerprint }) => fingerprint === hint);
    if (claimed) return { kind: 'invalid', form, why: `names key ${JSON.stringify(claimed.name)} and was altered` };
  }
  const claim = readStatement(payload, digest);
  if (claim === 'other') return { kind: 'other', form };
  if (claim !== undefined) return { kind: 'invalid', form, why: claim };
  return signer ? { kind: 'signed', form, fingerprint: signer.fingerprint } : { kind: 'unknown', form };
}

/** What is to be checked; or, as text, why there is nothing. */
function readEnvelope(bundle: Uint8Array): Envelope | string {
  const read = readSigned(bundle);
  if (read?.['mediaType'] !== bundleType) return 'is no bundle of version 0.3';
  const envelope = read['dsseEnvelope'];
  if (!isObject(envelope)) return 'has no DSSE envelope';
  if (envelope['payloadType'] !== payloadType) return 'is of a text that is no in-toto statement';
  const signatures = envelope['signatures'];
  const [only, ...more] = Array.isArray(signatures) ? signatures : [];
  const signature = readBase64(fieldOf(only, 'sig'));
  const payload = readBase64(envelope['payload']);
  if (signature === undefined || payload === undefined || more.length > 0)
    return 'is not one envelope with one signature';
  const hint = fieldOf(fieldOf(read['verificationMaterial'], 'publicKey'), 'hint');
  return { payload, signature, hint };
}

/** DSSE v1: what is signed is the type and the text with their lengths, so that neither can pass for the other. */
function preAuthentication(payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** `other` for an attestation, why it does not speak for this image, or undefined where it does. */
function readStatement(payload: Uint8Array, digest: ManifestDigest): string | undefined {
  const statement = readSigned(payload);
  if (statement?.['_type'] !== statementType) return 'is of a text that is no unambiguous in-toto statement';
  if (statement['predicateType'] !== signPredicate) return 'other';
  const subjects = statement['subject'];
  const isMeant = (one: unknown) =>
    isObject(one) && isObject(one['digest']) && one['digest']['sha256'] === hexOf(digest);
  return Array.isArray(subjects) && subjects.some(isMeant) ? undefined : 'is of another image';
}
