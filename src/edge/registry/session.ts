// Answers: how is a registry asked about a repository: let in, followed where it leads, asked again where that may help.
import { fail, ok, quoted, type Result } from '../../core/model/problem.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { readAll, readStart } from './answer-body.ts';
import { type Answer, type Call, exchange, type Wire } from './exchange.ts';
import { type Fault, lasting, refusalOf, statusFault, unreachable } from './fault.ts';
import { mayStayOnLoopback } from './forbidden-address.ts';
import { urlOf } from './place.ts';
import { follow } from './redirects.ts';
import { type Holds, retried, retryAfterMs } from './retry.ts';
import type { Actions, Tokens } from './tokens.ts';

export interface Session extends Wire {
  readonly tokens: Tokens;
  readonly holds: Holds;
  readonly plainHttp: readonly string[];
}

export interface Question {
  /** The end of "Cannot …". */
  readonly what: string;
  readonly image: ImageReference;
  readonly method: Call['method'];
  /** Below the repository (place.ts), or a URL that the registry named. */
  readonly at: string | URL;
  readonly actions: Actions;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly onSent?: (doneBytes: number) => void;
  /** Statuses that are answers; all others are faults. */
  readonly taken: readonly number[];
  readonly signal: AbortSignal;
}

/** Asks, and again where the fault may pass. The body of the answer has to be read or discarded. */
export async function ask(session: Session, question: Question): Promise<Result<Answer, Refusal>> {
  return refused(question.what, await retriedAt(session, question, () => askOnce(session, question)));
}

/** Asks for a body that fits into memory, and again where it breaks off. */
export async function askAll(
  session: Session,
  question: Question,
  maxBytes: number,
  tooLong: Fault,
): Promise<Result<{ readonly answer: Answer; readonly bytes: Uint8Array }, Refusal>> {
  const attempt = async () => {
    const answer = await askOnce(session, question);
    if (!answer.ok) return answer;
    const bytes = await readAll(answer.value.body, maxBytes, tooLong);
    return bytes.ok ? ok({ answer: answer.value, bytes: bytes.value }) : bytes;
  };
  return refused(question.what, await retriedAt(session, question, attempt));
}

function refused<T>(what: string, result: Result<T, Fault>): Result<T, Refusal> {
  return result.ok ? result : fail(refusalOf(what, result.error));
}

/** Makes the attempt some times; several requests may make one attempt. */
export function retriedAt<T>(
  session: Session,
  { image, signal }: Pick<Question, 'image' | 'signal'>,
  attempt: () => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> {
  return retried(image.registry, { holds: session.holds, patienceMs: session.patienceMs, signal }, attempt);
}

/** Asks once; where the registry wants to know who asks, once more. */
export async function askOnce(session: Session, question: Question): Promise<Result<Answer, Fault>> {
  const { image, actions, signal } = question;
  const base = urlOf(image, '', session.plainHttp);
  const url = typeof question.at === 'string' ? urlOf(image, question.at, session.plainHttp) : question.at;
  // what is kept elsewhere is not asked with the credentials for here
  const isOwn = url.origin === base.origin;
  const entry = { image, url: base, actions, signal };
  const first = await send(session, question, url, isOwn ? session.tokens.known(entry) : undefined);
  if (!first.ok) return first;
  const judgeHere = (answer: Answer) => judgeFrom(base, answer, question.taken, session.tokens.hide);
  if (first.value.status !== 401 || first.value.url.origin !== base.origin) return judgeHere(first.value);
  first.value.discard();
  const header = await session.tokens.obtain(entry, first.value.headers['www-authenticate']);
  if (!header.ok) return header;
  const second = await send(session, question, url, header.value);
  return second.ok ? judgeHere(second.value) : second;
}

function send(
  session: Session,
  { image, method, headers = {}, body, onSent, signal }: Question,
  url: URL,
  authorization: string | undefined,
): Promise<Result<Answer, Fault>> {
  const call: Call = {
    method,
    url,
    headers: {
      // the bytes that the digests are of
      'Accept-Encoding': 'identity',
      ...headers,
      ...(authorization !== undefined && { Authorization: authorization }),
    },
    mayBeLoopback: mayStayOnLoopback(urlOf(image, '', session.plainHttp), url),
    signal,
    ...(body && { body }),
    ...(onSent && { onSent }),
  };
  return method === 'GET' || method === 'HEAD' ? follow(session, call) : exchange(session, call);
}

/** The answer where its status is one of those; else the fault that it is, with what `hide` leaves of its words. */
export async function judge(
  answer: Answer,
  taken: readonly number[],
  hide: Tokens['hide'] = (text) => text,
): Promise<Result<Answer, Fault>> {
  if (taken.includes(answer.status)) return plain(answer);
  const { status, headers } = answer;
  const waitMs = retryAfterMs(headers['retry-after'], Date.now());
  return fail(statusFault({ status, body: await readStart(answer.body), retryAfterMs: waitMs, hide }));
}

/** A storage refuses links that are too old: the registry gives a new one. */
async function judgeFrom(
  base: URL,
  answer: Answer,
  taken: readonly number[],
  hide: Tokens['hide'],
): Promise<Result<Answer, Fault>> {
  const judged = await judge(answer, taken, hide);
  if (judged.ok || answer.url.origin === base.origin || judged.error.reason !== 'Unauthorized') return judged;
  return fail(unreachable(`${judged.error.state} from ${quoted(answer.url.host)}, where it redirects to`));
}

/** Compressed bytes are not those that the digests are of, and may be many more than they seem. */
function plain(answer: Answer): Result<Answer, Fault> {
  const encoding = answer.headers['content-encoding'];
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return ok(answer);
  answer.discard();
  return fail(lasting('InvalidAnswer', 'the answer has a Content-Encoding, though none was asked for'));
}
