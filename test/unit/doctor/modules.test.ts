// What the doctor says of Wasm modules: the kinds, the objects, and running pods that lack the store.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { names } from '../../../src/core/cluster/names.ts';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { knowledgeOf } from '../../../src/core/doctor/knowledge.ts';
import { observedExtension } from '../../../src/core/doctor/modules.ts';
import type { Observations } from '../../../src/core/doctor/observations.ts';
import { createSurveyor } from '../../../src/core/doctor/pods.ts';
import { wasmPolicies } from '../../../src/core/install/policies.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import { modulesDirectory } from '../../../src/core/wasm/names.ts';
import { extension } from '../wasm/declared.ts';
import { checkOf, configMap, findingsOf, namespace, observed, registered, seen } from './observed.ts';

const options = { wasm: { enabled: true } };
const injected = { 'istio-injection': 'enabled' };
const namespaces = [
  namespace('shop', injected),
  namespace('hard', { ...injected, 'pod-security.kubernetes.io/enforce': 'baseline' }),
  namespace('elsewhere', { 'istio.io/rev': 'other' }),
  namespace('istio-system', injected),
];

const read = readOptions(options);
const policies = read.ok ? wasmPolicies(read.value) : [];

/** A cluster that delivers, and knows these extensions. */
function delivering(objects: readonly KubeObject[] | undefined, changes: Partial<Observations> = {}): Observations {
  return observed({
    options: configMap(names.options, { 'options.yaml': JSON.stringify(options) }, 'pillion-system'),
    configurations: seen([registered(options)]),
    namespaces: seen(namespaces),
    extensions: seen(objects?.map(observedExtension)),
    policies: seen(policies),
    probes: [],
    ...changes,
  });
}

function runningIn(namespaceName: string, labels: StringMap, mountPath = '/other'): KubeObject {
  const proxy = { name: 'istio-proxy', image: 'proxyv2', volumeMounts: [{ name: 'pillion-wasm-store', mountPath }] };
  const volumes = [{ name: 'pillion-wasm-store', hostPath: { path: mountPath, type: 'Directory' } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: namespaceName, labels },
    spec: { containers: [{ name: 'app', image: 'x' }], initContainers: [proxy], volumes },
    status: { phase: 'Running' },
  };
}

function lacking(...pods: readonly KubeObject[]): number {
  const all = [
    extension('shop/hello'),
    extension('hard/hello'),
    extension('elsewhere/hello'),
    extension('istio-system/all'),
  ];
  const surveyor = createSurveyor(knowledgeOf(delivering(all)), namespaces);
  for (const one of pods) surveyor.look(one);
  return surveyor.survey().withoutModules.reduce((sum, one) => sum + one.pods, 0);
}

