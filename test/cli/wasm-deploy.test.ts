// Answers: which objects does `pillion wasm deploy` make of what `wasme deploy istio` took, and of what there is besides.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { pullRightObjects } from '../../src/core/wasm/image/pull-right.ts';
import { type Ended, pillion, temporaryFiles } from './command-line.ts';

const file = temporaryFiles();

async function deploy(...args: readonly string[]): Promise<Ended & { readonly objects: readonly KubeObject[] }> {
  const ended = await pillion(['wasm', 'deploy', ...args, '-o', 'yaml']);
  return { ...ended, objects: parseAllDocuments(ended.stdout).map((one) => one.toJS()) };
}

async function specOf(...args: readonly string[]): Promise<unknown> {
  const { exitCode, stderr, objects } = await deploy(...args);
  assert.equal(exitCode, 0, stderr);
  return objects.at(-1)?.['spec'];
}

const image = 'registry:5000/shop/hello:1';
const source = { image: 'oci://registry:5000/shop/hello:1' };

test('it takes every option that wasme deploy istio took', async () => {
  const { exitCode, stderr, objects } = await deploy(
    ...['istio', image, '--id', 'Hello_Filter.shop', '--config', '{"value":"world"}', '--root-id', 'add_header'],
    ...[
      '-n',
      'shop',
      '-l',
      'app=web,tier=front',
      '--labels',
      'x=y',
      '-t',
      'statefulset',
      '--patch-context',
      'outbound',
    ],
    ...['--istio-namespace', 'istio-system', '--istiod-name', 'istiod', '--ignore-version-check'],
    ...['--cache-timeout', '1m', '--cache-name', 'c', '--cache-namespace', 'wasme', '--cache-repo', 'r'],
    ...['--cache-tag', 't', '--cache-image-pull-policy', 'Always', '--cache-custom-command', 'c'],
  );
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(objects, [
    {
      apiVersion: 'pillion.dev/v1alpha1',
      kind: 'WasmExtension',
      metadata: { name: 'hello-filter-shop', namespace: 'shop' },
      spec: {
        source,
        selector: { matchLabels: { app: 'web', tier: 'front', x: 'y' } },
        traffic: 'outbound',
        pluginName: 'add_header',
        pluginConfig: { value: 'world' },
      },
    },
  ]);
  assert.match(
    stderr,
    /^Note: without effect: --workload-type \(pods are selected by their labels[^\n]*--cache-timeout,[^\n]*\n$/,
  );
});

test('without options it says no more than the image, for the namespace default', async () => {
  const { objects, stderr } = await deploy(image, '--id', 'hello');
  assert.deepEqual(objects[0]?.metadata, { name: 'hello', namespace: 'default' });
  assert.deepEqual(objects[0]?.['spec'], { source });
  assert.equal(stderr, '');
});

const configs: readonly (readonly [string, unknown])[] = [
  ['world', { rawConfig: 'world' }],
  ['"world"', { rawConfig: '"world"' }],
  ['[1]', { rawConfig: '[1]' }],
  ['12', { rawConfig: '12' }],
  ['', {}],
  ['{}', { pluginConfig: {} }],
  [' {"a": {"b": [1]}}', { pluginConfig: { a: { b: [1] } } }],
];

for (const [config, expected] of configs) {
  test(`the configuration ${JSON.stringify(config)} becomes ${JSON.stringify(expected)}`, async () => {
    assert.deepEqual(await specOf(image, '--id', 'a', '--config', config), { source, ...(expected as object) });
  });
}

test('a configuration can stand in a file, and not in two places', async () => {
  const path = file('config.json', '{"value":"from a file"}\n');
  assert.deepEqual(await specOf(image, '--id', 'a', '--config-file', path), {
    source,
    pluginConfig: { value: 'from a file' },
  });
  const { exitCode, stderr } = await deploy(image, '--id', 'a', '--config-file', path, '--config', 'b');
  assert.equal(exitCode, 2);
  assert.match(stderr, /--config with --config-file/);
});

test('everything that an extension has can be said', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const spec = await specOf(
    ...[image, '--id', 'a', '--phase', 'authz', '--priority', '-7', '--fail-strategy', 'fail_open'],
    ...['--on-missing', 'run-without', '--delivery', 'agent-pull', '--pull-secret', 'regcred'],
    ...['--key', file('Build Key.pub', pem), '--key', file('security.pem', pem), '--threshold', '2'],
  );
  assert.deepEqual(spec, {
    source,
    pullSecret: 'regcred',
    trust: {
      signatures: 'enforce',
      keys: [
        { name: 'build-key', pem },
        { name: 'security', pem },
      ],
      threshold: 2,
    },
    phase: 'AUTHZ',
    priority: -7,
    failStrategy: 'FAIL_OPEN',
    onMissing: 'run-without',
    delivery: 'agent-pull',
  });
});

test('a module behind a URL is named by its digest', async () => {
  const sha256 = 'a'.repeat(64);
  const spec = await specOf('https://example.com/a.wasm', '--id', 'a', '--sha256', sha256);
  assert.deepEqual(spec, { source: { url: 'https://example.com/a.wasm', sha256: `sha256:${sha256}` } });
});

test('an image without a tag stays without one, and a digest stays a digest', async () => {
  const digest = `sha256:${'b'.repeat(64)}`;
  assert.deepEqual(await specOf('shop/hello', '--id', 'a'), { source: { image: 'oci://docker.io/shop/hello' } });
  assert.deepEqual(await specOf(`oci://r.example.com/a@${digest}`, '--id', 'a'), {
    source: { image: `oci://r.example.com/a@${digest}` },
  });
});

test('a pull secret brings the right to read it, for the controller and the agents alone', async () => {
  const { objects } = await deploy(image, '--id', 'a', '-n', 'shop', '--pull-secret', 'regcred');
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['Role shop/pillion-pull', 'RoleBinding shop/pillion-pull', 'WasmExtension shop/a'],
  );
  assert.deepEqual(objects[0]?.['rules'], [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['regcred'], verbs: ['get'] },
  ]);
  assert.deepEqual(objects[1]?.['subjects'], [
    { kind: 'ServiceAccount', namespace: 'pillion-system', name: 'pillion-control' },
    { kind: 'ServiceAccount', namespace: 'pillion-node', name: 'pillion-agent' },
  ]);
});

test('the right on other secrets that is there stays', () => {
  const right = { role: 'pillion-pull', accounts: [] };
  const [first] = pullRightObjects(right, 'shop', 'one');
  const [second] = pullRightObjects(right, 'shop', 'another', first);
  assert.deepEqual(second?.['rules'], [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['another', 'one'], verbs: ['get'] },
  ]);
});

test('-o json prints one object, or a List of several', async () => {
  const one = await pillion(['wasm', 'deploy', image, '--id', 'a', '-o', 'json']);
  assert.equal(JSON.parse(one.stdout).kind, 'WasmExtension');
  const several = await pillion(['wasm', 'deploy', image, '--id', 'a', '--pull-secret', 'b', '-o', 'json']);
  assert.equal(JSON.parse(several.stdout).kind, 'List');
});
