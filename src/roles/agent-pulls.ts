// Answers: which modules are being fetched, which could not be and when are they tried again. Each digest once at a time,
// few at once, and never given up.
// Does not belong here: how one is fetched (edge/store/fetch-to-store.ts), what is wanted.
import type { Result } from '../core/model/problem.ts';
import type { ModuleDigest } from '../core/wasm/digests.ts';
import { type Refusal, refusal } from '../core/wasm/refusals.ts';
import { nextAttemptMs } from '../core/wasm/store/back-off.ts';
import type { WantedModule } from '../core/wasm/store/wanted.ts';

export interface PullParts {
  readonly fetch: (
    wanted: WantedModule,
    signal: AbortSignal,
  ) => Promise<Result<{ readonly sizeBytes: number }, Refusal>>;
  /** A fetch has ended; what to do next, somebody has to ask (`start`). */
  readonly ended: (digest: ModuleDigest, result: Result<{ readonly sizeBytes: number }, Refusal>) => void;
  readonly failed: (error: unknown) => void;
  /** The longest wait between two attempts. */
  readonly mostWaitMs: number;
}

/** What became of the attempts so far. */
export interface Setback {
  readonly refusal: Refusal;
  readonly failures: number;
  /** Milliseconds of the epoch, to be told; what counts is a clock that nobody puts back. */
  readonly nextAtMs: number;
}

export interface Pulls {
  /**
   * Begins what can be begun of what is missing, and forgets what is no longer: a fetch that nobody wants any more ends,
   * one whose source has changed is tried at once. What has landed since is looked for once more before it is fetched again,
   * since who calls may have looked before. `nowMs`: of `performance.now`.
   * @returns milliseconds until the next attempt is due; undefined where none waits
   */
  start(missing: ReadonlyMap<ModuleDigest, WantedModule>, nowMs: number): number | undefined;
  /** Tries again at once what could not be fetched: something that they have in common has changed. */
  retryAll(): void;
  setback(digest: ModuleDigest): Setback | undefined;
}

/** One registry serves many nodes, and one node has little memory. */
const mostAtOnce = 2;
/** A fetch that goes on for longer is given up and begun anew; within it each wait has its own bound. */
const longestMs = 15 * 60_000;

interface Pull {
  wanted: WantedModule;
  /** Grows when there is reason to try again at once. */
  reasons: number;
  setback: Setback | undefined;
  /** When it is tried again after the setback. */
  dueMs: number;
  flight: AbortController | undefined;
  /** It was fetched after the last look at the store may have begun: the next one sees it. */
  hasLanded: boolean;
}

const untried = { reasons: 0, setback: undefined, dueMs: 0, flight: undefined, hasLanded: false } as const;

export function createPulls(parts: PullParts, signal: AbortSignal): Pulls {
  const pulls = new Map<ModuleDigest, Pull>();
  const forget = (missing: ReadonlyMap<ModuleDigest, WantedModule>): void => {
    for (const [digest, { flight }] of pulls) {
      if (missing.has(digest)) continue;
      flight?.abort();
      pulls.delete(digest);
    }
  };
  const pullOf = (digest: ModuleDigest, wanted: WantedModule): Pull => {
    const pull: Pull = pulls.get(digest) ?? { ...untried, wanted };
    if (JSON.stringify(pull.wanted) !== JSON.stringify(wanted)) retry(pull);
    pull.wanted = wanted;
    pulls.set(digest, pull);
    return pull;
  };
  return {
    start: (missing, nowMs) => {
      forget(missing);
      let nextMs: number | undefined;
      let flying = [...pulls.values()].filter(({ flight }) => flight !== undefined).length;
      for (const [digest, wanted] of missing) {
        const pull = pullOf(digest, wanted);
        if (pull.flight !== undefined) continue;
        const waitMs = waitOf(pull, nowMs);
        if (waitMs !== undefined) nextMs = Math.min(nextMs ?? Infinity, waitMs);
        else if (flying < mostAtOnce && !signal.aborted) {
          flying += 1;
          void fly(parts, digest, pull, signal);
        }
      }
      return nextMs;
    },
    retryAll: () => {
      for (const pull of pulls.values()) retry(pull);
    },
    setback: (digest) => pulls.get(digest)?.setback,
  };
}

/** Milliseconds until it may be fetched; undefined where that is now. */
function waitOf(pull: Pull, nowMs: number): number | undefined {
  if (pull.hasLanded) {
    pull.hasLanded = false;
    return 0;
  }
  return pull.setback === undefined || pull.dueMs <= nowMs ? undefined : pull.dueMs - nowMs;
}

function retry(pull: Pull): void {
  pull.setback = undefined;
  pull.reasons += 1;
}

async function fly(parts: PullParts, digest: ModuleDigest, pull: Pull, signal: AbortSignal): Promise<void> {
  const flight = new AbortController();
  const { wanted, setback, reasons } = pull;
  pull.flight = flight;
  const deadline = AbortSignal.timeout(longestMs);
  const turned = startingAt(wanted, setback?.failures ?? 0);
  const result = await fetchSafely(parts, turned, AbortSignal.any([signal, flight.signal, deadline]));
  pull.flight = undefined;
  if (flight.signal.aborted || signal.aborted) return; // nobody wants it any more
  // where something has changed while it was under way, it is tried at once
  pull.hasLanded = result.ok;
  if (result.ok || pull.reasons !== reasons) pull.setback = undefined;
  else {
    const failures = (setback?.failures ?? 0) + 1;
    const attempt = { failures, refusal: result.error, mostMs: parts.mostWaitMs, random: Math.random() };
    const waitMs = nextAttemptMs(attempt);
    pull.setback = { refusal: result.error, failures, nextAtMs: Date.now() + waitMs };
    pull.dueMs = performance.now() + waitMs;
  }
  parts.ended(digest, result);
}

/** Another place first after each failure: one that takes all the time there is does not keep the others from being asked. */
function startingAt(wanted: WantedModule, failures: number): WantedModule {
  if (!wanted.sources.ok) return wanted;
  const all = wanted.sources.value;
  const first = all.length === 0 ? 0 : failures % all.length;
  return { ...wanted, sources: { ok: true, value: [...all.slice(first), ...all.slice(0, first)] } };
}

async function fetchSafely(
  { fetch, failed }: PullParts,
  wanted: WantedModule,
  signal: AbortSignal,
): Promise<Result<{ readonly sizeBytes: number }, Refusal>> {
  try {
    return await fetch(wanted, signal);
  } catch (error) {
    if (!signal.aborted) failed(error);
    return { ok: false, error: refusal('StoreBroken', 'Cannot fetch the module: the agent failed; see its log') };
  }
}
