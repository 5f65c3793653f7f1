// Answers: what is said of each stage of an extension's road, in its condition. A time changes only with its condition, so
// that the same state is the same status and is not written again.
// Does not belong here: the road (rollout.ts), what else stands in the status (rollout-status.ts).
import { hexOf } from '../digests.ts';
import { type Condition, conditionTypes, type Extension, type Revision, type Standing } from '../extension.ts';
import { type Refusal, remedyText } from '../refusals.ts';
import type { Road, Verdict } from './rollout.ts';
import type { RolloutInput, Stage } from './rollout-input.ts';

/** The first twelve digits, as columns show it. */
export function shortDigest({ moduleDigest }: Pick<Revision, 'moduleDigest'>): string {
  return hexOf(moduleDigest).slice(0, 12);
}

interface Draft {
  readonly status: Condition['status'];
  readonly reason: Condition['reason'];
  readonly message: string;
}

/** When, and of which declaration. */
export interface Stamp {
  readonly before: readonly Condition[];
  readonly now: string;
  readonly generation: number;
}

export function conditionsOf(
  rollout: RolloutInput,
  { verdicts, revision, refused }: Road,
  next: Standing,
  times: Omit<Stamp, 'generation'>,
): readonly Condition[] {
  const draft = draftOf(verdicts, next.active, refused);
  const stamp: Stamp = { ...times, generation: rollout.extension.generation };
  const said = saidOf(rollout, revision, next);
  return conditionTypes.map((type) => {
    const found = draft(type, () => cut(said[type]));
    const isMoved = type === 'Resolved' && found.status === 'True' && next.moved !== undefined;
    return stamped(type, isMoved ? { ...found, ...movedDraft(rollout.extension, next) } : found, stamp);
  });
}

/** Of a declaration that cannot be read: `refused` says why, and `ready` why what runs is not as it should be. */
export function unreadConditions(
  { refused, ready, active }: { readonly refused: Refusal; readonly ready: Refusal; readonly active?: Revision },
  stamp: Stamp,
): readonly Condition[] {
  const verdicts = new Map<Stage, Verdict>([['Resolved', { kind: 'refused', refusal: refused }]]);
  const draft = draftOf(verdicts, active, ready);
  const nothing = (): string => '';
  return conditionTypes.map((type) => stamped(type, draft(type, nothing), stamp));
}

function movedDraft({ reference }: Extension, { moved, active }: Standing): Pick<Draft, 'reason' | 'message'> {
  const runs = active?.pinned ?? 'nothing';
  const message = `${reference} names ${moved?.manifestDigest} now, and ${runs} runs; ${remedyText('TagMoved')}`;
  return { reason: 'TagMoved', message };
}

function draftOf(
  verdicts: ReadonlyMap<Stage, Verdict>,
  active: Revision | undefined,
  refused: Refusal | undefined,
): (type: Stage, said: () => string) => Draft {
  return (type, said) => {
    const verdict = verdicts.get(type);
    if (verdict?.kind === 'done')
      return { status: 'True', reason: verdict.isNeeded ? 'Succeeded' : 'NotNeeded', message: said() };
    if (verdict?.kind === 'refused') return refusedDraft(verdict.refusal, type === 'Ready' ? active : undefined);
    if (type === 'Ready' && refused !== undefined) return refusedDraft(refused, active);
    return {
      status: 'Unknown',
      reason: 'Waiting',
      message: verdict === undefined ? 'Waits for what comes before' : 'Under way',
    };
  };
}

function refusedDraft({ reason, message }: Refusal, active: Revision | undefined): Draft {
  const goesOn = active === undefined ? '' : `; ${shortDigest(active)} goes on`;
  return { status: 'False', reason, message: cut(`${message}; ${remedyText(reason)}${goesOn}`) };
}

const longestMessage = 2_000;

/** Half of a character would come back from the API server as another text, and be written again and again. */
function cut(text: string): string {
  const short = text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  return short.toWellFormed();
}

/** What is said of a stage that is done. */
function saidOf(
  { attempt, ways }: RolloutInput,
  revision: Revision | undefined,
  { nodes }: Standing,
): Readonly<Record<Stage, string>> {
  const signed = revision?.signedBy ?? [];
  const warnings = (attempt.warnings ?? []).map((one) => `; ${one}`).join('');
  const how = ways.ok ? ways.value.map(({ delivery }) => delivery).join(' and ') : '';
  return {
    Resolved: revision?.pinned ?? attempt.resolved?.pinned ?? '',
    Verified:
      attempt.verified?.warning ?? (signed.length > 0 ? `Signed by ${signed.join(', ')}` : 'No signature is asked for'),
    Validated: `Proxy-Wasm ABI ${revision?.abi}, ${revision?.sizeBytes} bytes, ${revision?.moduleDigest}${warnings}`,
    TrialLoaded: "The mesh's proxy loads it with this configuration and answers through it",
    Distributed:
      nodes === undefined ? 'Every proxy pulls it for itself, by digest' : `On ${nodes.ready} of ${nodes.wanted} nodes`,
    Ready: `Switched on by ${how}`,
  };
}

function stamped(type: Stage, { status, reason, message }: Draft, { before, now, generation }: Stamp): Condition {
  const old = before.find((one) => one.type === type);
  return {
    type,
    status,
    reason,
    message,
    observedGeneration: generation,
    lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
  };
}
