// Answers: how does the first real admission find a process that is warm. The engine and its TLS set themselves up at
// their first use, which costs a fresh process several milliseconds; so it sends itself reviews first.
// Does not belong here: when the process is ready (serve.ts).
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import { type AdmissionParts, type Answerer, createAnswerer } from '../edge/answer.ts';
import { postReview } from '../edge/post-review.ts';
import type { AdmissionTelemetry } from '../edge/telemetry.ts';
import { sampleReview } from './sample-review.ts';

/** More change nothing: what costs is what is done for the first time, not what the compiler has not seen often. */
const rounds = 20;
const connections = 2;
const patienceMs = 5_000;

export interface WarmUp {
  readonly answer: Answerer;
  /** Sends the reviews over TLS to `host:port`, which is this process; resolves to what went wrong, if anything did. */
  run(address: string): Promise<string | undefined>;
}

/**
 * The answerer of the parts, and its warm-up. Reviews of the warm-up are recorded in `rehearsal`, so that no counter and
 * no line tells of an admission that nobody asked for.
 */
export function createWarmUp(parts: AdmissionParts, rehearsal: AdmissionTelemetry): WarmUp {
  const uids = new Set<string>(Array.from({ length: rounds }, () => randomUUID())); // nobody else can know them
  const { telemetry } = parts;
  const decided: AdmissionTelemetry['decided'] = (review, verdict, seconds) =>
    (uids.has(review.uid) ? rehearsal : telemetry).decided(review, verdict, seconds);
  let answer = createAnswerer({ ...parts, telemetry: { ...telemetry, decided } });
  return {
    answer: (request) => answer(request),
    run: async (address) => {
      const trouble = await sendAll([...uids], `https://${address}/inject?timeout=10s`);
      answer = createAnswerer(parts);
      return trouble;
    },
  };
}

async function sendAll(uids: readonly string[], url: string): Promise<string | undefined> {
  const share = Math.ceil(uids.length / connections);
  const shares = Array.from({ length: connections }, (_, index) => uids.slice(index * share, (index + 1) * share));
  const signal = AbortSignal.timeout(patienceMs);
  try {
    await Promise.all(shares.map((some) => sendInTurn(some, url, signal)));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function sendInTurn(uids: readonly string[], url: string, signal: AbortSignal): Promise<void> {
  // What answers is this process itself; nothing is believed that it says, and its name is not in every certificate.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  try {
    for (const uid of uids) {
      const status = await postReview(url, sampleReview(uid), agent, signal);
      if (status !== 200) throw new Error(`the sample review was answered with HTTP ${status}`);
    }
  } finally {
    agent.destroy();
  }
}
