// Answers: how is a certificate made: an authority, a leaf that it signs, or one that signs itself. EC P-256 and SHA-256.
// Does not belong here: when (core/certificates/plan.ts), where it is kept (self-signed.ts, roles/).
import { randomBytes } from 'node:crypto';
import { generate } from 'selfsigned';
import { authorityPrefix, backdateMs } from '../core/certificates/x509.ts';

type Options = NonNullable<Parameters<typeof generate>[1]>;
type Extensions = NonNullable<Options['extensions']>;

/** A certificate and its key, PEM. The key must not be logged. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

export interface Lifetime {
  readonly now: Date;
  readonly notAfter: Date;
}

export interface LeafSubject {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly addresses?: readonly string[];
}

/** Makes an authority with a name of its own. */
export function issueAuthority(lifetime: Lifetime): Promise<IssuedPair> {
  return issue(`${authorityPrefix}${randomBytes(8).toString('hex')}`, lifetime, [
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
}

/** Makes the certificate of a server, signed by the authority; or by itself where there is none. */
export function issueLeaf(subject: LeafSubject, lifetime: Lifetime, authority?: IssuedPair): Promise<IssuedPair> {
  const { commonName, dnsNames, addresses = [] } = subject;
  const extensions: Extensions = [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        ...dnsNames.map((value) => ({ type: 2 as const, value })),
        ...addresses.map((ip) => ({ type: 7 as const, ip })),
      ],
    },
  ];
  return issue(commonName, lifetime, extensions, authority);
}

async function issue(
  commonName: string,
  { now, notAfter }: Lifetime,
  extensions: Extensions,
  authority?: IssuedPair,
): Promise<IssuedPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - backdateMs),
    notAfterDate: notAfter,
    extensions,
    ...(authority === undefined ? {} : { ca: authority }),
  });
  return { cert, key };
}
