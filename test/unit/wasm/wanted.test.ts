import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readOptions } from '../../../src/core/cluster/options.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { ModuleDigest } from '../../../src/core/wasm/digests.ts';
import { agentOptionsMap, readAgentOptions } from '../../../src/core/wasm/store/agent-options.ts';
import { storeStatus } from '../../../src/core/wasm/store/store-status.ts';
import { declaredModules, type Wanted, wantedOf } from '../../../src/core/wasm/store/wanted.ts';
import { signer } from '../../wasm/signed.ts';

function digest(of: string): ModuleDigest {
  return `sha256:${of.repeat(64)}` as const;
}

function revision(of: string, manifest = 'f'): JsonObject {
  return {
    reference: 'oci://registry.example.com/team/filter:1',
    pinned: `oci://registry.example.com/team/filter@${digest(manifest)}`,
    variant: 'compat-oci',
    manifestDigest: digest(manifest),
    moduleDigest: digest(of),
    sizeBytes: 100,
    abi: '0.2.1',
  };
}

const uid = '1a2b3c4d-0000-4000-8000-000000000001';

function extension(name: string, status: JsonObject, spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'WasmExtension',
    metadata: { name, namespace: 'shop', uid },
    spec: { source: { image: 'registry.example.com/team/filter:1' }, ...spec },
    status,
  };
}

function wanted(objects: readonly KubeObject[], wasm: JsonObject = {}): Wanted {
  const options = readOptions({ wasm: { enabled: true, ...wasm } });
  if (!options.ok) throw new Error(JSON.stringify(options.error));
  return wantedOf(objects.map(declaredModules), options.value.wasm);
}

const { pem } = signer('release').trusted;

