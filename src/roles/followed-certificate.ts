// Answers: which certificate is shown, while the files that hold it may change at any time.
// Does not belong here: whether a pair of files is fit (edge/tls.ts), making one (edge/self-signed.ts).
import { fail, ok, type Result } from '../core/model/problem.ts';
import { type Followed, followFiles } from '../edge/followed-files.ts';
import type { Telemetry } from '../edge/telemetry.ts';
import { type Certificate, type CertificateFiles, loadCertificate } from '../edge/tls.ts';
import type { Readiness } from './readiness.ts';

/** Either a pair of files, or a directory for a certificate of our own making. */
export interface CertificateOptions {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly selfSigned?: string;
}

/** Who wants to know of another certificate: the listener, once it is there. */
export type CertificateUser = (certificate: Certificate) => void;

/**
 * Loads the certificate, or makes it, and follows its files. A pair that cannot be used leaves the one before in use, and
 * says so; the process stays ready with it. `use` is called with every one that can be used.
 * @returns the certificate; or, where the first one cannot be used, one line
 */
export async function followCertificate(
  options: CertificateOptions,
  telemetry: Telemetry,
  readiness: Readiness,
  use: CertificateUser,
): Promise<Result<Followed<Certificate>, string>> {
  const files = await findFiles(options);
  if (!files.ok) return files;
  return followFiles<Certificate, string>({
    paths: [files.value.cert, files.value.key],
    load: () => loadCertificate(files.value, new Date()),
    accepted: (certificate) => {
      use(certificate);
      telemetry.certificateInUse(certificate);
      readiness.set('certificate', true, `valid until ${certificate.notAfter.toISOString()}`);
    },
    rejected: (problem) => {
      telemetry.certificateRejected(problem);
      readiness.set('certificate', true, `the one before is in use; that on disk: ${problem}`);
    },
    failed: telemetry.failed,
  });
}

async function findFiles({
  tlsCert,
  tlsKey,
  selfSigned,
}: CertificateOptions): Promise<Result<CertificateFiles, string>> {
  if (selfSigned !== undefined && tlsCert === undefined && tlsKey === undefined) {
    const { provideSelfSigned } = await import('../edge/self-signed.ts'); // what makes certificates takes long to load
    return provideSelfSigned(selfSigned, new Date());
  }
  if (selfSigned === undefined && tlsCert !== undefined && tlsKey !== undefined) {
    return ok({ cert: tlsCert, key: tlsKey });
  }
  return fail(
    'Cannot serve: the API server speaks only TLS; give either --tls-cert and --tls-key, or --self-signed DIR',
  );
}
