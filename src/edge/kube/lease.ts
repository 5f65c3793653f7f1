// Answers: which of several processes does what only one may do. A Lease is held by whoever wrote it last with the
// resourceVersion that it read; the others wait until it is given up, or until they have seen no change for its duration.
// Source: Kubernetes, "Leases"; the protocol is that of client-go's leader election, so that `kubectl` and people know it.
import { pathOf, resources } from '../../core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../core/model/json.ts';
import { pause, spread } from '../pause.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';
import { microTime } from './micro-time.ts';

export interface LeaseDurations {
  /** Others take over when they have seen no change for so long. Whole seconds. */
  readonly leaseMs: number;
  /** Whoever leads stops when it could not renew for so long; shorter than the lease, so that nobody else leads yet. */
  readonly renewDeadlineMs: number;
  /** Time between two tries. */
  readonly retryMs: number;
}

export interface LeaseOptions {
  readonly name: string;
  readonly namespace: string;
  /** Of this process alone: the name of its pod and something random. */
  readonly identity: string;
  readonly durations?: LeaseDurations;
  /**
   * This process leads now, until the signal aborts; what it has begun must end soon then. A fault ends everything.
   */
  readonly gained: (signal: AbortSignal) => Promise<void> | void;
  /** This process led and no longer does, for whatever reason. */
  readonly lost?: () => void;
  /** The API server cannot be asked, or refuses; told once, until it can. */
  readonly trouble?: (error: KubeError) => void;
  /** Ends it: the Lease is given up, and another takes over at once. */
  readonly signal: AbortSignal;
}

export const usualDurations: LeaseDurations = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** Contends for the Lease, again and again, until the signal aborts; rejects with what `gained` throws. */
export async function holdLease(kube: Kube, options: LeaseOptions): Promise<void> {
  const candidate = createCandidate(kube, options);
  const { retryMs } = options.durations ?? usualDurations;
  const { signal } = options;
  while (!signal.aborted) {
    const began = performance.now();
    if (await candidate.tryToHold(signal)) await lead(candidate, options, began);
    else await pause(spread(retryMs), signal);
  }
}

/** From the moment of the first write on: renews until that fails for too long, or the end is asked for. */
async function lead(candidate: Candidate, options: LeaseOptions, began: number): Promise<void> {
  const { renewDeadlineMs, retryMs, leaseMs } = options.durations ?? usualDurations;
  const term = new AbortController();
  const stop = (): void => term.abort();
  // a timer of its own, so that no call that hangs can prolong the term
  const stopAt = (at: number): NodeJS.Timeout => setTimeout(stop, Math.max(0, at - performance.now()));
  let deadline = stopAt(began + renewDeadlineMs);
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const work = startWork(options.gained, term);
  for (;;) {
    await pause(retryMs, term.signal);
    const triedAt = performance.now();
    const isHeld = !term.signal.aborted && (await candidate.tryToHold(term.signal));
    if (candidate.isHeldByAnother()) stop();
    if (term.signal.aborted) break;
    if (!isHeld) continue;
    clearTimeout(deadline);
    deadline = stopAt(triedAt + renewDeadlineMs);
  }
  clearTimeout(deadline);
  options.signal.removeEventListener('abort', stop);
  options.lost?.();
  // never two at once: it is given up only when the work has ended; if that takes too long, the Lease runs out by itself
  if (await endsWithin(work, leaseMs - renewDeadlineMs)) await candidate.release(AbortSignal.timeout(renewDeadlineMs));
  await work;
}

/** The work of one term; a fault in it ends the term. */
function startWork(gained: LeaseOptions['gained'], term: AbortController): Promise<void> {
  const work = (async () => gained(term.signal))();
  work.catch(() => term.abort());
  return work;
}

/** False where it still goes on after so long. */
async function endsWithin(work: Promise<void>, milliseconds: number): Promise<boolean> {
  const enough = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([ended, pause(milliseconds, enough.signal).then(() => false)]);
  enough.abort();
  return result;
}

interface Candidate {
  /** Takes or renews the Lease. False where another holds it, or the API server cannot be asked. Never throws. */
  tryToHold(signal: AbortSignal): Promise<boolean>;
  /** By what was read last. */
  isHeldByAnother(): boolean;
  /** Lets the next one take over at once. */
  release(signal: AbortSignal): Promise<void>;
}

