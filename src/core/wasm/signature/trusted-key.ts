// Answers: what is a key that signatures are checked with, and does it fit a signature. The hash follows the key, as
// cosign does it: SHA-256 for P-256 and for RSA, SHA-384 for P-384, SHA-512 for P-521.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { type Refusal, refusal } from '../refusals.ts';
import type { TrustedKey } from '../trust.ts';

export interface PublicKey {
  readonly name: string;
  /** base64 of sha256 over the DER form: what cosign writes as hint. The same key has it under every name. */
  readonly fingerprint: string;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly key: KeyObject;
}

const hashOfCurve: Readonly<Record<string, PublicKey['hash']>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};
/** Shorter ones are weak; longer ones, or large exponents, only cost time. */
const modulusBits = { least: 2048, most: 4096 };
const largestExponent = 65_537n;

function hashOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): PublicKey['hash'] | undefined {
  if (asymmetricKeyType === 'ec') return hashOfCurve[asymmetricKeyDetails?.namedCurve ?? ''];
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  const isUsual = modulusLength >= modulusBits.least && modulusLength <= modulusBits.most;
  return asymmetricKeyType === 'rsa' && isUsual && publicExponent <= largestExponent ? 'sha256' : undefined;
}

/** `ed25519`, `ec secp256k1`, `rsa 1024`. */
function kindOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const size = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength;
  return `${asymmetricKeyType ?? 'unknown'}${size === undefined ? '' : ` ${size}`}`;
}

function parsed(pem: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: pem, format: 'pem' });
  } catch {
    return undefined;
  }
}

/** The key, ready for use. Ed25519 is declined: cosign signs with its pre-hashed kind, which Node does not check. */
export function readPublicKey({ name, pem }: TrustedKey): Result<PublicKey, Refusal> {
  // A private key would be read as well, and would stand where everybody may read it.
  const key = pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----') ? parsed(pem) : undefined;
  if (key === undefined) {
    return fail(refusal('InvalidSpec', `Cannot read the key ${quoted(name)}: it is no public key in PEM`));
  }
  const hash = hashOf(key);
  if (hash === undefined) {
    const allowed = 'ECDSA (P-256, P-384, P-521) and RSA (2048 to 4096 bits, exponent up to 65537) can be used';
    return fail(refusal('InvalidSpec', `Cannot use the key ${quoted(name)}: it is ${kindOf(key)}; ${allowed}`));
  }
  const fingerprint = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return ok({ name, fingerprint, hash, key });
}

/** Whether the key made the signature (ASN.1 DER for ECDSA, PKCS #1 v1.5 for RSA) of exactly these bytes. */
export function isSignedBy({ hash, key }: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(hash, bytes, { key, dsaEncoding: 'der' }, signature);
}
