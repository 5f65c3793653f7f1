// Answers: how is a digest written. Which of the digests of a module is meant: core/wasm/digests.ts.

/** `sha256:` and 64 lower-case hexadecimal digits (OCI image-spec, digests). */
export const digestForm = /^sha256:[0-9a-f]{64}$/;

/** True for a digest in its one form. */
export function isDigest(text: unknown): text is `sha256:${string}` {
  return typeof text === 'string' && digestForm.test(text);
}
