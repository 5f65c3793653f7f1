// Answers: how far is an extension on its road, and what comes next: resolve, verify, fetch and check, try, put it on the
// nodes, switch. Pure: what was found on the way is an Attempt, what lasts is the Standing. Whatever is refused, what runs
// goes on: nothing of it is touched before everything else is done.
// Does not belong here: doing it (roles/wasm-steps.ts), the words of the status (conditions.ts).
import type { ManifestDigest } from '../digests.ts';
import type { Revision } from '../extension.ts';
import { type Refusal, refusal } from '../refusals.ts';
import { denial, trustsOf } from '../signature/trusts.ts';
import type { Trust } from '../trust.ts';
import { emittedObjects, type Way } from './emitted.ts';
import { type EmittedChange, emittedChange } from './emitted-change.ts';
import { isRevisionOf, knownRevision, resolvedOf } from './known-revision.ts';
import { type Distribution, distributionOf } from './observed-nodes.ts';
import { pairPrint, trialPrint, trustPrint, wasTriedAtAll } from './prints.ts';
import { restoration, runningDistribution } from './restoration.ts';
import type { Resolved, RolloutInput, Stage } from './rollout-input.ts';

export type Step =
  | { readonly kind: 'resolve' }
  | {
      readonly kind: 'verify';
      readonly resolved: Resolved;
      readonly trusts: readonly Trust[];
      readonly trusted: string;
    }
  | { readonly kind: 'fetch'; readonly resolved: Resolved }
  | { readonly kind: 'try'; readonly revision: Revision; readonly proxyImage: string; readonly print: string }
  | ({ readonly kind: 'switch' } & EmittedChange)
  /** What runs is put right, while what is declared does not come to its switch. */
  | ({ readonly kind: 'restore' } & EmittedChange)
  | { readonly kind: 'rest' };

/** What is known of one stage. */
export type Verdict =
  | { readonly kind: 'done'; readonly isNeeded: boolean }
  | { readonly kind: 'next'; readonly step: Step }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The road as far as it goes: each stage up to the one that is not done. */
export interface Road {
  readonly verdicts: ReadonlyMap<Stage, Verdict>;
  readonly step: Step;
  /** What is on its way, or runs; from the stage Validated on. */
  readonly revision: Revision | undefined;
  readonly distribution: Distribution | undefined;
  /** Where it ends for now. */
  readonly refused: Refusal | undefined;
}

const done: Verdict = { kind: 'done', isNeeded: true };
const notNeeded: Verdict = { kind: 'done', isNeeded: false };
const rest: Step = { kind: 'rest' };

/** Walks the road from its start. Asking again with the same gives the same. */
export function walk(input: RolloutInput): Road {
  const road = walkDeclared(input);
  const ready = road.verdicts.get('Ready');
  return ready === undefined || ready.kind === 'refused' ? restored(input, road) : road;
}

/** On a road that does not come to its end, what runs is put right before anything else is done. */
function restored(input: RolloutInput, road: Road): Road {
  const distribution = road.verdicts.has('Distributed') ? road.distribution : runningDistribution(input);
  const change = restoration(input);
  if (!change.ok) {
    const verdicts = new Map(road.verdicts).set('Ready', { kind: 'refused', refusal: change.error });
    return { ...road, verdicts, distribution };
  }
  if (change.value === undefined) return { ...road, distribution };
  return { ...road, distribution, step: { kind: 'restore', ...change.value } };
}

function walkDeclared(input: RolloutInput): Road {
  const verdicts = new Map<Stage, Verdict>();
  const end = (more: Partial<Road> = {}): Road => {
    const last = [...verdicts.values()].findLast(({ kind }) => kind !== 'done');
    return {
      verdicts,
      step: last?.kind === 'next' ? last.step : rest,
      refused: last?.kind === 'refused' ? last.refusal : undefined,
      revision: undefined,
      distribution: undefined,
      ...more,
    };
  };
  const passes = (stage: Stage, verdict: Verdict): boolean => {
    const { refused } = input.attempt;
    const isHeld = verdict.kind === 'next' && refused?.stage === stage && isOfNow(refused.print, verdict.step);
    verdicts.set(stage, isHeld ? { kind: 'refused', refusal: refused.refusal } : verdict);
    return verdict.kind === 'done';
  };
  const known = knownRevision(input);
  // what was asked just now also tells the index, which the status may not
  const resolved = input.attempt.resolved ?? (known && resolvedOf(known, input.extension));
  if (!passes('Resolved', resolved ? done : { kind: 'next', step: { kind: 'resolve' } }) || !resolved) return end();
  const facts = known ?? input.attempt.fetched ?? input.others.revisions.find((one) => isRevisionOf(one, resolved));
  if (!passes('Verified', verifiedVerdict(input, resolved, facts))) return end();
  const isFetched = passes('Validated', facts ? done : { kind: 'next', step: { kind: 'fetch', resolved } });
  if (!isFetched || facts === undefined) return end();
  const revision = asVerified(input, asResolved(input, resolved, facts));
  if (!input.ways.ok) {
    passes('Distributed', { kind: 'refused', refusal: input.ways.error });
    return end({ revision });
  }
  if (!passes('TrialLoaded', trialVerdict(input, revision))) return end({ revision });
  return walkOn(input, revision, { passes, end, ways: input.ways.value });
}

/** A trial that another proxy refused says nothing about that of today. */
function isOfNow(print: string | undefined, step: Step): boolean {
  return step.kind !== 'try' || print === undefined || print === step.print;
}

