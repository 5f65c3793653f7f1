// Answers: does the API server keep native sidecars at this moment, asked again and again: it may be upgraded, or somebody
// may get the right to ask.
// Does not belong here: asking once (native-probe.ts).
import type { Kube } from './client.ts';
import { type ApiServerNative, probeNative } from './native-probe.ts';

export interface ProbeTimes {
  /** It is asked again after so long. */
  readonly probeMs: number;
  /** The same while it has never answered. */
  readonly retryMs: number;
  /** Out of turn not more often than this: nodes that come and go must not become calls at the same rate. */
  readonly againMs: number;
}

export const usualProbeTimes: ProbeTimes = { probeMs: 60_000, retryMs: 2_000, againMs: 5_000 };

export interface RepeatedProbe {
  /** For this smallest minor version of a kubelet; undefined where nobody wants to know. */
  need(minimumMinor: number | undefined): void;
  /** Asks out of turn: something has changed that an upgrade of the cluster may have brought. */
  again(): void;
  /** The last answer, which holds while there is no other; undefined before the first. */
  answer(): ApiServerNative | undefined;
  /** Why there is no answer; undefined where there is one. */
  trouble(): string | undefined;
  close(): void;
}

export function createProbe(kube: Kube, changed: () => void, { probeMs, retryMs, againMs }: ProbeTimes): RepeatedProbe {
  let needed: number | undefined;
  let known: ApiServerNative | undefined;
  let trouble = 'not asked yet';
  let timer: NodeJS.Timeout | undefined;
  let round = 0;
  let askedAt = 0;
  let isAsking = false;
  const ask = async (minimumMinor: number, mine: number): Promise<void> => {
    const before = known;
    try {
      const answer = await probeNative(kube, { minimumMinor });
      if (mine === round) known = answer;
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    }
    if (mine !== round) return;
    isAsking = false;
    timer = setTimeout(start, known === undefined ? retryMs : probeMs);
    if (known !== before) changed();
  };
  const stop = (): void => {
    round += 1; // what is still on its way is not listened to
    isAsking = false;
    clearTimeout(timer);
  };
  const start = (): void => {
    stop();
    askedAt = performance.now();
    if (needed === undefined) return;
    isAsking = true;
    void ask(needed, round);
  };
  const isNeeded = (): boolean => needed !== undefined;
  return {
    need: (minimumMinor) => {
      if (minimumMinor === needed) return;
      needed = minimumMinor;
      if (known === 'unknown') known = undefined; // nobody may have asked, where the answer did not matter
      start();
    },
    again: () => {
      if (!isAsking && performance.now() - askedAt > againMs) start();
    },
    answer: () => (isNeeded() ? known : 'unknown'),
    trouble: () => (isNeeded() && known === undefined ? trouble : undefined),
    close: stop,
  };
}
