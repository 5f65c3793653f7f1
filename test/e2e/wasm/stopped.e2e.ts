// What is stopped before any proxy of an app meets it: modules that the mesh's proxy does not take, and images that
// nobody trusted signed. What runs goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readChoices } from '../../../kind/choices.ts';
import { run } from '../../../kind/run.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import { trialModules } from '../../wasm/trial-modules.ts';
import { sharedCluster } from '../cluster.ts';
import { injected, inNamespace, type Namespace } from '../namespace.ts';
import { change, declare, standingOf, untilCondition, untilReady } from './extensions.ts';
import { compiled, type PushedModule, pushed } from './modules.ts';
import { testRegistry } from './registry.ts';
import { startClient, startServer, underLoad, untilAvailable, untilHeader, urlOf } from './requests.ts';

const cluster = sharedCluster();

interface Refused {
  readonly title: string;
  readonly spec: (image: string) => JsonObject;
  readonly bytes: () => Promise<Uint8Array>;
  readonly condition: readonly [type: string, reason: string];
}

const refused: readonly Refused[] = [
  {
    title: 'traps',
    condition: ['TrialLoaded', 'TrialRefused'],
    bytes: async () => trialModules.trapsAtVmStart(),
    spec: (image) => ({ source: { image } }),
  },
  {
    title: 'imports',
    condition: ['Validated', 'ImportUnknown'], // it does not come as far as the trial, which would stop it, too
    bytes: async () => trialModules.importsUnknown(),
    spec: (image) => ({ source: { image } }),
  },
  {
    title: 'config',
    condition: ['TrialLoaded', 'TrialRefused'],
    bytes: () => compiled('add-header', 2),
    spec: (image) => ({ source: { image }, pluginConfig: { color: 'blue' } }),
  },
];

test('a module that traps, one that imports what the proxy lacks and a configuration that is refused are stopped, and no request notices', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const good = await pushed('stopped/good:1', await compiled('add-header', 1));
    await declare(namespace, { name: 'hello', image: good.image });
    await Promise.all([startClient(namespace), startServer(namespace, 'web')]);
    await untilAvailable(namespace, 'web');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
    const { active } = await untilReady(namespace, 'hello');
    const load = await underLoad(
      namespace,
      { url: urlOf('web'), header: 'x-filter-version', perSecond: 20 },
      async () => {
        for (const { title, bytes, spec, condition } of refused) {
          const { image } = await pushed(`stopped/${title}:1`, await bytes());
          await change(namespace, 'hello', { pluginConfig: null, ...spec(image) });
          const { conditions, active: still } = await untilCondition(namespace, 'hello', ...condition);
          t.diagnostic(`${title}: ${conditions?.find(({ type }) => type === condition[0])?.message}`);
          assert.deepEqual(still, active, title);
        }
      },
    );
    t.diagnostic(`${load.total} requests`);
    assert.deepEqual({ failures: load.failures, values: load.values }, { failures: [], values: ['1'] });
  }));

test('an image that no trusted key signed is refused, and taken as soon as it is signed', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const module = await pushed(`signed/hello-${Date.now()}:1`, await compiled('add-header', 1));
    await withKey(async (folder, pem) => {
      const trust = { signatures: 'enforce', keys: [{ name: 'ours', pem }] };
      await declare(namespace, { name: 'hello', image: module.image, spec: { trust } });
      await Promise.all([startClient(namespace), startServer(namespace, 'web')]);
      await untilCondition(namespace, 'hello', 'Verified', 'SignatureMissing');
      assert.equal((await standingOf(namespace, 'hello')).active, undefined);
      assert.equal(await namespace.get('WasmPlugin', 'hello'), undefined);
      await sign(folder, module);
      await annotate(namespace, 'pillion.dev/resolve=signed');
      const { active } = await untilReady(namespace, 'hello');
      assert.match(String(active?.signedBy), /ours/);
      await untilAvailable(namespace, 'web');
      await untilHeader(namespace, urlOf('web'), 'x-filter-version', '1');
    });
  }));

async function annotate(namespace: Namespace, annotation: string): Promise<void> {
  await cluster.kubectl(['annotate', 'wasmextension', 'hello', '-n', namespace.name, annotation]);
}

const { cosign } = readChoices(process.env);
const environment = { COSIGN_PASSWORD: '' };

async function withKey(body: (folder: string, pem: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-key-'));
  try {
    await run(cosign, ['generate-key-pair'], { cwd: folder, env: environment });
    await body(folder, readFileSync(join(folder, 'cosign.pub'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function sign(folder: string, { image, manifest }: PushedModule): Promise<void> {
  const { host, local } = await testRegistry();
  const name = image.replace(`oci://${host}`, local).replace(/:[^:/]+$/, `@${manifest}`);
  const offline = ['--tlog-upload=false', '--use-signing-config=false', '--yes'];
  await run(cosign, ['sign', '--key', 'cosign.key', ...offline, name], { cwd: folder, env: environment });
}
