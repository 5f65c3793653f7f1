// Answers: where is a module to be had: what may be written in `url`, `image` and on the command line.
import type { ManifestDigest, ModuleDigest } from './digests.ts';

/** An image in a registry. Of tag and digest the digest counts; with neither, the tag is `latest`. */
export interface ImageReference {
  /** Host, with its port where one is written: `docker.io`, `registry:5000`. */
  readonly registry: string;
  /** `library/name`, `team/name`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: ManifestDigest;
}

export type ModuleSource =
  | { readonly kind: 'image'; readonly image: ImageReference }
  /** `https://`, or `http://` where it is allowed; the digest is that of the module, once unpacked. */
  | { readonly kind: 'http'; readonly url: string; readonly moduleDigest: ModuleDigest }
  | { readonly kind: 'file'; readonly path: string };