interface Walker {
  readonly passes: (stage: Stage, verdict: Verdict) => boolean;
  readonly end: (more?: Partial<Road>) => Road;
  readonly ways: readonly Way[];
}

/** From the trial on. A node that lacks what runs already keeps nothing from being put right. */
function walkOn(input: RolloutInput, revision: Revision, { passes, end, ways }: Walker): Road {
  const isStored = ways.some(({ delivery }) => delivery === 'node-store');
  const distribution = isStored ? distributionOf(revision.moduleDigest, input.nodes, input.nodesOfPods) : undefined;
  const missing = distribution?.missing;
  const verdict: Verdict = missing ? { kind: 'refused', refusal: missing } : isStored ? done : notNeeded;
  const isThere = passes('Distributed', verdict);
  const runs = input.standing.active?.moduleDigest === revision.moduleDigest;
  if (!isThere && !runs) return end({ revision, distribution });
  const change = emittedChange(emittedObjects(input.extension, revision, ways), input.objects, input.extension);
  if (!change.ok) passes('Ready', { kind: 'refused', refusal: change.error });
  else if (change.value === undefined) passes('Ready', done);
  else passes('Ready', { kind: 'next', step: { kind: 'switch', ...change.value } });
  // what is not on every node but runs is told of in its condition, and is no reason to try again
  const { refused, ...ended } = end({ revision, distribution });
  const road = { ...ended, refused: !isThere && refused === missing ? undefined : refused };
  if (!change.ok || change.value !== undefined) return road;
  // what runs was tried with the proxy of its time: whatever that of today says of it, it is told and not taken away
  if (input.proxyImage !== undefined) passes('TrialLoaded', trialToday(input, revision));
  const trial = road.verdicts.get('TrialLoaded');
  return trial?.kind === 'next' ? { ...road, step: trial.step } : road;
}

function verifiedVerdict(input: RolloutInput, resolved: Resolved, facts: Revision | undefined): Verdict {
  const { wasm, extension, attempt } = input;
  const digests = [resolved.manifestDigest, resolved.indexDigest, facts?.layerDigest, facts?.moduleDigest];
  const denied = denial(wasm, digests);
  if (denied !== undefined) return { kind: 'refused', refusal: denied };
  const trusts = trustsOf(wasm, extension.trust);
  if (trusts.length === 0) return notNeeded;
  const trusted = trustPrint(trusts);
  if (resolved.source.kind !== 'image') return unsignable(trusts, resolved.pinned);
  const isVerified = attempt.verified?.trusted === trusted || ownFacts(input, resolved)?.trusted === trusted;
  return isVerified ? done : { kind: 'next', step: { kind: 'verify', resolved, trusts, trusted } };
}

/** Of what this extension itself has verified; what others have, was with their trust, and by another index perhaps. */
function ownFacts({ standing, attempt }: RolloutInput, resolved: Resolved): Revision | undefined {
  const { candidate, active, previous } = standing;
  return [attempt.fetched, candidate, active, previous].find(
    (one) => one !== undefined && isRevisionOf(one, resolved) && one.indexDigest === resolved.indexDigest,
  );
}

/** What is no image has no signature: its digest, which the declaration names, is all there is. */
function unsignable(trusts: readonly Trust[], pinned: string): Verdict {
  if (!trusts.some(({ mode }) => mode === 'enforce')) return notNeeded;
  const message = `Cannot take ${pinned}: signatures are asked for, and only images have some; push it to a registry`;
  return { kind: 'refused', refusal: refusal('SignatureMissing', message) };
}

/** The same module may be found by another reference, or in another index: a node looks for signatures of that one. */
function asResolved({ extension }: RolloutInput, { indexDigest }: Resolved, facts: Revision): Revision {
  const { indexDigest: _, ...others } = facts;
  return { ...others, reference: extension.reference, ...(indexDigest && { indexDigest }) };
}

function asVerified(input: RolloutInput, facts: Revision): Revision {
  const trusts = trustsOf(input.wasm, input.extension.trust);
  const trusted = trustPrint(trusts);
  const { verified } = input.attempt;
  if (verified?.trusted === trusted) return { ...facts, trusted, signedBy: verified.signedBy };
  if (facts.trusted === trusted) return facts;
  return { ...facts, trusted, signedBy: [] }; // nothing is asked for
}

/** What runs, or ran before, was tried with the proxy of its time; anything new has to be tried with that of today. */
function trialVerdict(input: RolloutInput, revision: Revision): Verdict {
  const { active, previous, tried = [] } = input.standing;
  const pair = pairPrint(input.extension, revision);
  const isOld = [active, previous].some((one) => one?.moduleDigest === revision.moduleDigest);
  return isOld && wasTriedAtAll(tried, pair) ? done : trialToday(input, revision);
}

function trialToday({ extension, standing, attempt, proxyImage, others }: RolloutInput, revision: Revision): Verdict {
  if (proxyImage === undefined) return { kind: 'refused', refusal: noProxyImage };
  const print = trialPrint(extension, revision, proxyImage);
  if (attempt.tried === print || standing.tried?.includes(print) || others.tried.includes(print)) return done;
  return { kind: 'next', step: { kind: 'try', revision, proxyImage, print } };
}

const noProxyImage = refusal(
  'TrialImpossible',
  "Cannot hold the trial: the image of the mesh's proxy is not known, because the injector configuration cannot be read",
);

/** True where the tag names neither what was resolved nor the index that it came from. */
export function hasMoved({ manifestDigest, indexDigest }: Revision, tagNow: ManifestDigest): boolean {
  return tagNow !== manifestDigest && tagNow !== indexDigest;
}
