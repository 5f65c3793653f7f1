// Answers: what does the status tell already of the module that is declared, so that no registry is asked: going on after
// a restart, and going back to the previous revision, needs none.
// Does not belong here: the road (rollout.ts).
import type { Extension, Revision } from '../extension.ts';
import { pinnedText } from '../image/read-source.ts';
import type { ModuleSource } from '../source.ts';
import type { Resolved, RolloutInput } from './rollout-input.ts';

/** What the status tells already of what is declared now, so that nothing needs to be asked. */
export function knownRevision({
  extension,
  standing,
  attempt,
}: Pick<RolloutInput, 'extension' | 'standing' | 'attempt'>): Revision | undefined {
  const { candidate, active, previous } = standing;
  const current = [candidate, active].filter((one) => one !== undefined);
  const all = [...current, ...(previous === undefined ? [] : [previous])];
  const { resolved } = attempt;
  if (resolved !== undefined) return all.find((one) => isRevisionOf(one, resolved));
  const asPinned = pinnedReference(extension.source);
  const byDigest = all.find((one) => one.pinned === asPinned || isPinnedAs(one, extension));
  if (byDigest !== undefined) return byDigest;
  const isAsked = (standing.resolvedFor ?? '') === extension.resolveAsked;
  return isAsked
    ? current.find((one) => one.reference === extension.reference && !isOtherFile(one, extension))
    : undefined;
}

/** True where the revision is what was resolved. A URL may give other bytes by now: the declared digest counts. */
export function isRevisionOf({ pinned, moduleDigest }: Revision, { pinned: wanted, source }: Resolved): boolean {
  return pinned === wanted && (source.kind !== 'http' || source.moduleDigest === moduleDigest);
}

/** Text of a source by digest; undefined for one that goes by its tag. */
function pinnedReference(source: ModuleSource): string | undefined {
  if (source.kind === 'image') return source.image.digest && pinnedText(source.image, source.image.digest);
  return undefined;
}

/** The same reference, by a digest that is of an index. */
function isPinnedAs(revision: Revision, { source, reference }: Extension): boolean {
  return source.kind === 'image' && source.image.digest !== undefined && revision.reference === reference;
}

/** A URL is only the same where the digest of its module is. */
function isOtherFile({ moduleDigest }: Revision, { source }: Extension): boolean {
  return source.kind === 'http' && source.moduleDigest !== moduleDigest;
}

/** The same as what a registry would say. */
export function resolvedOf({ pinned, manifestDigest, indexDigest }: Revision, { source }: Extension): Resolved {
  const isImage = source.kind === 'image' && manifestDigest !== undefined;
  const { tag: _, ...image } =
    source.kind === 'image' ? source.image : { tag: undefined, registry: '', repository: '' };
  return {
    source: isImage ? { kind: 'image', image: { ...image, digest: manifestDigest } } : source,
    pinned,
    ...(manifestDigest !== undefined && { manifestDigest }),
    ...(indexDigest !== undefined && { indexDigest }),
  };
}
