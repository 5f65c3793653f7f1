// Answers: whose signatures count.
export interface TrustedKey {
  readonly name: string;
  /** Public key, PEM (SPKI). */
  readonly pem: string;
}

export const trustModes = ['enforce', 'warn', 'off'] as const;

export interface Trust {
  /** `enforce` refuses, `warn` tells, `off` does not look. */
  readonly mode: (typeof trustModes)[number];
  readonly keys: readonly TrustedKey[];
  /** How many different keys have to have signed. */
  readonly threshold: number;
}

/** What was found: which keys signed, in which of cosign's two forms. */
export interface Verification {
  readonly signedBy: readonly { readonly key: string; readonly form: 'tag' | 'bundle' }[];
  /** In mode `warn`: why it would have been refused. */
  readonly warning?: string;
}
