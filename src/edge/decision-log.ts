// Answers: what does the log say of one admission.
// Does not belong here: how lines get out (log.ts).
import { isObject, type JsonObject } from '../core/model/json.ts';
import type { Review } from '../core/model/review.ts';
import type { NativeReason, Reason, Verdict } from '../core/model/verdict.ts';
import { type DestinationStream, isoTime } from './log.ts';

/** One line of the log. Public: fields keep their names and meanings. */
export interface DecisionFields {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string | undefined;
  /** Of a pod that gets its name later. */
  readonly generateName: string | undefined;
  readonly decision: Verdict['kind'];
  readonly reason: Reason;
  readonly native: boolean | undefined;
  readonly nativeReason: NativeReason | undefined;
  readonly templates: readonly string[] | undefined;
  /** Wasm modules of the pod: extension or digest, how it comes to the proxy, and why. */
  readonly modules: readonly string[] | undefined;
  /** Where the problems of a denied pod are. Their values stay out: a user may have written a secret. */
  readonly problems: readonly string[] | undefined;
  readonly milliseconds: number;
  readonly dryRun: boolean;
}

/** What is logged of an admission that took so many seconds; what is undefined is left out of the line. */
export function decisionFields(review: Review, verdict: Verdict, seconds: number): DecisionFields {
  const metadata = metadataOf(review.object);
  const injected = verdict.kind === 'inject' ? verdict : undefined;
  return {
    uid: review.uid,
    namespace: review.namespace,
    name: textOf(metadata?.['name']),
    generateName: textOf(metadata?.['generateName']),
    decision: verdict.kind,
    reason: verdict.reason,
    native: injected?.native.native,
    nativeReason: injected?.native.reason,
    templates: injected?.templates,
    modules: modulesOf(verdict),
    problems: verdict.kind === 'deny' ? verdict.problems.map(({ path }) => path) : undefined,
    milliseconds: Math.round(seconds * 1e6) / 1e3,
    dryRun: review.dryRun,
  };
}

/**
 * Writes a line for each admission, those of one turn of the event loop together. There is one for every admission: a
 * flat record is written by JSON.stringify at a fraction of what a general logger takes, and several at once take less.
 */
export function createDecisionLog(output: DestinationStream): (fields: DecisionFields) => void {
  let waiting: DecisionFields[] = [];
  const write = (): void => {
    const time = isoTime();
    let lines = '';
    for (const fields of waiting) lines += `${JSON.stringify({ level: 'info', time, ...fields, msg: 'admission' })}\n`;
    waiting = [];
    output.write(lines);
  };
  return (fields) => {
    if (waiting.push(fields) === 1) setImmediate(write);
  };
}

function modulesOf(verdict: Verdict): readonly string[] | undefined {
  if (!('modules' in verdict) || verdict.modules.length === 0) return undefined;
  return verdict.modules.map(
    ({ extension, module, delivery, reason }) => `${extension ?? module} ${delivery} ${reason}`,
  );
}

function metadataOf(object: unknown): JsonObject | undefined {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  return isObject(metadata) ? metadata : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
