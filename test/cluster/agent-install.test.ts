// Does the node agent come and go with the option in a real cluster, and is nothing of it left after an uninstallation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardBinding } from '../../src/core/cluster/guard.ts';
import { fieldManagers } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { defaultInstallation } from '../../src/core/cluster/settings-documents.ts';
import { agentName, nodeNamespace, policyNames } from '../../src/core/wasm/names.ts';
import { pillion } from '../cli/command-line.ts';
import { assets } from './assets.ts';
import { startControlPlane, until } from './control-plane.ts';
import { ownContents } from './own-objects.ts';
import { makeNamespace } from './webhook.ts';

test('the node agent', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  const run = (...args: readonly string[]) => pillion([...args, '--kubeconfig', plane.kubeconfig]);
  const daemonSet = () => kube.get(resources.daemonSets, agentName, nodeNamespace);
  const policies = async () => {
    const kinds = [resources.admissionPolicies, resources.admissionPolicyBindings];
    const found = await Promise.all(kinds.map((kind) => kube.list(kind)));
    return found.flatMap(({ items }) => items).map(({ metadata }) => metadata.name);
  };
  const ofAgent = async () => {
    const kinds = [resources.namespaces, resources.clusterRoles, resources.clusterRoleBindings, resources.daemonSets];
    const found = await Promise.all(kinds.map((kind) => kube.list(kind)));
    const named = found.flatMap(({ items }) => items).filter(({ metadata }) => /-(agent|node)$/.test(metadata.name));
    return named.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  };
  // the text of the options says what was set; the guard is control's
  const contents = async () => {
    const all = [...(await ownContents(plane))];
    return new Map(all.filter(([key]) => !/^ConfigMap | pillion-guard$/.test(key)));
  };
  let without: Awaited<ReturnType<typeof contents>> = new Map();
  await makeNamespace(plane, 'istio-system');

  await context.test('is not there without the option', async () => {
    assert.equal((await run('install')).exitCode, 0);
    assert.deepEqual([...(await ofAgent()), ...(await policies())], []);
    without = await contents();
  });

  await context.test('is there with it, and its pods are allowed where they are', async () => {
    const { exitCode, stderr } = await run('install', '--set', 'wasm.enabled=true');
    assert.equal(exitCode, 0, stderr);
    await kube.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { 'kubernetes.io/os': 'linux' } },
    });
    const hasPod = async () => (await kube.list(resources.pods, { namespace: nodeNamespace })).items.length === 1;
    await until('the DaemonSet has made its pod', hasPod, plane.directory);
    const again = await run('install');
    assert.match(again.stdout, /\n\d+ unchanged\n/);
    const names = Object.values(policyNames);
    assert.deepEqual((await policies()).sort(), [...names, ...names].sort());
  });

  await context.test('brings policies that know the modules of everybody', async () => {
    const settings = ['source=https://example.com/x.wasm', `sha256=sha256:${'d'.repeat(64)}`];
    const flags = settings.flatMap((one) => ['--set', `wasm.modules[0].${one}`]);
    const { exitCode, stdout, stderr } = await run('install', ...flags);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^changed +ValidatingAdmissionPolicy pillion-wasm-plugins$/m);
    const policy = await kube.get(resources.admissionPolicies, policyNames.plugins);
    assert.ok(JSON.stringify(policy).includes(`file:///var/lib/pillion/wasm/modules/sha256/${'d'.repeat(64)}.wasm`));
  });

  await context.test('goes when it is switched off again', async () => {
    const binding = guardBinding(defaultInstallation().options) ?? assert.fail();
    await kube.apply(binding, { fieldManager: fieldManagers.control });
    const { exitCode, stdout } = await run('install', '--set', 'wasm.enabled=false');
    assert.equal(exitCode, 0);
    for (const line of [`DaemonSet ${nodeNamespace}/${agentName}`, `Namespace ${nodeNamespace}`]) {
      assert.match(stdout, new RegExp(`^removed +${line}$`, 'm'));
    }
    assert.deepEqual(await policies(), [binding.metadata.name], 'the guard is not of the agent');
    await removeKubeletsPods();
    await until('nothing of it is left', async () => (await ofAgent()).length === 0, plane.directory);
    assert.deepEqual(await contents(), without, 'what else there was is as it was');
  });

  await context.test('goes with an uninstallation', async () => {
    assert.equal((await run('install', '--set', 'wasm.enabled=true')).exitCode, 0);
    await until('it is there', async () => (await daemonSet()) !== undefined, plane.directory);
    const removing = run('uninstall', '--yes');
    const isGone = async () => (await daemonSet()) === undefined;
    await until('the DaemonSet is gone', isGone, plane.directory);
    await removeKubeletsPods();
    const { exitCode, stderr } = await removing;
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await ofAgent(), []);
  });

  /** What a kubelet does once a pod has ended; there is none here. */
  async function removeKubeletsPods(): Promise<void> {
    const removeAll = async () => {
      const { items } = await kube.list(resources.pods, { namespace: nodeNamespace });
      for (const { metadata } of items) {
        const path = `/api/v1/namespaces/${nodeNamespace}/pods/${metadata.name}`;
        await kube.call('DELETE', path, { query: { gracePeriodSeconds: '0' } });
      }
      return items.length === 0;
    };
    await until('its pods are gone', removeAll, plane.directory);
  }
});
