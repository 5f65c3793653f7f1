// Answers: what is measured, and in which order. Floor and pillion take turns (A B A B …), so that whatever else the
// machine does meets both; ratios are taken within a turn.
import { performance } from 'node:perf_hooks';
import { type ServerProcess, sendReview, startServer } from '../scripts/server-process.ts';
import { type Client, collectHeap, pidOf, type Subject, startFloor, startPillion } from './children.ts';
import { cpuNanoseconds, medianResidentBytes } from './process-figures.ts';
import { median } from './quantiles.ts';
import { reviewText } from './reviews.ts';

export interface Slice {
  readonly cpuMicroseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
}

/** Medians over the turns of one number of connections. */
export interface Comparison {
  readonly connections: number;
  readonly turns: number;
  readonly floor: Slice;
  readonly pillion: Slice;
  /** Median of the ratios within each turn: server CPU per request of pillion to that of the floor. */
  readonly cpuRatio: number;
}

export interface Memory {
  readonly afterRequests: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export interface PatchSize {
  readonly operations: number;
  readonly bytes: number;
}

/** The patch for the sample pod. */
export async function measurePatch(
  server: ServerProcess,
): Promise<{ readonly answer: string; readonly patch: PatchSize }> {
  const { status, text } = await sendReview(server, reviewText);
  const { response } = status === 200 ? JSON.parse(text) : { response: undefined };
  if (response?.patch === undefined) throw new Error(`Cannot measure: pillion did not inject the sample pod: ${text}`);
  const json = Buffer.from(response.patch, 'base64').toString('utf8');
  return { answer: text, patch: { operations: JSON.parse(json).length, bytes: Buffer.byteLength(json) } };
}

let sent = 0;

/** One turn on one server. */
async function measureSlice(client: Client, subject: Subject, connections: number, seconds: number): Promise<Slice> {
  const before = cpuNanoseconds(subject.pid);
  const { address, ca, review } = subject;
  const result = await client.load({ address, ca, connections, seconds, first: sent, review });
  const cpu = cpuNanoseconds(subject.pid) - before;
  sent += result.requests;
  return {
    cpuMicroseconds: cpu / 1000 / result.requests,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    requestsPerSecond: result.requests / result.seconds,
  };
}

export interface Plan {
  readonly connections: number;
  readonly turns: number;
  readonly seconds: number;
}

/** Compares two servers, which both have to be warm: the floor and pillion, or any other two. */
export async function compare(
  client: Client,
  subjects: readonly [floor: Subject, pillion: Subject],
  plan: Plan,
): Promise<Comparison> {
  const floor: Slice[] = [];
  const pillion: Slice[] = [];
  for (let turn = 0; turn < plan.turns; turn += 1) {
    floor.push(await measureSlice(client, subjects[0], plan.connections, plan.seconds));
    pillion.push(await measureSlice(client, subjects[1], plan.connections, plan.seconds));
  }
  const ratios = pillion.map(
    ({ cpuMicroseconds }, turn) => cpuMicroseconds / (floor[turn]?.cpuMicroseconds ?? Number.NaN),
  );
  const { connections, turns } = plan;
  return { connections, turns, floor: middle(floor), pillion: middle(pillion), cpuRatio: median(ratios) };
}

function middle(slices: readonly Slice[]): Slice {
  const of = (field: keyof Slice): number => median(slices.map((slice) => slice[field]));
  return {
    cpuMicroseconds: of('cpuMicroseconds'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    requestsPerSecond: of('requestsPerSecond'),
  };
}

/** Both servers, warm; the floor answers what pillion answered. */
export async function startSubjects(pillion: ServerProcess, answer: string, client: Client, warmUpSeconds: number) {
  const floor = await startFloor(pillion, answer);
  const { address, ca, child } = pillion;
  const subjects: [Subject, Subject] = [floor, { name: 'pillion', address, ca, pid: pidOf(child) }];
  for (const subject of subjects) await measureSlice(client, subject, 8, warmUpSeconds);
  return { subjects, stop: () => floor.stop() };
}

/** Milliseconds from the start of the process to its first answer, median of some starts. */
export async function measureStart(program: readonly string[], starts: number): Promise<number> {
  const found: number[] = [];
  for (let index = 0; index < starts; index += 1) {
    const startMs = performance.now();
    const server = await startServer({ program });
    await sendReview(server, reviewText);
    found.push(performance.now() - startMs);
    await server.stop();
  }
  return median(found);
}

/** Heap and resident memory of a fresh server after each of the numbers of varied requests, in rising order. */
export async function measureMemory(client: Client, requests: readonly number[]): Promise<readonly Memory[]> {
  const server = await startPillion();
  const found: Memory[] = [];
  try {
    let done = 0;
    for (const afterRequests of requests) {
      const { address, ca, child } = server;
      await client.load({ address, ca, connections: 8, requests: afterRequests - done, first: done });
      done = afterRequests;
      const heapBytes = await collectHeap(child);
      found.push({ afterRequests, heapBytes, residentBytes: await medianResidentBytes(pidOf(child)) });
    }
  } finally {
    await server.stop();
  }
  return found;
}
