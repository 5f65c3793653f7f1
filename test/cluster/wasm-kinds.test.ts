// Does a real API server take the definitions of our kinds, take what is right and refuse what is wrong where it is
// written, with a message that says what is allowed.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import { extensionOf } from '../../src/core/wasm/declaration/filter-deployment.ts';
import { readExtension } from '../../src/core/wasm/declaration/read-extension.ts';
import { emittedObjects } from '../../src/core/wasm/rollout/emitted.ts';
import { revisionOf } from '../unit/wasm/revisions.ts';
import { until } from '../until.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { openKind, typeOf } from './wasm-world.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const pem = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';
const source = { image: 'oci://registry.example.com/team/filter:1' };

/** What may be declared. */
const right: Readonly<Record<string, JsonObject>> = {
  'no more than an image': { source },
  'a bare image': { source: { image: 'registry.example.com:5000/team/filter' } },
  'a url with its sha256': { source: { url: 'https://example.com/filter.wasm', sha256: 'b'.repeat(64) } },
  'everything at once': {
    source,
    pullSecret: 'regcred',
    trust: { signatures: 'warn', keys: [{ name: 'release', pem }], threshold: 1 },
    selector: { matchLabels: { 'app.kubernetes.io/name': 'web' } },
    phase: 'AUTHZ',
    priority: -5,
    failStrategy: 'FAIL_RELOAD',
    onMissing: 'run-without',
    delivery: 'agent-pull',
    traffic: 'any',
    pluginName: 'root',
    pluginConfig: { any: ['thing', { at: 'all' }] },
    vmConfig: {
      env: [
        { name: 'A', value: '' },
        { name: 'B', valueFrom: 'HOST' },
      ],
    },
  },
  'signatures by the keys of the installation': { source, trust: { signatures: 'enforce', threshold: 2 } },
  'a text as configuration': { source, rawConfig: 'tomorrow' },
  'what is refused later, with its reason in the status': { source, onMissing: 'deny', delivery: 'image-volume' },
};

/** What may not, and what is said. */
const wrong: Readonly<Record<string, readonly [spec: JsonObject, message: RegExp]>> = {
  'no source': [{}, /spec\.source: Required value/],
  'an empty source': [{ source: {} }, /must have either image or url/],
  'two sources': [
    { source: { ...source, url: 'https://example.com', sha256: digest } },
    /must have either image or url/,
  ],
  'a url alone': [{ source: { url: 'https://example.com/filter.wasm' } }, /url needs the sha256 of the module/],
  'a url that is none': [{ source: { url: 'file:///etc/passwd', sha256: digest } }, /spec\.source\.url.*\^https/],
  'a sha256 that is none': [{ source: { url: 'https://example.com', sha256: 'abc' } }, /spec\.source\.sha256/],
  'a sha256 for an image': [{ source: { ...source, sha256: digest } }, /sha256 is for url alone/],
  'a pull secret for a url': [
    { source: { url: 'https://example.com', sha256: digest }, pullSecret: 'regcred' },
    /pullSecret is for images alone/,
  ],
  'an unknown phase': [
    { source, phase: 'FIRST' },
    /spec\.phase: Unsupported value: "FIRST": supported values: .*"AUTHN"/,
  ],
  'a priority that is a text': [{ source, priority: 'high' }, /spec\.priority.*integer/],
  'a priority beyond 32 bits': [{ source, priority: 2_147_483_648 }, /spec\.priority/],
  'an unknown fail strategy': [{ source, failStrategy: 'OPEN' }, /spec\.failStrategy: Unsupported value/],
  'an unknown onMissing': [{ source, onMissing: 'wait' }, /spec\.onMissing: Unsupported value/],
  'an unknown delivery': [{ source, delivery: 'csi' }, /spec\.delivery: Unsupported value/],
  'an unknown traffic': [{ source, traffic: 'both' }, /spec\.traffic: Unsupported value/],
  'a label that cannot be one': [
    { source, selector: { matchLabels: { app: 'a b' } } },
    /spec\.selector\.matchLabels\.app/,
  ],
  'both configurations': [
    { source, pluginConfig: {}, rawConfig: 'a' },
    /must have pluginConfig or rawConfig, not both/,
  ],
  'a configuration that is a list': [{ source, pluginConfig: ['a'] }, /spec\.pluginConfig.*object/],
  'a phase with a text': [{ source, rawConfig: 'a', phase: 'AUTHN' }, /with rawConfig there is no phase/],
  'an empty root id': [{ source, pluginName: '' }, /spec\.pluginName/],
  'a variable twice': [
    { source, vmConfig: { env: [{ name: 'A' }, { name: 'A' }] } },
    /Duplicate value|duplicate entries/,
  ],
  'a variable of the host with a value': [
    { source, vmConfig: { env: [{ name: 'A', value: 'a', valueFrom: 'HOST' }] } },
    /value is for INLINE alone/,
  ],
  'a threshold above the keys': [
    { source, trust: { keys: [{ name: 'a', pem }], threshold: 2 } },
    /threshold must be at most the number of keys/,
  ],
  'a private key': [
    { source, trust: { keys: [{ name: 'a', pem: '-----BEGIN PRIVATE KEY-----' }] } },
    /spec\.trust\.keys\[0\]\.pem/,
  ],
};

