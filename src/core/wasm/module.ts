// Answers: what is known about a module once it was fetched and looked at.
import type { LayerDigest, ManifestDigest, ModuleDigest } from './digests.ts';

export type Variant = 'compat-oci' | 'compat-docker' | 'oci' | 'http' | 'file';
export type Abi = '0.1.0' | '0.2.0' | '0.2.1';

/** What the bytes say about themselves (module-check.ts). */
export interface ModuleFacts {
  readonly abi: Abi;
  readonly sizeBytes: number;
  /** What is allowed but worth knowing: an old ABI, names that could be stripped. Each one sentence. */
  readonly warnings: readonly string[];
  /** `language rust 1.91`, `processed-by …`, as the producers section tells. */
  readonly producers: readonly string[];
}

/** Where the bytes came from, digest by digest. What is no image has a module digest alone. */
export interface FetchedModule {
  /** As asked: `oci://registry.example.com/team/filter:1.2`. */
  readonly reference: string;
  /** The same by digest: `oci://registry.example.com/team/filter@sha256:…`; an HTTP source as it is. */
  readonly pinned: string;
  readonly variant: Variant;
  readonly manifestDigest?: ManifestDigest;
  readonly layerDigest?: LayerDigest;
  readonly moduleDigest: ModuleDigest;
  readonly sizeBytes: number;
  /** `rootIds` of runtime-config.json or of the image's configuration. */
  readonly rootIds: readonly string[];
}
