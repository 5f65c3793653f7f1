// Answers: how are image layouts kept in directories: those that a person asks for, and the one where images wait until
// they are pushed.
// Does not belong here: which files there are (core/wasm/image/oci-layout.ts).
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isObject, parseJson } from '../core/model/json.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { digestOf, isDigest } from '../core/wasm/digests.ts';
import {
  blobPath,
  entryOf,
  indexFile,
  indexText,
  type LayoutEntry,
  layoutFiles,
  readIndex,
  withEntry,
} from '../core/wasm/image/oci-layout.ts';
import type { PackedBlob, PackedImage } from '../core/wasm/image/pack.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where packed images wait: `pillion/images` in the directory for data of the user (XDG Base Directory Specification).
 * Undefined where there is no home.
 */
export function imageStore(env: Environment): string | undefined {
  const data = env['XDG_DATA_HOME'] || (env['HOME'] && join(env['HOME'], '.local/share'));
  return data ? join(data, 'pillion/images') : undefined;
}

/** Adds the image to the layout in the directory, which is made where it is not there. The index comes last. */
export async function writeLayout(directory: string, reference: string, packed: PackedImage): Promise<void> {
  for (const [path, bytes] of layoutFiles(packed)) await writeWhole(join(directory, path), bytes);
  const entries = withEntry(await listLayout(directory), entryOf(reference, packed));
  await writeWhole(join(directory, indexFile), Buffer.from(indexText(entries)));
}

/** The images of the layout; none where there is no layout. */
export async function listLayout(directory: string): Promise<readonly LayoutEntry[]> {
  try {
    return readIndex(await readFile(join(directory, indexFile), 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The image as it was packed; the error says in words what is wrong with the layout. */
export async function readLayout(directory: string, entry: LayoutEntry): Promise<Result<PackedImage, string>> {
  const manifest = await readBlob(directory, entry.mediaType, entry.digest);
  if (!manifest.ok) return manifest;
  const parsed = parseJson(Buffer.from(manifest.value.bytes).toString());
  const layers = isObject(parsed) && Array.isArray(parsed['layers']) ? parsed['layers'] : [];
  const [config, layer] = await Promise.all([
    readDescribed(directory, isObject(parsed) ? parsed['config'] : undefined),
    readDescribed(directory, layers[0]),
  ]);
  if (!config.ok) return config;
  if (!layer.ok) return layer;
  const { moduleDigest } = entry;
  return ok({
    manifest: manifest.value,
    config: config.value,
    layer: layer.value,
    moduleDigest,
    diffId: diffId(config.value),
  });
}

function diffId({ bytes }: PackedBlob): `sha256:${string}` {
  const config = parseJson(Buffer.from(bytes).toString());
  const rootfs = isObject(config) && isObject(config['rootfs']) ? config['rootfs']['diff_ids'] : undefined;
  const first: unknown = Array.isArray(rootfs) ? rootfs[0] : undefined;
  return isDigest(first) ? first : 'sha256:';
}

async function readDescribed(directory: string, descriptor: unknown): Promise<Result<PackedBlob, string>> {
  const { digest, mediaType } = isObject(descriptor) ? descriptor : {};
  if (!isDigest(digest)) return fail('its manifest names a blob without a digest');
  return readBlob(directory, String(mediaType), digest);
}

async function readBlob(
  directory: string,
  mediaType: string,
  digest: `sha256:${string}`,
): Promise<Result<PackedBlob, string>> {
  const path = join(directory, blobPath(digest));
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return fail(`${quoted(path)} cannot be read`);
  return digestOf(bytes) === digest ? ok({ mediaType, digest, bytes }) : fail(`${quoted(path)} was altered`);
}

/** Nobody finds half a file. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}
