// Answers: which modules does a node keep, where is each to be had, and which gates are open: from the WasmExtensions
// and the options alone, so that every node wants the same.
// Does not belong here: what is there already, what may go (evict.ts), fetching.
import type { ClusterOptions } from '../../cluster/options.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { readExtension } from '../declaration/read-extension.ts';
import { readRunning } from '../declaration/running.ts';
import { standingOf } from '../declaration/standing.ts';
import { isDigest, type ManifestDigest, type ModuleDigest } from '../digests.ts';
import type { Revision } from '../extension.ts';
import { readSource } from '../image/read-source.ts';
import { gateName } from '../names.ts';
import type { Refusal } from '../refusals.ts';
import { denial } from '../signature/trusts.ts';
import type { ModuleSource } from '../source.ts';
import type { Trust } from '../trust.ts';

/** What of a WasmExtension a node acts by; the rest is not kept in its memory. */
export interface DeclaredModules {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** How its images are fetched: as it is declared, or, where that cannot be read, was when it was switched on. */
  readonly access: Result<{ readonly pullSecret?: string; readonly trust?: Trust }, Refusal>;
  readonly active?: PinnedModule;
  readonly candidate?: PinnedModule;
  readonly previous?: PinnedModule;
}

type PinnedModule = Pick<
  Revision,
  'pinned' | 'moduleDigest' | 'manifestDigest' | 'indexDigest' | 'layerDigest' | 'sizeBytes'
>;

/** One place that has a module, and what may be done to get it from there. */
export interface WantedSource {
  readonly source: ModuleSource;
  /** Of the image manifest; undefined where the reference is still to be followed. */
  readonly manifestDigest?: ManifestDigest;
  /** Of the index that lists it: a signature of either counts. */
  readonly indexDigest?: ManifestDigest;
  /** What the extension asks besides what the cluster asks. */
  readonly trust?: Trust;
  readonly pullSecret?: { readonly namespace: string; readonly name: string };
}

export interface WantedModule {
  readonly digest: ModuleDigest;
  /** Undefined where nobody has fetched it before. */
  readonly sizeBytes: number | undefined;
  /** To be tried in this order, each once. Or why it is not to be had from anywhere. */
  readonly sources: Result<readonly WantedSource[], Refusal>;
}

/** What stands for an extension that is there. */
export interface WantedGate {
  readonly namespace: string;
  readonly name: string;
  /** Empty in the gate that is named by the name alone. */
  readonly uid: string;
  /** Of the module that runs; undefined where none may, and pods have to wait. */
  readonly digest: ModuleDigest | undefined;
}

export interface Wanted {
  /** By digest, each once, in the order of the digests. */
  readonly modules: ReadonlyMap<ModuleDigest, WantedModule>;
  /** Of every extension, open or not. */
  readonly gates: readonly WantedGate[];
}

type WasmOptions = Pick<ClusterOptions['wasm'], 'modules' | 'deniedDigests' | 'httpSources'>;

/** Also of an extension that has nothing to be fetched yet: it has a gate, which is closed. */
export function declaredModules(object: KubeObject): DeclaredModules {
  const standing = standingOf(object);
  const { active, candidate, previous } = standing;
  // whether http is allowed is asked of the revision, which is what is fetched
  const read = readExtension(object, { httpSources: true });
  const running = read.ok ? undefined : readRunning(object, standing);
  return {
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    uid: object.metadata.uid ?? '',
    access: read.ok ? ok(accessOf(read.value)) : running ? ok(accessOf(running)) : read,
    ...(active && { active: pinnedModule(active) }),
    ...(candidate && { candidate: pinnedModule(candidate) }),
    ...(previous && { previous: pinnedModule(previous) }),
  };
}

function pinnedModule(revision: Revision): PinnedModule {
  const { pinned, moduleDigest, manifestDigest, indexDigest, layerDigest, sizeBytes } = revision;
  return {
    pinned,
    moduleDigest,
    sizeBytes,
    ...(manifestDigest && { manifestDigest }),
    ...(indexDigest && { indexDigest }),
    ...(layerDigest && { layerDigest }),
  };
}

