import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { V1DaemonSetSpec, V1PolicyRule } from '@kubernetes/client-node';
import { agentBundleOptions } from '../../../scripts/build.ts';
import { resourceOf } from '../../../src/core/cluster/resources.ts';
import { installObjects, installParts } from '../../../src/core/install/objects.ts';
import { readOptionsText } from '../../../src/core/install/options-text.ts';
import { isOfInstallation, removalOrder } from '../../../src/core/install/removal.ts';
import { daemonSetStep } from '../../../src/core/install/rollout.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

function input(optionsText: string) {
  const options = readOptionsText(optionsText);
  if (!options.ok) throw new Error(JSON.stringify(options.error));
  return { options: options.value, optionsText, image: 'pillion:1', version: '1' };
}

const enabled = input('wasm: {enabled: true}');
const parts = installParts(enabled).filter(({ subject }) => subject === 'agent');
const objects: readonly KubeObject[] = parts.flatMap((part) => part.objects);
const spec = objects.find(({ kind }) => kind === 'DaemonSet')?.['spec'] as V1DaemonSetSpec;
const pod = spec.template.spec ?? assert.fail();
const [container] = pod.containers;

suite('the node agent is installed', () => {
  test('only where Wasm modules are to be delivered', () => {
    assert.ok(!JSON.stringify(installObjects(input(''))).includes('pillion-node"'));
    assert.ok(objects.length > 0);
  });

  test('in a namespace of its own, whose objects are found and removed', () => {
    for (const object of objects) {
      assert.ok(isOfInstallation(object), object.kind);
      assert.ok(removalOrder.includes(resourceOf(object)), object.kind);
      if (resourceOf(object).isNamespaced) assert.equal(object.metadata.namespace, 'pillion-node');
    }
    assert.ok(
      !isOfInstallation({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', namespace: 'pillion-node' } }),
    );
  });

  test('as root without any privilege, on every node, one at a time on each', () => {
    assert.deepEqual(container?.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.deepEqual(pod.tolerations, [{ operator: 'Exists' }]);
    assert.equal(spec.updateStrategy?.rollingUpdate?.maxSurge, 0);
    assert.deepEqual(
      pod.volumes?.map(({ hostPath }) => hostPath?.path),
      ['/var/lib/pillion/wasm'],
    );
  });

  test('from the program that the build makes', () => {
    const program = container?.command?.at(-1);
    assert.equal(program?.split('/').at(-1), agentBundleOptions.outfile.split('/').at(-1));
  });

  test('with the right to read declarations and its options, and to write its report, and to nothing else', () => {
    const ofAgent = objects.filter(({ metadata }) => metadata.name === 'pillion-agent');
    const rules = ofAgent.flatMap(({ kind, rules: own }) =>
      ((own ?? []) as V1PolicyRule[]).map((one) => [kind, one.resources, one.resourceNames, one.verbs]),
    );
    assert.deepEqual(rules, [
      ['Role', ['configmaps'], ['pillion-agent'], ['list', 'watch']],
      ['ClusterRole', ['wasmextensions'], undefined, ['list', 'watch']],
      ['ClusterRole', ['wasmstores'], undefined, ['get', 'create', 'patch']],
      ['ClusterRole', ['nodes'], undefined, ['get']],
    ]);
  });
});

test('an installation is up once the agent runs in its newest version on every node', () => {
  const counts = { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3, observedGeneration: 2 };
  const step = (status: JsonObject) => {
    const metadata = { name: 'pillion-agent', generation: 2 };
    return daemonSetStep('pillion-agent', { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, status } as KubeObject);
  };
  assert.ok(step(counts).isDone);
  assert.deepEqual(step({ ...counts, numberAvailable: 2 }).state, 'available on 2 of 3 nodes');
  for (const behind of [{ updatedNumberScheduled: 1 }, { numberAvailable: 0 }, { observedGeneration: 1 }]) {
    assert.ok(!step({ ...counts, ...behind }).isDone);
  }
  assert.ok(!daemonSetStep('pillion-agent', undefined).isDone);
});