suite('a node keeps', () => {
  test('the modules that run, are to run and have run, and opens the gate for the one that runs', () => {
    const object = extension('hello', { active: revision('a'), candidate: revision('b'), previous: revision('c') });
    const { modules, gates } = wanted([object]);
    assert.deepEqual([...modules.keys()], [digest('a'), digest('b'), digest('c')]);
    assert.deepEqual(
      gates,
      ['', uid].map((one) => ({ namespace: 'shop', name: 'hello', uid: one, digest: digest('a') })),
      'the one without a uid is for pods that were made from a file',
    );
  });

  test('a module of the smallest size that anybody tells, so that a wrong one keeps it from no disk', () => {
    const huge = { ...revision('a'), sizeBytes: 2 ** 50 };
    const { modules } = wanted([extension('first', { active: huge }), extension('hello', { active: revision('a') })]);
    assert.equal(modules.get(digest('a'))?.sizeBytes, 100);
  });

  test('nothing of plain http that the options forbid, whatever a status says', () => {
    const { manifestDigest: _, ...bare } = revision('a');
    const active = { ...bare, pinned: 'http://10.0.0.1/filter.wasm', variant: 'http' };
    const sourcesOf = (wasm: JsonObject) =>
      wanted([extension('hello', { active })], wasm).modules.get(digest('a'))?.sources;
    const refused = sourcesOf({});
    assert.equal(refused?.ok === false && refused.error.reason, 'SourceNotAllowed');
    assert.equal(sourcesOf({ httpSources: true })?.ok, true);
  });

  test('nothing for an extension of which nothing was resolved, and its gate closed until something runs', () => {
    assert.equal(wanted([extension('hello', {})]).modules.size, 0);
    for (const status of [{}, { candidate: revision('a') }]) {
      const { gates } = wanted([extension('hello', status)]);
      assert.deepEqual(
        gates.map((one) => [one.uid, one.digest]),
        ['', uid].map((one) => [one, undefined]),
      );
    }
  });

  test('a module of several extensions once, and tries each place with its own credentials', () => {
    const objects = [
      extension('one', { active: revision('a') }, { pullSecret: 'regcred' }),
      extension('two', { active: revision('a') }),
      extension('three', { active: revision('a') }),
    ];
    const { modules, gates } = wanted(objects);
    const { sources } = modules.get(digest('a')) ?? assert.fail();
    assert.ok(sources.ok);
    assert.deepEqual(
      sources.value.map(({ pullSecret }) => pullSecret),
      [{ namespace: 'shop', name: 'regcred' }, undefined],
    );
    assert.equal(gates.filter((one) => one.digest === digest('a')).length, 2 * 3);
  });

  test('what its extension asks of signatures, to be asked again', () => {
    const trust = { signatures: 'enforce', keys: [{ name: 'release', pem }] };
    const { modules } = wanted([extension('one', { active: revision('a') }, { trust })]);
    const { sources } = modules.get(digest('a')) ?? assert.fail();
    assert.ok(sources.ok);
    assert.equal(sources.value[0]?.trust?.mode, 'enforce');
    assert.equal(sources.value[0]?.trust?.keys[0]?.name, 'release');
  });

  test('modules of the options, and refuses those that are denied, by module or by manifest', () => {
    const modules = [{ source: `oci://registry.example.com/tool@${digest('e')}`, sha256: digest('d') }];
    const kept = wanted([], { modules }).modules.get(digest('d'))?.sources;
    // its digest may be that of an index: the node follows it
    assert.ok(kept?.ok && kept.value[0]?.manifestDigest === undefined);
    const objects = [extension('one', { active: revision('a') }), extension('two', { active: revision('b', 'e') })];
    const denied = wanted(objects, { modules, deniedDigests: [digest('a'), digest('e'), digest('d')] });
    const reasons = [...denied.modules.values()].map(({ sources }) => (sources.ok ? 'taken' : sources.error.reason));
    assert.deepEqual(reasons, ['DigestDenied', 'DigestDenied', 'DigestDenied']);
    assert.ok(
      denied.gates.every((one) => one.digest === undefined),
      'their gates are closed',
    );
  });

  test('modules in the order of their digests, and of a size only where somebody has fetched them', () => {
    const modules = [{ source: 'oci://registry.example.com/tool:1', sha256: digest('0') }];
    const { modules: kept } = wanted([extension('one', { active: revision('b'), previous: revision('a') })], {
      modules,
    });
    assert.deepEqual(
      [...kept.values()].map((one) => [one.digest, one.sizeBytes]),
      [
        [digest('0'), undefined],
        [digest('a'), 100],
        [digest('b'), 100],
      ],
    );
  });

  test('no module of the options whose manifest or index is denied', () => {
    const modules = [{ source: `oci://registry.example.com/tool@${digest('e')}`, sha256: digest('d') }];
    const sources = wanted([], { modules, deniedDigests: [digest('e')] }).modules.get(digest('d'))?.sources;
    assert.equal(sources?.ok === false && sources.error.reason, 'DigestDenied');
  });

  test('the index that a module was found in, which may be what is signed', () => {
    const { modules } = wanted([extension('one', { active: { ...revision('a'), indexDigest: digest('1') } })]);
    const { sources } = modules.get(digest('a')) ?? assert.fail();
    assert.ok(sources.ok);
    assert.deepEqual([sources.value[0]?.manifestDigest, sources.value[0]?.indexDigest], [digest('f'), digest('1')]);
  });

  test('nothing whose index or layer is denied, and opens no gate for it', () => {
    const active = { ...revision('a'), indexDigest: digest('1'), layerDigest: digest('2') };
    for (const denied of [digest('1'), digest('2')]) {
      const { modules, gates } = wanted([extension('one', { active })], { deniedDigests: [denied] });
      const { sources } = modules.get(digest('a')) ?? assert.fail();
      assert.equal(sources.ok ? undefined : sources.error.reason, 'DigestDenied');
      assert.ok(gates.length > 0 && gates.every((one) => one.digest === undefined));
    }
  });

  test('what a declaration that cannot be read names, without fetching it anew', () => {
    const { modules, gates } = wanted([extension('one', { active: revision('a') }, { phase: 'LATE' })]);
    const { sources } = modules.get(digest('a')) ?? assert.fail();
    assert.equal(sources.ok ? undefined : sources.error.reason, 'InvalidSpec');
    assert.ok(gates.every((one) => one.digest === digest('a')));
  });
});

