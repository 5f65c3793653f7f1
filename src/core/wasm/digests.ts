// Answers: which digest is meant. A module has three, and mixing them is the usual mistake: of its bytes, of the layer
// they came in, and of the manifest that lists the layer. Each is a type of its own.

import { createHash } from 'node:crypto';

/** sha256 of the raw `.wasm` bytes: the name of the file in the store, and what `sha256` means for an HTTP source. */
export type ModuleDigest = `sha256:${string}` & { readonly of?: 'module' };
/** sha256 of the layer's blob as the registry keeps it. */
export type LayerDigest = `sha256:${string}` & { readonly of?: 'layer' };
/** sha256 of the bytes of an image manifest: what is signed, and what `@sha256:` of a reference means. */
export type ManifestDigest = `sha256:${string}` & { readonly of?: 'manifest' };

export { isDigest } from '../model/digest.ts';

/** The 64 digits. */
export function hexOf(digest: `sha256:${string}`): string {
  return digest.slice('sha256:'.length);
}

/** sha256 of the bytes; which of the three it is, the place where it is kept tells. */
export function digestOf(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
