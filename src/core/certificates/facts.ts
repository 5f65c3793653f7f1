// Answers: what may a decision about certificates know, and what can a step ask for.
import type { ClusterOptions } from '../cluster/options.ts';
import type { CertificateSecret } from './secret.ts';
import type { Trust } from './trust.ts';
import type { Authority, Leaf, Signer } from './x509.ts';

export type CertificateOptions = ClusterOptions['certificates'];

export interface CertificateFacts {
  /** `emptySecret` where there is none. */
  readonly secret: CertificateSecret;
  /** Authorities of the caBundle; undefined where there is no registration. */
  readonly registered: readonly Authority[] | undefined;
  readonly trust: Trust;
  readonly options: CertificateOptions;
  readonly now: Date;
}

/** What has to be made before the Secret is written. */
export interface CertificateStep {
  /** A new authority, which becomes the successor. */
  readonly needsAuthority: boolean;
  /** A new leaf: of the authority that signs, or of the successor, which signs from then on. */
  readonly needsLeafOf?: 'signer' | 'successor';
}

/** What was made. */
export interface Made {
  readonly authority?: Signer;
  readonly leaf?: Leaf;
}
