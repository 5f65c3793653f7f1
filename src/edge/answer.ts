// Answers: which status and text answer an HTTP request on the admission port. Bytes in, text out, so that all of it is
// testable without a port.
// Does not belong here: sockets, size and time limits (http.ts), what an admission decides (core/admit.ts).
import { isUtf8 } from 'node:buffer';
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import type { Review } from '../core/model/review.ts';
import type { Verdict } from '../core/model/verdict.ts';
import { deliveryPath } from '../core/wasm/names.ts';
import type { AdmissionTelemetry } from './telemetry.ts';

/** What an answer is made of. The core's functions are values here, so that a test or a benchmark can put in others. */
export interface AdmissionParts {
  /** The facts of this moment; asked once for each request. */
  readonly facts: () => Facts;
  readonly readReview: (value: unknown, path: string) => Result<Review, string>;
  readonly admit: (review: Review, facts: Facts) => Verdict;
  readonly printAnswer: (review: Review, verdict: Verdict) => string;
  readonly telemetry: AdmissionTelemetry;
}

export interface HttpRequest {
  readonly method: string;
  /** The request target: path and query, percent-encoded. */
  readonly target: string;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  /** JSON with status 200, else one line for a person. */
  readonly body: string;
}

export type Answerer = (request: HttpRequest) => HttpAnswer;

const json = 'application/json';
const jsonWithParameter = /^application\/json[\t ]*;/i;
const root = '/inject';
/** Every path that the registration may name; what each asks for, admit() knows. */
const roots: readonly string[] = [root, deliveryPath];

/**
 * Makes the function that answers. It never throws: a request that is none of ours gets a 4xx, a fault of our own a 500,
 * upon which the registration's failurePolicy decides (Kubernetes, "Dynamic Admission Control", failure policy).
 */
export function createAnswerer(parts: AdmissionParts): Answerer {
  const { telemetry } = parts;
  return (request) => {
    try {
      const started = performance.now();
      const review = readRequest(request, parts);
      if (!review.ok) {
        telemetry.refused(review.error.status, review.error.body);
        return review.error;
      }
      const verdict = parts.admit(review.value, parts.facts());
      const body = parts.printAnswer(review.value, verdict);
      telemetry.decided(review.value, verdict, (performance.now() - started) / 1000);
      return { status: 200, body };
    } catch (error) {
      telemetry.failed(error);
      return refusal(500, 'Cannot answer the review: internal error; see the log of pillion');
    }
  };
}

/** An answer other than 200: one line, with a line feed for those who call by hand. */
export function refusal(status: number, message: string): HttpAnswer {
  return { status, body: `${message}\n` };
}

function readRequest(request: HttpRequest, parts: AdmissionParts): Result<Review, HttpAnswer> {
  const path = readPath(request.target);
  if (!path.ok) return path;
  if (request.method !== 'POST') {
    return refuse(405, `Cannot answer ${request.method}: AdmissionReviews come by POST; send one with POST`);
  }
  const { contentType } = request;
  if (contentType !== json && contentType?.toLowerCase() !== json && !jsonWithParameter.test(contentType ?? '')) {
    const state = contentType === undefined ? 'missing' : quoted(contentType);
    return refuse(415, `Cannot read the review: the content type is ${state}; send ${json}`);
  }
  const value = parseBody(request.body);
  if (!value.ok) return value;
  const review = parts.readReview(value.value, path.value);
  return review.ok ? review : refuse(400, review.error);
}

/** The path, percent-decoded once and without its query (`?timeout=10s` comes from the API server). */
function readPath(target: string): Result<string, HttpAnswer> {
  const query = target.indexOf('?');
  const encoded = query < 0 ? target : target.slice(0, query);
  if (encoded === root) return ok(root); // what most of them ask
  const path = decode(encoded);
  if (path === undefined) {
    return refuse(400, `Cannot read the path ${quoted(encoded)}: it is not percent-encoded UTF-8; encode "%" as "%25"`);
  }
  if (roots.some((one) => path === one || path.startsWith(`${one}/`))) return ok(path);
  return refuse(404, `Cannot find ${quoted(path)}: reviews are answered under ${root}; change the path of the webhook`);
}

function decode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function parseBody(body: Buffer): Result<unknown, HttpAnswer> {
  if (body.length === 0) return refuse(400, 'Cannot read the review: the body is empty; send an AdmissionReview');
  if (!isUtf8(body)) return refuse(400, 'Cannot read the review: the body is not UTF-8; send JSON in UTF-8');
  try {
    return ok(JSON.parse(body.toString()));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const why = onOneLine(error.message);
    return refuse(400, `Cannot read the review: the body is not JSON: ${why}; send an AdmissionReview as JSON`);
  }
}

/** The parser's message quotes the body, line feeds and all. */
function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

function refuse(status: number, message: string): { readonly ok: false; readonly error: HttpAnswer } {
  return fail(refusal(status, message));
}