suite('the kinds of Wasm extensions', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  const kinds = [resources.wasmExtensions, resources.wasmStores, resources.filterDeployments];
  const patience = { timeoutMs: 60_000, pauseMs: 100 };
  before(async () => {
    plane = await startControlPlane(context, { controllers: true });
    const options = readOptions({ wasm: { enabled: true, filterDeployments: true } });
    if (!options.ok) throw new Error('these are no options');
    const objects = [...customResources(options.value), openKind(resources.envoyFilters)];
    for (const object of objects) await plane.kube.apply(object, { fieldManager: 'test' });
    for (const kind of [...kinds, resources.envoyFilters]) {
      await until(`${kind.kind} is served`, async () => plane.kube.list(kind), patience);
    }
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const create = (spec: JsonObject, name = 'tried'): Promise<KubeObject> =>
    plane.kube.create(
      { ...typeOf(resources.wasmExtensions), metadata: { name, namespace: 'default' }, spec },
      { dryRun: true },
    );

  test('the schemas are structural, and the names were accepted', async () => {
    for (const { plural, apiVersion } of kinds) {
      const name = `${plural}.${apiVersion.split('/')[0]}`;
      const found = await plane.kube.get(resources.customResources, name);
      const status = isObject(found?.['status']) ? found['status'] : {};
      const conditions = (status['conditions'] as readonly JsonObject[]).map(({ type, status: is }) => `${type}=${is}`);
      assert.ok(conditions.includes('NamesAccepted=True'), name);
      assert.ok(conditions.includes('Established=True'), name);
      assert.ok(!conditions.includes('NonStructuralSchema=True'), name);
    }
  });

  test('kubectl explain has a sentence for every field of what is declared and of how it gets on', async () => {
    for (const path of [
      'wasmextensions.spec',
      'wasmextensions.status',
      'wasmextensions.status.active',
      'wasmstores.status',
    ]) {
      // what is explained comes from the API server's document, which takes a moment to have a new kind
      const explained = await until(
        `${path} is explained`,
        async () => {
          const { code, stdout } = await plane.kubectl(['explain', path]);
          return code === 0 ? stdout : undefined;
        },
        patience,
      );
      assert.match(explained, /^FIELDS:$/m);
      assert.doesNotMatch(explained, /<no description>|<empty>/, path);
    }
  });

  for (const [what, spec] of Object.entries(right)) {
    test(`${what} may be declared`, async () => {
      await create(spec);
    });
  }

  for (const [what, [spec, message]] of Object.entries(wrong)) {
    test(`${what} is refused`, async () => {
      await assert.rejects(create(spec), (error: Error) => {
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('what is left out has its value written down', async () => {
    const { spec } = await create({ source });
    assert.deepEqual(spec, {
      source,
      phase: 'UNSPECIFIED_PHASE',
      priority: 0,
      failStrategy: 'FAIL_CLOSE',
      onMissing: 'block',
      delivery: 'auto',
      traffic: 'inbound',
    });
  });

  test('a configuration is kept as it is, and a field that nobody knows is dropped', async () => {
    const pluginConfig = { deep: { er: [1, { and: null }] } };
    const { spec } = await create({ source, pluginConfig, misspelt: true });
    assert.deepEqual((spec as JsonObject)['pluginConfig'], pluginConfig);
    assert.equal((spec as JsonObject)['misspelt'], undefined);
  });

  test('kubectl shows the columns, by the short names', async () => {
    const metadata = { name: 'shown', namespace: 'default' };
    await plane.kube.create({
      ...typeOf(resources.wasmExtensions),
      metadata,
      spec: { source, phase: 'AUTHN', priority: 3 },
    });
    const { stdout } = await plane.kubectl(['get', 'wext']);
    assert.match(stdout, /^NAME +PHASE +PRIORITY +ACTIVE +NODES +PODS +READY +REASON +AGE$/m);
    assert.match(stdout, /^shown +AUTHN +3 /m);
    const stores = await plane.kubectl(['get', 'wstore']);
    assert.match(stores.stdout + stores.stderr, /No resources found/);
  });

  test('a FilterDeployment is taken with any configuration it ever had', async () => {
    const any = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'world' };
    for (const config of ['world', any, { a: 1 }, 5]) {
      const filter = { image: 'webassemblyhub.io/team/filter:1', config };
      const metadata = { name: 'old', namespace: 'default' };
      const spec = { filter, deployment: { istio: { kind: 'Deployment' } } };
      const kept = await plane.kube.create(
        { ...typeOf(resources.filterDeployments), metadata, spec },
        { dryRun: true },
      );
      assert.deepEqual(((kept['spec'] as JsonObject)['filter'] as JsonObject)['config'], config);
    }
  });

  test('with a FilterDeployment goes its extension, and with that what Istio was told', async () => {
    const { kube } = plane;
    const metadata = { name: 'gone', namespace: 'default' };
    const filter = { image: 'registry.example.com/team/filter:1', config: 'world' };
    const declared = await kube.create({ ...typeOf(resources.filterDeployments), metadata, spec: { filter } });
    const made = extensionOf(declared);
    assert.ok(made.ok);
    const read = readExtension(await kube.apply(made.value, { fieldManager: 'test' }), { httpSources: false });
    assert.ok(read.ok);
    const ways = [{ delivery: 'node-store', pods: 'labelled' }] as const;
    const [emitted] = emittedObjects(read.value, revisionOf('a'), ways);
    assert.ok(emitted);
    await kube.apply(emitted, { fieldManager: 'test' });
    await kube.remove(resources.filterDeployments, 'gone', 'default');
    const isGone = async (): Promise<boolean> =>
      (await kube.get(resources.envoyFilters, 'gone', 'default')) === undefined;
    await until('it is collected', isGone, patience);
    assert.equal(await kube.get(resources.wasmExtensions, 'gone', 'default'), undefined);
  });
});
