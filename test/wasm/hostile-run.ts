// Answers: what becomes of everything that somebody may send to do harm, one after the other in one process, and what
// that costs. A program: `hostile.test.ts` starts it as pillion is started and reads one line of JSON for each fixture.
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../src/core/model/problem.ts';
import { checkModule } from '../../src/core/wasm/bytes/module-check.ts';
import { hexOf } from '../../src/core/wasm/digests.ts';
import { chooseChild, moduleLayer, readManifest } from '../../src/core/wasm/image/manifest.ts';
import { readSource } from '../../src/core/wasm/image/read-source.ts';
import { usualLimits } from '../../src/core/wasm/limits.ts';
import type { Refusal } from '../../src/core/wasm/refusals.ts';
import { unpackModule } from '../../src/edge/registry/unpack.ts';
import { compatLayer, sha256, streamed } from './archive-builder.ts';
import { type Hostile, type HostileBlob, hostileFixtures } from './hostile-fixtures.ts';
import { validModule } from './module-builder.ts';

export interface HostileOutcome {
  readonly name: string;
  /** Absent where it was taken. */
  readonly refusal?: Refusal;
  readonly tookMs: number;
}

export interface HostileSummary {
  /** Most resident memory during all of it, above that before. */
  readonly grownBytes: number;
  /** Files under a final name after a good module, and after everything. */
  readonly goodFiles: number;
  readonly files: readonly string[];
}

/** Fetches into a file, as a store does: a final name only for a module that passed everything. */
async function intoStore(directory: string, hostile: HostileBlob): Promise<Result<unknown, Refusal>> {
  const part = join(directory, 'tmp', randomUUID());
  const file = await open(part, 'wx+', 0o600);
  try {
    const unpacked = await unpackModule('length' in hostile.blob ? streamed(hostile.blob) : hostile.blob, {
      ...hostile,
      ...layerOf(hostile),
      limits: usualLimits,
      sink: { write: async (chunk) => void (await file.write(chunk)) },
    });
    if (!unpacked.ok) return unpacked;
    const bytes = Buffer.alloc(unpacked.value.sizeBytes);
    await file.read(bytes, 0, bytes.length, 0);
    const checked = checkModule(bytes);
    if (checked.ok) await rename(part, join(directory, 'modules', `${hexOf(unpacked.value.moduleDigest)}.wasm`));
    return checked;
  } finally {
    await file.close();
    await rm(part, { force: true });
  }
}

function layerOf({ blob, digest, sizeBytes }: HostileBlob): object {
  const bytes = 'length' in blob ? blob : undefined;
  const ordered = { digest: digest ?? (bytes && sha256(bytes)), sizeBytes: sizeBytes ?? bytes?.length };
  return ordered.digest === undefined ? {} : { layer: { mediaType: 'a/b', ...ordered } };
}

function follow(directory: string, hostile: Hostile): Result<unknown, Refusal> | Promise<Result<unknown, Refusal>> {
  if (hostile.kind === 'blob') return intoStore(directory, hostile);
  if (hostile.kind === 'reference') return readSource(hostile.text, hostile);
  const manifest = readManifest(hostile.bytes, hostile.contentType, usualLimits);
  if (!manifest.ok) return manifest;
  return manifest.value.kind === 'index' ? chooseChild(manifest.value) : moduleLayer(manifest.value, usualLimits);
}

function print(line: HostileOutcome | HostileSummary): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function run(directory: string): Promise<void> {
  for (const name of ['tmp', 'modules']) await mkdir(join(directory, name));
  await intoStore(directory, { kind: 'blob', variant: 'compat-oci', blob: compatLayer(validModule()) });
  const goodFiles = (await readdir(join(directory, 'modules'))).length;
  await rm(join(directory, 'modules'), { recursive: true });
  await mkdir(join(directory, 'modules'));
  const atFirstBytes = process.memoryUsage.rss();
  let mostBytes = atFirstBytes;
  const sample = (): void => {
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  };
  const sampler = setInterval(sample, 5);
  for (const { name, make } of hostileFixtures) {
    const startMs = performance.now();
    const answer = await follow(directory, make());
    sample();
    print({ name, ...(!answer.ok && { refusal: answer.error }), tookMs: performance.now() - startMs });
  }
  clearInterval(sampler);
  const files = await readdir(directory, { recursive: true });
  print({ grownBytes: mostBytes - atFirstBytes, goodFiles, files });
}

const directory = await mkdtemp(join(tmpdir(), 'pillion-hostile-'));
try {
  await run(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
