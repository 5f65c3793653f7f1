// Answers: by which declaration does what runs, run: the one that it was switched on with. It is kept in the status, so
// that what runs stays whole while another is refused, waits, or cannot be read.
// Does not belong here: keeping it so (rollout/restoration.ts).
import type { JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import type { Extension, Revision, Standing } from '../extension.ts';
import { readExtension } from './read-extension.ts';
import { standingOf } from './standing.ts';

/** Undefined where nothing runs, or the status does not tell by what. */
export function readRunning(object: KubeObject, standing: Standing = standingOf(object)): Extension | undefined {
  const { active, running } = standing;
  return active && running && declaredWith(object, running, active);
}

type Pinned = Pick<Revision, 'pinned' | 'moduleDigest'>;

/** `spec.source` that names this revision and no other. */
export function pinnedSource({ pinned, moduleDigest }: Pinned): JsonObject {
  return /^https?:/.test(pinned) ? { url: pinned, sha256: moduleDigest } : { image: pinned };
}

/** The extension with this for its `spec`, and the revision for its source; undefined where it cannot be read. */
export function declaredWith(object: KubeObject, spec: JsonObject, revision: Pinned): Extension | undefined {
  const read = readExtension({ ...object, spec: { ...spec, source: pinnedSource(revision) } }, { httpSources: true });
  return read.ok ? read.value : undefined;
}
