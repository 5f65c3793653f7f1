// Answers: what does the Secret hold after a step: who signs, who is trusted still, and until when.
// Does not belong here: which step is due (plan.ts).
import type { CertificateFacts, CertificateOptions, CertificateStep, Made } from './facts.ts';
import type { CertificateContents, CertificateSecret } from './secret.ts';
import { type Authority, isOurs, isSignedBy, isValid, type Signer, usable } from './x509.ts';

/** A kubelet brings a changed Secret into the pods within two minutes; an overlap that is shorter would break them. */
const leastOverlapMs = 180_000;

export function overlapMs({ overlap }: CertificateOptions): number {
  return Math.max(overlap * 1000, leastOverlapMs);
}

/** The contents of the Secret when the step is done with what was made for it. */
export function contentsAfter(facts: CertificateFacts, step: CertificateStep, made: Made): CertificateContents {
  const { secret, now } = facts;
  const announced = made.authority ?? usable(secret.successor, now);
  const isPromotion = step.needsLeafOf === 'successor';
  const signer = isPromotion ? announced : usable(secret.signer, now);
  const successor = isPromotion ? undefined : announced;
  const leaf = made.leaf ?? secret.leaf;
  const isCalm = signer !== undefined && leaf !== undefined && isSignedBy(leaf, signer);
  const others = trustedBesides(facts, [signer, successor]);
  const retired = new Map<string, Date>();
  const kept: Authority[] = [];
  for (const authority of others) {
    const since = retiredSince(facts, authority, isPromotion, signer);
    const isOver = isCalm && since !== undefined && now.getTime() >= since.getTime() + overlapMs(facts.options);
    if (!isOver) kept.push(authority);
    // remembered for as long as the registration has it: it would be taken for one that got lost
    if (since !== undefined && (!isOver || isIn(facts.registered, authority))) retired.set(authority.id, since);
  }
  return {
    leaf,
    signer,
    successor,
    bundle: newestFirst([successor, signer, ...kept]),
    retired,
    request: isAnswered(secret, step) ? undefined : secret.request,
  };
}

/** Authorities besides the two that replicas may still serve a leaf of: those of the bundle, and those that got lost. */
function trustedBesides(
  { secret, registered = [], now }: CertificateFacts,
  current: readonly (Authority | undefined)[],
): readonly Authority[] {
  const lost = registered.filter((authority) => isOurs(authority) || usable(secret.signer, now) === undefined);
  const all = new Map([...bundleOf(secret), ...lost].map((authority) => [authority.id, authority]));
  for (const one of current) if (one !== undefined) all.delete(one.id);
  return [...all.values()].filter(({ certificate }) => isValid(certificate, now));
}

function retiredSince(
  { secret, now }: CertificateFacts,
  { id }: Authority,
  isPromotion: boolean,
  signer: Signer | undefined,
): Date | undefined {
  const wasSigner = isPromotion && secret.signer?.id === id;
  const known = wasSigner ? undefined : secret.retired.get(id);
  // where nobody signs, a leaf of this one may be the last that there is
  return known ?? (signer === undefined ? undefined : now);
}

/** Everything that the Secret says is trusted. */
export function bundleOf({ successor, signer, bundle }: CertificateSecret): readonly Authority[] {
  return newestFirst([successor, signer, ...bundle]);
}

function newestFirst(authorities: readonly (Authority | undefined)[]): readonly Authority[] {
  const all = new Map(authorities.flatMap((one) => (one === undefined ? [] : [[one.id, one] as const])));
  return [...all.values()].sort(
    (a, b) => b.certificate.validFromDate.getTime() - a.certificate.validFromDate.getTime(),
  );
}

function isAnswered({ request }: CertificateSecret, { needsLeafOf }: CertificateStep): boolean {
  return request === 'leaf' ? needsLeafOf !== undefined : needsLeafOf === 'successor';
}

/** True where writing these contents over the Secret would change nothing. */
export function isSame(secret: CertificateContents, wanted: CertificateContents): boolean {
  return (
    secret.leaf?.chain === wanted.leaf?.chain &&
    secret.signer?.id === wanted.signer?.id &&
    secret.successor?.id === wanted.successor?.id &&
    secret.request === wanted.request &&
    secret.bundle.map(({ id }) => id).join() === wanted.bundle.map(({ id }) => id).join() &&
    secret.retired.size === wanted.retired.size &&
    [...wanted.retired].every(([id, since]) => secret.retired.get(id)?.getTime() === since.getTime())
  );
}

function isIn(authorities: readonly Authority[] | undefined, { id }: Authority): boolean {
  return authorities?.some((one) => one.id === id) ?? false;
}
