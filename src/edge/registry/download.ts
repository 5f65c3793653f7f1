// Answers: how does a file come here that is in no registry. No credentials are shown; what arrives counts only by the
// digest that its reader compares.
import { fail, type Result } from '../../core/model/problem.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import { openBlob } from './blob-stream.ts';
import { refusalOf } from './fault.ts';
import { urlText } from './place.ts';
import { follow } from './redirects.ts';
import { retried } from './retry.ts';
import { judge, type Session } from './session.ts';

export interface Download {
  /** `https://`, or `http://` where whoever read the source allows it. */
  readonly url: string;
  readonly signal: AbortSignal;
}

export async function download(
  session: Session,
  { url: text, signal }: Download,
): Promise<Result<AsyncIterable<Uint8Array>, Refusal>> {
  if (!URL.canParse(text)) return fail(refusal('InvalidReference', 'Cannot read the file: its URL is none'));
  const url = new URL(text);
  const what = `read ${urlText(url)}`;
  const { holds, patienceMs } = session;
  const attempt = async (headers: Readonly<Record<string, string>>, taken: readonly number[]) => {
    const answer = await follow(session, {
      method: 'GET',
      url,
      headers: { 'Accept-Encoding': 'identity', ...headers },
      mayBeLoopback: true,
      signal,
    });
    return answer.ok ? judge(answer.value, taken) : answer;
  };
  return openBlob({
    what,
    signal,
    ask: async (headers, taken) => {
      const answer = await retried(url.host, { holds, patienceMs, signal }, () => attempt(headers, taken));
      return answer.ok ? answer : fail(refusalOf(what, answer.error));
    },
  });
}
