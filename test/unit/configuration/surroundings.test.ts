import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type NodeFacts,
  type ProxyConfigResource,
  proxyConfigProblems,
  type Surroundings,
  withSurroundings,
} from '../../../src/core/configuration/surroundings.ts';
import { decideNative } from '../../../src/core/decide/native.ts';
import type { Facts } from '../../../src/core/model/facts.ts';
import { problemLine } from '../../../src/core/model/problem.ts';
import type { ProxyConfig } from '../../../src/core/model/settings.ts';
import { readAnnotations } from '../../../src/core/settings/annotations.ts';
import { annotations as catalogue } from '../../../src/core/settings/catalogue.ts';
import { resolveEffective } from '../../../src/core/settings/effective.ts';
import { facts, pod, withLabels } from '../../builders.ts';

function around(changes: Partial<Surroundings> = {}): Surroundings {
  return { nodes: undefined, apiServer: 'keeps', namespaces: new Map(), proxyConfigs: [], ...changes };
}

const nodes: readonly NodeFacts[] = [{ name: 'a', labels: {}, kubeletVersion: 'v1.32.0' }];

describe('withSurroundings()', () => {
  test('what the documents and options said stays, but for the nodes they guessed at', () => {
    const before = facts({ kubeletVersions: ['v1.34.0'], nativeMinimumKubelet: '1.30', revision: 'canary' });
    const after = withSurroundings(before, around({ nodes, apiServer: 'drops' }));
    assert.deepEqual({ ...after, native: before.native }, before);
    const { mode, minimumMinor, apiServer } = after.native;
    assert.deepEqual([mode, minimumMinor, apiServer], ['auto', 30, 'drops']);
    assert.equal(after.native.nodes?.nodes, nodes);
  });

  test('the oldest kubelet that counts is that of the options', () => {
    const reasonWith = (nativeMinimumKubelet: string): string =>
      decideNative(undefined, {}, withSurroundings(facts({ nativeMinimumKubelet }), around({ nodes })).native).reason;
    assert.equal(reasonWith('1.32'), 'kubelets-support-it');
    assert.equal(reasonWith('1.33'), 'kubelet-too-old');
  });

  test('tables are made once for a list, also where the facts are new', () => {
    const proxyConfigs = [resource('shop', 'all', { concurrency: 1 })];
    const [one, other] = [facts(), facts({ revision: 'canary' })];
    const first = withSurroundings(one, around({ nodes, proxyConfigs }));
    const again = withSurroundings(first, around({ nodes, proxyConfigs, apiServer: 'unknown' }));
    assert.equal(again.native.nodes, first.native.nodes);
    assert.equal(again.proxyConfigs, first.proxyConfigs);
    assert.equal(withSurroundings(other, around({ nodes })).native.nodes, first.native.nodes);
    assert.notEqual(withSurroundings(one, around({ nodes: [...nodes] })).native.nodes, first.native.nodes);
  });

  test('namespaces are shared, not copied, and the facts are frozen', () => {
    const namespaces = new Map([['shop', { labels: undefined, annotations: {} }]]);
    const after = withSurroundings(facts(), around({ namespaces, nodes }));
    assert.equal(after.namespaces, namespaces);
    assert.ok([after, after.native, after.native.nodes, after.proxyConfigs].every((one) => Object.isFrozen(one)));
    assert.ok(!Object.isFrozen(namespaces), 'they are not ours to freeze');
  });
});

let age = 0;

/** Each is younger than the one made before. */
function resource(namespace: string, name: string, spec: ProxyConfigResource['spec']): ProxyConfigResource {
  age += 1;
  const creationTimestamp = new Date(age * 1_000).toISOString().replace('.000', '');
  return { name, namespace, creationTimestamp, spec };
}

interface Wanted {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotation?: string;
}

const mesh = { from: 'mesh', value: { defaultConfig: { concurrency: 2, proxyMetadata: { FROM: 'mesh', MESH: '1' } } } };

function given(...proxyConfigs: readonly ProxyConfigResource[]): Facts {
  return withSurroundings(facts({}, { mesh: mesh.value }), around({ proxyConfigs }));
}

function configOf(known: Facts, { namespace = 'shop', labels = {}, annotation }: Wanted = {}): ProxyConfig {
  const { annotations, problems } = readAnnotations(annotation ? { [catalogue.proxyConfig.key]: annotation } : {});
  assert.deepEqual(problems, []);
  const input = { pod: pod('web', withLabels(labels)), namespace, path: '/inject', annotations, native: true };
  return resolveEffective(input, known).proxyConfig;
}

function from(value: string): ProxyConfigResource['spec'] {
  return { environmentVariables: { FROM: value } };
}

