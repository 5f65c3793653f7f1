// Answers: what does an AdmissionReview ask, and how is it answered.
// Source: Kubernetes, "Dynamic Admission Control": request and response of admission webhooks, v1 and v1beta1.
import { bookkeeping } from './merge/strategic.ts';
import { isObject, type JsonObject } from './model/json.ts';
import { fail, ok, problemLine, quoted, type Result } from './model/problem.ts';
import type { Review } from './model/review.ts';
import { type Denied, reasons, type Verdict } from './model/verdict.ts';
import { printPatch } from './patch.ts';

const versions = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'] as const;
/** Deeper than any object of Kubernetes, and shallow enough for every recursion of ours. */
const deepest = 100;
/** The API server cuts warnings that are longer, and drops them when there are too many (Kubernetes, warnings). */
const longestWarning = 240;
const mostWarnings = 10;
const unprocessable = 422;

/** The review that the parsed JSON holds, or one line that says why it is none: the caller is at fault then. */
export function readReview(value: unknown, path: string): Result<Review, string> {
  const trouble = typeof value === 'object' && value !== null ? findTrouble(value, 0) : undefined;
  if (trouble !== undefined) return fail(`Cannot read the review: ${printPath(trouble.path)} ${trouble.what}`);
  if (!isObject(value)) return fail('Cannot read the review: the body is not a JSON object; send an AdmissionReview');
  if (value['kind'] !== 'AdmissionReview') {
    return fail(`Cannot read the review: kind is ${shown(value['kind'])}; send an AdmissionReview`);
  }
  const apiVersion = versions.find((version) => version === value['apiVersion']);
  if (apiVersion === undefined) {
    return fail(`Cannot read the review: apiVersion is ${shown(value['apiVersion'])}; send ${versions.join(' or ')}`);
  }
  const { request } = value;
  if (!isObject(request))
    return fail('Cannot read the review: it has no request; send one with request.uid and request.object');
  return readRequest(request, apiVersion, path);
}

function readRequest(request: JsonObject, apiVersion: Review['apiVersion'], path: string): Result<Review, string> {
  const { uid, namespace = '', operation = 'CREATE', dryRun = false, object } = request;
  if (typeof uid !== 'string' || uid === '') {
    return fail(`Cannot read the review: request.uid is ${shown(uid)}; send the uid as a text`);
  }
  if (typeof namespace !== 'string')
    return fail(`Cannot read the review: request.namespace is ${shown(namespace)}; send a text`);
  if (object === undefined || object === null) {
    return fail('Cannot read the review: it has no request.object; send the pod that is to be created');
  }
  return ok({ apiVersion, uid, namespace, operation: String(operation), dryRun: dryRun === true, object, path });
}

const malformed = 'holds a lone surrogate; send well-formed Unicode';

interface Trouble {
  readonly path: readonly string[];
  readonly what: string;
}

/**
 * What must not travel on: nesting that no recursion survives, texts that are no Unicode, keys that name a prototype.
 * The path is put together only once there is trouble, since every review of every pod comes through here.
 */
function findTrouble(value: object, depth: number): Trouble | undefined {
  if (depth > deepest) return { path: [], what: `is nested more than ${deepest} levels deep; send a flatter object` };
  if (Array.isArray(value)) return findInList(value, depth);
  const object = value as JsonObject;
  for (const key in object) {
    if (key === bookkeeping) continue; // nobody looks into it
    if (key === '__proto__') return { path: [key], what: 'is a key that no object may have; remove it' };
    const trouble = findInMember(object[key], depth);
    if (trouble !== undefined) return { path: [key, ...trouble.path], what: trouble.what };
  }
  return undefined;
}

function findInList(list: readonly unknown[], depth: number): Trouble | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const trouble = findInMember(list[index], depth);
    if (trouble !== undefined) return { path: [String(index), ...trouble.path], what: trouble.what };
  }
  return undefined;
}

function findInMember(member: unknown, depth: number): Trouble | undefined {
  if (typeof member === 'string') return member.isWellFormed() ? undefined : { path: [], what: malformed };
  return typeof member === 'object' && member !== null ? findTrouble(member, depth + 1) : undefined;
}

/** The path as a person would write it, cut where it is long. */
function printPath(path: readonly string[]): string {
  const shownPath = path.slice(0, 8).join('.').toWellFormed();
  return path.length === 0 ? 'the body' : path.length > 8 ? `${shownPath}.…` : shownPath;
}

/**
 * The answer to a review, as JSON. Without a patch there is no patchType either: the API server refuses one without the
 * other. The parts are joined as text because each of them is JSON already, and base64 needs no escaping.
 */
export function printAnswer(review: Review, verdict: Verdict): string {
  const uid = JSON.stringify(review.uid);
  return `{"apiVersion":"${review.apiVersion}","kind":"AdmissionReview","response":{"uid":${uid},${printVerdict(verdict)}}}`;
}

function printVerdict(verdict: Verdict): string {
  const notice = 'notice' in verdict ? verdict.notice : undefined;
  const warnings = printWarnings(notice === undefined ? verdict.warnings : [notice, ...verdict.warnings]);
  if (verdict.kind === 'deny') return `"allowed":false,"status":${JSON.stringify(statusOf(verdict))}${warnings}`;
  if (verdict.kind === 'skip' || verdict.patch.length === 0) return `"allowed":true${warnings}`;
  const patch = Buffer.from(printPatch(verdict.patch)).toString('base64');
  return `"allowed":true,"patchType":"JSONPatch","patch":"${patch}"${warnings}`;
}

function printWarnings(warnings: readonly string[]): string {
  if (warnings.length === 0) return '';
  const cut = (warning: string): string =>
    warning.length > longestWarning ? `${warning.slice(0, longestWarning - 1)}…` : warning;
  return `,"warnings":${JSON.stringify(warnings.slice(0, mostWarnings).map(cut))}`;
}

function statusOf({ problems, reason }: Denied): object {
  return { code: unprocessable, reason: 'Invalid', message: denialMessage({ problems, reason }) };
}

/** Every problem and, once, what to do, as one text: what kubectl shows the user. */
export function denialMessage({ problems, reason }: Pick<Denied, 'problems' | 'reason'>): string {
  const lines = problems.map(problemLine).join('; ');
  return `${lines}. ${reasons[reason].remedy}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'string' ? quoted(value) : quoted(JSON.stringify(value));
}
