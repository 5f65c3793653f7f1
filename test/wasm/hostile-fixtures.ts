// Answers: what may somebody send who wants to do harm, and what has to be said to it. Each row is made when it is its
// turn: some are larger than any memory.
// Does not belong here: what needs a server to be sent (the tests of edge/registry).
import type { Variant } from '../../src/core/wasm/module.ts';
import type { RefusalReason } from '../../src/core/wasm/refusals.ts';
import { hostileArchives } from './hostile-archives.ts';
import { hostileBlobs } from './hostile-blobs.ts';
import { hostileBombs } from './hostile-bombs.ts';
import { hostileManifests } from './hostile-manifests.ts';
import { hostileModules } from './hostile-modules.ts';
import { hostileReferences } from './hostile-references.ts';

export interface HostileBlob {
  readonly kind: 'blob';
  readonly variant: Exclude<Variant, 'file'>;
  readonly blob: Uint8Array | AsyncIterable<Uint8Array>;
  /** What was ordered; where nothing is said, the digest and the size that the blob has. */
  readonly digest?: `sha256:${string}`;
  readonly sizeBytes?: number;
  readonly diffId?: string;
}

export type Hostile =
  | { readonly kind: 'reference'; readonly text: string; readonly moduleDigest?: string }
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array; readonly contentType: string }
  | HostileBlob;

export interface HostileFixture {
  /** `archive: a symbolic link`. */
  readonly name: string;
  readonly reason: RefusalReason;
  /** In the message: so many things are a bad archive that the reason alone proves little. */
  readonly says: string;
  readonly make: () => Hostile;
}

export const hostileFixtures: readonly HostileFixture[] = [
  ...hostileReferences,
  ...hostileManifests,
  ...hostileBlobs,
  ...hostileBombs,
  ...hostileArchives,
  ...hostileModules,
];
