// Answers: how do Events get into the cluster without anybody waiting for them, and without a flood of them. The first
// about an object and reason is sent at once; what follows within the interval is folded into it as its series.
// Source: Kubernetes, API reference, events.k8s.io/v1 Event.
// Does not belong here: what is worth an Event (core/decide/notice.ts).
import { randomBytes } from 'node:crypto';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import type { EventDraft } from '../../core/model/event.ts';
import type { JsonObject } from '../../core/model/json.ts';
import { pause } from '../pause.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';
import { microTime } from './micro-time.ts';

export interface EventRecorderOptions {
  /** Who speaks: `pillion.dev/webhook`. */
  readonly reportingController: string;
  /** Which process of it: the name of its pod. */
  readonly reportingInstance: string;
  /** An Event is not sent, because there are too many, or because the API server did not take it. */
  readonly dropped?: (why: EventDropReason) => void;
  /** The API server takes none; told once, until it takes one again. */
  readonly failed?: (error: KubeError) => void;
  readonly limits?: Partial<EventLimits>;
}

export interface EventLimits {
  /** Of one object and reason, one in this time. */
  readonly intervalMs: number;
  /** Of all together: so many at once … */
  readonly burst: number;
  /** … and another one after so long. */
  readonly refillMs: number;
  /** Objects and reasons that are kept in mind. */
  readonly mostKnown: number;
}

/** Why an Event was not sent. */
export const eventDropReasons = [
  'rate', // there are too many
  'failed', // the API server did not take it
] as const;
export type EventDropReason = (typeof eventDropReasons)[number];

export interface EventRecorder {
  /** Returns at once. Drafts with the same object and reason within the interval are counted, not sent. */
  record(draft: EventDraft): void;
  /** Sends what is waiting, at most for two seconds, and ends. */
  close(): Promise<void>;
}

const usualLimits: EventLimits = { intervalMs: 300_000, burst: 25, refillMs: 1_000, mostKnown: 2_000 };
const closingMs = 2_000;
/** In bytes, as the API server counts. */
const longestNote = 1_024;
const longestName = 200;
const longestInstance = 128;

/** One object and reason. */
interface Topic {
  /** Path of the Event in the API server, once it is there. */
  path: string | undefined;
  /** How often it happened since the Event was made. */
  count: number;
  /** How much of that the API server knows. */
  countSent: number;
  lastAt: number;
  sentAt: number;
}

export function createEventRecorder(kube: Kube, options: EventRecorderOptions): EventRecorder {
  const limits = { ...usualLimits, ...options.limits };
  const topics = new Map<string, Topic>();
  const closing = new AbortController();
  const bucket = createBucket(limits);
  const queue = createQueue(limits.burst, options);
  const dropped = options.dropped ?? (() => {});
  const send = (topic: Topic, work: () => Promise<void>, undo: () => void): void => {
    topic.sentAt = performance.now();
    queue.add(work, undo);
  };
  const first = (key: string, draft: EventDraft): void => {
    if (topics.size >= limits.mostKnown || !bucket.take()) {
      dropped('rate');
      return;
    }
    const topic: Topic = { path: undefined, count: 1, countSent: 1, lastAt: Date.now(), sentAt: 0 };
    topics.set(key, topic);
    const create = async (): Promise<void> => {
      topic.path = await createEvent(kube, draft, options, closing.signal);
    };
    send(topic, create, () => topics.delete(key));
  };
  const again = (key: string, topic: Topic): void => {
    const { path, count, countSent, lastAt, sentAt } = topic;
    if (performance.now() - sentAt < limits.intervalMs) return;
    if (count === countSent || path === undefined) topics.delete(key);
    else if (bucket.take()) {
      const patch = async (): Promise<void> => {
        await patchSeries(kube, path, count, lastAt, closing.signal);
        topic.countSent = count;
      };
      // an Event lives for an hour; where it is gone the next one is a new one
      send(topic, patch, () => topics.delete(key));
    }
  };
  const sweep = setInterval(() => {
    for (const [key, topic] of topics) again(key, topic);
  }, limits.intervalMs / 5).unref();
  return {
    record: (draft) => {
      if (closing.signal.aborted) return;
      const key = keyOf(draft);
      const topic = topics.get(key);
      if (topic === undefined) {
        first(key, draft);
        return;
      }
      topic.count += 1;
      topic.lastAt = Date.now();
      again(key, topic);
    },
    close: async () => {
      clearInterval(sweep);
      void queue.idle().then(() => closing.abort());
      await pause(closingMs, closing.signal);
      closing.abort();
    },
  };
}

