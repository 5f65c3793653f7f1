// Answers: how does a process give memory back that it needed for a moment. V8 itself waits for more to come.

interface WithGc {
  readonly gc?: (options: { readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;
}

/** Sweeps thoroughly, compiled code that was used once among it; does nothing without Node's flag --expose-gc. */
export function returnMemory(): void {
  passedBytes = 0;
  (globalThis as WithGc).gc?.({ execution: 'sync', flavor: 'last-resort' });
}

const sweptAfterBytes = 2 * 1024 * 1024;
let passedBytes = 0;

/**
 * Counts bytes that were needed for a moment, and sweeps after each 2 MiB: a buffer that is in use during two of V8's
 * small sweeps is passed over by all others, and where several streams flow that is every buffer.
 */
export function countPassed(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes >= sweptAfterBytes) returnMemory();
}
