// Answers: what went wrong when a registry was asked, and is it worth asking again at once.
import { isObject, parseJson } from '../../core/model/json.ts';
import { quoted } from '../../core/model/problem.ts';
import { type Refusal, type RefusalReason, refusal } from '../../core/wasm/refusals.ts';

export interface Fault {
  readonly reason: RefusalReason;
  /** What was found: the part of a message after "Cannot …: ". */
  readonly state: string;
  /** The same request may succeed in a moment. */
  readonly isTransient: boolean;
  /** What the other side asks to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** A fault that stays. */
export function lasting(reason: RefusalReason, state: string): Fault {
  return { reason, state, isTransient: false };
}

/** No answer, or a broken one: asked again. */
export function unreachable(state: string): Fault {
  return { reason: 'RegistryUnreachable', state, isTransient: true };
}

/** What it means that a signal ended a request. */
export function stopped(signal: AbortSignal): Fault {
  const isLate = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  return isLate ? unreachable('it takes longer than is allowed') : lasting('RegistryUnreachable', 'it was stopped');
}

/** `what` is the end of "Cannot …": `read the manifest of registry.example.com/team/filter:1`. */
export function refusalOf(what: string, { reason, state, retryAfterMs }: Fault): Refusal {
  return refusal(reason, `Cannot ${what}: ${state}`, retryAfterMs);
}

/** Thrown by requests and bodies whose fault is known. */
export class CallError extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.state);
    this.fault = fault;
  }
}

/** Codes of errors after which the other side is another machine than the one that was meant, or speaks another language. */
const lastingCodes: Readonly<Record<string, Pick<Fault, 'reason' | 'state'>>> = {
  HPE_HEADER_OVERFLOW: { reason: 'InvalidAnswer', state: 'the headers of the answer are larger than is allowed' },
  ENOTFOUND: { reason: 'RegistryUnreachable', state: 'its name is not known (ENOTFOUND)' },
  EPROTO: {
    reason: 'RegistryUnreachable',
    state: 'it does not speak TLS as is needed (EPROTO); one that speaks plain HTTP has to be in plainHttpRegistries',
  },
};

const certificateCodes = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|HOSTNAME_MISMATCH|ERR_SSL_)/;

/** The fault behind what a request or a body threw. */
export function faultOf(error: unknown): Fault {
  if (error instanceof CallError) return error.fault;
  const code = codeOf(error);
  const known = lastingCodes[code];
  if (known !== undefined) return { ...known, isTransient: false };
  if (code.startsWith('HPE_')) return lasting('InvalidAnswer', `the answer is not HTTP (${code})`);
  if (certificateCodes.test(code)) {
    return lasting('RegistryUnreachable', `its certificate is not trusted (${code}); name its authority in caBundle`);
  }
  return unreachable(`the connection failed (${code === '' ? 'no code' : code})`);
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const byStatus: Readonly<Record<number, RefusalReason>> = {
  401: 'Unauthorized',
  403: 'Unauthorized',
  404: 'NotFound',
  413: 'TooLarge',
  429: 'RateLimited',
};

export interface FaultAnswer {
  readonly status: number;
  /** The start of what it says. */
  readonly body: string;
  readonly retryAfterMs: number | undefined;
  /** What may be told of its words. */
  readonly hide: (text: string) => string;
}

/** The fault of an answer that is none of those that were hoped for. */
export function statusFault({ status, body, retryAfterMs, hide }: FaultAnswer): Fault {
  const reason = byStatus[status] ?? (status >= 500 || status === 408 ? 'RegistryUnreachable' : 'InvalidAnswer');
  const isTransient = reason === 'RateLimited' || reason === 'RegistryUnreachable';
  const said = errorText(body, hide);
  const state = `the answer is ${status}${said === '' ? '' : ` ${said}`}`;
  return { reason, state, isTransient, ...(isTransient && retryAfterMs !== undefined && { retryAfterMs }) };
}

/** `{"errors": [{"code": …, "message": …}]}` of the distribution-spec, cut and quoted. */
function errorText(body: string, hide: FaultAnswer['hide']): string {
  const parsed = parseJson(body);
  const errors = isObject(parsed) && Array.isArray(parsed['errors']) ? parsed['errors'] : [];
  const first: unknown = errors[0];
  if (!isObject(first)) return '';
  const texts = [first['code'], first['message']].filter((text) => typeof text === 'string');
  return quoted(hide(texts.join(': '))); // as it is meant: in JSON a secret may be written in many ways
}
