// What becomes of Wasm extensions, and of pods that wait for a module, where delivery is switched off or Pillion goes.
// Kubelets and agents are played by the test: there is a pod that runs, and one that waits.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ownLabels } from '../../src/core/cluster/labels.ts';
import { fieldManagers, names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import { pathOf, type Resource, resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { agentName, deliveryLabel, gatePath, nodeNamespace } from '../../src/core/wasm/names.ts';
import { ownerOf } from '../../src/core/wasm/rollout/emitted.ts';
import { type Ended, pillion } from '../cli/command-line.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { deletions } from './deletions.ts';
import { askDoctor } from './doctor-cluster.ts';
import { ensureNamespace, makeNode, writeSettings } from './live-server.ts';
import { ownContents, ownObjects } from './own-objects.ts';
import { openKind, typeOf } from './wasm-world.ts';
import { makeNamespace } from './webhook.ts';

const manager = { fieldManager: 'test' };
const namespace = 'shop';
const on = ['install', '--set', 'wasm.enabled=true', '--set', 'wasm.filterDeployments=true'];
const off = ['install', '--set', 'wasm.enabled=false'];
const spec = { source: { image: 'registry.example.com/shop/hello:1' } };

interface Place {
  readonly plane: ControlPlane;
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  readonly isThere: (resource: Resource, name: string, within?: string) => Promise<boolean>;
}

test('where nobody brings Wasm modules any more', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  const place: Place = {
    plane,
    run: (...args) => pillion([...args, '--kubeconfig', plane.kubeconfig]),
    isThere: async (resource, name, within = namespace) => (await kube.get(resource, name, within)) !== undefined,
  };
  await ensureNamespace(kube, ownNamespace);
  await writeSettings(kube, { options: {}, values: undefined, config: undefined, mesh: undefined });
  await makeNamespace(plane, namespace);
  for (const kind of [resources.wasmPlugins, resources.envoyFilters]) await kube.apply(openKind(kind), manager);
  // no system of its own: no agent comes here
  await makeNode(kube, 'node-1', 'v1.34.0');
  await refuses(context, place);
  await keeps(context, place);
  await removes(context, place);
  await goesWithPillion(context, place);
});

async function refuses(context: TestContext, { plane, run }: Place): Promise<void> {
  await installWith(plane, run, ['runs', 'held']);
  await start(plane, 'runs');
  const before = await ownContents(plane);

  await context.test('uninstall and install --set wasm.enabled=false do nothing, and say what they meet', async () => {
    for (const [action, args] of [
      ['uninstall', ['uninstall', '--yes']],
      ['switch wasm\\.enabled off', off],
    ] as const) {
      const { exitCode, stderr, stdout } = await run(...args);
      assert.deepEqual([exitCode, stdout], [2, ''], stderr);
      assert.match(
        stderr,
        new RegExp(`^Cannot ${action}: nobody says what becomes of\n  Wasm extensions: 1 \\(shop/hello\\)\n`, 'm'),
      );
      assert.match(stderr, /\n {2}pods that mount .*: 2; those of them that wait to be started: 1 \(shop\/held\)\n/);
      assert.match(stderr, /pillion wasm undeploy --id .*--extensions remove\n.*--extensions keep; /s);
      assert.deepEqual(await ownContents(plane), before);
    }
  });

  await context.test(
    'a dry run says the same, and with --extensions remove lists them in the order they go',
    async () => {
      const undecided = await run('uninstall', '--dry-run');
      assert.equal(undecided.exitCode, 0);
      assert.match(undecided.stderr, /^Note: Cannot uninstall: nobody says what becomes of\n {2}Wasm extensions: 1 /);
      assert.doesNotMatch(undecided.stdout, /WasmExtension/);
      const { stdout, stderr } = await run('uninstall', '--dry-run', '--extensions', 'remove');
      assert.equal(stderr, '');
      assertOrder(stdout.split('\n'), [
        `Deployment ${ownNamespace}/${names.webhook}`,
        'WasmPlugin shop/hello',
        'FilterDeployment shop/old',
        'WasmExtension shop/hello',
        `DaemonSet ${nodeNamespace}/${agentName}`,
      ]);
      assert.doesNotMatch(stdout, /theirs/);
      assert.match(
        (await run(...off, '--diff', '--extensions', 'remove')).stdout,
        /^removed {4}WasmPlugin shop\/hello$/m,
      );
      assert.deepEqual(await ownContents(plane), before);
    },
  );
}

async function keeps(context: TestContext, { plane, run, isThere }: Place): Promise<void> {
  await context.test('kept, they go on; pods that wait are named, with the command that makes them anew', async () => {
    const { exitCode, stderr, stdout } = await run(...off, '--extensions', 'keep');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^removed {4}DaemonSet pillion-node\/pillion-agent$/m);
    assert.match(
      stderr,
      /^Note: pods that wait .*: 1 \(shop\/held\); make them anew:\n {2}kubectl delete pods -n shop -l /m,
    );
    assert.ok((await isThere(resources.wasmPlugins, 'hello')) && (await isThere(resources.wasmExtensions, 'hello')));
    // the command means that pod alone
    const [, command = ''] = /\n {2}kubectl (delete pods .*)\n/.exec(stderr) ?? [];
    const meant = await plane.kubectl([...command.split(' '), '--dry-run=server', '-o', 'name']);
    assert.equal(meant.stdout, 'pod/held\n', meant.stderr);
    const again = await run(...off);
    assert.deepEqual([again.exitCode, again.stderr], [0, ''], 'all was said already');
  });

  await context.test('doctor and why name a pod that waits for what nobody brings, and not one that runs', async () => {
    const { texts, all } = await askDoctor(plane.kubeconfig);
    const held = texts['wasm-pods-held'] ?? all;
    assert.match(held, /^1 pod: shop\/held: \/var\/lib\/pillion\/wasm\/extensions\/shop\/hello_/);
    const why = await run('why', 'pod', 'held', '-n', namespace, '-o', 'json');
    assert.match(JSON.parse(why.stdout).live.leftWaiting, /modules are not delivered; make it anew$/);
    const other = await run('why', 'pod', 'runs', '-n', namespace, '-o', 'json');
    assert.equal(JSON.parse(other.stdout).live.leftWaiting, undefined);
  });
}

