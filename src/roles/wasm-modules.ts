// Answers: how does control come to know a module: follow its tag, verify it, fetch it, look at its bytes. The bytes stay
// in memory for as long as somebody may want to try them, and of one module at a time.
// Does not belong here: when (core/wasm/rollout/rollout.ts), the protocol (edge/registry/).
import type { ClusterOptions } from '../core/cluster/options.ts';
import { ok, type Result } from '../core/model/problem.ts';
import { checkModule } from '../core/wasm/bytes/module-check.ts';
import type { ManifestDigest, ModuleDigest } from '../core/wasm/digests.ts';
import type { Extension, Revision } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { resolvedOf } from '../core/wasm/rollout/known-revision.ts';
import type { Resolved } from '../core/wasm/rollout/rollout-input.ts';
import type { Trust, Verification } from '../core/wasm/trust.ts';
import type { Kube } from '../edge/kube/client.ts';
import { readPullSecretOf } from '../edge/kube/pull-secret.ts';
import { fetchModule, resolveModule } from '../edge/registry/fetch-module.ts';
import { memorySink } from '../edge/registry/module-sink.ts';
import { createRegistry, type Registry } from '../edge/registry/registry.ts';
import { limitsOf, registryOptionsOf } from '../edge/registry/registry-of-options.ts';
import { verifyResolved } from '../edge/registry/verify-resolved.ts';

export interface WasmModules {
  resolve(extension: Extension, signal: AbortSignal): Promise<Result<Resolved & Warned, Refusal>>;
  /** What the tag names now; undefined where that cannot be asked just now, or there is no tag. */
  tagNow(extension: Extension, signal: AbortSignal): Promise<ManifestDigest | undefined>;
  verify(
    extension: Extension,
    what: { readonly resolved: Resolved; readonly trusts: readonly Trust[] },
    signal: AbortSignal,
  ): Promise<Result<Verification, Refusal>>;
  fetch(
    extension: Extension,
    resolved: Resolved,
    signal: AbortSignal,
  ): Promise<Result<{ readonly revision: Revision } & Warned, Refusal>>;
  /** Bytes of a module that was fetched before; from memory where they still are there. */
  bytes(extension: Extension, revision: Revision, signal: AbortSignal): Promise<Result<Uint8Array, Refusal>>;
  close(): void;
}

interface Warned {
  readonly warnings: readonly string[];
}

/** Long enough for a second extension with the same module, or a trial that is held again. */
const keptMs = 120_000;

interface Kept {
  readonly digest: ModuleDigest;
  readonly bytes: Uint8Array;
}

export function createWasmModules(kube: Kube, wasm: ClusterOptions['wasm']): WasmModules {
  let kept: Kept | undefined;
  let timer: NodeJS.Timeout | undefined;
  const keep = (next: Kept | undefined): void => {
    clearTimeout(timer);
    kept = next;
    if (next !== undefined) timer = setTimeout(() => keep(undefined), keptMs).unref();
  };
  const asked = <T>(extension: Extension, ask: (registry: Registry) => Promise<Result<T, Refusal>>) =>
    withRegistry(kube, wasm, extension, ask);
  const limits = limitsOf(wasm);
  const fetchBytes = (extension: Extension, resolved: Resolved, signal: AbortSignal, moduleDigest?: ModuleDigest) =>
    asked(extension, async (registry) => {
      keep(undefined); // never two of them
      const sink = memorySink();
      const { manifestDigest } = resolved;
      const expected = { ...(manifestDigest && { manifestDigest }), ...(moduleDigest && { moduleDigest }) };
      const fetched = await fetchModule(resolved.source, { registry, sink, limits, expected }, signal);
      if (!fetched.ok) return fetched;
      const bytes = sink.bytes();
      keep({ digest: fetched.value.moduleDigest, bytes });
      return ok({ fetched: fetched.value, bytes });
    });
  return {
    resolve: (extension, signal) =>
      asked(extension, (registry) => resolveModule(extension.source, { registry, limits }, signal)),
    tagNow: async ({ source, ...extension }, signal) => {
      if (source.kind !== 'image' || source.image.digest !== undefined) return undefined;
      const { image } = source;
      const found = await asked({ source, ...extension }, (registry) => registry.head(image, signal));
      return found.ok ? found.value : undefined;
    },
    verify: (extension, { resolved, trusts }, signal) =>
      asked(extension, (registry) => verifyResolved(registry, resolved, trusts, signal)),
    fetch: async (extension, resolved, signal) => {
      const got = await fetchBytes(extension, resolved, signal);
      if (!got.ok) return got;
      const facts = checkModule(got.value.bytes);
      if (!facts.ok) return facts;
      const { abi, sizeBytes, warnings } = facts.value;
      const { reference: _, ...fetched } = got.value.fetched;
      const { indexDigest } = resolved;
      const origin = { reference: extension.reference, pinned: resolved.pinned, ...(indexDigest && { indexDigest }) };
      return ok({ revision: { ...fetched, ...origin, abi, sizeBytes, signedBy: [] }, warnings });
    },
    bytes: async (extension, revision, signal) => {
      if (kept?.digest === revision.moduleDigest) {
        keep(kept);
        return ok(kept.bytes);
      }
      const got = await fetchBytes(extension, resolvedOf(revision, extension), signal, revision.moduleDigest);
      return got.ok ? ok(got.value.bytes) : got;
    },
    close: () => keep(undefined),
  };
}

/** A client with the credentials of the extension, for one question. */
async function withRegistry<T>(
  kube: Kube,
  wasm: ClusterOptions['wasm'],
  { namespace, pullSecret }: Extension,
  ask: (registry: Registry) => Promise<Result<T, Refusal>>,
): Promise<Result<T, Refusal>> {
  const credentials = pullSecret === undefined ? undefined : await readPullSecretOf(kube, namespace, pullSecret);
  if (credentials?.ok === false) return credentials;
  const registry = createRegistry({ ...registryOptionsOf(wasm, credentials?.value), userAgent: 'pillion-control' });
  try {
    return await ask(registry);
  } finally {
    registry.close();
  }
}
