// What `packModule` makes, in a real registry and read by other tools than our own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { packModule } from '../../../src/core/wasm/image/pack.ts';
import { readImageReference, referenceText } from '../../../src/core/wasm/image/read-source.ts';
import { usualLimits } from '../../../src/core/wasm/limits.ts';
import type { ImageReference } from '../../../src/core/wasm/source.ts';
import { fetchModule } from '../../../src/edge/registry/fetch-module.ts';
import { memorySink } from '../../../src/edge/registry/module-sink.ts';
import { pushImage } from '../../../src/edge/registry/push-image.ts';
import { createRegistry, type Registry } from '../../../src/edge/registry/registry.ts';
import { runProgram } from '../../program.ts';
import { type Distribution, isOnPath, skipWithoutRegistry, startDistribution } from '../../wasm/distribution.ts';

const skip = isOnPath('crane')
  ? skipWithoutRegistry
  : 'Cannot read images with another tool: there is no "crane" on the PATH; put it there (go-containerregistry)';

/** Not a module, but what one looks like to archives: repetitive, and larger than the window of DEFLATE. */
const module = Buffer.concat(
  Array.from({ length: 9_000 }, (_, at) => Buffer.from(`\0asm function ${at} of ${at % 17} in table ${at % 251}\n`)),
);

describe('A packed image in a registry', { skip }, () => {
  let distribution: Distribution;
  let registry: Registry;
  let image: ImageReference;

  before(async () => {
    distribution = await startDistribution();
    registry = createRegistry({ plainHttp: [distribution.host], limits: usualLimits });
    const read = readImageReference(`${distribution.host}/team/packed:1.0`);
    assert.ok(read.ok);
    image = read.value;
  });
  after(async () => {
    registry?.close();
    await distribution?.stop();
  });

  async function crane(...args: readonly string[]): Promise<string> {
    const output = await runProgram('crane', [...args, '--insecure'], { timeoutMs: 120_000 });
    assert.equal(output.code, 0, output.stderr);
    return output.stdout;
  }

  test('has the digest that it was packed with, and is read by crane', async () => {
    const packed = packModule(module, { rootIds: ['hello'], annotations: { 'example.com/by': 'test' } });
    const pushed = await pushImage(registry, image, packed);
    assert.deepEqual(pushed, {
      ok: true,
      value: {
        manifestDigest: packed.manifest.digest,
        sentBytes: packed.layer.bytes.length + packed.config.bytes.length,
      },
    });
    const name = referenceText(image).slice('oci://'.length);
    assert.equal((await crane('digest', name)).trim(), packed.manifest.digest);
    assert.equal(await crane('manifest', name), Buffer.from(packed.manifest.bytes).toString());
    await crane('validate', '--remote', name);
    assert.equal(JSON.parse(await crane('config', name)).rootfs.diff_ids[0], packed.diffId);
    const archive = await crane('export', name, '-');
    for (const expected of ['plugin.wasm', 'runtime-config.json', '"rootIds":["hello"]', 'asm function 8999 of 6 in']) {
      assert.ok(archive.includes(expected), expected);
    }
  });

  test('gives back the same module and its root ids', async () => {
    const packed = packModule(module, { rootIds: ['hello', 'world'] });
    assert.ok((await pushImage(registry, image, packed)).ok);
    const sink = memorySink();
    const fetched = await fetchModule({ kind: 'image', image }, { registry, limits: usualLimits, sink });
    assert.ok(fetched.ok, JSON.stringify(fetched));
    assert.equal(fetched.value.moduleDigest, packed.moduleDigest);
    assert.equal(fetched.value.layerDigest, packed.layer.digest);
    assert.equal(fetched.value.variant, 'compat-oci');
    assert.deepEqual(fetched.value.rootIds, ['hello', 'world']);
    assert.ok(Buffer.from(sink.bytes()).equals(module));
  });

  test('is sent once: what the registry has already is left out, and progress ends at the whole', async () => {
    const packed = packModule(Buffer.concat([module, Buffer.from('again')]));
    const totalBytes = packed.layer.bytes.length + packed.config.bytes.length;
    for (const expectedBytes of [totalBytes, 0]) {
      const told: (readonly [number, number])[] = [];
      const pushed = await pushImage(registry, image, packed, (done, total) => told.push([done, total]));
      assert.equal(pushed.ok && pushed.value.sentBytes, expectedBytes);
      assert.deepEqual(told.at(-1), [totalBytes, totalBytes]);
      assert.ok(told.every(([done, total], at) => total === totalBytes && done >= (told[at - 1]?.[0] ?? 0)));
    }
  });
});
