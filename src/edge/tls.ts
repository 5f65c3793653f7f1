// Answers: which certificate does the admission port show, and is a new pair of files fit to replace it.
// Does not belong here: making one (self-signed.ts), noticing that files change (file-watch.ts).
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A chain and its key, found to belong together and to be valid. The key must not be logged. */
export interface Certificate {
  readonly chain: string;
  readonly key: string;
  readonly notAfter: Date;
  /** SHA-256 of the leaf, as openssl prints it. */
  readonly fingerprint: string;
}

/** What a TLS server needs to show the certificate. Kubernetes' own clients speak TLS 1.2 and later. */
export function secureOptions({ chain, key }: Certificate): SecureContextOptions {
  return { cert: chain, key, minVersion: 'TLSv1.2' };
}

/** Reads a pair of PEM files. The error is one line that names the files and the way out, never what is in the key. */
export async function loadCertificate(files: CertificateFiles, now: Date): Promise<Result<Certificate, string>> {
  const [chain, key] = await Promise.all([readPem(files.cert), readPem(files.key)]);
  if (!chain.ok) return chain;
  if (!key.ok) return key;
  return readCertificate(chain.value, key.value, files, now);
}

async function readPem(path: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(path, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return fail(`Cannot read ${quoted(path)}: ${code}; name a PEM file that can be read`);
  }
}

function readCertificate(chain: string, pem: string, files: CertificateFiles, now: Date): Result<Certificate, string> {
  const leaf = attempt(() => new X509Certificate(chain));
  if (leaf === undefined) {
    return fail(`Cannot use the certificate ${quoted(files.cert)}: it is not PEM; give a certificate chain in PEM`);
  }
  const key = attempt(() => createPrivateKey(pem));
  if (key === undefined) {
    return fail(
      `Cannot use the key ${quoted(files.key)}: it is not PEM, or encrypted; give a private key in plain PEM`,
    );
  }
  const state = findFault(leaf, key, now);
  if (state !== undefined) return fail(`Cannot use the certificate ${quoted(files.cert)}: ${state}`);
  const certificate = { chain, key: pem, notAfter: new Date(leaf.validTo), fingerprint: leaf.fingerprint256 };
  const context = attempt(() => createSecureContext(secureOptions(certificate)));
  if (context !== undefined) return ok(certificate);
  return fail(`Cannot use the certificate ${quoted(files.cert)}: OpenSSL refuses it; give an ECDSA P-256 certificate`);
}

function findFault(leaf: X509Certificate, key: KeyObject, now: Date): string | undefined {
  if (!leaf.checkPrivateKey(key)) return 'the key belongs to another certificate; give the key of this one';
  const notAfter = new Date(leaf.validTo);
  return notAfter < now ? `it expired on ${notAfter.toISOString()}; renew it` : undefined;
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
