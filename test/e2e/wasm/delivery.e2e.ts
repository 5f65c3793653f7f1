// Other ways that a module comes to a proxy, and what the node does when its copy is gone.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { nodesOf } from '../../../kind/cluster.ts';
import { run } from '../../../kind/run.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { PodSpec } from '../../../src/core/model/pod.ts';
import { modulePath, modulesDirectory } from '../../../src/core/wasm/names.ts';
import { sharedCluster } from '../cluster.ts';
import { withOptions } from '../installation.ts';
import { injected, inNamespace } from '../namespace.ts';
import { declare, untilReady } from './extensions.ts';
import { compiled, pushed } from './modules.ts';
import { startClient, startServer, untilAvailable, untilHeader, urlOf } from './requests.ts';

const cluster = sharedCluster();

test('with onMissing run-without the proxy pulls the image itself, pinned by digest, and no pod needs a hostPath', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image, manifest } = await pushed('delivery/pulled:1', await compiled('add-header', 5));
    await Promise.all([startClient(namespace), startServer(namespace, 'web')]);
    await untilAvailable(namespace, 'web'); // it is there before, and takes part all the same
    await declare(namespace, { name: 'hello', image, spec: { onMissing: 'run-without' } });
    await untilReady(namespace, 'hello');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '5');
    const plugin = await namespace.get('WasmPlugin', 'hello');
    const { url } = (plugin?.['spec'] ?? {}) as JsonObject;
    assert.equal(url, `${image.replace(/:[^:/]+$/, '')}@${manifest}`);
    for (const pod of await namespace.list('Pod', 'app=web')) {
      const { volumes = [] } = pod['spec'] as PodSpec & { readonly volumes?: readonly JsonObject[] };
      assert.deepEqual(
        volumes.filter(({ hostPath }) => hostPath !== undefined),
        [],
      );
    }
  }));

test('a module that somebody removed from the node comes back by itself, and a pod that starts afterwards has its filter', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    const { image } = await pushed('delivery/healed:1', await compiled('add-header', 6));
    await declare(namespace, { name: 'hello', image });
    await Promise.all([startClient(namespace), startServer(namespace, 'first')]);
    await untilAvailable(namespace, 'first');
    const { active } = await untilReady(namespace, 'hello');
    assert.ok(active);
    const [node = ''] = await nodesOf({ name: nodeOf(await namespace.list('Pod', 'app=first')), kubeconfig: '' });
    const path = modulePath(active.moduleDigest);
    await run('docker', ['exec', node, 'rm', path]);
    await namespace.until('the file is there again', async () => {
      const sum = await run('docker', ['exec', node, 'sha256sum', path]);
      return `sha256:${sum.slice(0, 64)}` === active.moduleDigest;
    });
    await startServer(namespace, 'second');
    await untilAvailable(namespace, 'second');
    await untilHeader(namespace, urlOf('second'), 'x-filter-version', '6');
  }));

test('without any extension, the annotation pillion.dev/wasm-modules mounts the store for a WasmPlugin of one’s own', (t: TestContext) =>
  inNamespace(t, cluster, injected, async (namespace) => {
    // what another extension brought to the node
    const { image } = await pushed('delivery/own:1', await compiled('add-header', 7));
    await declare(namespace, { name: 'brings', image, labels: { app: 'nobody' } });
    const { active } = await untilReady(namespace, 'brings');
    assert.ok(active);
    const { pinned, moduleDigest } = active;
    const plugin = {
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'WasmPlugin',
      metadata: { name: 'own' },
      spec: { selector: { matchLabels: { app: 'web' } }, url: `file://${modulePath(moduleDigest)}` },
    };
    await assert.rejects(namespace.create(plugin), /Cannot use "file:.*wasm\.modules of the options/);
    const settings = [`wasm.modules[0].source=${pinned}`, `wasm.modules[0].sha256=${moduleDigest}`];
    await withOptions(cluster, settings, async () => {
      // the API server takes a moment to follow
      await namespace.until('the module is everybody’s', () => namespace.create(plugin).catch(() => false));
    });
    const annotations = { 'pillion.dev/wasm-modules': moduleDigest };
    await Promise.all([startClient(namespace), startServer(namespace, 'web', 1, annotations)]);
    await untilAvailable(namespace, 'web');
    await untilHeader(namespace, urlOf('web'), 'x-filter-version', '7');
    const [pod] = await namespace.list('Pod', 'app=web');
    assert.ok(JSON.stringify(pod).includes(modulesDirectory));
  }));

/** A kind cluster's only node is called after it. */
function nodeOf(pods: readonly JsonObject[]): string {
  const { nodeName = '' } = (pods[0]?.['spec'] ?? {}) as { readonly nodeName?: string };
  return nodeName.replace(/-control-plane$/, '');
}