suite('the doctor on Wasm modules', () => {
  test('says that they are not delivered where the option is off', () => {
    const check = checkOf(observed(), 'wasm');
    assert.match(check.kind === 'checked' ? check.saw : '', /wasm\.enabled is off/);
  });

  test('finds that the kinds are missing', () => {
    const [finding] = findingsOf(delivering(undefined)).filter((one) => one.finding.startsWith('wasm'));
    assert.equal(finding?.finding, 'wasm-kinds-missing');
    assert.match(finding?.remedy ?? '', /pillion install/);
  });

  test('finds an extension that cannot be read, and says what is wrong with it', () => {
    const found = findingsOf(delivering([extension('shop/bad', { onMissing: 'deny' }), extension('shop/good')]));
    const [finding] = found.filter((one) => one.finding.startsWith('wasm'));
    assert.equal(finding?.finding, 'wasm-extension-unreadable');
    assert.match(finding?.what ?? '', /1 extension: WasmExtension shop\/bad: .*Unsupported/);
  });

  test('finds extensions whose declaration does not run, with the reason, and none that is ready or under way', () => {
    const standing = (name: string, status: string, reason: string): KubeObject => ({
      ...extension(name),
      status: {
        conditions: [{ type: 'Ready', status, reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    });
    const objects = [
      standing('shop/good', 'True', 'Succeeded'),
      standing('shop/new', 'Unknown', 'Waiting'),
      extension('shop/unseen'),
      standing('shop/unsigned', 'False', 'SignatureMissing'),
      standing('other/away', 'False', 'RegistryUnreachable'),
    ];
    const [finding, ...others] = findingsOf(delivering(objects)).filter((one) => one.finding.startsWith('wasm'));
    assert.deepEqual(others, []);
    assert.equal(finding?.finding, 'wasm-extension-not-ready');
    assert.equal(finding?.what, '2 extensions: shop/unsigned (SignatureMissing), other/away (RegistryUnreachable)');
  });

  test('finds policies that are missing or changed, where the cluster can have them', () => {
    const whatOf = (changes: Partial<Observations>): readonly string[] =>
      findingsOf(delivering([extension('shop/good')], changes))
        .filter((one) => one.finding === 'wasm-policies-differ')
        .map(({ what }) => what);
    assert.deepEqual(whatOf({}), []);
    assert.match(
      whatOf({ policies: seen([]) })[0] ?? '',
      /^ValidatingAdmissionPolicy pillion-wasm-plugins: it is missing/,
    );
    const weaker = policies.map((one) =>
      one.kind.endsWith('Binding')
        ? { ...one, spec: { ...(one['spec'] as JsonObject), validationActions: ['Warn'] } }
        : one,
    );
    assert.match(whatOf({ policies: seen(weaker) })[0] ?? '', /spec\.validationActions\[0\] is Warn, not Deny/);
    const version = seen({ major: '1', minor: '29', gitVersion: 'v1.29.1' });
    assert.deepEqual(whatOf({ policies: seen([]), version }), []);
    assert.deepEqual(whatOf({ policies: { kind: 'hidden', why: 'forbidden', isForbidden: true } }), []);
  });

  test('names the workloads whose pods lack the store', () => {
    const pods = { examined: 3, withoutSidecar: [], plainJobs: [], held: [] };
    const withoutModules = [{ namespace: 'shop', kind: 'Deployment', name: 'web', pods: 2 }];
    const found = findingsOf(delivering([extension('shop/hello')], { pods: seen({ ...pods, withoutModules }) }));
    const [finding] = found.filter((one) => one.finding.startsWith('wasm'));
    assert.equal(finding?.finding, 'wasm-modules-missing');
    assert.equal(finding?.what, '2 pods of 1 workload: shop/Deployment/web');
  });

  test('names pods that wait for what nobody brings, also once Pillion is gone, and says nothing where nobody can tell', () => {
    const held = {
      namespace: 'shop',
      name: 'web',
      node: 'one',
      files: [`${modulesDirectory}/sha256/0.wasm`],
      isHeld: true,
    };
    const pods = seen({ examined: 1, withoutSidecar: [], plainJobs: [], withoutModules: [], held: [held] });
    const whatOf = (changes: Partial<Observations>): string | undefined =>
      findingsOf(observed({ pods, ...changes })).find(({ finding }) => finding === 'wasm-pods-held')?.what;
    assert.match(whatOf({}) ?? '', /^1 pod: shop\/web: .*not delivered/);
    assert.match(whatOf({ ownNamespace: seen(undefined) }) ?? '', /^1 pod: /);
    assert.equal(
      whatOf({ options: configMap(names.options, { 'options.yaml': 'wasm: 1' }, 'pillion-system') }),
      undefined,
    );
    const stores = { isDelivering: true, gates: new Set<string>(), agents: new Set(['one']) };
    const around = delivering([], { pods, stores: seen(stores) });
    assert.ok(!findingsOf(around).some(({ finding }) => finding === 'wasm-pods-held'));
    const without = delivering([], { pods, stores: seen({ ...stores, agents: new Set() }) });
    assert.ok(findingsOf(without).some(({ finding }) => finding === 'wasm-pods-held'));
    assert.equal(checkOf(observed({ ownNamespace: seen(undefined) }), 'wasm').kind, 'unchecked');
  });

  const rows: readonly (readonly [what: string, pod: KubeObject, lacks: boolean])[] = [
    ['a selected pod without the store', runningIn('shop', { app: 'web' }), true],
    ['one of another revision', runningIn('elsewhere', { app: 'web' }), true],
    ['one that no extension selects', runningIn('shop', { app: 'other' }), false],
    ['one whose modules the istio-agent fetches', runningIn('hard', { app: 'web' }), false],
    ['one that the webhook is never called for', runningIn('istio-system', { app: 'web' }), false],
    ['one with the store and without the gate', runningIn('shop', { app: 'web' }, modulesDirectory), true],
  ];
  for (const [what, pod, lacks] of rows)
    test(`counts ${what}: ${lacks}`, () => assert.equal(lacking(pod), lacks ? 1 : 0));
});
