// Answers: which digest is meant. A module has three, and mixing them is the usual mistake: of its bytes, of the layer
// they came in, and of the manifest that lists the layer. Each is a type of its own.

/** sha256 of the raw `.wasm` bytes: the name of the file in the store, and what `sha256` means for an HTTP source. */
export type ModuleDigest = `sha256:${string}` & { readonly of?: 'module' };
/** sha256 of the layer's blob as the registry keeps it. */
export type LayerDigest = `sha256:${string}` & { readonly of?: 'layer' };
/** sha256 of the bytes of an image manifest: what is signed, and what `@sha256:` of a reference means. */
export type ManifestDigest = `sha256:${string}` & { readonly of?: 'manifest' };

const form = /^sha256:[0-9a-f]{64}$/;

/** True for `sha256:` and 64 lower-case hexadecimal digits. */
export function isDigest(text: unknown): text is `sha256:${string}` {
  return typeof text === 'string' && form.test(text);
}

/** The 64 digits. */
export function hexOf(digest: `sha256:${string}`): string {
  return digest.slice('sha256:'.length);
}
