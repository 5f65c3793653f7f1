// Answers: what is behind a reference, a file or a URL: the bytes of the module, and where they came from.
// Does not belong here: what the bytes say (core/wasm/bytes/module-check.ts), how it is shown (inspect-text.ts).
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail, ok, quoted, type Result } from '../../core/model/problem.ts';
import { digestOf, type ManifestDigest } from '../../core/wasm/digests.ts';
import type { FetchedModule } from '../../core/wasm/module.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { type Io, type OptionValues, UsageError } from '../command.ts';
import { readBytes } from './options.ts';
import { progressBar, watched } from './progress.ts';
import { imageOf, largestFileBytes, limitsFor, shownImage, urlIn, withRegistry } from './registry-access.ts';

export interface Looked {
  readonly bytes: Uint8Array;
  readonly fetched: FetchedModule;
  /** What is no image has none. */
  readonly image?: ImageReference;
  /** Of the index that the reference names, where it names one. */
  readonly indexDigest?: ManifestDigest;
  readonly warnings: readonly string[];
}

/** Fetches what the text names. Every digest is checked on the way. Throws UsageError where it names nothing. */
export async function lookAt(io: Io, options: OptionValues, text: string): Promise<Result<Looked, Refusal>> {
  if (/^https?:\/\//.test(text)) return lookAtUrl(io, options, urlIn(options, text));
  const file = fileOf(text);
  return file === undefined ? lookAtImage(io, options, imageOf(text)) : ok(await lookAtFile(file));
}

/** The path that the text names; undefined where it is the name of an image. */
export function fileOf(text: string): string | undefined {
  if (text.startsWith('file://')) {
    try {
      return fileURLToPath(text);
    } catch {
      throw new UsageError(`Cannot read ${quoted(text)}: it is no URL of a file; write file:///path`);
    }
  }
  return isPath(text) || text.endsWith('.wasm') || existsSync(text) ? text : undefined;
}

/** Whether a file is named where only an image can be meant: what merely could be one is taken for an image. */
export function isLocalFile(text: string): boolean {
  return isPath(text) || text.startsWith('file://') || (text.endsWith('.wasm') && existsSync(text));
}

/** `/…`, `./…` and `../…`. */
export function isPath(text: string): boolean {
  return /^\.{0,2}\//.test(text);
}

async function lookAtFile(file: string): Promise<Looked> {
  const bytes = await readBytes(file, largestFileBytes);
  return { bytes, warnings: [], fetched: withoutImage(file, bytes, 'file') };
}

function withoutImage(reference: string, bytes: Uint8Array, variant: 'file' | 'http'): FetchedModule {
  return { reference, pinned: reference, variant, moduleDigest: digestOf(bytes), sizeBytes: bytes.length, rootIds: [] };
}

async function lookAtUrl(io: Io, options: OptionValues, url: string): Promise<Result<Looked, Refusal>> {
  const { unpackModule } = await import('../../edge/registry/unpack.ts');
  const { memorySink } = await import('../../edge/registry/module-sink.ts');
  return withRegistry(io, options, undefined, async (registry) => {
    const found = await registry.download(url);
    if (!found.ok) return fail(found.error);
    const sink = memorySink();
    const unpacked = await unpackModule(found.value, { variant: 'http', limits: limitsFor(options), sink });
    if (!unpacked.ok) return fail(unpacked.error);
    const bytes = sink.bytes();
    return ok({ bytes, warnings: [], fetched: withoutImage(url, bytes, 'http') });
  });
}

async function lookAtImage(io: Io, options: OptionValues, image: ImageReference): Promise<Result<Looked, Refusal>> {
  const { fetchModule, resolveModule } = await import('../../edge/registry/fetch-module.ts');
  const { memorySink } = await import('../../edge/registry/module-sink.ts');
  const bar = progressBar(io, options, `Pulling ${shownImage(image)}`);
  return withRegistry(io, options, image.registry, async (client) => {
    const [sink, limits, registry] = [memorySink(), limitsFor(options), watched(client, bar)];
    const resolved = await resolveModule({ kind: 'image', image }, { registry, limits });
    if (!resolved.ok) return fail(resolved.error);
    const { source, manifestDigest, indexDigest, warnings, reference } = resolved.value;
    const expected = manifestDigest === undefined ? {} : { manifestDigest };
    const fetched = await fetchModule(source, { registry, sink, limits, expected });
    bar.end();
    if (!fetched.ok) return fail(fetched.error);
    return ok({
      bytes: sink.bytes(),
      fetched: { ...fetched.value, reference },
      image,
      ...(indexDigest !== undefined && { indexDigest }),
      warnings,
    });
  });
}
