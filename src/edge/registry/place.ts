// Answers: under which URL does a registry keep what. Rules: OCI distribution-spec 1.1.
import type { ImageReference } from '../../core/wasm/source.ts';

/** Docker Hub's API has another host than its references. */
const apiHosts: Readonly<Record<string, string>> = {
  'docker.io': 'registry-1.docker.io',
  'index.docker.io': 'registry-1.docker.io',
};

/** `path` is what follows the repository: `manifests/1.2`, `blobs/sha256:…`. */
export function urlOf(image: ImageReference, path: string, plainHttp: readonly string[]): URL {
  const scheme = isPlain(image.registry, plainHttp) ? 'http' : 'https';
  return new URL(`${scheme}://${apiHosts[image.registry] ?? image.registry}/v2/${image.repository}/${path}`);
}

/** An entry without a port means every port of the host. */
function isPlain(registry: string, plainHttp: readonly string[]): boolean {
  const host = registry.replace(/:\d+$/, '');
  return plainHttp.some((entry) => entry.toLowerCase() === registry || entry.toLowerCase() === host);
}

/** Of tag and digest the digest counts; with neither it is the tag `latest`. */
export function manifestPath({ tag, digest }: ImageReference): string {
  return `manifests/${digest ?? tag ?? 'latest'}`;
}

/** The URL for a message: a query may hold what gives access. */
export function urlText(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** The image for a message: `registry.example.com/team/filter:1.2`. */
export function imageText({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`}`;
}
