// Answers: what stands in the status of an extension, by how far it is on its road: revisions, conditions, counts. A time
// changes only with its condition, so that the same state is the same status and is not written again.
// Does not belong here: the road (rollout.ts), what is kept of it (extension.ts).
import type { JsonObject } from '../../model/json.ts';
import { mostTried } from '../declaration/standing.ts';
import { hexOf } from '../digests.ts';
import { type Condition, conditionTypes, type Extension, type Revision, type Standing } from '../extension.ts';
import { type Refusal, remedyText } from '../refusals.ts';
import type { Distribution } from './observed-nodes.ts';
import { pairPrint, trialPrint, wasTriedAtAll } from './prints.ts';
import { hasMoved, type Road, type Verdict } from './rollout.ts';
import type { RolloutInput, Stage } from './rollout-input.ts';

export interface StatusInput {
  readonly rollout: RolloutInput;
  readonly road: Road;
  /** `status.pods`, by what runs after this: as it is declared now, or as it was when it was switched on. */
  readonly pods: (active: Revision | undefined, by: 'declared' | 'running') => JsonObject;
  /** RFC 3339. */
  readonly now: string;
}

/** The status as it should be now. Its own input again gives the same. */
export function nextStanding({ rollout, road, pods, now }: StatusInput): Standing {
  const { extension, standing } = rollout;
  const revisions = nextRevisions(rollout, road);
  const isOn = road.verdicts.get('Ready')?.kind === 'done';
  const counts = pods(revisions.active, isOn || rollout.running === undefined ? 'declared' : 'running');
  const next = counted({ observedGeneration: extension.generation, ...revisions }, counts, road.distribution);
  return { ...next, conditions: conditionsOf(rollout, road, next, { before: standing.conditions ?? [], now }) };
}

/** With the counts, for machines and for the columns of `kubectl get`. */
function counted(standing: Standing, pods: JsonObject, distribution: Distribution | undefined): Standing {
  const { active } = standing;
  const nodes = distribution?.nodes;
  return {
    ...standing,
    ...(nodes !== undefined && { nodes }),
    pods,
    shown: {
      digest: active === undefined ? '' : shortDigest(active),
      nodes: nodes === undefined ? '' : `${nodes.ready}/${nodes.wanted}`,
      pods: `${pods['delivered']}/${pods['selected']}`,
    },
  };
}

export interface UnreadInput {
  readonly standing: Standing;
  readonly generation: number;
  /** Why it cannot be read. */
  readonly refused: Refusal;
  /** Of what runs; undefined where the status does not tell by which declaration. */
  readonly counts:
    | { readonly pods: JsonObject; readonly distribution: Distribution | undefined; readonly notRestored?: Refusal }
    | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/** The status of a declaration that cannot be read. What runs, runs on. */
export function refusedStanding({ standing, generation, refused, counts, now }: UnreadInput): Standing {
  const { candidate: _, ...before } = standing;
  const { nodes: __, ...uncounted } = before;
  const others = counts === undefined ? before : counted(uncounted, counts.pods, counts.distribution);
  const verdicts = new Map<Stage, Verdict>([['Resolved', { kind: 'refused', refusal: refused }]]);
  const draft = draftOf(verdicts, standing.active, counts?.notRestored ?? refused);
  const stamp: Stamp = { before: standing.conditions ?? [], now, generation };
  return {
    ...others,
    observedGeneration: generation,
    conditions: conditionTypes.map((type) =>
      stamped(
        type,
        draft(type, () => ''),
        stamp,
      ),
    ),
  };
}

/** The first twelve digits, as columns show it. */
export function shortDigest({ moduleDigest }: Pick<Revision, 'moduleDigest'>): string {
  return hexOf(moduleDigest).slice(0, 12);
}

type Revisions = Pick<Standing, 'candidate' | 'active' | 'running' | 'previous' | 'resolvedFor' | 'moved' | 'tried'>;

function nextRevisions(rollout: RolloutInput, road: Road): Revisions {
  const { extension, standing, attempt } = rollout;
  const { revision } = road;
  const isOn = road.verdicts.get('Ready')?.kind === 'done';
  const trial = road.verdicts.get('TrialLoaded')?.kind;
  const isTried = trial === 'done' || isOn;
  const isTriedAnew = trial === 'next' && revision !== undefined && isSameRevision(standing.candidate, revision);
  const kept = {
    ...(isTriedAnew && { candidate: revision }),
    ...(standing.running && { running: standing.running }),
    ...(standing.active && { active: standing.active }),
    ...(standing.previous && { previous: standing.previous }),
  };
  const tried = triedOf(rollout, revision);
  const moved = movedOf(standing, attempt.tagNow, revision);
  if (revision === undefined || !isTried) {
    const { resolvedFor } = standing;
    return { ...kept, ...(resolvedFor !== undefined && { resolvedFor }), ...tried, ...moved };
  }
  const resolvedFor = extension.resolveAsked;
  if (!isOn && !isSameRevision(standing.active, revision)) {
    return { ...kept, candidate: revision, resolvedFor, ...tried };
  }
  const old = isSameRevision(standing.active, revision) ? standing.previous : standing.active;
  const running = isOn ? rollout.spec : standing.running;
  return {
    active: revision,
    ...(running !== undefined && { running }),
    ...(old !== undefined && { previous: old }),
    resolvedFor,
    ...tried,
    ...moved,
  };
}

function isSameRevision(one: Revision | undefined, other: Revision): boolean {
  return one?.moduleDigest === other.moduleDigest && one.pinned === other.pinned;
}

/** A trial that another extension held counts for this one as well, also when that one is gone. */
function triedOf(rollout: RolloutInput, revision: Revision | undefined): Pick<Standing, 'tried'> {
  const { extension, standing, attempt, others, proxyImage } = rollout;
  const { tried = [] } = standing;
  const known = tried.length === 0 ? {} : { tried };
  if (revision === undefined || proxyImage === undefined) return known;
  const print = trialPrint(extension, revision, proxyImage);
  if (tried.includes(print) || (attempt.tried !== print && !others.tried.includes(print))) return known;
  // of one pair the last proxy counts, so that upgrades of the mesh do not push out what ran before
  const pair = pairPrint(extension, revision);
  return { tried: [...tried.filter((one) => !wasTriedAtAll([one], pair)), print].slice(-mostTried) };
}

/** Until the tag is looked at again, what was found last counts. */
function movedOf(
  { moved, active }: Standing,
  tagNow: NonNullable<Standing['moved']>['manifestDigest'] | undefined,
  revision: Revision | undefined,
): Pick<Standing, 'moved'> {
  const runs = revision ?? active;
  const digest = tagNow ?? moved?.manifestDigest;
  return digest !== undefined && runs !== undefined && hasMoved(runs, digest)
    ? { moved: { manifestDigest: digest } }
    : {};
}

interface Draft {
  readonly status: Condition['status'];
  readonly reason: Condition['reason'];
  readonly message: string;
}

interface Stamp {
  readonly before: readonly Condition[];
  readonly now: string;
  readonly generation: number;
}

function conditionsOf(
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
