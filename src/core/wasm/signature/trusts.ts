// Answers: whose signatures have to hold for one extension, and which digests are taken never.
import { type Refusal, refusal } from '../refusals.ts';
import type { Trust, TrustedKey } from '../trust.ts';

/** Of group `wasm` of the options. */
export interface ClusterTrust {
  readonly signatures: Trust['mode'];
  readonly keys: readonly TrustedKey[];
  readonly threshold: number;
}

export interface DenyList {
  readonly deniedDigests: readonly string[];
}

/**
 * What the cluster asks of every image, then what the extension asks besides. All have to hold, so that an extension
 * can ask for more and never for less. What does not look (`off`) is left out: an empty list means that no signature
 * is looked at. An extension without keys of its own means those of the cluster, also where the cluster itself does not
 * look; where there are none either, nothing can be signed as it asks.
 */
export function trustsOf(wasm: ClusterTrust, own?: Trust): readonly Trust[] {
  const ofCluster: Trust = { mode: wasm.signatures, keys: wasm.keys, threshold: wasm.threshold };
  const asked = own && { ...own, keys: own.keys.length === 0 ? wasm.keys : own.keys };
  return [ofCluster, ...(asked ? [asked] : [])].filter(({ mode }) => mode !== 'off');
}

/**
 * The refusal that names the first digest which is on the cluster's list, be it of manifest, layer or module; undefined
 * where none is. Digests that are not known yet are undefined.
 */
export function denial({ deniedDigests }: DenyList, digests: readonly (string | undefined)[]): Refusal | undefined {
  const denied = digests.find((digest) => digest !== undefined && deniedDigests.includes(digest));
  if (denied === undefined) return undefined;
  return refusal('DigestDenied', `Cannot take ${denied}: it is in wasm.deniedDigests of the options`);
}
