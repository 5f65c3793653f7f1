// Does the guard speak about exactly the pods that should have a sidecar and have none, on a real API server. Nobody
// injects here: the pods come as a webhook left them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { admit } from '../../src/core/admit.ts';
import { type GuardedConfig, guard } from '../../src/core/cluster/guard.ts';
import { fieldManagers, names } from '../../src/core/cluster/names.ts';
import { answeredRevisions, type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { readInjectorConfig } from '../../src/core/configuration/injector-config.ts';
import { askRegistration } from '../../src/core/decide/registration.ts';
import { changesBetween } from '../../src/core/install/change.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Container, Pod } from '../../src/core/model/pod.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { facts, type Part, patched, pod, review, withAnnotations, withInitContainer, withLabels } from '../builders.ts';
import { cases, skipReason } from '../conformance/cases.ts';
import { assets, assets132 } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { allLabelled, namespaceLabels } from './labelled.ts';
import { makeNamespace } from './webhook.ts';

function optionsOf(document: object): ClusterOptions {
  const read = readOptions(document);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function configOf(document: object = {}): GuardedConfig {
  const read = readInjectorConfig({ policy: 'enabled', ...document });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

const space = 'opted-in';

function inSpace(plain: Pod, namespace = space): JsonObject {
  return { apiVersion: 'v1', kind: 'Pod', ...plain, metadata: { ...plain.metadata, namespace } };
}

/** What the API server says against the pod; undefined where it takes it. */
async function refusal({ kube }: ControlPlane, object: JsonObject): Promise<string | undefined> {
  try {
    await kube.create(object, { dryRun: true });
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && error.status !== undefined) return error.message;
    throw error;
  }
}

const isOfGuard = /ValidatingAdmissionPolicy 'pillion-guard' with binding 'pillion-guard' denied request/;

async function isDenied(plane: ControlPlane, object: JsonObject): Promise<boolean> {
  return isOfGuard.test((await refusal(plane, object)) ?? '');
}

/** Puts this guard in the place of another; the API server takes a moment to follow. */
async function useGuard(plane: ControlPlane, options: object, config: GuardedConfig): Promise<void> {
  const { kube } = plane;
  await kube.remove(resources.admissionPolicyBindings, names.guard);
  await kube.remove(resources.admissionPolicies, names.guard);
  const probe = inSpace(pod('probe', withLabels({ 'sidecar.istio.io/inject': 'true' })));
  await until('no guard speaks', async () => !(await isDenied(plane, probe)), plane.directory);
  for (const object of guard(optionsOf({ guard: 'deny', ...options }), config)) {
    await kube.apply(object, { fieldManager: fieldManagers.control });
  }
  await until('the guard speaks', () => isDenied(plane, probe), plane.directory);
}

const status = { 'sidecar.istio.io/status': '{"initContainers":["istio-init","istio-proxy"],"containers":null}' };
const proxy: Container = { name: 'istio-proxy', image: 'example.com/proxy', restartPolicy: 'Always' };
const { restartPolicy, ...once } = proxy;
const noSidecar = /denied request: Pod has no sidecar: .*run "pillion doctor"/;
const noSidecarWarning =
  /^Warning: Validation failed for ValidatingAdmissionPolicy 'pillion-guard' .*: Pod has no sidecar/m;
const lostSidecar = /denied request: Pod has lost its sidecar: .*another webhook/;
const neverStarts = /denied request: Pod would never start: .*restartPolicy: Always/;
const hostNetwork: Part = (before) => ({ ...before, spec: { ...before.spec, hostNetwork: true } });

const shapes: readonly (readonly [what: string, made: Pod, expected: RegExp | undefined])[] = [
  ['came without a sidecar', pod('a'), noSidecar],
  ['asks for it', pod('a', withLabels({ 'sidecar.istio.io/inject': 'true' })), noSidecar],
  ['says something that does not count', pod('a', withLabels({ 'sidecar.istio.io/inject': 'yes' })), noSidecar],
  ['has a container of the proxy, and was not injected', pod('a', withInitContainer(proxy)), noSidecar],
  ['was injected', pod('a', withAnnotations(status), withInitContainer(proxy)), undefined],
  ['was injected, and the sidecar removed', pod('a', withAnnotations(status)), lostSidecar],
  [
    'was injected by a template without a proxy',
    pod(
      'a',
      withAnnotations({
        'sidecar.istio.io/status':
          '{"initContainers":["grpc-bootstrap-init"],"containers":null,"volumes":["istio-proxy"]}',
      }),
    ),
    undefined,
  ],
  ['has lost restartPolicy', pod('a', withAnnotations(status), withInitContainer(once)), neverStarts],
  ['uses the host network', pod('a', hostNetwork), undefined],
  ['opted out by label', pod('a', withLabels({ 'sidecar.istio.io/inject': 'false' })), undefined],
  ['opted out by annotation', pod('a', withAnnotations({ 'sidecar.istio.io/inject': 'false' })), undefined],
  [
    'has an empty label, which hides the annotation',
    pod('a', withLabels({ 'sidecar.istio.io/inject': '' }), withAnnotations({ 'sidecar.istio.io/inject': 'false' })),
    noSidecar,
  ],
];

interface Configured {
  readonly what: string;
  readonly config: object;
  readonly made: Pod;
  readonly isDue: boolean;
}

const labelled = (key: string, value = ''): Part => withLabels({ [key]: value });
const opted: Part = withLabels({ 'sidecar.istio.io/inject': 'true' });
const never = [
  { matchLabels: {} },
  { matchLabels: { batch: 'x' }, matchExpressions: [{ key: 'ops', operator: 'Exists' }] },
];
const always = [
  {
    matchExpressions: [
      { key: 'tier', operator: 'NotIn', values: ['low'] },
      { key: 'tier', operator: 'Exists' },
    ],
  },
];
const configured: readonly (readonly [config: object, rows: readonly Omit<Configured, 'config'>[]])[] = [
  [
    { neverInjectSelector: never },
    [
      { what: 'matches neverInjectSelector', made: pod('a', labelled('batch', 'x'), labelled('ops')), isDue: false },
      { what: 'matches a part of it', made: pod('a', labelled('batch', 'x')), isDue: true },
      {
        what: 'matches it and asks for a sidecar',
        made: pod('a', labelled('batch', 'x'), labelled('ops'), opted),
        isDue: true,
      },
    ],
  ],
  [
    { policy: 'disabled', alwaysInjectSelector: always, neverInjectSelector: never },
    [
      { what: 'says nothing while the policy is disabled', made: pod('a'), isDue: false },
      { what: 'matches alwaysInjectSelector', made: pod('a', labelled('tier', 'high')), isDue: true },
      { what: 'does not match it', made: pod('a', labelled('tier', 'low')), isDue: false },
      {
        what: 'matches never and always',
        made: pod('a', labelled('tier', 'high'), labelled('batch', 'x'), labelled('ops')),
        isDue: false,
      },
    ],
  ],
];

/** Pods of the golden cases, as the webhook would leave them. */
function goldenPods(): readonly (readonly [name: string, made: JsonObject])[] {
  const folder = new URL('../golden/cases/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml') && !file.endsWith('.golden.yaml'));
  return files.flatMap((file) => {
    const { input, files: documents = {} } = parse(readFileSync(new URL(file, folder), 'utf8'));
    const { 'namespace-object': _, ...settings } = documents;
    return [true, false].flatMap((native) => {
      const known = facts({ native: native ? 'true' : 'false' }, settings);
      const made = injected(input, known);
      return made === undefined ? [] : [[`${file}, ${native ? 'native' : 'plain'}`, made] as const];
    });
  });
}

/** The pod in the namespace, without what an API server would ask about that is not there: owner, ServiceAccount. */
function placed({ metadata, spec, ...rest }: JsonObject): JsonObject {
  const { ownerReferences, generateName, ...named } = metadata as JsonObject;
  const { serviceAccountName, ...other } = spec as JsonObject;
  return {
    ...rest,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...named, name: 'app', namespace: space },
    spec: other,
  };
}

