// Answers: will the API server trust what the webhook shows it, now and next week.
// Does not belong here: making and renewing it (core/certificates/).
import type { X509Certificate } from 'node:crypto';
import { type Authority, isSignedBy, readBundle } from '../certificates/x509.ts';
import { names, serviceHost } from '../cluster/names.ts';
import { registeredBundle } from '../cluster/registration.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { type CheckResult, checked, checkSeen } from './check-result.ts';
import { type Finding, found } from './findings.ts';
import { type CertificateParts, type Observations, seenValue } from './observations.ts';

/** What is left of a life when somebody should have noticed: renewal comes at two thirds. */
const lastPart = 0.25;

export function checkCertificate({ certificates, configurations, now }: Observations): CheckResult {
  return checkSeen(certificates, (parts) => {
    const chain = readBundle(parts?.chain ?? '').authorities;
    const leaf = chain[0]?.certificate;
    if (parts === undefined || leaf === undefined) {
      const state = parts === undefined ? 'there is no such Secret' : 'its tls.crt holds no certificate';
      return checked('there is none', [found('certificate-missing', `Secret ${names.certificates}: ${state}`)]);
    }
    const registered = seenValue(configurations)?.find(({ metadata }) => metadata.name === names.registration);
    const findings = [
      ...hostFindings(leaf),
      ...lifeFindings(leaf, 'The certificate', now),
      ...trustFindings({ chain, parts, registered, now }),
    ];
    return checked(`valid until ${day(leaf.validToDate)}${trustText(findings, registered)}`, findings);
  });
}

function trustText(findings: readonly Finding[], registered: KubeObject | undefined): string {
  if (registered === undefined) return '';
  return findings.some(({ finding }) => finding.startsWith('bundle-'))
    ? ''
    : ', signed by what the registration trusts';
}

function hostFindings(leaf: X509Certificate): readonly Finding[] {
  if (leaf.checkHost(serviceHost) !== undefined) return [];
  return [
    found('certificate-for-another-host', `It is for ${leaf.subjectAltName ?? 'no host'}, not for ${serviceHost}`),
  ];
}

function lifeFindings(
  certificate: X509Certificate,
  what: 'The certificate' | 'The newest authority',
  now: Date,
): readonly Finding[] {
  const { validFromDate, validToDate } = certificate;
  const left = validToDate.getTime() - now.getTime();
  const expired = what === 'The certificate' ? 'certificate-expired' : 'authority-expired';
  if (left <= 0) return [found(expired, `${what} expired on ${day(validToDate)}`)];
  if (validFromDate > now)
    return [found(expired, `${what} is not valid before ${day(validFromDate)}: check the clocks`)];
  if (left > (validToDate.getTime() - validFromDate.getTime()) * lastPart) return [];
  return [found('certificate-expiring', `${what} expires on ${day(validToDate)}, and was not renewed`)];
}

interface Trust {
  /** The leaf and what follows it. */
  readonly chain: readonly Authority[];
  readonly parts: CertificateParts;
  readonly registered: KubeObject | undefined;
  readonly now: Date;
}

function trustFindings({ chain, parts, registered, now }: Trust): readonly Finding[] {
  const kept = readBundle(parts.bundle ?? '').authorities;
  const [leaf] = chain;
  // of a certificate that is its own authority everything is said already
  const newest = kept[0]?.id === leaf?.id ? undefined : kept[0];
  const lasting = newest === undefined ? [] : lifeFindings(newest.certificate, 'The newest authority', now);
  if (registered === undefined) return lasting;
  const text = registeredBundle(registered);
  if (text === undefined) return [...lasting, found('bundle-missing', 'The registration has no caBundle, or several')];
  const trusted = readBundle(text).authorities;
  const issuer = issuerOf(chain, trusted);
  if (issuer === undefined) {
    const signer = leaf?.certificate.issuer ?? '';
    const what = `None of the authorities in the caBundle (${trusted.length}) signed the certificate; ${signer} did`;
    return [...lasting, found('bundle-differs', what)];
  }
  const { subject, validToDate } = issuer.certificate;
  const isOver = issuer.id !== leaf?.id && issuer.id !== newest?.id && validToDate < now;
  const isSame = kept.length === 0 || idsOf(kept) === idsOf(trusted);
  return [
    ...lasting,
    ...(isOver ? [found('authority-expired', `${subject} expired on ${day(validToDate)}`)] : []),
    ...(isSame ? [] : [found('bundle-outdated', 'The caBundle of the registration is not ca.crt of the Secret')]),
  ];
}

/** The trusted certificate at the end of the chain; a certificate that is trusted itself is its own. */
function issuerOf(
  [leaf, ...intermediates]: readonly Authority[],
  trusted: readonly Authority[],
): Authority | undefined {
  let last = leaf;
  for (let steps = 0; last !== undefined && steps <= intermediates.length; steps += 1) {
    const current = last;
    const issuer = trusted.find((one) => one.id === current.id || isSignedBy(current, one));
    if (issuer !== undefined) return issuer;
    last = intermediates.find((one) => isSignedBy(current, one));
  }
  return undefined;
}

/** In any order. */
function idsOf(authorities: readonly Authority[]): string {
  return authorities
    .map(({ id }) => id)
    .sort()
    .join();
}

function day(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
