// Answers: how is a step of the certificates taken: what it asks for is made, and the Secret is written, if it is still
// the one that the step was decided for.
// Does not belong here: which step (core/certificates/plan.ts).
import { contentsAfter } from '../core/certificates/contents.ts';
import type { CertificateFacts, CertificateStep, Made } from '../core/certificates/facts.ts';
import { printSecret } from '../core/certificates/secret.ts';
import { leafNames, readLeaf, readSigner, type Signer } from '../core/certificates/x509.ts';
import { fieldManagers } from '../core/cluster/names.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { issueAuthority, issueLeaf } from '../edge/issue-certificate.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';

/**
 * Takes the step. Returns the Secret as it was written, or undefined where somebody else was faster; throws KubeError
 * where the API server refuses it or cannot be reached.
 */
export async function takeStep(
  kube: Kube,
  facts: CertificateFacts,
  step: CertificateStep,
  before: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  const secret = printSecret(contentsAfter(facts, step, await make(facts, step)), before);
  const options = { fieldManager: fieldManagers.control };
  try {
    return await (before === undefined ? kube.create(secret, options) : kube.replace(secret, options));
  } catch (error) {
    const isOvertaken = error instanceof KubeError && (error.code === 'conflict' || isGone(error, before));
    if (isOvertaken) return undefined;
    throw error;
  }
}

/** The Secret was deleted since it was read. */
function isGone({ code }: KubeError, before: KubeObject | undefined): boolean {
  return code === 'not-found' && before !== undefined;
}

/** Makes what the step needs. */
export async function make(facts: CertificateFacts, step: CertificateStep): Promise<Made> {
  const authority = step.needsAuthority ? await makeAuthority(facts) : undefined;
  const signers = { signer: facts.secret.signer, successor: authority ?? facts.secret.successor };
  const signer = step.needsLeafOf === undefined ? undefined : signers[step.needsLeafOf];
  return {
    ...(authority === undefined ? {} : { authority }),
    ...(signer === undefined ? {} : { leaf: await makeLeaf(facts, signer) }),
  };
}

async function makeAuthority({ now, options }: CertificateFacts): Promise<Signer> {
  const { cert, key } = await issueAuthority({ now, notAfter: later(now, options.authorityLifetime) });
  const signer = readSigner(cert, key);
  if (signer === undefined) throw new Error('the authority that was made cannot be read');
  return signer;
}

/** No leaf is valid for longer than the authority that signs it. */
async function makeLeaf({ now, options }: CertificateFacts, signer: Signer): Promise<NonNullable<Made['leaf']>> {
  const end = Math.min(later(now, options.leafLifetime).getTime(), signer.certificate.validToDate.getTime());
  const [commonName = ''] = leafNames;
  const { cert, key } = await issueLeaf(
    { commonName, dnsNames: leafNames },
    { now, notAfter: new Date(end) },
    { cert: signer.pem, key: signer.key },
  );
  const leaf = readLeaf(cert, key);
  if (leaf === undefined) throw new Error('the certificate that was made cannot be read');
  return leaf;
}

function later(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000);
}
