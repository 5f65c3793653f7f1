// Are Istio's objects exactly what proxies need to be told, for every way that a module takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject, type JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { Extension } from '../../../src/core/wasm/extension.ts';
import { emittedObjects, type Surroundings, type Way, waysOf } from '../../../src/core/wasm/rollout/emitted.ts';
import { appliedPrint, emittedChange, readFound } from '../../../src/core/wasm/rollout/emitted-change.ts';
import { digestOf, extensionOf, revisionOf } from './revisions.ts';

const hex = 'a'.repeat(64);
const usual: Surroundings = { isRoot: false, namespaceLabels: {}, hasPullingPods: false };
const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const full = extensionOf({
  matchLabels: { app: 'web' },
  phase: 'AUTHN',
  priority: 10,
  failStrategy: 'FAIL_OPEN',
  traffic: 'any',
  pullSecret: 'regcred',
  pluginName: 'root',
  pluginConfig: { greeting: 'hello' },
  vmEnv: [
    { name: 'A', value: '' },
    { name: 'HOME', fromHost: true },
  ],
});

function specOf(object: KubeObject | undefined): JsonObject {
  if (!isObject(object?.['spec'])) throw new Error('there is no spec');
  return object['spec'];
}

function waysFor(extension: Extension, surroundings: Partial<Surroundings> = {}): readonly Way[] | string {
  const ways = waysOf(extension, { ...usual, ...surroundings });
  return ways.ok ? ways.value : ways.error.reason;
}

function emittedFor(extension: Extension, surroundings: Partial<Surroundings> = {}): readonly KubeObject[] {
  const ways = waysFor(extension, surroundings);
  if (typeof ways === 'string') throw new Error(ways);
  return emittedObjects(extension, revisionOf('a'), ways);
}

test('by the node store, a WasmPlugin names the file, for pods that have the mount, with nothing left to a default', () => {
  assert.deepEqual(emittedFor(full), [
    {
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'WasmPlugin',
      metadata: {
        name: 'hello',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/name': 'pillion', 'app.kubernetes.io/part-of': 'pillion' },
        ownerReferences: [
          {
            apiVersion: 'pillion.dev/v1alpha1',
            kind: 'WasmExtension',
            name: 'hello',
            uid: 'uid-of-hello',
            controller: true,
            blockOwnerDeletion: false,
          },
        ],
      },
      spec: {
        selector: { matchLabels: { app: 'web', 'pillion.dev/wasm-delivery': 'node-store' } },
        url: `file:///var/lib/pillion/wasm/modules/sha256/${hex}.wasm`,
        type: 'HTTP',
        phase: 'AUTHN',
        priority: 10,
        failStrategy: 'FAIL_OPEN',
        match: [{ mode: 'CLIENT_AND_SERVER' }],
        pluginName: 'root',
        pluginConfig: { greeting: 'hello' },
        vmConfig: {
          env: [
            { name: 'A', valueFrom: 'INLINE', value: '' },
            { name: 'HOME', valueFrom: 'HOST' },
          ],
        },
      },
    },
  ]);
});

test('what is not declared is not there, and what Istio has a default for is', () => {
  const [object] = emittedFor(extensionOf());
  assert.deepEqual(object?.['spec'], {
    selector: { matchLabels: { 'pillion.dev/wasm-delivery': 'node-store' } },
    url: `file:///var/lib/pillion/wasm/modules/sha256/${hex}.wasm`,
    type: 'HTTP',
    phase: 'UNSPECIFIED_PHASE',
    priority: 0,
    failStrategy: 'FAIL_CLOSE',
    match: [{ mode: 'SERVER' }],
  });
});

test('one variable of the environment is enough to be told', () => {
  const [object] = emittedFor(extensionOf({ vmEnv: [{ name: 'A', value: 'a' }] }));
  assert.deepEqual(specOf(object)['vmConfig'], { env: [{ name: 'A', valueFrom: 'INLINE', value: 'a' }] });
});

