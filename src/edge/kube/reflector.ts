// Answers: what is in a collection of the cluster at this moment, kept in memory and up to date: a list, then a watch
// from there on, for ever. Only what the caller makes of each object is kept.
// Does not belong here: one stream (watch.ts, plain-client.ts), what the objects mean.
import { pathOf, type Resource } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { backoffMs, pause, spread } from '../pause.ts';
import { type Followable, type Place, pagesOf, selectorsOf } from './calls.ts';
import { createKeptItems, type KeptItems } from './kept-items.ts';
import { KubeError } from './kube-error.ts';

export interface ReflectOptions<T> {
  /** With a name, a right on that name suffices. */
  readonly place?: Place;
  /** What is kept of an object; undefined where nothing is. */
  readonly project: (object: KubeObject) => T | undefined;
  /** Something of `items` is another, or they are known for the first time; at most once in 100 ms. */
  readonly changed: () => void;
  /** The items may be out of date from now on; told once, and again only where the reason is another. */
  readonly trouble?: (error: KubeError) => void;
  /** The trouble is over. */
  readonly healed?: () => void;
  readonly times?: Partial<ReflectTimes>;
}

export interface ReflectTimes {
  /** A watch that neither tells anything nor ends for so long is begun anew. The client itself ends one after 30 s. */
  readonly stallMs: number;
  /** Everything is listed again after so long, in case a change was swallowed on the way. */
  readonly listMs: number;
  /** A kind that the API server does not know is asked for again after so long. */
  readonly absentMs: number;
}

export interface Reflection<T> {
  /** By `namespace/name`, or `name` where there are no namespaces. The map does not change: ask again. */
  items(): ReadonlyMap<string, T>;
  /** The items are known. True also where the cluster does not know the kind: there are none then. */
  readonly hasSynced: boolean;
  /** How long ago the API server was last heard of; undefined before the first time. Up to 30 s where nothing changes. */
  lastContactMs(): number | undefined;
  close(): void;
}

const usualTimes: ReflectTimes = { stallMs: 45_000, listMs: 600_000, absentMs: 30_000 };
const gatherMs = 100;
/** A watch that ends sooner counts as a failure, so that no end that comes at once is followed by the next at once. */
const shortMs = 1_000;

/** Follows a collection until it is closed. Heals by itself from everything; what it could not do it tells. */
export function reflect<T>(kube: Followable, resource: Resource, options: ReflectOptions<T>): Reflection<T> {
  const closing = new AbortController();
  const store = createKeptItems(options.project);
  const told = gather(options.changed, closing.signal);
  const health = createHealth(options);
  const follower: Follower<T> = {
    kube,
    resource,
    place: options.place ?? {},
    times: { ...usualTimes, ...options.times },
    store,
    health,
    changed: told,
    signal: closing.signal,
  };
  void follow(follower);
  return {
    items: store.items,
    get hasSynced() {
      return store.hasSynced();
    },
    lastContactMs: health.lastContactMs,
    close: () => closing.abort(),
  };
}

interface Follower<T> {
  readonly kube: Followable;
  readonly resource: Resource;
  readonly place: Place;
  readonly times: ReflectTimes;
  readonly store: KeptItems<T>;
  readonly health: Health;
  readonly changed: () => void;
  readonly signal: AbortSignal;
}

/** What comes next: a watch from a resourceVersion, or, without one, a list. */
interface Step {
  readonly from: string | undefined;
  readonly waitMs: number;
}

async function follow<T>(follower: Follower<T>): Promise<void> {
  const { signal, times } = follower;
  let from: string | undefined;
  let listAt = 0;
  let failures = 0;
  while (!signal.aborted) {
    const isList = from === undefined || performance.now() >= listAt;
    if (isList) listAt = performance.now() + spread(times.listMs);
    const step = isList ? await list(follower) : await watch(follower, from as string, listAt - performance.now());
    failures = step.waitMs === tryAgain ? failures + 1 : isList ? failures : 0;
    from = step.from;
    const waitMs = step.waitMs === tryAgain ? backoffMs(failures) : step.waitMs;
    if (waitMs > 0) await pause(waitMs, signal);
  }
}

/** Stands for a wait that is longer after each failure. */
const tryAgain = -1;

async function list<T>({ kube, resource, place, ...follower }: Follower<T>): Promise<Step> {
  const { store, health, changed, signal, times } = follower;
  try {
    const kept: (readonly [string, T])[] = [];
    let from: string | undefined;
    // of one page at a time: whole objects of a large cluster would not fit into memory
    for await (const { items, resourceVersion } of pagesOf(kube, resource, place, signal)) {
      kept.push(...store.kept(items));
      from = resourceVersion;
    }
    if (signal.aborted) return { from: undefined, waitMs: 0 };
    health.contact();
    if (store.replaceAll(kept)) changed();
    return { from, waitMs: 0 };
  } catch (error) {
    if (signal.aborted) return { from: undefined, waitMs: 0 };
    if (error instanceof KubeError && error.code === 'not-found') {
      health.contact();
      health.well();
      if (store.replaceAll([])) changed();
      return { from: undefined, waitMs: spread(times.absentMs) };
    }
    health.ill(error);
    return { from: undefined, waitMs: tryAgain };
  }
}

async function watch<T>(follower: Follower<T>, start: string, mostMs: number): Promise<Step> {
  const { kube, resource, place, store, health, changed, signal, times } = follower;
  const began = performance.now();
  let from = start;
  let isOpen = false;
  const timeoutSeconds = String(Math.max(1, Math.round(mostMs / 1000)));
  const query = { ...selectorsOf(place), resourceVersion: start, allowWatchBookmarks: 'true', timeoutSeconds };
  const end = await kube.watch(
    { path: pathOf(resource, place.namespace), query, stallMs: times.stallMs, signal },
    {
      opened: () => {
        isOpen = true;
        health.contact();
        health.well();
      },
      changed: (type, object) => {
        health.contact();
        if (type !== 'BOOKMARK' && store.replaceOne(object, type === 'DELETED')) changed();
        from = object.metadata.resourceVersion ?? from;
      },
    },
  );
  if (signal.aborted) return { from, waitMs: 0 };
  if (!isOpen && end.error !== undefined && end.error.code !== 'gone') health.ill(end.error);
  const waitMs = isOpen && performance.now() - began >= shortMs ? 0 : tryAgain;
  return { from: end.kind === 'lost' ? undefined : from, waitMs };
}

interface Health {
  contact(): void;
  well(): void;
  ill(error: unknown): void;
  lastContactMs(): number | undefined;
}

function createHealth({ trouble, healed }: Pick<ReflectOptions<never>, 'trouble' | 'healed'>): Health {
  let contactAt: number | undefined;
  let illness: string | undefined;
  return {
    contact: () => {
      contactAt = performance.now();
    },
    well: () => {
      if (illness !== undefined) healed?.();
      illness = undefined;
    },
    ill: (error) => {
      const told = error instanceof KubeError ? error : new KubeError('failing', String(error), undefined, error);
      if (illness !== told.code) trouble?.(told);
      illness = told.code;
    },
    lastContactMs: () => (contactAt === undefined ? undefined : performance.now() - contactAt),
  };
}

/** Calls soon, and once for all that comes within the time. */
function gather(call: () => void, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  let calledAt = -gatherMs;
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => {
    if (signal.aborted) return;
    timer ??= setTimeout(
      () => {
        timer = undefined;
        calledAt = performance.now();
        call();
      },
      Math.max(0, calledAt + gatherMs - performance.now()),
    );
  };
}