/** Undefined where the webhook leaves the pod alone. */
function injected(input: JsonObject, known: ReturnType<typeof facts>): JsonObject | undefined {
  const verdict = admit(review(input, { namespace: space }), known);
  return verdict.kind === 'inject' ? patched(input, verdict.patch) : undefined;
}

async function checkShapes(context: TestContext, plane: ControlPlane): Promise<void> {
  for (const [what, made, expected] of shapes) {
    await context.test(`a pod that ${what} ${expected === undefined ? 'is let through' : 'is denied'}`, async () => {
      const message = await refusal(plane, inSpace(made));
      if (expected === undefined) assert.equal(message, undefined);
      else assert.match(message ?? '', expected);
    });
  }
}

async function checkSelection(plane: ControlPlane, document: object): Promise<void> {
  await useGuard(plane, document, configOf());
  const options = optionsOf(document);
  const { namespacesByDefault } = options;
  const known = {
    registration: { revisions: answeredRevisions(options), namespacesByDefault, excludedNamespaces: [] },
  };
  for (const { namespace, pod: labels } of allLabelled) {
    const name = `space-${namespaceLabels.indexOf(namespace)}`;
    const denied = await isDenied(plane, inSpace(pod('a', withLabels(labels)), name));
    const { reason } = askRegistration({ name, labels: namespace }, labels, known);
    assert.equal(denied, reason === undefined, JSON.stringify({ namespace, labels }));
  }
}

