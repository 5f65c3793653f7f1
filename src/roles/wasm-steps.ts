// Answers: how is one step of a rollout taken, and what is remembered of how it went.
// Does not belong here: which step (core/wasm/rollout/rollout.ts).
import type { Result } from '../core/model/problem.ts';
import { type Refusal, refusals } from '../core/wasm/refusals.ts';
import type { EmittedChange } from '../core/wasm/rollout/emitted-change.ts';
import { rootIdOf } from '../core/wasm/rollout/prints.ts';
import type { Step } from '../core/wasm/rollout/rollout.ts';
import type { Attempt, Stage } from '../core/wasm/rollout/rollout-input.ts';
import { nextAttemptMs } from '../core/wasm/store/back-off.ts';
import { type Memory, type Moment, stepOf, type TakenStep } from './wasm-moment.ts';

/** Takes the step; what needs a module in memory, and what writes, in its turn. */
export async function takeStep(moment: Moment, step: Exclude<Step, { readonly kind: 'rest' }>): Promise<void> {
  const { parts, memory } = moment;
  const turns = {
    ...{ resolve: undefined, verify: undefined, fetch: parts.inTurn, try: parts.inTurn },
    ...{ switch: memory.writeInTurn, restore: memory.writeInTurn },
  }[step.kind];
  if (turns === undefined) return act(moment, step);
  await turns(async () => {
    if (isOutdated(moment)) return;
    // while it waited, somebody may have fetched, tried or written the same, or the mesh got another proxy
    const now = stepOf(moment);
    if (now.kind !== 'rest' && now.kind === step.kind) await act(moment, now);
  });
}

/** A turn may be long in coming: nobody wants any more then what was declared before. */
function isOutdated({ parts, object: { metadata } }: Moment): boolean {
  const now = parts.view.extensions().get(`${metadata.namespace}/${metadata.name}`)?.metadata;
  return now?.uid !== metadata.uid || now?.generation !== metadata.generation || now?.deletionTimestamp !== undefined;
}

/** What was found by something that may be otherwise now is forgotten; a trial that could not be held is held again. */
export function tryAgain(memory: Memory): void {
  const { refused, notRestored, ...rest } = memory.attempt;
  const isEarly = refused !== undefined && early.includes(refused.stage);
  memory.attempt = { ...(isEarly ? {} : rest), ...(notRestored && { notRestored }) };
  memory.retryAt = undefined;
}

export function restoreAgain(memory: Memory): void {
  const { notRestored: _, ...rest } = memory.attempt;
  memory.attempt = rest;
  memory.restoreAt = undefined;
}

const early: readonly Stage[] = ['Resolved', 'Verified', 'Validated'];

async function act(moment: Moment, step: Exclude<Step, { readonly kind: 'rest' }>): Promise<void> {
  const { parts, extension, memory, signal } = moment;
  if (signal.aborted) return;
  const within = AbortSignal.any([signal, AbortSignal.timeout(parts.longestAskMs)]);
  const result = await takes[step.kind](moment, step as never, within);
  if (signal.aborted) return;
  const refused = result.ok ? undefined : result.error;
  parts.stepTaken(step.kind, refused, extension);
  if (result.ok) {
    memory.attempt = { ...memory.attempt, ...result.value };
    if (step.kind === 'switch') memory.failures = 0;
    return;
  }
  memory.failures += 1;
  const { failures } = memory;
  const waitMs = nextAttemptMs({ failures, refusal: result.error, mostMs: parts.mostWaitMs, random: Math.random() });
  const nextAt = performance.now() + waitMs;
  if (step.kind === 'restore') {
    memory.attempt = { ...memory.attempt, notRestored: result.error };
    memory.restoreAt = nextAt;
    return;
  }
  const print = step.kind === 'try' ? { print: step.print } : {};
  memory.attempt = { ...memory.attempt, refused: { stage: stageOf[step.kind], refusal: result.error, ...print } };
  memory.retryAt = refusals[result.error.reason].passes ? nextAt : undefined;
}

const stageOf = {
  resolve: 'Resolved',
  verify: 'Verified',
  fetch: 'Validated',
  try: 'TrialLoaded',
  switch: 'Ready',
} as const satisfies Record<Exclude<TakenStep, 'restore'>, Stage>;

type Found = Promise<Result<Partial<Attempt>, Refusal>>;
type StepOf<K extends TakenStep> = Extract<Step, { readonly kind: K }>;

/** `within` ends what a registry is asked: one that answers in drops keeps nobody else from being served. */
const takes: { readonly [K in TakenStep]: (moment: Moment, step: StepOf<K>, within: AbortSignal) => Found } = {
  resolve: async ({ parts, extension }, _, within) => {
    const found = await parts.modules.resolve(extension, within);
    if (!found.ok) return found;
    const { warnings, ...resolved } = found.value;
    return { ok: true, value: { resolved, warnings } };
  },
  verify: async ({ parts, extension }, { resolved, trusts, trusted }, within) => {
    const found = await parts.modules.verify(extension, { resolved, trusts }, within);
    if (!found.ok) return found;
    const signedBy = [...new Set(found.value.signedBy.map(({ key }) => key))];
    const { warning } = found.value;
    return { ok: true, value: { verified: { trusted, signedBy, ...(warning !== undefined && { warning }) } } };
  },
  fetch: async ({ parts, extension, memory }, { resolved }, within) => {
    const found = await parts.modules.fetch(extension, resolved, within);
    if (!found.ok) return found;
    const warnings = [...(memory.attempt.warnings ?? []), ...found.value.warnings];
    return { ok: true, value: { fetched: found.value.revision, warnings } };
  },
  try: async ({ parts, extension, signal }, { revision, proxyImage, print }, within) => {
    const bytes = await parts.modules.bytes(extension, revision, within);
    if (!bytes.ok) return bytes;
    const pluginName = rootIdOf(extension, revision);
    const tried = { ...extension, ...(pluginName !== undefined && { pluginName }) };
    const held = await parts.holdTrial({ extension: tried, revision, bytes: bytes.value, proxyImage }, signal);
    return held.ok ? { ok: true, value: { tried: print } } : held;
  },
  switch: writeChange,
  restore: writeChange,
};

async function writeChange({ parts, extension, signal }: Moment, change: EmittedChange): Found {
  const written = await parts.writes.change(change, extension.uid, signal);
  return written.ok ? { ok: true, value: {} } : written;
}
