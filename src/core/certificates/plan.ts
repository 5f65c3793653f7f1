// Answers: what is to be done about the certificates now. One step at a time; after each the cluster is looked at again.
// The first row that holds is taken:
//
//   what is the case                                          step                                       state
//   a successor; the registration carries it for `settle`,    it signs from now on: a leaf of it; the    promote
//     or there is no registration                               one before stays in the bundle
//   no usable signer, no successor, no registration           a new authority that signs at once         start
//   no usable signer, or at two thirds of its life, or asked  a new authority becomes the successor:     announce
//     for; no successor                                         into the bundle, which is registered
//   the leaf is at two thirds of its life, or asked for, and  a new leaf of the signer                   renew
//     the registration carries its signer
//   the leaf is none of the signer's, which the registration  a new leaf of the signer                   renew
//     carries for `settle`
//   the Secret holds what cannot be used, or what is over     it is put right                            tidy
//   a successor, and none of the above                        none; the registration takes its time      settle
//   a leaf that is due, and none of the above                 none; the registration comes first         wait
//   anything else                                             none                                       current
//
// What follows from it: a leaf is written only when the registration carries its authority (or there is no registration,
// so that nobody asks for it), and an authority leaves the bundle only long after the last leaf of it was replaced. So
// what a replica serves is trusted, however long the kubelet takes to bring it a new Secret. Where the Secret was lost,
// authorities that are registered stay in the bundle: replicas go on with leaves whose authority has no key any more.
// Does not belong here: carrying a step out (roles/), what the Secret then holds (contents.ts).
import { bundleOf, contentsAfter, isSame, overlapMs } from './contents.ts';
import type { CertificateFacts, CertificateStep } from './facts.ts';
import { type Authority, isSignedBy, isValid, missingNames, renewalTime, usable } from './x509.ts';

/** Steps that change the Secret. */
export const certificateSteps = ['promote', 'start', 'announce', 'renew', 'tidy'] as const;
export type CertificateState = (typeof certificateSteps)[number] | 'settle' | 'wait' | 'current';

export interface CertificatePlan {
  readonly state: CertificateState;
  /** In words, for the log and for events. */
  readonly why: string;
  /** Undefined where the Secret is to stay as it is. */
  readonly step: CertificateStep | undefined;
  /** When time alone makes another plan; undefined where only a change does. */
  readonly lookAgainAt: Date | undefined;
}

/** Decides the one step that is due. */
export function planCertificates(facts: CertificateFacts): CertificatePlan {
  const { state, why, step } = changeOfAuthority(facts) ?? renewal(facts) ?? tidying(facts) ?? patience(facts);
  return { state, why, step, lookAgainAt: nextTime(facts) };
}

type Draft = Omit<CertificatePlan, 'lookAgainAt'>;

function changeOfAuthority(facts: CertificateFacts): Draft | undefined {
  const { secret, registered, now } = facts;
  const successor = usable(secret.successor, now);
  if (successor !== undefined) {
    if (!isSettled(facts, successor)) return undefined;
    const why = registered === undefined ? 'nobody trusts another one yet' : 'the registration trusts it';
    return {
      state: 'promote',
      why: `the new authority signs from now on: ${why}`,
      step: { needsAuthority: false, needsLeafOf: 'successor' },
    };
  }
  const due = authorityDue(facts);
  if (due === undefined) return undefined;
  if (registered === undefined && usable(secret.signer, now) === undefined) {
    return { state: 'start', why: due, step: { needsAuthority: true, needsLeafOf: 'successor' } };
  }
  return { state: 'announce', why: due, step: { needsAuthority: true } };
}

/** Why a new authority is needed. */
function authorityDue({ secret: { signer, request }, options, now }: CertificateFacts): string | undefined {
  if (signer === undefined) return 'there is no authority whose key is known';
  if (!isValid(signer.certificate, now)) return `the authority is valid ${validity(signer)}`;
  if (request === 'authority') return 'somebody asked for a new authority';
  if (now < renewalTime(signer.certificate, options.authorityLifetime)) return undefined;
  return 'the authority is at two thirds of its life';
}

