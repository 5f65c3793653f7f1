// Answers: how does a wanted module get into the store: credentials, signatures, bytes; from one place after the other
// until one gives it.
// Does not belong here: when, and how often (roles/agent-modules.ts).
import type { ClusterOptions } from '../../core/cluster/options.ts';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { Credentials } from '../../core/wasm/image/docker-config.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import { denial, trustsOf } from '../../core/wasm/signature/trusts.ts';
import type { WantedModule, WantedSource } from '../../core/wasm/store/wanted.ts';
import type { KubeCalls } from '../kube/calls.ts';
import { KubeError } from '../kube/kube-error.ts';
import { readPullSecretOf } from '../kube/pull-secret.ts';
import { fetchModule, type ResolvedSource, resolveModule } from '../registry/fetch-module.ts';
import { createRegistry, type Registry } from '../registry/registry.ts';
import { limitsOf, registryOptionsOf } from '../registry/registry-of-options.ts';
import { verifyResolved } from '../registry/verify-resolved.ts';
import { diskFault } from './disk-fault.ts';
import { lackOfSpace } from './free-space.ts';
import type { StorePaths } from './store-paths.ts';
import { beginModule, type ModuleFile } from './write-module.ts';

export interface FetchToStore {
  readonly paths: StorePaths;
  readonly kube: Pick<KubeCalls, 'get'>;
  readonly wasm: ClusterOptions['wasm'];
}

type Fetched = Result<{ readonly sizeBytes: number }, Refusal>;

/**
 * Fetches the module, verified again, and every digest checked. Refused with what the first place said; never throws but
 * for a defect.
 */
export async function fetchToStore(parts: FetchToStore, wanted: WantedModule, signal: AbortSignal): Promise<Fetched> {
  if (!wanted.sources.ok) return wanted.sources;
  const lack = await lackOfSpace(parts.paths, wanted.sizeBytes).catch((error) => diskFault(error, 'look at the disk'));
  if (lack !== undefined) return fail(lack);
  let first: Fetched | undefined;
  for (const source of wanted.sources.value) {
    const fetched = await fetchFrom(parts, wanted, source, signal);
    if (fetched.ok || signal.aborted) return fetched;
    first ??= fetched;
  }
  return first ?? fail(refusal('NotFound', `Cannot fetch ${wanted.digest}: nobody says where it is`));
}

async function fetchFrom(
  parts: FetchToStore,
  wanted: WantedModule,
  source: WantedSource,
  signal: AbortSignal,
): Promise<Fetched> {
  const credentials = await credentialsFor(parts.kube, source);
  if (!credentials.ok) return credentials;
  const registry = createRegistry({ ...registryOptionsOf(parts.wasm, credentials.value), userAgent: 'pillion-agent' });
  try {
    const resolved = await pinnedSource(parts, registry, source, signal);
    if (!resolved.ok) return resolved;
    const refused = await refusedBySignature(parts, registry, source, resolved.value, signal);
    if (refused !== undefined) return fail(refused);
    const file = await beginModule(parts.paths, wanted.digest);
    return file.ok ? await fill(parts, wanted, { registry, file: file.value, resolved: resolved.value, signal }) : file;
  } finally {
    registry.close();
  }
}

async function credentialsFor(
  kube: FetchToStore['kube'],
  { pullSecret }: WantedSource,
): Promise<Result<Credentials | undefined, Refusal>> {
  if (pullSecret === undefined) return ok(undefined);
  try {
    return await readPullSecretOf(kube, pullSecret.namespace, pullSecret.name);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const what = `Cannot read the pull secret ${pullSecret.namespace}/${pullSecret.name}: ${error.message}`;
    return fail(refusal('PullSecretUnreadable', what));
  }
}

type Pinned = Pick<ResolvedSource, 'source' | 'manifestDigest' | 'indexDigest'>;

/** What control resolved needs no more questions; a source in the options may name a tag or an index. */
async function pinnedSource(
  { wasm }: FetchToStore,
  registry: Registry,
  { source, manifestDigest, indexDigest }: WantedSource,
  signal: AbortSignal,
): Promise<Result<Pinned, Refusal>> {
  if (source.kind !== 'image') return ok({ source });
  if (manifestDigest === undefined) return resolveModule(source, { registry, limits: limitsOf(wasm) }, signal);
  const image = { ...source.image, digest: manifestDigest };
  return ok({ source: { ...source, image }, manifestDigest, ...(indexDigest && { indexDigest }) });
}

async function refusedBySignature(
  { wasm }: FetchToStore,
  registry: Registry,
  { trust }: WantedSource,
  resolved: Pinned,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const denied = denial(wasm, [resolved.manifestDigest, resolved.indexDigest]);
  if (denied !== undefined) return denied;
  const verified = await verifyResolved(registry, resolved, trustsOf(wasm, trust), signal);
  return verified.ok ? undefined : verified.error;
}

interface Filling {
  readonly registry: Registry;
  readonly file: ModuleFile;
  readonly resolved: Pinned;
  readonly signal: AbortSignal;
}

async function fill({ wasm }: FetchToStore, wanted: WantedModule, filling: Filling): Promise<Fetched> {
  const { registry, file, resolved, signal } = filling;
  const { source, manifestDigest } = resolved;
  try {
    const expected = { moduleDigest: wanted.digest, ...(manifestDigest && { manifestDigest }) };
    const fetched = await fetchModule(source, { registry, limits: limitsOf(wasm), sink: file, expected }, signal);
    if (!fetched.ok) return fail(file.fault() ?? fetched.error);
    const denied = denial(wasm, [fetched.value.layerDigest]);
    if (denied !== undefined) return fail(denied);
    return await file.commit();
  } catch (error) {
    const fault = file.fault();
    if (fault === undefined) throw error;
    return fail(fault);
  } finally {
    await file.discard();
  }
}