test('a pull secret never stands beside a file', () => {
  for (const object of emittedFor(full)) assert.doesNotMatch(JSON.stringify(object), /regcred|imagePullSecret/);
});

test('pulled by the agents, it names the image by the digest of its manifest, with the secret', () => {
  const [object, ...more] = emittedFor(full, { namespaceLabels: restricted });
  assert.deepEqual(more, []);
  const { selector, url, sha256, imagePullPolicy, imagePullSecret } = specOf(object);
  assert.deepEqual(
    { selector, url, sha256, imagePullPolicy, imagePullSecret },
    {
      selector: { matchLabels: { app: 'web' } },
      url: `oci://registry.example.com/team/filter@sha256:${hex}`,
      sha256: hex,
      imagePullPolicy: 'IfNotPresent',
      imagePullSecret: 'regcred',
    },
  );
});

test('a url is pulled by the digest of its module', () => {
  const url = 'https://example.com/filter.wasm';
  const { manifestDigest: _, ...plain } = revisionOf('b', { variant: 'http', pinned: url });
  const [object] = emittedObjects(extensionOf(), plain, [{ delivery: 'agent-pull', pods: 'all' }]);
  const spec = specOf(object);
  assert.deepEqual([spec['url'], spec['sha256'], spec['selector']], [url, 'b'.repeat(64), undefined]);
});

test('inbound and outbound are modes of the match', () => {
  const modeOf = (traffic: Extension['traffic']): unknown => specOf(emittedFor(extensionOf({ traffic }))[0])['match'];
  assert.deepEqual(modeOf('inbound'), [{ mode: 'SERVER' }]);
  assert.deepEqual(modeOf('outbound'), [{ mode: 'CLIENT' }]);
  assert.deepEqual(modeOf('gateway'), [{ mode: 'CLIENT' }], 'a gateway is a client to Istio');
});

test('without a root id of its own, it has the first that the image names', () => {
  const [object] = emittedObjects(extensionOf(), revisionOf('a', { rootIds: ['one', 'two'] }), [
    { delivery: 'node-store', pods: 'labelled' },
  ]);
  assert.equal(specOf(object)['pluginName'], 'one');
});

test("in Istio's root namespace there are two, each for the pods whose label says that they go its way", () => {
  const objects = emittedFor(extensionOf(), { isRoot: true, namespaceLabels: restricted });
  assert.deepEqual(
    objects.map((object) => [object.metadata.name, specOf(object)['selector']]),
    [
      ['hello', { matchLabels: { 'pillion.dev/wasm-delivery': 'node-store' } }],
      ['hello-agent-pull', { matchLabels: { 'pillion.dev/wasm-delivery': 'agent-pull' } }],
    ],
  );
});

test('pods that pull keep their object when their namespace turns to the node store', () => {
  assert.deepEqual(waysFor(extensionOf(), { hasPullingPods: true }), [
    { delivery: 'node-store', pods: 'labelled' },
    { delivery: 'agent-pull', pods: 'labelled' },
  ]);
});

test('what asks for a way gets that one, or is refused', () => {
  const ofStore = [{ delivery: 'node-store', pods: 'labelled' }];
  const ofAgents = [{ delivery: 'agent-pull', pods: 'all' }];
  assert.deepEqual(waysFor(extensionOf({ delivery: 'agent-pull' })), ofAgents);
  assert.deepEqual(waysFor(extensionOf({ onMissing: 'run-without' })), ofAgents);
  assert.deepEqual(waysFor(extensionOf({ delivery: 'node-store' }), { isRoot: true }), ofStore);
  assert.equal(waysFor(extensionOf({ delivery: 'node-store' }), { namespaceLabels: restricted }), 'PodSecurityForbids');
  assert.equal(waysFor(extensionOf({ rawConfig: 'a' }), { namespaceLabels: restricted }), 'PodSecurityForbids');
  assert.deepEqual(waysFor(extensionOf({ rawConfig: 'a' }), { isRoot: true }), ofStore);
});

