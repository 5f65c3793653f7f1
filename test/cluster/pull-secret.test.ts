// Answers: is a pull secret readable exactly where its owner allows it, by the very commands that the refusal names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/edge/kube/client.ts';
import { pullers, readPullSecretOf } from '../../src/edge/kube/pull-secret.ts';
import { assets } from './assets.ts';
import { startControlPlane, until } from './control-plane.ts';

test('a pull secret is read after its owner ran the commands of the refusal', {
  skip: assets.skip,
}, async (context) => {
  const plane = await startControlPlane(context);
  const run = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await plane.kubectl(args);
    assert.equal(code, 0, stderr);
  };
  for (const namespace of ['shop', ...pullers.map((puller) => puller.namespace)]) await run('create', 'ns', namespace);
  for (const { namespace, name } of pullers) await run('-n', namespace, 'create', 'serviceaccount', name);
  const login = ['--docker-server=registry.example.com', '--docker-username=reader', '--docker-password=a:b'];
  await run('-n', 'shop', 'create', 'secret', 'docker-registry', 'regcred', ...login);
  await run('-n', 'shop', 'create', 'secret', 'generic', 'other', '--from-literal=a=b');

  const kubes = await Promise.all(
    pullers.map(async ({ namespace, name }) => connect({ kubeconfig: await plane.kubeconfigOf(namespace, name) })),
  );
  const commands = new Set<string>();
  for (const kube of kubes) {
    const refused = await readPullSecretOf(kube, 'shop', 'regcred');
    assert.ok(!refused.ok);
    assert.equal(refused.error.reason, 'PullSecretUnreadable');
    commands.add(refused.error.message.split('allows it with: ')[1] ?? '');
  }
  assert.equal(commands.size, 1, 'the same for both');
  for (const command of [...commands].join().split(' && ')) {
    const [program, ...args] = command.split(' ');
    assert.equal(program, 'kubectl');
    await run(...args);
  }
  for (const kube of kubes) {
    // the API server goes by a right a moment after it took it
    await until('it may', async () => (await readPullSecretOf(kube, 'shop', 'regcred')).ok);
    const read = await readPullSecretOf(kube, 'shop', 'regcred');
    assert.ok(read.ok, read.ok ? '' : read.error.message);
    assert.deepEqual(read.value.entries[0]?.credential, { kind: 'password', username: 'reader', password: 'a:b' });
    const other = await readPullSecretOf(kube, 'shop', 'other');
    assert.ok(!other.ok);
    assert.match(other.error.message, /it is forbidden/);
  }

  const missing = await readPullSecretOf(plane.kube, 'shop', 'missing');
  assert.ok(!missing.ok);
  assert.equal(missing.error.message, 'Cannot read the pull secret shop/missing: there is none');
  const opaque = await readPullSecretOf(plane.kube, 'shop', 'other');
  assert.ok(!opaque.ok);
  assert.match(opaque.error.message, /of type "Opaque"/);
});
