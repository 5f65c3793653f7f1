// Do deploy, list, rollback and undeploy do in a real API server what they say, and tell how an extension gets on. The
// controller is played by the test, which writes the status.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { optionsKey } from '../../src/core/cluster/settings-documents.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { customResources } from '../../src/core/wasm/declaration/custom-resources.ts';
import type { Condition, Revision, Standing } from '../../src/core/wasm/extension.ts';
import { resolveAnnotation } from '../../src/core/wasm/names.ts';
import { type Ended, pillion } from '../cli/command-line.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { makeNamespace } from './webhook.ts';

const manager = { fieldManager: 'test' };
const image = 'registry.example.com/shop/hello';

function revision(digit: string): Revision {
  const digest = `sha256:${digit.repeat(64)}` as const;
  return {
    reference: `oci://${image}:${digit}`,
    pinned: `oci://${image}@${digest}`,
    variant: 'compat-oci',
    manifestDigest: digest,
    moduleDigest: digest,
    sizeBytes: 1000,
    abi: '0.2.1',
    rootIds: [],
    signedBy: [],
  };
}

function condition(type: Condition['type'], others: Partial<Condition> = {}): Condition {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return {
    type,
    status: 'True',
    reason: 'Succeeded',
    message: '',
    observedGeneration: 1,
    lastTransitionTime,
    ...others,
  };
}

