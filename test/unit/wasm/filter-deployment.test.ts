// Does a FilterDeployment become the extension that it means, with every form that its configuration may have, and does
// it get its status in the form that it always had.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import {
  extensionOf,
  filterStanding,
  refusedFilterStanding,
} from '../../../src/core/wasm/declaration/filter-deployment.ts';
import { readExtension } from '../../../src/core/wasm/declaration/read-extension.ts';
import type { JudgedPod, PodState } from '../../../src/core/wasm/rollout/observed-pods.ts';

const image = 'webassemblyhub.io/team/filter:v1';
const anyOf = (type: string, value: unknown): JsonObject => ({
  '@type': `type.googleapis.com/google.protobuf.${type}`,
  value,
});

function deployment(filter: JsonObject, istio: JsonObject = {}): KubeObject {
  const metadata = { name: 'hello', namespace: 'shop', uid: 'u' };
  return { apiVersion: 'wasme.io/v1', kind: 'FilterDeployment', metadata, spec: { filter, deployment: { istio } } };
}

function specOf(filter: JsonObject, istio: JsonObject = {}): JsonObject {
  const made = extensionOf(deployment({ image, ...filter }, istio));
  if (!made.ok) throw new Error(made.error.message);
  assert.ok(readExtension(made.value, { httpSources: false }).ok); // what is made can be read
  return made.value['spec'] as JsonObject;
}

test('it is owned by the object it was made of, and has its name', () => {
  const made = extensionOf(deployment({ image }));
  assert.ok(made.ok);
  const { apiVersion, kind, metadata } = made.value;
  assert.deepEqual(
    [apiVersion, kind, metadata.name, metadata.namespace],
    ['pillion.dev/v1alpha1', 'WasmExtension', 'hello', 'shop'],
  );
  assert.deepEqual(metadata.ownerReferences, [
    {
      apiVersion: 'wasme.io/v1',
      kind: 'FilterDeployment',
      name: 'hello',
      uid: 'u',
      controller: true,
      blockOwnerDeletion: false,
    },
  ]);
});

test('it is known to be ours, and is resolved anew when its FilterDeployment asks for it', () => {
  const object = deployment({ image });
  const metadataOf = (annotations?: Record<string, string>) => {
    const metadata = { ...object.metadata, ...(annotations && { annotations }) };
    const made = extensionOf({ ...object, metadata });
    return made.ok ? made.value.metadata : assert.fail();
  };
  assert.equal(metadataOf().labels?.['app.kubernetes.io/part-of'], 'pillion');
  assert.equal('annotations' in metadataOf({ other: 'x' }), false);
  const asked = metadataOf({ 'pillion.dev/resolve': 'again', other: 'x' });
  assert.deepEqual(asked.annotations, { 'pillion.dev/resolve': 'again' });
});

test('image, root id, pull secret, labels and context have their places', () => {
  const filter = { rootID: 'root', patchContext: 'OUTBOUND', imagePullOptions: { pullSecret: 'regcred' } };
  assert.deepEqual(specOf(filter, { kind: 'Deployment', labels: { app: 'web' } }), {
    source: { image },
    traffic: 'outbound',
    selector: { matchLabels: { app: 'web' } },
    pluginName: 'root',
    pullSecret: 'regcred',
  });
});

test('a text stays a text: bare, as StringValue, as BytesValue', () => {
  for (const config of ['world', anyOf('StringValue', 'world'), anyOf('BytesValue', btoa('world'))]) {
    assert.deepEqual(specOf({ config }), { source: { image }, traffic: 'inbound', rawConfig: 'world' });
  }
});

test('an object stays one: bare, as Struct, as the text of one', () => {
  for (const config of [{ a: 1 }, anyOf('Struct', { a: 1 }), anyOf('StringValue', '{"a":1}'), '{"a":1}']) {
    assert.deepEqual(specOf({ config })['pluginConfig'], { a: 1 });
  }
});

test('an empty configuration is none', () => {
  for (const config of ['', anyOf('StringValue', ''), undefined]) {
    assert.deepEqual(Object.keys(specOf({ config })), ['source', 'traffic']);
  }
});

test('what cannot be understood is refused with everything that is wrong', () => {
  const made = extensionOf(deployment({ config: anyOf('Duration', '1s'), patchContext: 'sideways' }));
  assert.ok(!made.ok);
  assert.match(made.error.message, /spec\.filter\.image: must be there/);
  assert.match(made.error.message, /spec\.filter\.patchContext: Cannot read "sideways": must be one of inbound/);
  assert.match(made.error.message, /spec\.filter\.config.*Duration/);
});

test('a gateway is refused where the extension is read', () => {
  const made = extensionOf(deployment({ image, patchContext: 'gateway' }));
  assert.ok(made.ok);
  const read = readExtension(made.value, { httpSources: false });
  assert.ok(!read.ok && read.error.reason === 'Unsupported');
});

function podOf(workload: string, state: PodState, reason = ''): JudgedPod {
  const pod = { namespace: 'shop', name: workload, node: 'one', labels: {}, workload, hasStarted: true };
  return { pod, state, reason };
}

test('each workload has a state in the words of old', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Succeeded', message: '', observedGeneration: 1 } as const;
  const conditions = [{ ...ready, lastTransitionTime: '' }];
  const pods = [podOf('web', 'delivered'), podOf('api', 'delivered'), podOf('api', 'waiting', 'not yet')];
  assert.deepEqual(filterStanding(1, { conditions }, pods), {
    observedGeneration: 1,
    workloads: { api: { state: 'Pending', reason: 'not yet' }, web: { state: 'Succeeded' } },
  });
  const failed = [
    { ...ready, status: 'False' as const, reason: 'NotFound' as const, message: 'no', lastTransitionTime: '' },
  ];
  assert.deepEqual(filterStanding(2, { conditions: failed }, [podOf('web', 'waiting', 'not yet')]), {
    observedGeneration: 2,
    reason: 'NotFound: no',
    workloads: { web: { state: 'Failed', reason: 'not yet' } },
  });
});

test('a workload with pods from before is pending and told why, also where the extension is refused', () => {
  const without = [podOf('web', 'delivered'), podOf('web', 'without', 'made before')];
  assert.deepEqual(filterStanding(1, {}, without), {
    observedGeneration: 1,
    workloads: { web: { state: 'Pending', reason: 'made before' } },
  });
  assert.deepEqual(filterStanding(1, {}, []), { observedGeneration: 1 });
  const many = Array.from({ length: 201 }, (_, at) => podOf(`web-${at}`, 'delivered'));
  assert.equal(Object.keys(filterStanding(1, {}, many).workloads ?? {}).length, 200);
});

test('one that cannot be read says why in its status', () => {
  const refusal = { reason: 'InvalidSpec', message: 'Cannot read it' } as const;
  assert.deepEqual(refusedFilterStanding(3, refusal), { observedGeneration: 3, reason: 'InvalidSpec: Cannot read it' });
});
