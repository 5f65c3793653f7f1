// Answers: where does a certificate come from where nobody gives one: made here, and kept in a directory.
// Does not belong here: reading a pair of files (tls.ts).
import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceHost } from '../core/cluster/names.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { type IssuedPair, issueLeaf } from './issue-certificate.ts';
import { type CertificateFiles, loadCertificate } from './tls.ts';

const dnsNames = ['localhost', serviceHost, 'pillion.pillion-system', 'pillion'];
const addresses = ['127.0.0.1', '::1'];

const dayMs = 86_400_000;
const validDays = 365;
/** A certificate that has less than this is made anew at the next start. */
const leastDays = 30;

/**
 * The certificate in the directory, where there is one of ours that lasts; else a new one. Writes `tls.crt`, `tls.key`
 * (for its owner only) and `ca.crt`, which clients trust. A self-signed certificate is its own authority.
 */
export async function provideSelfSigned(directory: string, now: Date): Promise<Result<CertificateFiles, string>> {
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  const [found, foundKey] = await Promise.all([readIfThere(files.cert), readIfThere(files.key)]);
  const foreign = found === undefined ? foundKey !== undefined && files.key : !isOurs(found) && files.cert;
  if (foreign) {
    const state = `${quoted(foreign)} is not one that pillion made`;
    return fail(
      `Cannot make a certificate in ${quoted(directory)}: ${state}; name another directory, or use --tls-cert`,
    );
  }
  if (found !== undefined && (await lasts(files, now))) return ok(files);
  try {
    await writePair(directory, await make(now));
    return ok(files);
  } catch (error) {
    const state = error instanceof Error ? error.message : String(error);
    return fail(`Cannot make a certificate in ${quoted(directory)}: ${state}; name a directory that can be written`);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** True for what a start like this one can have left: other people's files are not overwritten. */
function isOurs(pem: string): boolean {
  try {
    const { subject, issuer } = new X509Certificate(pem);
    return subject === issuer && subject === `CN=${serviceHost}`;
  } catch {
    return pem.trim() === '';
  }
}

async function lasts(files: CertificateFiles, now: Date): Promise<boolean> {
  const loaded = await loadCertificate(files, new Date(now.getTime() + leastDays * dayMs));
  return loaded.ok;
}

function make(now: Date): Promise<IssuedPair> {
  const notAfter = new Date(now.getTime() + validDays * dayMs);
  return issueLeaf({ commonName: serviceHost, dnsNames, addresses }, { now, notAfter });
}

/** Each file appears whole, the key last: a start that is cut off leaves nothing that the next one would not replace. */
async function writePair(directory: string, { cert, key }: IssuedPair): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeWhole(join(directory, 'ca.crt'), cert, 0o644);
  await writeWhole(join(directory, 'tls.crt'), cert, 0o644);
  await writeWhole(join(directory, 'tls.key'), key, 0o600);
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, text, { mode, flag: 'wx' });
  await rename(temporary, path);
}