suite('a node reports', () => {
  const refusal = { reason: 'RegistryUnreachable', message: 'x'.repeat(300) } as const;
  const { modules } = wanted([
    extension('hello', { active: revision('a'), candidate: revision('b'), previous: revision('c') }),
  ]);
  const input = { agentVersion: '1', wanted: { modules, gates: [] } };

  test('what is there, what is coming and what failed, with a short message and the time of the next attempt', () => {
    const { modules: told, usedBytes } = storeStatus({
      ...input,
      whole: new Map([
        [digest('a'), { sizeBytes: 100 }],
        [digest('9'), { sizeBytes: 7 }],
      ]),
      setback: (one) => (one === digest('b') ? { refusal, failures: 3, nextAtMs: 0 } : undefined),
    });
    assert.equal(usedBytes, 107);
    assert.deepEqual(
      told.map(({ state }) => state),
      ['Ready', 'Failed', 'Fetching'],
    );
    assert.equal(told[1]?.message?.length, 256);
    assert.deepEqual([told[1]?.attempts, told[1]?.nextRetryTime], [3, '1970-01-01T00:00:00.000Z']);
  });

  test('a module that is there as there, with its size, also where its declaration cannot be read any more', () => {
    const broken = wanted([extension('one', { active: revision('a'), previous: revision('b') }, { phase: 'LATE' })]);
    const whole = new Map([[digest('a'), { sizeBytes: 90 }]]);
    const told = storeStatus({ ...input, wanted: broken, whole, setback: () => undefined });
    assert.deepEqual(told.modules[0], { digest: digest('a'), state: 'Ready', sizeBytes: 90 });
    assert.deepEqual([told.modules[1]?.state, told.modules[1]?.reason], ['Failed', 'InvalidSpec']);
    assert.deepEqual([told.modules[1]?.attempts, told.agentVersion], [undefined, '1']);
  });

  test('a message that is short as it is', () => {
    const short = { reason: 'NotFound', message: 'x'.repeat(256) } as const;
    const setback = () => ({ refusal: short, failures: 1, nextAtMs: 0 });
    const [failed] = storeStatus({ ...input, whole: new Map(), setback }).modules;
    assert.deepEqual(failed, {
      digest: digest('a'),
      state: 'Failed',
      ...short,
      attempts: 1,
      nextRetryTime: '1970-01-01T00:00:00.000Z',
    });
  });

  test('a denied module as denied although its file is there', () => {
    const denied = wanted([extension('one', { active: revision('a') })], { deniedDigests: [digest('a')] });
    const whole = new Map([[digest('a'), { sizeBytes: 100 }]]);
    const told = storeStatus({ ...input, wanted: denied, whole, setback: () => undefined });
    assert.equal(told.modules[0]?.reason, 'DigestDenied');
  });
});

suite('the options of the agents', () => {
  const modules = [{ source: 'oci://registry.example.com/tool:1', sha256: digest('d') }];
  const keys = [{ name: 'release', pem }];
  const options = readOptions({ wasm: { enabled: true, keys, modules, deniedDigests: [digest('e')] } });
  assert.ok(options.ok);
  const map = agentOptionsMap(options.value);

  test('stand in a ConfigMap of the agent, which is known to be ours', () => {
    assert.deepEqual(map, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'pillion-agent',
        namespace: 'pillion-node',
        labels: {
          'app.kubernetes.io/name': 'pillion',
          'app.kubernetes.io/component': 'agent',
          'app.kubernetes.io/part-of': 'pillion',
        },
      },
      data: { 'wasm.json': JSON.stringify(options.value.wasm) },
    });
  });

  test('come back as they were written', () => {
    assert.deepEqual(readAgentOptions(map), { ok: true, value: options.value.wasm });
  });

  test('are refused as a whole where something is missing or of another kind', () => {
    const other = (wasm: unknown) => readAgentOptions({ ...map, data: { 'wasm.json': JSON.stringify(wasm) } });
    assert.match(
      JSON.stringify(other({ ...options.value.wasm, keys: [1] })),
      /\\"keys\\" is missing or of another kind/,
    );
    for (const key of Object.keys(options.value.wasm)) {
      const { [key as 'keys']: _, ...missing } = options.value.wasm;
      for (const wasm of [missing, { ...options.value.wasm, [key]: null }])
        assert.match(JSON.stringify(other(wasm)), new RegExp(`"${key}.{1,2} is missing or of another kind`), key);
    }
    const wrong = { keys: [{ name: 'release' }, { pem }], modules: [{ source: 'a' }, { sha256: 'b' }, 'c'] };
    for (const [key, entries] of Object.entries(wrong))
      for (const one of entries) assert.ok(!other({ ...options.value.wasm, [key]: [one] }).ok, JSON.stringify(one));
    assert.match(JSON.stringify(other([])), /it holds no JSON object/);
    assert.ok(!readAgentOptions({ ...map, data: {} }).ok);
  });
});
