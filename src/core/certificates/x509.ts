// Answers: what does a PEM text hold: authorities, a leaf and its key; do they belong together, and until when.
// Does not belong here: what is to be done about it (plan.ts), making certificates (edge/issue-certificate.ts).
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { serviceHost } from '../cluster/names.ts';

/** Names that the certificate of the webhook is made for; the API server asks for the first. */
export const leafNames: readonly string[] = [
  serviceHost,
  `${serviceHost}.cluster.local`,
  serviceHost.replace(/\.svc$/, ''),
];

/** Every authority of ours is called so and a random end: of two with one name only one could be found in a bundle. */
export const authorityPrefix = 'pillion-ca-';

/** Certificates are valid from this long before they are made: clocks of other machines may be behind. */
export const backdateMs = 3_600_000;

/** An authority, without its key. */
export interface Authority {
  readonly pem: string;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly id: string;
  readonly certificate: X509Certificate;
}

/** An authority with its key. */
export interface Signer extends Authority {
  readonly key: string;
}

/** A certificate of the webhook with its key. */
export interface Leaf {
  readonly chain: string;
  readonly key: string;
  readonly certificate: X509Certificate;
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The authorities of a bundle in their order, each once; what is none is passed over and counted. */
export function readBundle(text: string): { readonly authorities: readonly Authority[]; readonly unreadable: number } {
  const blocks = text.match(block) ?? [];
  const authorities = new Map<string, Authority>();
  let unreadable = blocks.length === 0 && text.trim() !== '' ? 1 : 0;
  for (const pem of blocks) {
    const certificate = attempt(() => new X509Certificate(pem));
    if (certificate === undefined) unreadable += 1;
    else authorities.set(idOf(certificate), { pem: `${pem}\n`, id: idOf(certificate), certificate });
  }
  return { authorities: [...authorities.values()], unreadable };
}

export function printBundle(authorities: readonly Authority[]): string {
  return authorities.map(({ pem }) => pem).join('');
}

/**
 * The authority of ours with its key, where they belong together. Those of others cannot sign here: their keys may be of
 * another kind, and what is signed names them with another kind of string, which is another name to an API server.
 */
export function readSigner(pem: string, key: string): Signer | undefined {
  const [authority, ...others] = readBundle(pem).authorities;
  if (authority === undefined || others.length > 0 || !isOurs(authority) || !authority.certificate.ca) return undefined;
  const privateKey = readKey(key);
  if (privateKey === undefined || !authority.certificate.checkPrivateKey(privateKey)) return undefined;
  return { ...authority, key };
}

/** The signer, where there is one and it is valid. */
export function usable(signer: Signer | undefined, now: Date): Signer | undefined {
  return signer !== undefined && isValid(signer.certificate, now) ? signer : undefined;
}

/** The leaf with its key, where they belong together; the first certificate of a chain is the leaf. */
export function readLeaf(chain: string, key: string): Leaf | undefined {
  const certificate = attempt(() => new X509Certificate(chain));
  const privateKey = readKey(key);
  if (certificate === undefined || privateKey === undefined) return undefined;
  return certificate.checkPrivateKey(privateKey) ? { chain, key, certificate } : undefined;
}

function readKey(pem: string): KeyObject | undefined {
  return attempt(() => createPrivateKey(pem));
}

export function isSignedBy({ certificate }: Pick<Leaf, 'certificate'>, authority: Authority): boolean {
  const { certificate: issuer } = authority;
  return certificate.checkIssued(issuer) && attempt(() => certificate.verify(issuer.publicKey)) === true;
}

/** The names of ours that the leaf is not made for. */
export function missingNames({ certificate }: Pick<Leaf, 'certificate'>): readonly string[] {
  return leafNames.filter((name) => certificate.checkHost(name, { wildcards: false }) === undefined);
}

export function isValid(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now < certificate.validToDate;
}

/** True for an authority that some control made. */
export function isOurs({ certificate }: Authority): boolean {
  return certificate.subject.startsWith(`CN=${authorityPrefix}`) && certificate.subject === certificate.issuer;
}

/**
 * When a certificate is to be replaced: at two thirds of its life, which counts from the moment in which it was made; or
 * of the life that it would be given today, where that is shorter.
 */
export function renewalTime(certificate: X509Certificate, lifetimeSeconds: number): Date {
  const end = certificate.validToDate.getTime();
  const start = certificate.validFromDate.getTime();
  const made = end - start > backdateMs ? start + backdateMs : start;
  return new Date(made + (Math.min(end - made, lifetimeSeconds * 1000) * 2) / 3);
}

function idOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