test('a text that is no JSON goes by an EnvoyFilter with the local file, before the router', () => {
  const [object, ...more] = emittedFor(
    extensionOf({
      rawConfig: 'tomorrow',
      matchLabels: { app: 'web' },
      failStrategy: 'FAIL_RELOAD',
      pluginName: 'root',
      vmEnv: [
        { name: 'A', value: 'a' },
        { name: 'HOME', fromHost: true },
      ],
    }),
  );
  assert.deepEqual(more, []);
  assert.deepEqual([object?.apiVersion, object?.kind], ['networking.istio.io/v1alpha3', 'EnvoyFilter']);
  assert.deepEqual(object?.['spec'], {
    workloadSelector: { labels: { app: 'web', 'pillion.dev/wasm-delivery': 'node-store' } },
    configPatches: [
      {
        applyTo: 'HTTP_FILTER',
        match: {
          context: 'SIDECAR_INBOUND',
          listener: {
            filterChain: {
              filter: {
                name: 'envoy.filters.network.http_connection_manager',
                subFilter: { name: 'envoy.filters.http.router' },
              },
            },
          },
        },
        patch: {
          operation: 'INSERT_BEFORE',
          value: {
            name: 'envoy.filters.http.wasm.shop.hello',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
              config: {
                name: 'shop.hello',
                root_id: 'root',
                configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'tomorrow' },
                failure_policy: 'FAIL_RELOAD',
                vm_config: {
                  vm_id: 'shop.hello',
                  runtime: 'envoy.wasm.runtime.v8',
                  code: { local: { filename: `/var/lib/pillion/wasm/modules/sha256/${hex}.wasm` } },
                  environment_variables: { host_env_keys: ['HOME'], key_values: { A: 'a' } },
                },
              },
            },
          },
        },
      },
    ],
  });
});

test('an EnvoyFilter says what differs from what a proxy does by itself, and no more', () => {
  const patchOf = (changes: Partial<Extension>): { context: unknown; config: JsonObject } => {
    const [object] = emittedFor(extensionOf({ rawConfig: 'tomorrow', ...changes }));
    const [patch] = specOf(object)['configPatches'] as readonly {
      match: JsonObject;
      patch: { value: { typed_config: { config: JsonObject } } };
    }[];
    return { context: patch?.match['context'], config: patch?.patch.value.typed_config.config ?? {} };
  };
  const vm = {
    vm_id: 'shop.hello',
    runtime: 'envoy.wasm.runtime.v8',
    code: { local: { filename: `/var/lib/pillion/wasm/modules/sha256/${hex}.wasm` } },
  };
  const configuration = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'tomorrow' };
  assert.deepEqual(patchOf({}).config, { name: 'shop.hello', configuration, vm_config: vm });
  assert.deepEqual(patchOf({ rawConfig: '' }).config, { name: 'shop.hello', vm_config: vm }, 'nothing is no text');
  assert.equal(patchOf({ failStrategy: 'FAIL_OPEN' }).config['failure_policy'], 'FAIL_OPEN');
  const environments = [[{ name: 'A' }], [{ name: 'B', fromHost: true }]].map(
    (vmEnv) => (patchOf({ vmEnv }).config['vm_config'] as JsonObject)['environment_variables'],
  );
  assert.deepEqual(environments, [{ key_values: { A: '' } }, { host_env_keys: ['B'] }]);
  const contexts = (['inbound', 'outbound', 'any', 'gateway'] as const).map((traffic) => patchOf({ traffic }).context);
  assert.deepEqual(contexts, ['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'ANY', 'GATEWAY']);
});

test('what is there as it should be is not written, whatever the order of its fields', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const spec = Object.fromEntries(Object.entries(wanted['spec'] as object).reverse());
  const found = readFound({ ...wanted, spec, metadata: { ...wanted.metadata, resourceVersion: '1' } });
  assert.deepEqual(emittedChange([wanted], [found], full), { ok: true, value: undefined });
});

