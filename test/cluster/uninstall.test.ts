// Does an uninstallation leave a real cluster as it was before the installation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { guard } from '../../src/core/cluster/guard.ts';
import { ownLabels } from '../../src/core/cluster/labels.ts';
import { fieldManagers, names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { pillion } from '../cli/command-line.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { deletions } from './deletions.ts';
import { allNames } from './own-objects.ts';
import { makeNamespace } from './webhook.ts';

const manager = { fieldManager: fieldManagers.control };

/** What `pillion control` makes. */
function writtenByControl(): readonly KubeObject[] {
  const options = readOptions({});
  if (!options.ok) throw new Error('the defaults are no options');
  const metadata = { namespace: ownNamespace, labels: ownLabels('control') };
  return [
    registration({ options: options.value, caBundle: undefined, hasMatchConditions: true }),
    ...guard(options.value, { policy: 'enabled', neverInjectSelector: [], alwaysInjectSelector: [] }),
    { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, name: names.certificates } },
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: names.lease, namespace: ownNamespace } },
  ];
}

const around = { 'app.kubernetes.io/part-of': 'pillion' };

/** Others' objects that look a little like ours, or were made around it. */
const foreign: readonly KubeObject[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pillion-demo', labels: around } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pillion', namespace: 'default', labels: around } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: names.options, namespace: 'default' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'pillion-dashboard', labels: { 'app.kubernetes.io/name': 'pillion' } },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'other', labels: { 'app.kubernetes.io/part-of': 'other' } },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'injected',
      namespace: 'default',
      annotations: { 'sidecar.istio.io/status': '{"initContainers":["istio-proxy"]}' },
    },
    spec: {
      initContainers: [{ name: 'istio-proxy', image: 'example.com/proxy', restartPolicy: 'Always' }],
      containers: [{ name: 'app', image: 'example.com/app' }],
    } as KubeObject['spec'],
  },
];

/** Every name once no other comes: controllers put something into each namespace, and slices behind each Service. */
async function namesAtRest(plane: ControlPlane): Promise<readonly string[]> {
  let names: readonly string[] = [];
  const isAtRest = async (): Promise<boolean> => {
    const before = names;
    await wait(1_000);
    const kinds = [resources.namespaces, resources.configMaps, resources.serviceAccounts];
    const [namespaces = [], ...given] = await Promise.all(
      kinds.map(async (kind) => (await plane.kube.list(kind)).items.map(({ metadata }) => metadata.name)),
    );
    const isGiven = given.every(
      (all) => all.filter((name) => name === 'kube-root-ca.crt' || name === 'default').length >= namespaces.length,
    );
    names = await allNames(plane);
    return isGiven && names.join() === before.join();
  };
  await until('no other object comes', isAtRest, plane.directory);
  return names;
}

test('an uninstallation', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  const run = (...args: readonly string[]) => pillion([...args, '--kubeconfig', plane.kubeconfig]);
  await makeNamespace(plane, 'istio-system');
  await namesAtRest(plane);
  for (const object of foreign) await kube.apply(object, { fieldManager: 'somebody' });
  const before = await namesAtRest(plane);

  await context.test('has nothing to do where nothing is installed', async () => {
    const { exitCode, stdout } = await run('uninstall', '--yes');
    assert.deepEqual([exitCode, stdout], [0, 'Nothing to remove: Pillion is not installed\n']);
  });

  const installed = await run('install');
  assert.equal(installed.exitCode, 0, installed.stderr);
  for (const object of writtenByControl()) await kube.apply(object, manager);
  const hasPods = async (): Promise<boolean> =>
    (await kube.list(resources.pods, { namespace: ownNamespace })).items.length === 4;
  await until('the Deployments have made their pods', hasPods, plane.directory);
  const during = await namesAtRest(plane);
  assert.ok(during.length > before.length + 25);

  await context.test('asks first, and takes nobody for an answer', async () => {
    const { exitCode, stderr } = await run('uninstall');
    assert.equal(exitCode, 2);
    assert.match(stderr, /^Cannot uninstall: nobody is there to be asked; add --yes/);
    assert.deepEqual(await allNames(plane), during);
  });

  await context.test('lists by dry run what it would remove', async () => {
    const { exitCode, stdout } = await run('uninstall', '--dry-run');
    assert.equal(exitCode, 0);
    for (const line of ['MutatingWebhookConfiguration pillion', 'Role istio-system/pillion-control']) {
      assert.ok(stdout.split('\n').includes(line), line);
    }
    assert.doesNotMatch(stdout, /other|dashboard|demo|default\//);
    assert.deepEqual(await allNames(plane), during);
  });

  await context.test('leaves the cluster as it was before the installation', async () => {
    const { exitCode, stdout, stderr } = await run('uninstall', '--yes');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /\nPillion is removed\n$/);
    assert.deepEqual(await allNames(plane), before);
  });

  await context.test('ended control before the registration, and the registration before the webhook', () => {
    const order = deletions(plane);
    const at = (what: string): number => {
      assert.ok(order.includes(what), `${what} is not among ${order.join(', ')}`);
      return order.indexOf(what);
    };
    const steps = [
      `deployments ${names.control}`,
      `clusterrolebindings ${names.control}`,
      `mutatingwebhookconfigurations ${names.registration}`,
      `deployments ${names.webhook}`,
      `serviceaccounts ${names.webhook}`,
      `namespaces ${ownNamespace}`,
    ].map(at);
    assert.deepEqual(
      steps,
      steps.toSorted((one, other) => one - other),
    );
  });

  await context.test('can be done again where it was broken off', async () => {
    assert.equal((await run('install')).exitCode, 0);
    for (const object of writtenByControl()) await kube.apply(object, manager);
    const broken = await run('uninstall', '--yes', '--timeout', '0ms');
    assert.equal(broken.exitCode, 2);
    assert.match(broken.stderr, /^Cannot finish: after 0 s, .* is still there; run "pillion uninstall" again$/m);
    const { exitCode, stderr } = await run('uninstall', '--yes');
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await allNames(plane), before);
  });
});
