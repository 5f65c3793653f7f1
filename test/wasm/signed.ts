// Answers: how does a test sign an image without cosign: keys, claims of the tag form, statements and bundles.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { bundleType } from '../../src/core/wasm/signature/sigstore-bundle.ts';
import { type PublicKey, readPublicKey } from '../../src/core/wasm/signature/trusted-key.ts';
import type { TrustedKey } from '../../src/core/wasm/trust.ts';

export interface Signer {
  readonly trusted: TrustedKey;
  readonly key: PublicKey;
  /** base64, as cosign writes it. */
  sign(bytes: string | Uint8Array): string;
}

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function curve(namedCurve: 'P-256' | 'P-384' | 'P-521'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

/** Someone with a key of the pair; one of P-256 where none is given. */
export function signer(name: string, pair: KeyPair = curve('P-256')): Signer {
  const trusted = { name, pem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() };
  const key = readPublicKey(trusted);
  if (!key.ok) throw new Error(key.error.message);
  const hash = key.value.hash;
  return {
    trusted,
    key: key.value,
    sign: (bytes) => sign(hash, Buffer.from(bytes), { key: pair.privateKey, dsaEncoding: 'der' }).toString('base64'),
  };
}

/** The text that the tag form signs; `image` is what stands in it about the image. */
export function claimOf(digest: string, image = `"image":{"docker-manifest-digest":"${digest}"}`): string {
  return `{"critical":{"identity":{"docker-reference":""},${image},"type":"cosign container image signature"},"optional":null}`;
}

export function statementOf(digest: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
    ...changes,
  });
}

export const inToto = 'application/vnd.in-toto+json';

/** What DSSE signs. */
export function encoded(type: string, statement: string): string {
  return `DSSEv1 ${type.length} ${type} ${statement.length} ${statement}`;
}

export interface BundleChanges {
  /** Signed instead of the statement. */
  readonly signed?: string;
  readonly payloadType?: string;
  readonly mediaType?: string;
}

export function bundleOf(by: Signer, statement: string, changes: BundleChanges = {}): Uint8Array {
  const { payloadType = inToto, mediaType = bundleType } = changes;
  const sig = by.sign(changes.signed ?? encoded(payloadType, statement));
  const verificationMaterial = { publicKey: { hint: by.key.fingerprint } };
  const payload = Buffer.from(statement).toString('base64');
  const dsseEnvelope = { payload, payloadType, signatures: [{ sig }] };
  return Buffer.from(JSON.stringify({ mediaType, verificationMaterial, dsseEnvelope }));
}