test('what an old kind of Istio dropped of it is not written again and again', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const { type: _, ...kept } = wanted['spec'] as Record<string, unknown>;
  const found = { ...readFound({ ...wanted, spec: kept }), appliedAs: appliedPrint(wanted) };
  assert.deepEqual(emittedChange([wanted], [found], full), { ok: true, value: undefined });
  const other = emittedObjects({ ...full, priority: 11 }, revisionOf('a'), [
    { delivery: 'node-store', pods: 'labelled' },
  ]);
  const change = emittedChange(other, [found], full);
  assert.equal(change.ok && change.value?.write.length, 1);
});

test('what is as it should be but has lost its label or belongs to another is written, or left to its owner', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const found = readFound(wanted);
  const changeOf = (one: typeof found) => emittedChange([wanted], [one], full);
  assert.deepEqual(changeOf(found), { ok: true, value: undefined });
  const unlabelled = changeOf({ ...found, isLabelled: false });
  assert.deepEqual(unlabelled.ok && unlabelled.value, { write: [wanted], remove: [] });
  for (const owner of [undefined, 'somebody']) {
    const refused = changeOf({ ...found, owner });
    assert.equal(refused.ok ? undefined : refused.error.reason, 'NameTaken');
  }
});

test('only what the extension owns and no longer wants is removed', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const found = readFound(wanted);
  const old = { ...found, name: 'hello-agent-pull' };
  const foreign = { ...found, name: 'theirs', owner: 'somebody' };
  const bare = { ...found, name: 'bare', owner: undefined };
  const change = emittedChange([wanted], [found, old, foreign, bare], full);
  assert.deepEqual(change.ok && change.value, { write: [], remove: [old] });
});

test('what was applied with other labels or another owner is applied anew', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const dropped = { ...readFound(wanted), spec: {} };
  const writtenAfter = (metadata: KubeObject['metadata']): number | false | undefined => {
    const appliedAs = appliedPrint({ ...wanted, metadata });
    const change = emittedChange([wanted], [{ ...dropped, appliedAs }], full);
    return change.ok && change.value?.write.length;
  };
  const { labels: _labels, ...unlabelled } = wanted.metadata;
  const { ownerReferences: _owners, ...unowned } = wanted.metadata;
  assert.deepEqual([wanted.metadata, unlabelled, unowned].map(writtenAfter), [undefined, 1, 1]);
});

test('of the owners of an object the one that controls it counts', () => {
  const [wanted] = emittedFor(full) as [KubeObject];
  const user = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'uid-of-other' };
  const ownerReferences = [user, ...(wanted.metadata.ownerReferences ?? [])];
  const found = readFound({ ...wanted, metadata: { ...wanted.metadata, ownerReferences, resourceVersion: '7' } });
  assert.deepEqual([found.owner, found.resourceVersion], ['uid-of-hello', '7']);
  assert.equal(readFound({ ...wanted, metadata: { ...wanted.metadata, ownerReferences: [user] } }).owner, undefined);
});

test('what is new is written before what becomes narrower, so that no proxy is without the filter in between', () => {
  const ways: readonly Way[] = [
    { delivery: 'node-store', pods: 'labelled' },
    { delivery: 'agent-pull', pods: 'labelled' },
  ];
  const pulledByAll = emittedObjects(full, revisionOf('a'), [{ delivery: 'agent-pull', pods: 'all' }]);
  const change = emittedChange(emittedObjects(full, revisionOf('a'), ways), pulledByAll.map(readFound), full);
  const names = change.ok && change.value?.write.map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ['hello-agent-pull', 'hello']);
});

test('both digests stay what they are', () => {
  const revision = revisionOf('a', { moduleDigest: digestOf('b') });
  const [stored] = emittedObjects(extensionOf(), revision, [{ delivery: 'node-store', pods: 'labelled' }]);
  const [pulled] = emittedObjects(extensionOf(), revision, [{ delivery: 'agent-pull', pods: 'all' }]);
  assert.match(String(specOf(stored)['url']), /bbbb\.wasm$/);
  assert.equal(specOf(pulled)['sha256'], hex);
});
