// Answers: does a replica answer through the Service, with a certificate that the registration would trust. Only then is
// the webhook registered: before, the API server would refuse every pod.
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import { serviceHost } from '../core/cluster/names.ts';
import { postReview } from '../edge/post-review.ts';
import { sampleReview } from './sample-review.ts';

const patienceMs = 5_000;

/** Sends a sample review to `host:port`; returns why there was no good answer, or undefined where there was one. */
export async function probeService(address: string, bundle: string, signal: AbortSignal): Promise<string | undefined> {
  const agent = new Agent({ ca: bundle, servername: serviceHost });
  const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  try {
    const status = await postReview(
      `https://${address}/inject?timeout=5s`,
      sampleReview(randomUUID()),
      agent,
      patience,
    );
    return status === 200 ? undefined : `it was answered with HTTP ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    agent.destroy();
  }
}
