// Answers: how do pods get created one by one or at a steady rate, as a busy cluster does it, and how long does each take.
// They are asked for with `dryRun=All`: the API server does everything, webhooks included, but keep them.
// Does not belong here: what happens to the cluster meanwhile, and what is expected (the tests).
import { Agent, type RequestOptions, request } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../../bench/quantiles.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { isObject, type JsonObject, parseJson } from '../../src/core/model/json.ts';
import { type Container, type PodSpec, proxyContainerName } from '../../src/core/model/pod.ts';
import type { Cluster } from './cluster.ts';

/** One create. */
export interface Creation {
  /** When it began, by performance.now(). */
  readonly atMs: number;
  /** From the first byte of the request to the last one of the answer. */
  readonly tookMs: number;
  /** Why there is no such pod. */
  readonly failure: string | undefined;
  /** As the API server would keep it. */
  readonly pod: JsonObject | undefined;
}

export interface PodCreator {
  /** Never throws: a failure is what is looked for. */
  create(namespace: string, pod: JsonObject): Promise<Creation>;
  close(): void;
}

const patienceMs = 30_000;

/** Connections are kept open, as those of a controller are: what is measured is the API server and not a handshake. */
export async function openCreator({ kube }: Cluster): Promise<PodCreator> {
  const credentials: RequestOptions = {};
  await kube.config.applyToHTTPSOptions(credentials);
  const agent = new Agent({ keepAlive: true });
  const headers = { ...credentials.headers, 'Content-Type': 'application/json', Accept: 'application/json' };
  const options = { ...credentials, agent, method: 'POST', headers };
  return {
    create: async (namespace, pod) => {
      const atMs = performance.now();
      const url = `${kube.server}${pathOf(resources.pods, namespace)}?dryRun=All`;
      try {
        const { status, text } = await post(url, options, JSON.stringify(pod));
        const tookMs = performance.now() - atMs;
        const answer = parseJson(text);
        const created = status === 201 && isObject(answer) ? answer : undefined;
        return { atMs, tookMs, failure: created === undefined ? faultText(status, answer) : undefined, pod: created };
      } catch (error) {
        return { atMs, tookMs: performance.now() - atMs, failure: String(error), pod: undefined };
      }
    },
    close: () => agent.destroy(),
  };
}

function faultText(status: number, answer: unknown): string {
  const message = isObject(answer) ? answer['message'] : undefined;
  return `HTTP ${status}: ${message ?? 'no message'}`;
}

function post(url: string, options: RequestOptions, body: string): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const asked = request(url, { ...options, signal: AbortSignal.timeout(patienceMs) }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    answer.on('error', reject);
  });
  asked.on('error', reject);
  asked.end(body);
  return promise;
}

export interface Rate {
  readonly perSecond: number;
  readonly seconds: number;
  /** Asked when the time is over: it goes on while this is true. */
  readonly isNeeded?: () => boolean;
}

/**
 * Creates pods at a steady rate: one that takes long does not hold up those that follow.
 * @returns what became of each, in the order in which they were asked for
 */
export async function createPods(
  creator: PodCreator,
  namespace: string,
  podOf: (index: number) => JsonObject,
  { perSecond, seconds, isNeeded = () => false }: Rate,
): Promise<readonly Creation[]> {
  const all: Promise<Creation>[] = [];
  const startedMs = performance.now();
  for (let index = 0; index < perSecond * seconds || isNeeded(); index += 1) {
    await wait(Math.max(0, startedMs + (index * 1000) / perSecond - performance.now()));
    all.push(creator.create(namespace, podOf(index)));
  }
  return Promise.all(all);
}

/** It has one proxy, which is a native sidecar. */
export function isInjectedOnce(pod: JsonObject | undefined): boolean {
  const { initContainers = [], containers = [] } = (pod?.['spec'] ?? {}) as Partial<PodSpec>;
  const found = [...initContainers, ...containers].filter(({ name }: Container) => name === proxyContainerName);
  return (
    found.length === 1 &&
    initContainers.some(({ name, restartPolicy }) => name === proxyContainerName && restartPolicy === 'Always')
  );
}

/** What is wrong with each that failed, or that has no proxy. */
export function faultsOf(creations: readonly Creation[]): readonly string[] {
  const [first] = creations;
  return creations.flatMap(({ atMs, tookMs, failure, pod }, index) => {
    const when = `create ${index}, ${((atMs - (first?.atMs ?? 0)) / 1000).toFixed(1)} s, took ${tookMs.toFixed(0)} ms`;
    if (failure !== undefined) return [`${when}: ${failure}`];
    return isInjectedOnce(pod) ? [] : [`${when}: it has not one native sidecar`];
  });
}

/** `p50 11.2, p99 40.1, max 52.9 ms`, for the shares that are asked for. */
export function durationsText(creations: readonly Creation[], shares: readonly number[] = [0.5, 0.99, 1]): string {
  const took = creations.map(({ tookMs }) => tookMs);
  const shown = shares.map((share) => `${share === 1 ? 'max' : `p${share * 100}`} ${quantile(took, share).toFixed(1)}`);
  return `${shown.join(', ')} ms`;
}