suite('pillion wasm in a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  const cleanups: (() => unknown)[] = [];

  const run = (...args: readonly string[]): Promise<Ended> =>
    pillion(['wasm', ...args, '--kubeconfig', plane.kubeconfig]);
  const deploy = (...args: readonly string[]): Promise<Ended> => run('deploy', `${image}:1`, '-n', 'shop', ...args);
  const read = (name: string): Promise<KubeObject | undefined> =>
    plane.kube.get(resources.wasmExtensions, name, 'shop');
  const specOf = async (name: string): Promise<unknown> => (await read(name))?.['spec'];

  async function writeStatus(name: string, status: Standing): Promise<void> {
    await plane.kube.call('PATCH', `${pathOf(resources.wasmExtensions, 'shop', name)}/status`, {
      contentType: 'application/merge-patch+json',
      body: { status },
    });
  }

  const delivering = 'wasm: {enabled: true}';
  async function writeOptions(text: string): Promise<void> {
    const metadata = { name: names.options, namespace: ownNamespace };
    await plane.kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [optionsKey]: text } }, manager);
  }

  before(async () => {
    plane = await startControlPlane({ after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) });
    for (const namespace of ['shop', 'other', ownNamespace]) await makeNamespace(plane, namespace);
    await writeOptions(delivering);
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test('a cluster without the kind is told so, with what to run', async () => {
    for (const args of [['deploy', 'a:1', '--id', 'a'], ['list'], ['rollback', 'a'], ['undeploy', '--id', 'a']]) {
      const { exitCode, stderr } = await run(...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, /^Cannot .*no kind WasmExtension; run "pillion install --set wasm.enabled=true"\n$/);
    }
    const options = readOptions({ wasm: { enabled: true } });
    assert.ok(options.ok);
    for (const kind of customResources(options.value)) await plane.kube.apply(kind, manager);
    await until('the kind is served', async () => (await run('list')).exitCode === 0);
  });

  test('deploy makes the extension, changes it, and leaves it as it is where nothing differs', async () => {
    const created = await deploy('--id', 'hello', '--config', '{"value":"world"}', '-l', 'app=web');
    assert.equal(created.exitCode, 0, created.stderr);
    assert.match(created.stdout, /^created WasmExtension hello in namespace shop\n.*pillion wasm list -n shop\n$/);
    assert.match(
      (await deploy('--id', 'hello', '--config', '{"value":"world"}', '-l', 'app=web')).stdout,
      /^unchanged /,
    );
    // what is left out is taken back, and text takes the place of an object
    assert.match((await deploy('--id', 'hello', '--config', 'tomorrow')).stdout, /^changed /);
    const spec = (await specOf('hello')) as Record<string, unknown>;
    assert.deepEqual([spec['rawConfig'], spec['pluginConfig'], spec['selector']], ['tomorrow', undefined, undefined]);
  });

  test('the namespace is that of the context where none is given', async () => {
    await plane.kubectl(['config', 'set-context', '--current', '--namespace=other']);
    const { stdout } = await run('deploy', 'a:1', '--id', 'there');
    assert.match(stdout, /^created WasmExtension there in namespace other\n/);
    await plane.kubectl(['config', 'set-context', '--current', '--namespace=']);
  });

  test('a pull secret may be read by the controller and the agents, beside one that was allowed before', async () => {
    await deploy('--id', 'first', '--pull-secret', 'one');
    const { exitCode, stderr } = await deploy('--id', 'second', '--pull-secret', 'two');
    assert.equal(exitCode, 0, stderr);
    for (const account of ['pillion-system:pillion-control', 'pillion-node:pillion-agent']) {
      const may = (secret: string) =>
        plane.kubectl([
          'auth',
          'can-i',
          'get',
          `secrets/${secret}`,
          '-n',
          'shop',
          `--as=system:serviceaccount:${account}`,
        ]);
      await until('it may', async () => (await may('one')).code + (await may('two')).code === 0);
      assert.equal((await may('three')).code, 1);
    }
  });

  test('--wait tells each condition as it comes, and ends with 0 once it is ready', async () => {
    const waiting = deploy('--id', 'waits', '--wait', '--timeout', '2m');
    await until('it is there', async () => (await read('waits')) !== undefined);
    const resolved = condition('Resolved', { message: 'registry.example.com has it' });
    await writeStatus('waits', { conditions: [resolved, condition('Ready', { status: 'False', reason: 'Waiting' })] });
    const pending = condition('Distributed', { status: 'False', reason: 'NodesPending', message: '1 of 3 nodes' });
    await writeStatus('waits', { conditions: [resolved, pending] });
    await writeStatus('waits', {
      active: revision('1'),
      conditions: [resolved, condition('Distributed'), condition('Ready')],
    });
    const { exitCode, stdout } = await waiting;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /✓ Resolved +registry\.example\.com has it\n/);
    assert.match(stdout, /✓ Ready\nwaits is ready: module 111111111111 of oci:\/\//);
  });

  test('--wait ends with 4 and what the status says once it is refused, and does not take an older refusal for it', async () => {
    await deploy('--id', 'refused', '--priority', '1');
    const refused = condition('Validated', { status: 'False', reason: 'ImportUnknown', message: 'env.a is unknown' });
    await writeStatus('refused', { active: revision('2'), conditions: [refused] });
    const waiting = deploy('--id', 'refused', '--priority', '2', '--wait', '--timeout', '2m');
    await until('it is changed', async () => (await read('refused'))?.metadata.generation === 2);
    await writeStatus('refused', { conditions: [{ ...refused, observedGeneration: 2, message: 'env.b is unknown' }] });
    const { exitCode, stdout, stderr } = await waiting;
    assert.equal(exitCode, 4);
    assert.match(stdout, /✗ Validated +env\.b is unknown \(ImportUnknown\)\n/);
    assert.doesNotMatch(stdout, /env\.a/);
    assert.match(stderr, /^Cannot deploy refused: it was refused \(ImportUnknown\); proxies keep 222222222222\n$/);
  });

  test('--resolve asks to look at the tag anew, and a later deploy does not take that back', async () => {
    await deploy('--id', 'moved');
    await writeStatus('moved', { active: revision('7'), conditions: [condition('Ready')] });
    const waiting = deploy('--id', 'moved', '--resolve', '--wait', '--timeout', '2m');
    const asked = async () => (await read('moved'))?.metadata.annotations?.[resolveAnnotation];
    await until('it is asked', async () => (await asked()) !== undefined);
    const value = await asked();
    assert.ok(value);
    await writeStatus('moved', { active: revision('8'), resolvedFor: value, conditions: [condition('Ready')] });
    const { exitCode, stdout } = await waiting;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^changed /);
    assert.match(stdout, /moved is ready: module 888888888888 /);
    await deploy('--id', 'moved', '--priority', '3');
    assert.equal(await asked(), value);
  });

  test('deploy says so where the kinds are there and nobody delivers, and not where somebody does', async () => {
    const note =
      /^Note: nobody delivers it: the option wasm\.enabled is off; run "pillion install --set wasm\.enabled=true"\n/;
    await plane.kube.remove(resources.configMaps, names.options, ownNamespace);
    assert.match((await deploy('--id', 'nobodys')).stderr, note);
    for (const [text, isTold] of [
      ['', true],
      ['no: option', false],
      [delivering, false],
    ] as const) {
      await writeOptions(text);
      const { exitCode, stderr } = await deploy('--id', 'nobodys');
      assert.deepEqual([exitCode, note.test(stderr)], [0, isTold], text);
    }
  });

  test('deploy needs no right but in its namespace', async () => {
    const user = 'system:serviceaccount:shop:default';
    await plane.kubectl([
      'create',
      'rolebinding',
      'tenant',
      '-n',
      'shop',
      '--clusterrole=cluster-admin',
      `--user=${user}`,
    ]);
    const may = () => plane.kubectl(['auth', 'can-i', 'create', 'wasmextensions', '-n', 'shop', `--as=${user}`]);
    await until('it may', async () => (await may()).code === 0);
    const kubeconfig = await plane.kubeconfigOf('shop', 'default');
    const args = ['wasm', 'deploy', `${image}:1`, '--id', 'tenants', '-n', 'shop', '--kubeconfig', kubeconfig];
    const { exitCode, stderr } = await pillion(args);
    assert.deepEqual([exitCode, stderr], [0, '']);
  });

  test('--wait gives up with 2 and says what it waited for', async () => {
    const { exitCode, stderr } = await deploy('--id', 'nobody', '--wait', '--timeout', '100ms');
    assert.equal(exitCode, 2);
    assert.match(stderr, /after 0\.1 s, nobody is not ready; nobody has looked at it; "pillion doctor" tells/);
  });

  test('list shows what runs, and the reason of what does not', async () => {
    await writeStatus('hello', {
      active: { ...revision('3'), reference: `oci://${image}:1` },
      previous: revision('4'),
      nodes: { wanted: 3, ready: 2 },
      pods: { selected: 5, delivered: 4 },
      conditions: [condition('Ready', { status: 'False', reason: 'NodesFailed', message: 'node-3: the disk is full' })],
    });
    const { stdout } = await run('list', '-n', 'shop');
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(lines[0], ['NAME', 'PHASE', 'PRIORITY', 'ACTIVE', 'NODES', 'PODS', 'READY', 'IMAGE']);
    const own = lines.find(([name]) => name === 'hello');
    assert.deepEqual(own, ['hello', '<none>', '0', '333333333333', '2/3', '4/5', 'NodesFailed', `${image}:1`]);
    // of one that no node is asked for, none are counted
    assert.match((await run('list', '-A')).stdout, /^NAMESPACE .*\n(?:.*\n)*other +there +<none> +0 +<none> +<none> /);
    const json = JSON.parse((await run('list', '-n', 'shop', '-o', 'json')).stdout);
    const found = json.extensions.find(({ name }: { name: string }) => name === 'hello');
    assert.deepEqual([found.ready, found.reason, found.message], [false, 'NodesFailed', 'node-3: the disk is full']);
    const none = await run('list', '-n', 'default');
    assert.deepEqual([none.exitCode, none.stdout], [0, '']);
    assert.match(none.stderr, /^No extensions in namespace default\n$/);
  });

  test('rollback puts the pinned reference of the version before into the source, and nothing else', async () => {
    const before = (await specOf('hello')) as Record<string, unknown>;
    const { exitCode, stdout, stderr } = await run('rollback', 'hello', '-n', 'shop');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^hello: 333333333333 → 444444444444 \(oci:\/\/.*@sha256:4{64}\)\n$/);
    assert.deepEqual(await specOf('hello'), {
      ...before,
      source: { image: `oci://${image}@sha256:${'4'.repeat(64)}` },
    });
  });

  test('rollback to a URL names it with its digest', async () => {
    await deploy('--id', 'url');
    const { pinned: _, manifestDigest: __, ...others } = revision('5');
    const previous: Revision = { ...others, pinned: 'https://example.com/a.wasm', variant: 'http' };
    await writeStatus('url', { active: { ...revision('6'), reference: `oci://${image}:1` }, previous });
    assert.equal((await run('rollback', '--id', 'url', '-n', 'shop')).exitCode, 0);
    const { source } = (await specOf('url')) as { source: unknown };
    assert.deepEqual(source, { url: 'https://example.com/a.wasm', sha256: previous.moduleDigest });
  });

  test('rollback of a version that does not run withdraws it, and leaves what runs', async () => {
    await deploy('--id', 'refused-newer');
    await writeStatus('refused-newer', { active: revision('8'), previous: revision('9') });
    const { exitCode, stdout, stderr } = await run('rollback', 'refused-newer', '-n', 'shop');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^refused-newer: what is declared → 888888888888 /);
    const { source } = (await specOf('refused-newer')) as { source: unknown };
    assert.deepEqual(source, { image: revision('8').pinned });
    // what is declared runs now, so that the next one goes back
    await writeStatus('refused-newer', { active: { ...revision('8'), reference: revision('8').pinned } });
    assert.match((await run('rollback', 'refused-newer', '-n', 'shop')).stdout, /888888888888 → 999999999999 /);
  });

  test('rollback of anything else that is declared and does not run withdraws that, and no version', async () => {
    const name = 'refused-config';
    await deploy('--id', name, '--labels', 'app=web', '--config', '{"a":1}');
    const good = (await specOf(name)) as JsonObject;
    const { source: _, ...running } = good;
    const active = { ...revision('8'), reference: `oci://${image}:1`, pinned: revision('8').pinned };
    await writeStatus(name, { active, running, previous: revision('9') });
    for (const change of [
      { pluginConfig: { a: 2, b: 3 }, priority: 5, selector: null },
      { source: { image: 'not an image' } },
      { onMissing: 'deny', source: { image: `${image}:1` } },
    ]) {
      await plane.kube.call('PATCH', pathOf(resources.wasmExtensions, 'shop', name), {
        contentType: 'application/merge-patch+json',
        body: { spec: change },
      });
      assert.match((await run('rollback', name, '-n', 'shop')).stdout, /: what is declared → 888888888888 /);
      const isRead = change.source === undefined;
      assert.deepEqual(await specOf(name), isRead ? good : { ...running, source: { image: active.pinned } });
    }
    // together with another version, both are withdrawn
    await deploy('--id', name, '--labels', 'app=web', '--config', '{"a":4}', '--priority', '9');
    await writeStatus(name, { candidate: revision('7') });
    await run('rollback', name, '-n', 'shop');
    assert.deepEqual(await specOf(name), { ...running, source: { image: active.pinned } });
    // and what the tag names by now, where it was asked for anew and refused
    await deploy('--id', name, '--labels', 'app=web', '--config', '{"a":1}', '--resolve');
    await writeStatus(name, { running: (({ source: _, ...rest }) => rest)((await specOf(name)) as JsonObject) });
    await plane.kube.call('PATCH', `${pathOf(resources.wasmExtensions, 'shop', name)}/status`, {
      contentType: 'application/merge-patch+json',
      body: { status: { candidate: null } },
    });
    await run('rollback', name, '-n', 'shop');
    assert.deepEqual(((await specOf(name)) as JsonObject)['source'], { image: active.pinned });
  });

  test('rollback without a version before says so', async () => {
    const { exitCode, stderr } = await run('rollback', 'first', '-n', 'shop');
    assert.equal(exitCode, 2);
    assert.match(stderr, /^Cannot roll back first: no other version ran before; /);
  });

  test('undeploy removes the one that is named, and only says so with --dry-run', async () => {
    const dry = await run('undeploy', 'istio', '--id', 'hello', '-n', 'shop', '--dry-run', '--cache-timeout', '1m');
    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.match(dry.stdout, /^would remove WasmExtension hello of namespace shop\n$/);
    assert.notEqual(await read('hello'), undefined);
    assert.match((await run('undeploy', 'hello', '-n', 'shop')).stdout, /^removed /);
    assert.equal(await read('hello'), undefined);
    const gone = await run('undeploy', '--id', 'hello', '-n', 'shop');
    assert.equal(gone.exitCode, 2);
    assert.match(gone.stderr, /^Cannot undeploy "hello": namespace "shop" has no such extension; there are "first", /);
  });

  test('what follows a FilterDeployment is changed there', async () => {
    await deploy('--id', 'old');
    const object = await read('old');
    assert.ok(object);
    const owner = { apiVersion: 'wasme.io/v1', kind: 'FilterDeployment', name: 'old', uid: 'u' };
    await plane.kube.replace({ ...object, metadata: { ...object.metadata, ownerReferences: [owner] } });
    for (const args of [
      ['deploy', 'a:1', '--id', 'old'],
      ['rollback', 'old'],
      ['undeploy', '--id', 'old'],
    ]) {
      const { exitCode, stderr } = await run(...args, '-n', 'shop');
      assert.equal(exitCode, 2);
      assert.match(stderr, /follows a FilterDeployment/);
    }
  });

  test('what the API server refuses is one line', async () => {
    const { exitCode, stderr } = await run('deploy', 'a:1', '--id', 'a', '-n', 'nowhere');
    assert.equal(exitCode, 2);
    assert.match(stderr, /^Cannot [^\n]*namespaces "nowhere" not found[^\n]*\n$/);
  });
});