function renewal(facts: CertificateFacts): Draft | undefined {
  const signer = usable(facts.secret.signer, facts.now);
  const due = leafDue(facts);
  if (signer === undefined || due === undefined) return undefined;
  const { leaf } = facts.secret;
  const isSameSigner = leaf !== undefined && isSignedBy(leaf, signer);
  // of the same signer it is trusted no less than the one before
  const may = isSameSigner ? isRegistered(facts, signer) : isSettled(facts, signer);
  return may ? { state: 'renew', why: due, step: { needsAuthority: false, needsLeafOf: 'signer' } } : undefined;
}

/** Why a new leaf is needed. */
function leafDue({ secret: { leaf, signer, request }, options, now }: CertificateFacts): string | undefined {
  if (leaf === undefined) return 'there is no certificate with its key';
  if (signer !== undefined && !isSignedBy(leaf, signer)) return 'the certificate is of another authority';
  const missing = missingNames(leaf);
  if (missing.length > 0) return `the certificate is not made for ${missing.join(', ')}`;
  if (request === 'leaf') return 'somebody asked for a new certificate';
  if (!isValid(leaf.certificate, now)) return `the certificate is valid ${validity(leaf)}`;
  if (now < renewalTime(leaf.certificate, options.leafLifetime)) return undefined;
  // near the end of its authority a leaf cannot last longer than the one before
  const lasts = signer === undefined || leaf.certificate.validToDate < signer.certificate.validToDate;
  return lasts ? 'the certificate is at two thirds of its life' : undefined;
}

function tidying(facts: CertificateFacts): Draft | undefined {
  const { secret } = facts;
  const wanted = contentsAfter(facts, { needsAuthority: false }, {});
  if (secret.faults.length > 0) return tidy(secret.faults.join('; '));
  if (isSame(secret, wanted)) return undefined;
  const gone = secret.bundle.filter(({ id }) => !wanted.bundle.some((kept) => kept.id === id)).length;
  const come = wanted.bundle.filter(({ id }) => !secret.bundle.some((had) => had.id === id)).length;
  return tidy(`${gone} authorities leave the bundle, ${come} come into it`);
}

function tidy(why: string): Draft {
  return { state: 'tidy', why, step: { needsAuthority: false } };
}

function patience(facts: CertificateFacts): Draft {
  const { secret, now } = facts;
  const none = { step: undefined };
  if (usable(secret.successor, now) !== undefined) {
    return { ...none, state: 'settle', why: 'the registration comes to trust the new authority' };
  }
  const due = leafDue(facts);
  if (due !== undefined)
    return { ...none, state: 'wait', why: `${due}, and the registration does not trust its authority yet` };
  return { ...none, state: 'current', why: 'nothing is due' };
}

function isRegistered({ registered, trust }: CertificateFacts, { id }: Authority): boolean {
  return registered === undefined || trust.has(id);
}

function isSettled({ registered, trust, options, now }: CertificateFacts, { id }: Authority): boolean {
  if (registered === undefined) return true;
  const since = trust.get(id);
  return since !== undefined && now.getTime() - since >= options.settle * 1000;
}

function validity({ certificate }: Pick<Authority, 'certificate'>): string {
  return `from ${certificate.validFromDate.toISOString()} to ${certificate.validToDate.toISOString()}`;
}

/** The first moment from now on in which another row of the table can hold. */
function nextTime({ secret, trust, options, now }: CertificateFacts): Date | undefined {
  const { signer, leaf, successor } = secret;
  const settledFrom = (authority: Authority | undefined): number[] => {
    const since = authority === undefined ? undefined : trust.get(authority.id);
    return since === undefined ? [] : [since + options.settle * 1000];
  };
  const times = [
    ...(signer === undefined ? [] : [renewalTime(signer.certificate, options.authorityLifetime).getTime()]),
    ...(leaf === undefined ? [] : [renewalTime(leaf.certificate, options.leafLifetime).getTime()]),
    ...bundleOf(secret).map(({ certificate }) => certificate.validToDate.getTime()),
    ...[...secret.retired.values()].map((since) => since.getTime() + overlapMs(options)),
    ...(signer !== undefined && leaf !== undefined && isSignedBy(leaf, signer) ? [] : settledFrom(signer)),
    ...settledFrom(successor),
  ].filter((time) => time > now.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}
