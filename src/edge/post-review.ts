// Answers: how is a webhook asked as an API server asks it.
// Does not belong here: what is asked (roles/sample-review.ts), whom to trust (the agent).
import { type Agent, request } from 'node:https';

/** Sends the review to the URL over the agent and returns the HTTP status; the body of the answer is passed over. */
export function postReview(url: string, body: string, agent: Agent, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', agent, headers, signal }, (response) => {
    response.resume();
    response.on('end', () => resolve(response.statusCode ?? 0));
    response.on('error', reject);
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}