/** Everything that may be denied: what was named, what it lists, what that holds. */
function digestsOf({ moduleDigest, layerDigest, manifestDigest, indexDigest }: PinnedModule) {
  return [moduleDigest, layerDigest, manifestDigest, indexDigest];
}

function accessOf({ pullSecret, trust }: { readonly pullSecret?: string; readonly trust?: Trust }) {
  return { ...(pullSecret !== undefined && { pullSecret }), ...(trust !== undefined && { trust }) };
}

/** What all extensions together and the options want. A denied digest is wanted from nowhere, and opens no gate. */
export function wantedOf(extensions: Iterable<DeclaredModules>, options: WasmOptions): Wanted {
  const found = options.modules.flatMap(({ source, sha256 }): Claim[] =>
    isDigest(sha256) ? [claimOfOptions(source, sha256, options)] : [],
  );
  const gates = new Map<string, WantedGate>();
  for (const extension of extensions) {
    const { active, candidate, previous, namespace, name } = extension;
    found.push(...[active, candidate, previous].flatMap((one) => (one ? [claimOf(extension, one, options)] : [])));
    const isDenied = active && denial(options, digestsOf(active)) !== undefined;
    const digest = isDenied ? undefined : active?.moduleDigest;
    // the second for pods that the command line made from a file, in which no object has a uid
    for (const uid of new Set([extension.uid, ''])) {
      gates.set(gateName(namespace, name, uid), { namespace, name, uid, digest });
    }
  }
  return { modules: together(found), gates: sorted(gates).map(([, gate]) => gate) };
}

function sorted<K extends string, V>(map: ReadonlyMap<K, V>): (readonly [K, V])[] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** One place of one module, as somebody names it. */
interface Claim {
  readonly digest: ModuleDigest;
  readonly sizeBytes: number | undefined;
  readonly source: Result<WantedSource, Refusal>;
}

function claimOfOptions(text: string, digest: ModuleDigest, options: WasmOptions): Claim {
  const read = readSource(text, { moduleDigest: digest, allowHttp: options.httpSources });
  // whether a digest in it is of an image or of an index, nobody knows yet
  const named = read.ok && read.value.kind === 'image' ? read.value.image.digest : undefined;
  const denied = denial(options, [digest, named]);
  const source = read.ok ? ok({ source: read.value }) : read;
  return { digest, sizeBytes: undefined, source: denied ? fail(denied) : source };
}

function claimOf({ access, namespace }: DeclaredModules, one: PinnedModule, options: WasmOptions): Claim {
  const { pinned, moduleDigest: digest, manifestDigest, indexDigest, sizeBytes } = one;
  const claim = (source: Claim['source']): Claim => ({ digest, sizeBytes, source });
  const denied = denial(options, digestsOf(one));
  if (denied) return claim(fail(denied));
  if (!access.ok) return claim(access);
  const read = readSource(pinned, { moduleDigest: digest, allowHttp: options.httpSources });
  if (!read.ok) return claim(read);
  const { pullSecret, trust } = access.value;
  return claim(
    ok({
      source: read.value,
      ...(manifestDigest && { manifestDigest }),
      ...(indexDigest && { indexDigest }),
      ...(trust && { trust }),
      ...(pullSecret !== undefined && { pullSecret: { namespace, name: pullSecret } }),
    }),
  );
}

/** Each module once. What one extension may not have, another may: refused only where all places are. */
function together(claims: readonly Claim[]): ReadonlyMap<ModuleDigest, WantedModule> {
  const byDigest = Map.groupBy(claims, ({ digest }) => digest);
  return new Map(
    sorted(byDigest).map(([digest, claimed]) => {
      // the smallest: who says that it is large keeps nobody else's module from a disk on which it fits
      const sizes = claimed.flatMap((one) => (one.sizeBytes === undefined ? [] : [one.sizeBytes]));
      const sizeBytes = sizes.length === 0 ? undefined : Math.min(...sizes);
      const sources = new Map(
        claimed.flatMap(({ source }) => (source.ok ? [[JSON.stringify(source.value), source.value]] : [])),
      );
      const refused = claimed.find(({ source }) => !source.ok)?.source;
      const none = sources.size === 0 && refused !== undefined && !refused.ok;
      return [digest, { digest, sizeBytes, sources: none ? refused : ok([...sources.values()]) }];
    }),
  );
}
