// Answers: what refers to a manifest: signatures, for instance. By the API of OCI distribution-spec 1.1, and by the
// referrers tag where a registry does not have it.
import { fail, ok, type Result } from '../../core/model/problem.ts';
import { hexOf, type ManifestDigest } from '../../core/wasm/digests.ts';
import { type Descriptor, readManifest } from '../../core/wasm/image/manifest.ts';
import type { WasmLimits } from '../../core/wasm/limits.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { lasting } from './fault.ts';
import { imageText } from './place.ts';
import { askAll, type Question, type Session } from './session.ts';

export interface ReferrersOrder {
  readonly image: ImageReference;
  readonly digest: ManifestDigest;
  readonly artifactType: string;
  readonly limits: WasmLimits;
  readonly signal: AbortSignal;
}

const indexType = 'application/vnd.oci.image.index.v1+json';
const mostPages = 10;
/** What registries without the API answer: the rules say 404, older ones know no such path or method. */
const withoutApi = [400, 404, 405];

/** What cosign 2 calls, under the referrers tag, a manifest with an empty configuration, whatever its own type is. */
const untoldType = 'application/vnd.oci.empty.v1+json';

/** Descriptors of that artifact type, then those that may be of it; none where nothing refers to the manifest. */
export async function readReferrers(
  session: Session,
  order: ReferrersOrder,
): Promise<Result<readonly Descriptor[], Refusal>> {
  const byApi = await pagesOfApi(session, order);
  const found = byApi.ok && byApi.value === undefined ? await byTag(session, order) : byApi;
  if (!found.ok) return found;
  const all = found.value ?? [];
  const told = all.filter(({ artifactType }) => artifactType === order.artifactType);
  return ok(found === byApi ? told : [...told, ...all.filter(({ artifactType }) => artifactType === untoldType)]);
}

async function pagesOfApi(
  session: Session,
  order: ReferrersOrder,
): Promise<Result<readonly Descriptor[] | undefined, Refusal>> {
  const found: Descriptor[] = [];
  let next: string | undefined = `referrers/${order.digest}?artifactType=${encodeURIComponent(order.artifactType)}`;
  for (let page = 0; next !== undefined; page += 1) {
    if (page >= mostPages) return fail(tooMany(order));
    const read = await readPage(session, order, next, [200, ...(page === 0 ? withoutApi : [])]);
    if (!read.ok) return read;
    if (read.value === undefined) return ok(undefined);
    found.push(...read.value.children);
    next = read.value.next;
  }
  return ok(found);
}

/** The tag under which writers keep the index themselves. */
async function byTag(session: Session, order: ReferrersOrder): Promise<Result<readonly Descriptor[], Refusal>> {
  const read = await readPage(session, order, `manifests/sha256-${hexOf(order.digest)}`, [200, 404]);
  return read.ok ? ok(read.value?.children ?? []) : read;
}

interface Page {
  readonly children: readonly Descriptor[];
  /** Below the repository. */
  readonly next: string | undefined;
}

async function readPage(
  session: Session,
  order: ReferrersOrder,
  at: string,
  taken: readonly number[],
): Promise<Result<Page | undefined, Refusal>> {
  const { image, limits, signal } = order;
  const what = whatOf(order);
  const question: Question = {
    what,
    image,
    method: 'GET',
    at,
    actions: 'pull',
    headers: { Accept: indexType },
    taken,
    signal,
  };
  const tooLong = lasting('ManifestTooLarge', `it is larger than ${limits.maxManifestBytes} bytes`);
  const asked = await askAll(session, question, limits.maxManifestBytes, tooLong);
  if (!asked.ok) return asked;
  const { answer, bytes } = asked.value;
  if (answer.status !== 200) return ok(undefined);
  const type = answer.headers['content-type'] ?? '';
  // pages without any type, or of another one, come from servers that answer everything
  if (!type.startsWith(indexType)) return ok(undefined);
  const manifest = readManifest(bytes, type, limits);
  if (!manifest.ok) return manifest;
  if (manifest.value.kind !== 'index') return ok(undefined);
  return ok({ children: manifest.value.children, next: nextOf(answer.headers.link, image) });
}

/** `Link: </v2/…/referrers/…?…>; rel="next"` (RFC 8288), of this repository alone. */
function nextOf(link: string | string[] | undefined, image: ImageReference): string | undefined {
  const target = /<([^<>]{1,2000})>\s*;\s*rel="?next"?/.exec(String(link ?? '').slice(0, 4_096))?.[1];
  const prefix = `/v2/${image.repository}/`;
  return target?.startsWith(prefix) ? target.slice(prefix.length) : undefined;
}

function whatOf({ image, digest }: ReferrersOrder): string {
  return `find what refers to ${imageText({ ...image, digest })}`;
}

function tooMany(order: ReferrersOrder): Refusal {
  return refusal('InvalidAnswer', `Cannot ${whatOf(order)}: the list has more than ${mostPages} pages`);
}
