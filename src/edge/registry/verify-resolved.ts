// Answers: is what a source was resolved to signed as it has to be. Control, the agent of a node and the command line all
// ask this, so that nothing is taken at the one and refused at the other.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { Trust, Verification } from '../../core/wasm/trust.ts';
import type { ResolvedSource } from './fetch-module.ts';
import { type SignatureRegistry, verifyImage } from './verify-image.ts';

/** What was resolved, or what the status tells of it. */
export type ToVerify = Pick<ResolvedSource, 'source' | 'manifestDigest' | 'indexDigest'>;

/** As `verifyImage`; what is no image has no signature, and so passes only where none is asked for. */
export async function verifyResolved(
  registry: SignatureRegistry,
  { source, manifestDigest, indexDigest }: ToVerify,
  trusts: readonly Trust[],
  signal?: AbortSignal,
): Promise<Result<Verification, Refusal>> {
  if (source.kind === 'image' && manifestDigest !== undefined) {
    const { image } = source;
    return verifyImage(registry, { image, manifestDigest, ...(indexDigest && { indexDigest }) }, trusts, signal);
  }
  const missing = 'Cannot verify the module: it is in no image, and only images have signatures';
  if (trusts.some(({ mode }) => mode === 'enforce')) return fail(refusal('SignatureMissing', missing));
  const isAsked = trusts.some(({ mode }) => mode === 'warn');
  return ok({ signedBy: [], ...(isAsked && { warning: `SignatureMissing: ${missing}` }) });
}
