// Answers: how does a process give memory back that it needed for a moment. V8 itself waits for more to come.

interface WithGc {
  readonly gc?: (options: { readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;
}

/** Sweeps thoroughly, compiled code that was used once among it; does nothing without Node's flag --expose-gc. */
export function returnMemory(): void {
  (globalThis as WithGc).gc?.({ execution: 'sync', flavor: 'last-resort' });
}