interface Spec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime?: string;
  readonly leaseTransitions: number;
}

/** A Lease as it was read, and when it was first seen so: nobody else's clock counts. */
interface Observed {
  readonly lease: JsonObject;
  readonly spec: Spec;
  readonly version: string;
  readonly since: number;
}

function createCandidate(kube: Kube, { name, namespace, identity, trouble, ...options }: LeaseOptions): Candidate {
  const { leaseMs } = options.durations ?? usualDurations;
  const collection = pathOf(resources.leases, namespace);
  const path = pathOf(resources.leases, namespace, name);
  let observed: Observed | undefined;
  let isTroubled = false;
  const observe = (lease: JsonObject): Observed => {
    const version = versionOf(lease);
    if (version !== observed?.version) observed = { lease, spec: specOf(lease), version, since: performance.now() };
    return observed;
  };
  const write = async (spec: Spec, signal: AbortSignal): Promise<void> => {
    const metadata = observed === undefined ? { name, namespace } : observed.lease['metadata'];
    const { apiVersion, kind } = resources.leases;
    const body = { apiVersion, kind, metadata, spec: { ...spec, renewTime: microTime(new Date()) } };
    observe(
      await (observed === undefined
        ? kube.call('POST', collection, { body, signal })
        : kube.call('PUT', path, { body, signal })),
    );
  };
  const read = async (signal: AbortSignal): Promise<void> => {
    try {
      observe(await kube.call('GET', path, { signal }));
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'not-found') throw error;
      observed = undefined;
    }
  };
  const take = async (signal: AbortSignal): Promise<boolean> => {
    await read(signal);
    const spec = observed?.spec;
    const isOurs = spec?.holderIdentity === identity;
    if (observed !== undefined && !isOurs && !isFree(observed)) return false;
    const now = microTime(new Date());
    await write(
      {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: isOurs ? (spec.acquireTime ?? now) : now,
        leaseTransitions: spec === undefined ? 0 : spec.leaseTransitions + (isOurs ? 0 : 1),
      },
      signal,
    );
    return true;
  };
  /** Without reading first: where somebody has written meanwhile, the API server says so. */
  const renew = async ({ spec }: Observed, signal: AbortSignal): Promise<boolean> => {
    try {
      await write(spec, signal);
      return true;
    } catch (error) {
      if (error instanceof KubeError && (error.code === 'conflict' || error.code === 'not-found')) return take(signal);
      throw error;
    }
  };
  const isOurs = (): boolean => observed?.spec.holderIdentity === identity;
  const giveUp = async (signal: AbortSignal): Promise<void> => {
    const free = { ...(observed?.spec ?? specOf({})), holderIdentity: '', leaseDurationSeconds: 1 };
    try {
      await write(free, signal);
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'conflict') throw error;
      // a renewal that was broken off may have been written all the same
      await read(signal);
      if (isOurs()) await write(free, signal);
    }
  };
  const hold = (signal: AbortSignal): Promise<boolean> =>
    observed !== undefined && isOurs() ? renew(observed, signal) : take(signal);
  return {
    tryToHold: async (signal) => {
      try {
        const held = await hold(signal);
        isTroubled = false;
        return held;
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        // somebody else was faster, which the next read will show
        if (error.code !== 'conflict' && !isTroubled && !signal.aborted) {
          isTroubled = true;
          trouble?.(error);
        }
        return false;
      }
    },
    isHeldByAnother: () => observed !== undefined && !isOurs(),
    release: async (signal) => {
      try {
        if (isOurs()) await giveUp(signal);
      } catch (error) {
        if (!(error instanceof KubeError)) throw error; // it runs out by itself
      }
    },
  };
}

function isFree({ spec, since }: Observed): boolean {
  return spec.holderIdentity === '' || performance.now() - since >= spec.leaseDurationSeconds * 1000;
}

function versionOf({ metadata }: JsonObject): string {
  return isObject(metadata) ? String(metadata['resourceVersion']) : '';
}

function specOf({ spec }: JsonObject): Spec {
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = isObject(spec) ? spec : {};
  return {
    holderIdentity: typeof holderIdentity === 'string' ? holderIdentity : '',
    leaseDurationSeconds: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 1,
    ...(typeof acquireTime === 'string' && { acquireTime }),
    leaseTransitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
  };
}