function keyOf({ regarding: { kind, namespace = '', name, uid = '' }, reason }: EventDraft): string {
  return `${uid}/${kind}/${namespace}/${name}/${reason}`;
}

interface Bucket {
  take(): boolean;
}

function createBucket({ burst, refillMs }: Pick<EventLimits, 'burst' | 'refillMs'>): Bucket {
  let tokens = burst;
  let countedAt = performance.now();
  return {
    take: () => {
      const now = performance.now();
      tokens = Math.min(burst, tokens + (now - countedAt) / refillMs);
      countedAt = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

interface Queue {
  add(work: () => Promise<void>, undo: () => void): void;
  idle(): Promise<void>;
}

/** One call after the other, each once: what fails is dropped. Never longer than the burst. */
function createQueue(longest: number, { dropped, failed }: Pick<EventRecorderOptions, 'dropped' | 'failed'>): Queue {
  let running: Promise<void> = Promise.resolve();
  let waiting = 0;
  let isFailing = false;
  const run = async (work: () => Promise<void>, undo: () => void): Promise<void> => {
    try {
      await work();
      isFailing = false;
    } catch (error) {
      undo();
      dropped?.('failed');
      if (!isFailing) failed?.(error instanceof KubeError ? error : new KubeError('failing', String(error)));
      isFailing = true;
    }
    waiting -= 1;
  };
  return {
    add: (work, undo) => {
      if (waiting >= longest) {
        undo();
        dropped?.('rate');
        return;
      }
      waiting += 1;
      running = running.then(() => run(work, undo));
    },
    idle: () => running,
  };
}

/** The path of the Event that was made. */
async function createEvent(
  kube: Kube,
  draft: EventDraft,
  { reportingController, reportingInstance }: EventRecorderOptions,
  signal: AbortSignal,
): Promise<string> {
  const { regarding, type, reason, action, note } = draft;
  const { apiVersion, kind } = resources.events;
  // an Event about an object of the whole cluster is kept in the namespace "default"
  const namespace = regarding.namespace ?? 'default';
  const name = `${regarding.name.slice(0, longestName).replace(/[^a-z0-9]+$/, '')}.${randomBytes(8).toString('hex')}`;
  const body: JsonObject = {
    apiVersion,
    kind,
    metadata: { name, namespace },
    eventTime: microTime(new Date()),
    reportingController,
    reportingInstance: reportingInstance.slice(0, longestInstance),
    regarding,
    type,
    reason,
    action,
    note: cut(note),
  };
  await kube.call('POST', pathOf(resources.events, namespace), { body, signal });
  return pathOf(resources.events, namespace, name);
}

function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= longestNote) return note;
  // up to three bytes of a character that is cut in two, which become one sign of three bytes
  const kept = bytes
    .subarray(0, longestNote - 8)
    .toString()
    .replace(/\uFFFD$/, '');
  return `${kept}…`;
}

async function patchSeries(
  kube: Kube,
  path: string,
  count: number,
  lastAt: number,
  signal: AbortSignal,
): Promise<void> {
  const body = { series: { count, lastObservedTime: microTime(new Date(lastAt)) } };
  await kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json', signal });
}
