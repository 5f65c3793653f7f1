// Answers: where does an answer send us, and what may go there. Never from TLS to plain HTTP; no credentials to another
// host, port or scheme; at most five times (OCI distribution-spec: registries send readers of blobs to their storage).
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { type Answer, type Call, exchange, type Wire } from './exchange.ts';
import { type Fault, lasting } from './fault.ts';
import { mayStayOnLoopback } from './forbidden-address.ts';

const mostRedirects = 5;
const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Sends a GET or HEAD, and goes where the answers lead. */
export async function follow(wire: Wire, first: Call): Promise<Result<Answer, Fault>> {
  let call = first;
  for (let count = 0; count <= mostRedirects; count += 1) {
    const answer = await exchange(wire, call);
    if (!answer.ok || !redirecting.has(answer.value.status)) return answer;
    answer.value.discard();
    const target = readTarget(answer.value.headers.location, call.url);
    if (!target.ok) return target;
    call = callTo(target.value, call, first);
  }
  return fail(lasting('InvalidAnswer', `it redirects more than ${mostRedirects} times`));
}

/** Where a header Location leads, seen from the URL that was asked. */
export function readTarget(location: string | undefined, from: URL): Result<URL, Fault> {
  const target = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (target === undefined || !['http:', 'https:'].includes(target.protocol)) {
    return fail(lasting('InvalidAnswer', 'it redirects to what is no URL of HTTP'));
  }
  if (target.username !== '' || target.password !== '') {
    return fail(lasting('InvalidAnswer', 'it redirects to a URL with user information'));
  }
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    return fail(lasting('InvalidAnswer', 'it redirects from https to http'));
  }
  return ok(target);
}

/** The same call to another URL; what is for the first host alone stays there. */
function callTo(target: URL, call: Call, first: Call): Call {
  const { Authorization: kept, ...headers } = call.headers;
  const isSame = target.origin === call.url.origin && kept !== undefined;
  return {
    ...call,
    url: target,
    headers: { ...headers, ...(isSame && { Authorization: kept }) },
    mayBeLoopback: mayStayOnLoopback(first.url, target),
  };
}
