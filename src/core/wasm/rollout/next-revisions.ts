// Answers: which revisions stand in the status of an extension, by how far it is on its road: the one on its way, the one
// that runs and by which declaration, the one before; what was tried, and whether the tag has moved.
// Does not belong here: the road (rollout.ts).
import { mostTried } from '../declaration/standing.ts';
import type { Revision, Standing } from '../extension.ts';
import { pairPrint, trialPrint, wasTriedAtAll } from './prints.ts';
import { hasMoved, type Road } from './rollout.ts';
import type { RolloutInput } from './rollout-input.ts';

/** What of a status is about revisions. */
type Revisions = Pick<Standing, 'candidate' | 'active' | 'running' | 'previous' | 'resolvedFor' | 'moved' | 'tried'>;

export function nextRevisions(rollout: RolloutInput, road: Road): Revisions {
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