describe('ProxyConfig resources', () => {
  const forWeb = { selector: { matchLabels: { app: 'web' } } };

  test('without one the configuration is that of the mesh, the same object for every pod', () => {
    const known = given();
    assert.equal(configOf(known), known.mesh.defaultConfig);
    assert.equal(configOf(given(resource('other', 'all', from('other')))).proxyMetadata?.['FROM'], 'mesh');
  });

  test('mesh, root namespace, namespace, annotation, workload: each is over the one before', () => {
    const root = resource('istio-system', 'root', from('root'));
    const namespace = resource('shop', 'all', from('namespace'));
    const workload = resource('shop', 'web', { ...forWeb, ...from('workload') });
    const annotation = 'proxyMetadata: {FROM: annotation}';
    const value = (known: Facts, wanted?: Wanted) => configOf(known, wanted).proxyMetadata?.['FROM'];
    assert.equal(value(given(root)), 'root');
    assert.equal(value(given(root, namespace)), 'namespace');
    assert.equal(value(given(root, namespace), { namespace: 'other' }), 'root');
    assert.equal(value(given(root, namespace), { annotation }), 'annotation');
    assert.equal(value(given(root, namespace, workload)), 'workload');
    assert.equal(value(given(root, namespace, workload), { annotation }), 'workload');
    assert.equal(value(given(root, namespace, workload), { labels: { app: 'db' }, annotation }), 'annotation');
    assert.equal(value(given(root, namespace, workload), { namespace: 'other' }), 'root');
  });

  test('variables are merged by name; concurrency, also zero, and image replace; nothing else is taken', () => {
    const known = given(
      resource('istio-system', 'root', { concurrency: 4, environmentVariables: { ROOT: '1' } }),
      resource('shop', 'all', {
        concurrency: 0,
        image: { imageType: 'debug' },
        statusPort: 1,
        proxyMetadata: { A: 'b' },
      }),
      resource('shop', 'web', { ...forWeb, image: { imageType: 'distroless' } }),
    );
    const config = configOf(known, { annotation: 'image: {imageType: default}' });
    assert.equal(config.concurrency, 0);
    assert.deepEqual(config.proxyMetadata, { FROM: 'mesh', MESH: '1', ROOT: '1' });
    assert.deepEqual(config.image, { imageType: 'distroless' });
    assert.equal(config.statusPort, 15_020);
  });

  test('of several the oldest counts, and of two that are as old the first by name', () => {
    const at = (name: string, creationTimestamp: string, more: object = {}): ProxyConfigResource => ({
      name,
      namespace: 'shop',
      creationTimestamp,
      spec: { ...from(name), ...more },
    });
    const value = (...resources: readonly ProxyConfigResource[]) =>
      configOf(given(...resources)).proxyMetadata?.['FROM'];
    assert.equal(value(at('young', '2026-02-01T00:00:00Z'), at('z-old', '2025-12-31T23:59:59Z')), 'z-old');
    assert.equal(value(at('b', '2026-02-01T00:00:00Z'), at('a', '2026-02-01T00:00:00Z')), 'a');
    const young = at('young', '2026-02-01T00:00:00Z', forWeb);
    assert.equal(value(young, at('z-old', '2025-12-31T23:59:59Z', forWeb)), 'z-old');
    const strange = at('strange', '2025-01-01T00:00:00Z', { selector: { matchLabels: { app: 'db' } } });
    assert.equal(value(young, strange), 'young', 'the oldest that fits');
  });

  test('all labels of the selector have to be on the pod', () => {
    const known = given(
      resource('shop', 'web', { selector: { matchLabels: { app: 'web', tier: 'a' } }, ...from('it') }),
    );
    assert.equal(configOf(known).proxyMetadata?.['FROM'], 'mesh');
    assert.equal(configOf(known, { labels: { tier: 'a' } }).proxyMetadata?.['FROM'], 'it');
  });

  test('one with a selector without labels is used nowhere', () => {
    for (const selector of [{}, { matchLabels: {} }, { matchLabels: null }]) {
      assert.equal(configOf(given(resource('shop', 'x', { selector, ...from('x') }))).proxyMetadata?.['FROM'], 'mesh');
    }
    assert.equal(configOf(given(resource('shop', 'x', { selector: null, ...from('x') }))).proxyMetadata?.['FROM'], 'x');
  });

  test('the root namespace has no layer of its own, but selects workloads as any other', () => {
    const known = given(
      resource('istio-system', 'root', { environmentVariables: { FROM: 'root' } }),
      resource('istio-system', 'web', { ...forWeb, environmentVariables: { WEB: '1' } }),
    );
    const wanted = { FROM: 'root', MESH: '1' };
    assert.deepEqual(configOf(known, { namespace: 'istio-system' }).proxyMetadata, { ...wanted, WEB: '1' });
    assert.deepEqual(configOf(known).proxyMetadata, wanted);
  });

  test('the root namespace is the one that the mesh config names', () => {
    const known = withSurroundings(
      facts({}, { mesh: { rootNamespace: 'mesh-root' } }),
      around({
        proxyConfigs: [resource('istio-system', 'a', from('other')), resource('mesh-root', 'b', from('root'))],
      }),
    );
    assert.equal(configOf(known).proxyMetadata?.['FROM'], 'root');
  });

  test('one that cannot be read is passed over and told with its place', () => {
    const broken = [
      resource('shop', 'a', { concurrency: 'many', ...from('a') }),
      resource('shop', 'b', { environmentVariables: { PORT: 80 } }),
      resource('shop', 'c', { selector: { matchLabels: [] } }),
    ];
    const sound = resource('shop', 'd', from('d'));
    assert.equal(configOf(given(...broken, sound)).proxyMetadata?.['FROM'], 'd');
    assert.deepEqual(proxyConfigProblems([...broken, sound]).map(problemLine), [
      'ProxyConfig shop/a: spec.concurrency: Cannot read "many": must be a whole number from -2147483648 to 2147483647',
      'ProxyConfig shop/b: spec.environmentVariables.PORT: Cannot read "80": must be text: put it in quotes',
      'ProxyConfig shop/c: spec.selector.matchLabels: Cannot read "[]": must be a mapping of names to values',
    ]);
  });
});
