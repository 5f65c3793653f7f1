// Answers: when does a server end, and in which steps, so that no request fails meanwhile.
// Does not belong here: what the server does (serve.ts), how connections are closed (edge/http.ts).
import { setTimeout as wait } from 'node:timers/promises';
import type { AdmissionListener } from '../edge/http.ts';
import type { Logger } from '../edge/log.ts';
import type { Readiness } from './readiness.ts';

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
  removeListener(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
}

export interface StopRequest {
  /** Resolves when somebody asks to stop. */
  readonly asked: Promise<void>;
  /** Aborted when somebody asks again: what is left of the waiting is skipped. */
  readonly impatient: AbortSignal;
  release(): void;
}

/** Listens for SIGTERM (the kubelet) and SIGINT (Ctrl-C). */
export function listenForStop(signals: SignalSource): StopRequest {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const impatience = new AbortController();
  let isAsked = false;
  const stop = (): void => {
    if (isAsked) impatience.abort();
    isAsked = true;
    resolve();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, stop);
  return {
    asked,
    impatient: impatience.signal,
    release: () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.removeListener(signal, stop);
    },
  };
}

/** Requests in flight get this long; with the delay before, it fits into the 30 s that Kubernetes gives a pod. */
const inFlightMs = 23_000;
/** How long clients are asked with every answer to go elsewhere before idle connections are closed. */
const longestGoodbyeMs = 2_000;

export interface Drain {
  readonly listener: AdmissionListener;
  readonly readiness: Readiness;
  readonly log: Logger;
  readonly delayMs: number;
  readonly impatient: AbortSignal;
}

/**
 * Ends the listener. Endpoints learn of a pod's end later than the pod itself, and an API server keeps its connections,
 * so that a server that closed at once would fail requests that are on their way (Kubernetes, "Pod lifecycle",
 * termination of pods):
 * 1. not ready, and serving as before until no new connections come;
 * 2. every answer ends its connection, which empties those in use without a failed request;
 * 3. nobody is let in, idle connections close, what is in flight is answered.
 */
export async function drain({ listener, readiness, log, delayMs, impatient }: Drain): Promise<void> {
  readiness.set('not-draining', false, 'stopping: new requests should go to another replica');
  log.info({ milliseconds: delayMs }, 'stopping: serving on until endpoints are updated');
  await waitOr(delayMs, impatient);
  listener.sayGoodbye();
  await waitOr(Math.min(delayMs, longestGoodbyeMs), impatient);
  log.info('stopping: closing connections');
  await listener.close(impatient.aborted ? 0 : inFlightMs);
}

async function waitOr(milliseconds: number, impatient: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal: impatient });
  } catch (error) {
    if (!impatient.aborted) throw error;
  }
}
