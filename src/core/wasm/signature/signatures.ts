// Answers: do the signatures that were found suffice for those that are asked for. One signature is looked at in
// simple-signing.ts (tag form) or sigstore-bundle.ts (bundle form).
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { type Refusal, type RefusalReason, refusal } from '../refusals.ts';
import type { Trust, Verification } from '../trust.ts';
import { type PublicKey, readPublicKey } from './trusted-key.ts';

export type SignatureForm = 'tag' | 'bundle';

/** What one signature turned out to be. */
export type Finding =
  /** Of this image, by this key. */
  | { readonly kind: 'signed'; readonly form: SignatureForm; readonly fingerprint: string }
  /** None of the keys made it, as far as can be told. */
  | { readonly kind: 'unknown'; readonly form: SignatureForm }
  /** Counts for nobody: of another image, or broken. `why` ends the sentence "a signature …". */
  | { readonly kind: 'invalid'; readonly form: SignatureForm; readonly why: string }
  /** Says something else about the image than that it is signed: an attestation. */
  | { readonly kind: 'other'; readonly form: SignatureForm };

/** Keys of all that have to hold, each once, however many names it has. */
export function keysOf(trusts: readonly Trust[]): Result<readonly PublicKey[], Refusal> {
  const found = new Map<string, PublicKey>();
  for (const one of trusts.flatMap(({ keys }) => keys)) {
    const read = readPublicKey(one);
    if (!read.ok) return read;
    if (!found.has(read.value.fingerprint)) found.set(read.value.fingerprint, read.value);
  }
  return ok([...found.values()]);
}

/**
 * Whether every trust holds. One that only warns never refuses: its refusal becomes the warning.
 *
 * @param image As messages name it.
 * @param keys What `keysOf` gave for these trusts.
 */
export function judgeSignatures(
  image: string,
  trusts: readonly Trust[],
  keys: readonly PublicKey[],
  findings: readonly Finding[],
): Result<Verification, Refusal> {
  const failed = trusts.flatMap((trust) => {
    const why = refusalOf(image, trust, findings);
    return why === undefined ? [] : [{ mode: trust.mode, why }];
  });
  const decisive = failed.find(({ mode }) => mode === 'enforce');
  if (decisive) return fail(decisive.why);
  const warnings = [...new Set(failed.map(({ why }) => `${why.reason}: ${why.message}`))];
  return ok({ signedBy: signers(keys, findings), ...(warnings.length > 0 && { warning: warnings.join('; ') }) });
}

function signers(keys: readonly PublicKey[], findings: readonly Finding[]): Verification['signedBy'] {
  const all = findings.flatMap((one) => {
    const key = one.kind === 'signed' ? keys.find(({ fingerprint }) => fingerprint === one.fingerprint) : undefined;
    return key ? [{ key: key.name, form: one.form }] : [];
  });
  return all.filter((one, at) => all.findIndex(({ key, form }) => key === one.key && form === one.form) === at);
}

/** Why this trust does not hold; undefined where it does. */
function refusalOf(image: string, trust: Trust, findings: readonly Finding[]): Refusal | undefined {
  if (trust.mode === 'off') return undefined;
  const named = new Map<string, string>();
  for (const one of trust.keys) {
    const key = readPublicKey(one);
    if (key.ok && !named.has(key.value.fingerprint)) named.set(key.value.fingerprint, one.name);
  }
  const signed = new Set(findings.flatMap((one) => (one.kind === 'signed' ? [one.fingerprint] : [])));
  const valid = [...named].filter(([fingerprint]) => signed.has(fingerprint)).map(([, name]) => name);
  if (valid.length >= Math.max(trust.threshold, 1)) return undefined;
  const [reason, found] = stateOf(findings, valid);
  return refusal(reason, `Cannot trust ${image}: ${found}; ${wantedOf([...named.values()], trust.threshold)}`);
}

function stateOf(findings: readonly Finding[], valid: readonly string[]): readonly [RefusalReason, string] {
  const foreign = findings.filter(({ kind }) => kind === 'unknown');
  const broken = findings.filter((one) => one.kind === 'invalid');
  const good = valid.length > 0 ? [`it is signed by ${list(valid)} alone`] : [];
  const others = foreign.length > 0 ? [`${counted(foreign)} fits none of the trusted keys`] : [];
  const wrong = [...new Set(broken.map(({ form, why }) => `a signature in ${form} form ${why}`))].slice(0, 3);
  const signedByOthers = findings.some(({ kind }) => kind === 'signed');
  const state = [...good, ...wrong, ...others].join(', and ');
  if (broken.length > 0) return ['SignatureInvalid', state];
  if (state !== '') return ['KeyUnknown', state];
  if (signedByOthers) return ['KeyUnknown', 'it is signed by keys that count elsewhere, and by none that counts here'];
  const attested = findings.length > 0 ? ', only attestations of other kinds' : '';
  return ['SignatureMissing', `it has no signature, neither in tag form nor in bundle form${attested}`];
}

function counted(findings: readonly Finding[]): string {
  const forms = [...new Set(findings.map(({ form }) => form))].join(' and ');
  return `${findings.length === 1 ? 'a signature' : `each of ${findings.length} other signatures`} in ${forms} form`;
}

function wantedOf(names: readonly string[], threshold: number): string {
  if (names.length === 0) return 'no key is trusted';
  if (names.length === 1 && threshold === 1) return `key ${list(names)} has to have signed`;
  return `${threshold} of the keys ${list(names)} ${threshold === 1 ? 'has' : 'have'} to have signed`;
}

function list(names: readonly string[]): string {
  return names.map(quoted).join(', ');
}