test('the guard', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  // asks for both revisions, so that every guard here speaks about its pods that ask themselves
  await makeNamespace(plane, space, { labels: { 'istio-injection': 'enabled' } });
  for (const [at, labels] of namespaceLabels.entries()) await makeNamespace(plane, `space-${at}`, { labels });
  await useGuard(plane, {}, configOf());

  await checkShapes(context, plane);

  await context.test('no pod that was injected is denied, whatever the settings', async () => {
    let taken = 0;
    for (const [name, made] of goldenPods()) {
      const message = await refusal(plane, placed(made));
      assert.doesNotMatch(message ?? '', isOfGuard, name);
      if (message === undefined) taken += 1;
    }
    assert.ok(taken >= 20, `${taken} pods came as far as the guard`);
  });

  await context.test("nor any pod that Istio's own injector has injected", { skip: skipReason }, async () => {
    let taken = 0;
    for (const one of cases) {
      if (one.expected === undefined || one.skipped) continue;
      const message = await refusal(plane, placed(one.expected));
      assert.doesNotMatch(message ?? '', isOfGuard, one.name);
      if (message === undefined) taken += 1;
    }
    assert.ok(taken >= 110, `${taken} pods came as far as the guard`);
  });

  await context.test('is kept as it was written, and the API server finds nothing wrong in it', async () => {
    for (const object of guard(optionsOf({ guard: 'deny' }), configOf())) {
      const kind = object.kind.endsWith('Binding') ? resources.admissionPolicyBindings : resources.admissionPolicies;
      const there = await plane.kube.get(kind, names.guard);
      assert.ok(there !== undefined);
      assert.deepEqual(changesBetween(object, there), []);
    }
    const checked = async (): Promise<JsonObject> =>
      ((await plane.kube.get(resources.admissionPolicies, names.guard))?.['status'] ?? {}) as JsonObject;
    await until('its types are checked', async () => (await checked())['typeChecking'] !== undefined, plane.directory);
    assert.deepEqual((await checked())['typeChecking'], {});
  });

  await context.test('leaves the namespaces alone that the webhook is never called for', async () => {
    for (const name of ['kube-system', 'istio-system', 'pillion-system', 'kube-public', 'local-path-storage']) {
      await makeNamespace(plane, name, { labels: { 'istio-injection': 'enabled' } });
      assert.equal(await isDenied(plane, inSpace(pod('a'), name)), false, name);
    }
  });

  for (const [config, rows] of configured) {
    await context.test(`with ${JSON.stringify(config)}`, async (within) => {
      await useGuard(plane, {}, configOf(config));
      for (const { what, made, isDue } of rows) {
        await within.test(`a pod that ${what} is ${isDue ? 'denied' : 'let through'}`, async () => {
          assert.equal(await isDenied(plane, inSpace(made)), isDue);
        });
      }
    });
  }

  for (const document of [
    { namespacesByDefault: true },
    { tags: ['canary'] },
    { revision: 'canary', tags: ['default'] },
  ]) {
    await context.test(`with ${JSON.stringify(document)} it speaks about the pods that the webhook is called for`, () =>
      checkSelection(plane, document),
    );
  }

  await context.test('with warn, the pod is created, who creates it is warned, and the audit log tells', async () => {
    const [, binding] = guard(optionsOf({}), configOf());
    assert.ok(binding !== undefined);
    await plane.kube.apply(binding, { fieldManager: fieldManagers.control });
    await until('nothing is denied any more', async () => !(await isDenied(plane, inSpace(pod('a')))), plane.directory);
    const bare = JSON.stringify(inSpace(pod('warned')));
    const created = await plane.kubectl(['create', '-f', '-'], bare);
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stderr, noSidecarWarning);
    const isAudited = async (): Promise<boolean> =>
      readFileSync(plane.auditLog, 'utf8').includes('validation.policy.admission.k8s.io/validation_failure');
    await until('the audit log tells', isAudited);
    const quiet = await plane.kubectl(
      ['create', '-f', '-'],
      JSON.stringify(inSpace(pod('quiet', withAnnotations(status), withInitContainer(proxy)))),
    );
    assert.equal(quiet.stderr, '');
  });

  await context.test(
    'while no webhook answers, safe-start lets pods start and the guard warns, strict refuses',
    async () => {
      const bare = JSON.stringify(inSpace(pod('bare')));
      const register = (failurePreset: string): Promise<KubeObject> =>
        plane.kube.apply(
          registration({ options: optionsOf({ failurePreset }), caBundle: undefined, hasMatchConditions: true }),
          { fieldManager: fieldManagers.control },
        );
      const isCalled = async (): Promise<boolean> =>
        /failed calling webhook/.test((await refusal(plane, inSpace(pod('a')))) ?? '');
      await register('strict');
      await until('pods are refused', isCalled, plane.directory);
      await register('safe-start');
      await until('pods start', async () => !(await isCalled()), plane.directory);
      const created = await plane.kubectl(['create', '-f', '-'], bare);
      assert.equal(created.code, 0, created.stderr);
      assert.match(created.stderr, noSidecarWarning);
    },
  );

  await context.test('with off there is none', () => {
    assert.deepEqual(guard(optionsOf({ guard: 'off' }), configOf()), []);
  });
});

test('the guard tells of a sidecar that the API server itself made an ordinary init container', {
  skip: assets132.skip,
}, async (context) => {
  const flags = ['--feature-gates=SidecarContainers=false'];
  const plane = await startControlPlane(context, { assets: assets132, flags });
  await makeNamespace(plane, space, { labels: { 'istio-injection': 'enabled' } });
  await useGuard(plane, {}, configOf());
  const native = pod('a', withAnnotations(status), withInitContainer(proxy));
  assert.match((await refusal(plane, inSpace(native))) ?? '', neverStarts);
});
