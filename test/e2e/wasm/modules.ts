// Answers: which modules do the tests have, and how do they get into the registry.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addHeader, compileFilter } from '../../../kind/filters.ts';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { readImageReference } from '../../../src/core/wasm/image/read-source.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import { pushImage } from '../../../src/edge/registry/push-image.ts';
import { createRegistry } from '../../../src/edge/registry/registry.ts';
import { testRegistry } from './registry.ts';

const root = join(import.meta.dirname, '../../..');

/** Sources by the name that tests use: the example, and filters that do one thing to be seen. */
const sources = {
  'add-header': addHeader,
  panics: join(import.meta.dirname, 'filters/panics.ts'),
} as const;

/** The bytes of the module; with a version, those of another build of it, which says so in header x-filter-version. */
export async function compiled(name: keyof typeof sources, version = 0): Promise<Uint8Array> {
  const file = join(root, '.cache/e2e-wasm', `${name}-${version}.wasm`);
  await compileFilter(sources[name], file, version);
  return readFileSync(file);
}

/** The same module with other bytes, which no node and no registry has seen: a custom section that means nothing. */
export function neverSeen(bytes: Uint8Array): Uint8Array {
  const content = Buffer.concat([Buffer.from([4]), Buffer.from('seen'), randomBytes(16)]);
  return Buffer.concat([bytes, Buffer.from([0, content.length]), content]);
}

export interface PushedModule {
  /** As extensions name it: by tag. */
  readonly image: string;
  /** Digest of the layer, as the registry's log has it. */
  readonly layer: string;
  readonly manifest: string;
}

/** Packs the bytes and pushes them under the name, such as `order/first:1`. */
export async function pushed(name: string, bytes: Uint8Array, rootIds: readonly string[] = []): Promise<PushedModule> {
  const { local, host } = await testRegistry();
  const registry = createRegistry({ plainHttp: [local], limits: usualLimits });
  try {
    const image = readImageReference(`${local}/${name}`);
    if (!image.ok) throw new Error(image.error.message);
    const packed = packModule(bytes, { rootIds });
    const done = await pushImage(registry, image.value, packed);
    if (!done.ok) throw new Error(done.error.message);
    return { image: `oci://${host}/${name}`, layer: packed.layer.digest, manifest: packed.manifest.digest };
  } finally {
    registry.close();
  }
}