async function removes(context: TestContext, { plane, run, isThere }: Place): Promise<void> {
  await context.test('removed, they go before the agents, which stay until pods that waited have started', async () => {
    await makeReport(plane);
    await installOn(plane, run);
    const removing = run(...off, '--extensions', 'remove');
    const isGone = async () => !(await isThere(resources.wasmExtensions, 'hello'));
    await until('the extension is gone', isGone, plane.directory);
    assert.ok(!(await isThere(resources.wasmPlugins, 'hello')));
    assert.ok(!(await isThere(resources.filterDeployments, 'old')));
    assert.ok(await isThere(resources.daemonSets, agentName, nodeNamespace));
    await start(plane, 'held');
    const { exitCode, stderr } = await removing;
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.ok(!(await isThere(resources.daemonSets, agentName, nodeNamespace)));
    assert.ok(await isThere(resources.wasmPlugins, 'theirs'));
    assert.ok(!(await isThere(resources.wasmStores, 'node-1')), 'of what no agent keeps right nothing stays');
  });
}

async function goesWithPillion(context: TestContext, { plane, run, isThere }: Place): Promise<void> {
  await makeReport(plane);
  await installWith(plane, run, ['second']);
  const read = readOptions({ wasm: { enabled: true } });
  assert.ok(read.ok);
  const entries = registration({ options: read.value, caBundle: undefined, hasMatchConditions: true });
  await plane.kube.apply(entries, { fieldManager: fieldManagers.control });

  await context.test('an uninstallation takes the webhook first, then what is declared, then the agents', async () => {
    const broken = await run('uninstall', '--yes', '--extensions', 'remove', '--timeout', '1s');
    assert.match(broken.stderr, /^Note: pods that wait .*: 1 \(shop\/second\); /m);
    assertOrder(deletions(plane), [
      `deployments ${names.control}`,
      `mutatingwebhookconfigurations ${names.registration}`,
      `deployments ${names.webhook}`,
      'wasmplugins hello',
      'wasmextensions hello',
      `daemonsets ${agentName}`,
    ]);
    assert.ok(await isThere(resources.pods, 'runs'));
  });

  await context.test('done again, it ends, and a pod that waits stays named', async () => {
    const { exitCode, stderr, stdout } = await run('uninstall', '--yes', '--extensions', 'remove');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /(Pillion is removed|Nothing to remove)/);
    assert.equal((await ownObjects(plane)).size, 0);
    assert.ok(!(await isThere(resources.wasmStores, 'node-1')));
    const { texts, all } = await askDoctor(plane.kubeconfig);
    assert.match(texts['wasm-pods-held'] ?? all, /^1 pod: shop\/second: /);
  });
}

