// Answers: how long is waited before something is tried again, and how does such a wait end early.

/** Resolves after so long, or at once when the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, milliseconds);
  signal.addEventListener('abort', end);
  return promise;
}

const firstMs = 200;
const mostMs = 5_000;

/**
 * Milliseconds to wait after so many failures in a row (1 or more): twice as long each time, up to five seconds, so that
 * what was away is noticed soon after it is back; half of it by chance, so that many who wait do not come at once.
 */
export function backoffMs(failures: number): number {
  return spread(Math.min(mostMs, firstMs * 2 ** (failures - 1)));
}

/** Between half of it and all of it. */
export function spread(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random() / 2);
}
