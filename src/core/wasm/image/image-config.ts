// Answers: what of an image's configuration concerns a module: the digest of its unpacked layer, and the root ids.
import { isObject, type JsonObject } from '../../model/json.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { isDigest } from '../digests.ts';
import { type Refusal, refusal } from '../refusals.ts';
import { readBoundedJson } from './bounded-json.ts';

/** Configurations are read up to this size: `Registry.smallBlob(…, largestConfigBytes)`. */
export const largestConfigBytes = 1024 * 1024;
const deepest = 32;
const mostRootIds = 64;
/** As a WasmPlugin takes them; what a terminal would obey is none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const rootIdForm = /^[^\u0000-\u001f\u007f-\u009f]{1,256}$/;

/**
 * `rootfs.diff_ids` of the last layer, from the configuration of a compat image: what `unpackModule` takes as diffId.
 * Undefined where the configuration names none. Source: OCI image-spec 1.1, image configuration.
 */
export function lastDiffId(config: Uint8Array): Result<string | undefined, Refusal> {
  const read = readObject(config);
  if (read === undefined) return invalid("the image's configuration is no JSON object");
  const diffIds = isObject(read['rootfs']) ? read['rootfs']['diff_ids'] : undefined;
  if (diffIds === undefined || diffIds === null) return ok(undefined);
  if (!Array.isArray(diffIds)) return invalid("rootfs.diff_ids of the image's configuration is no list");
  const last: unknown = diffIds.at(-1);
  if (last === undefined || isDigest(last)) return ok(last);
  return invalid("rootfs.diff_ids of the image's configuration holds what is no digest");
}

/**
 * Root ids in runtime-config.json of a layer, or in the configuration of the variant oci: `config.rootIds`, also written
 * `root_ids`. They are a hint: empty where nothing can be read.
 */
export function rootIdsOf(config: Uint8Array): readonly string[] {
  const read = readObject(config);
  const section = isObject(read?.['config']) ? read['config'] : read;
  const ids = section?.['rootIds'] ?? section?.['root_ids'];
  if (!Array.isArray(ids)) return [];
  return ids.slice(0, mostRootIds).filter((id): id is string => typeof id === 'string' && rootIdForm.test(id));
}

function readObject(bytes: Uint8Array): JsonObject | undefined {
  const read = readBoundedJson(bytes, { maxBytes: largestConfigBytes, maxDepth: deepest });
  return read.kind === 'value' && isObject(read.value) ? read.value : undefined;
}

function invalid(state: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('InvalidManifest', `Cannot read the image: ${state}`));
}