/** Switched on, with an extension of an old object, its plugin and somebody else's, and pods that wait. */
async function installWith(plane: ControlPlane, run: Place['run'], pods: readonly string[]): Promise<void> {
  const { kube } = plane;
  await installOn(plane, run);
  const { wasmExtensions, filterDeployments, wasmPlugins } = resources;
  const apply = (resource: Resource, name: string, more: JsonObject, fields: JsonObject = {}) =>
    kube.apply({ ...typeOf(resource), metadata: { name, namespace, ...more }, ...fields }, manager);
  const old = await apply(filterDeployments, 'old', {}, { spec: { filter: { image: spec.source.image } } });
  const owned = { ownerReferences: [ownerOf(filterDeployments, identity(old))] };
  const hello = await apply(wasmExtensions, 'hello', owned, { spec });
  const emitted = { labels: ownLabels(), ownerReferences: [ownerOf(wasmExtensions, identity(hello))] };
  await apply(wasmPlugins, 'hello', emitted);
  await apply(wasmPlugins, 'theirs', { labels: ownLabels() });
  for (const name of pods) {
    await kube.apply(podWaitingFor(gatePath(namespace, 'hello', identity(hello).uid), name), manager);
  }
}

/** As an agent has written it; by the test only where no policy is in force any more. */
async function makeReport({ kube, directory }: ControlPlane): Promise<void> {
  const report = { ...typeOf(resources.wasmStores), metadata: { name: 'node-1' } };
  const isMade = async () => (await kube.apply(report, manager)) !== undefined;
  await until('the report is written', isMade, directory);
}

async function installOn({ kube, directory }: ControlPlane, run: Place['run']): Promise<void> {
  const isGone = async () => (await kube.get(resources.namespaces, nodeNamespace)) === undefined;
  await until('nothing is left of the agents before', isGone, directory);
  const { exitCode, stderr } = await run(...on);
  assert.equal(exitCode, 0, stderr);
  const { wasmExtensions, filterDeployments, wasmPlugins, envoyFilters } = resources;
  for (const kind of [wasmExtensions, filterDeployments, wasmPlugins, envoyFilters]) {
    await until(`${kind.kind} is served`, async () => (await kube.list(kind)) !== undefined, directory);
  }
}

function identity({ metadata: { name, uid = '' } }: KubeObject): { readonly name: string; readonly uid: string } {
  return { name, uid };
}

function podWaitingFor(path: string, name: string): KubeObject {
  const labels = { [deliveryLabel]: 'node-store', 'security.istio.io/tlsMode': 'istio' };
  return {
    ...typeOf(resources.pods),
    metadata: { name, namespace, labels },
    spec: {
      nodeName: 'node-1',
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'gate', hostPath: { path, type: 'File' } }],
      containers: ['app', 'istio-proxy'].map((container) => ({ name: container, image: 'example.com/image' })),
    },
  };
}

/** What the kubelet writes once it has made the container. */
async function start({ kube }: ControlPlane, name: string): Promise<void> {
  const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };
  const proxy = { name: 'istio-proxy', image: 'i', imageID: '', ready: true, restartCount: 0, containerID: 'c://1' };
  await kube.call('PATCH', `${pathOf(resources.pods, namespace, name)}/status`, {
    body: { status: { phase: 'Running', containerStatuses: [{ ...proxy, state }] } },
    contentType: 'application/merge-patch+json',
  });
}

function assertOrder(all: readonly string[], wanted: readonly string[]): void {
  const at = wanted.map((one) => all.lastIndexOf(one));
  assert.ok(!at.includes(-1), `${wanted[at.indexOf(-1)]} is not among ${all.join(', ')}`);
  assert.deepEqual(
    at,
    at.toSorted((one, other) => one - other),
  );
}
