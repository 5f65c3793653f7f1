// Answers: what went wrong when the API server was asked, and is it worth asking again.
import { isObject } from '../../core/model/json.ts';

export const kubeErrorCodes = [
  'no-configuration', // there is no cluster to ask, or nothing that says what to do in it
  'unreachable', // no answer, or none in time
  'not-found',
  'conflict', // the object is another than the one that was to be changed, or is there already
  'forbidden', // the credentials do not allow it, or are none
  'gone', // a watch cannot go on from there; list again
  'refused', // what was sent is wrong, or an admission webhook or policy says no
  'failing', // the API server is in trouble itself
] as const;
export type KubeErrorCode = (typeof kubeErrorCodes)[number];

const codes: Readonly<Record<number, KubeErrorCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'gone',
};

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(code: KubeErrorCode, message: string, status?: number, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.status = status;
  }

  /** The same call may succeed later. */
  get isRetryable(): boolean {
    return this.code === 'unreachable' || this.code === 'failing' || this.code === 'conflict';
  }
}

/** What the call gives, or this where there is no such object, or the cluster does not know its kind. */
export async function whereNotFound<T>(instead: T, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KubeError && error.code === 'not-found') return instead;
    throw error;
  }
}

/** The error for an answer with that status and body; without a status, for a call that got no answer. */
export function kubeErrorOf(status: number | undefined, body: unknown, call = ''): KubeError {
  if (status === undefined) {
    const why = body instanceof Error ? reasonOf(body) : String(body);
    return new KubeError('unreachable', `Cannot reach the API server (${call}): ${why}`, undefined, body);
  }
  const message = isObject(body) && typeof body['message'] === 'string' ? body['message'] : `HTTP ${status}`;
  const code = codes[status] ?? (status >= 500 || status === 429 ? 'failing' : 'refused');
  return new KubeError(code, message, status);
}

/** What undici says is "fetch failed"; the reason is its cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
