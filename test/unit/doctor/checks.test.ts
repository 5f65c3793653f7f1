// What the doctor says about observations, as values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, ownNamespace } from '../../../src/core/cluster/names.ts';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { checks } from '../../../src/core/doctor/checks.ts';
import { findings } from '../../../src/core/doctor/findings.ts';
import type { Observations } from '../../../src/core/doctor/observations.ts';
import { accessObjects } from '../../../src/core/install/access.ts';
import { issueAuthority, issueLeaf } from '../../../src/edge/issue-certificate.ts';
import {
  certificate,
  checkOf,
  configMap,
  findingsOf,
  forbidden,
  namesOf,
  namespace,
  now,
  observed,
  registered,
  seen,
} from './observed.ts';

test('nothing is found where all is well, and every check says something', () => {
  assert.deepEqual(findingsOf(observed()), []);
  for (const id of Object.keys(checks))
    assert.equal(checkOf(observed(), id as keyof typeof checks).kind, 'checked', id);
});

test('every finding belongs to a check, and every check can find something', () => {
  const ids = new Set<string>(Object.values(findings).map(({ check }) => check));
  assert.deepEqual([...ids].sort(), Object.keys(checks).sort());
});

function lease(fields: object) {
  const base = observed().lease;
  assert.ok(base.kind === 'seen' && base.value !== undefined);
  return seen({ ...base.value, spec: { ...(base.value['spec'] as object), ...fields } });
}

function version(minor: string, more: object = {}) {
  return seen({ major: '1', minor, gitVersion: `v1.${minor}.0`, ...more });
}

const [young, old, expired, other] = await Promise.all([
  certificate(-1, 6),
  certificate(-6, 1),
  certificate(-8, -1),
  certificate(-1, 6, 'other.svc'),
]);

/** The ClusterRole of control in an installation with these options. */
function controlRole(document: object) {
  const options = readOptions(document);
  assert.ok(options.ok);
  return accessObjects(options.value).find(
    ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === names.control,
  );
}

const webhookTrusts = (bundle: string) => seen([registered({}, bundle)]);
const refused = (message: string): Pick<Observations, 'probes'> => ({
  probes: observed().probes.map((probe) => ({ ...probe, outcome: { kind: 'refused', message } })),
});
const failedCall = (why: string): Pick<Observations, 'probes'> =>
  refused(
    `Internal error occurred: failed calling webhook "namespace.pillion.dev": failed to call webhook: Post "https://pillion.pillion-system.svc:443/inject?timeout=5s": ${why}`,
  );

const refusedByGuard = (why: string): Pick<Observations, 'probes'> =>
  refused(
    `pods "x" is forbidden: ValidatingAdmissionPolicy 'pillion-guard' with binding 'pillion-guard' denied request: ${why}`,
  );

const cases: readonly (readonly [what: string, changes: Partial<Observations>, expected: readonly string[]])[] = [
  ['an API server of 1.27', { version: version('27') }, ['kubernetes-too-old']],
  ['one of 1.29', { version: version('29+') }, ['kubernetes-without-guard']],
  ['one that emulates 1.29', { version: version('34', { emulationMinor: '29' }) }, ['kubernetes-without-guard']],
  ['one that emulates nothing', { version: version('34', { emulationMinor: '' }) }, []],
  ['Nodes that may not be listed', { nodes: forbidden }, ['not-allowed']],
  ['something that fails', { nodes: { kind: 'hidden', why: 'etcd is away', isForbidden: false } }, ['not-readable']],
  ['no namespace of ours', { ownNamespace: seen(undefined) }, ['not-installed']],
  ['no Deployments', { deployments: seen([]) }, ['not-installed', 'not-installed']],
  ['no options', { options: seen(undefined) }, ['options-unreadable']],
  ['no Lease', { lease: seen(undefined) }, ['no-leader']],
  ['a Lease without holder', { lease: lease({ holderIdentity: '' }) }, ['no-leader']],
  [
    'a Lease that was renewed before a minute',
    { lease: lease({ renewTime: '2026-11-21T11:59:00Z' }) },
    ['leader-silent'],
  ],
  ['a Lease that was renewed before 40 s: clocks differ', { lease: lease({ renewTime: '2026-11-21T11:59:20Z' }) }, []],
  ['a Lease of a clock that is ahead', { lease: lease({ renewTime: '2026-11-21T12:05:00Z' }) }, []],
  ['no registration', { configurations: seen([]) }, ['not-registered']],
  [
    'a registration of another revision',
    { configurations: seen([registered({ revision: 'canary' })]) },
    ['registration-differs'],
  ],
  ['a firewall', failedCall('context deadline exceeded'), ['webhook-timeout']],
  ['a dial that times out', failedCall('dial tcp 10.0.0.1:15017: i/o timeout'), ['webhook-timeout']],
  ['a closed port', failedCall('dial tcp 10.0.0.1:15017: connect: connection refused'), ['webhook-refused']],
  ['no endpoints', failedCall('no endpoints available for service "pillion"'), ['webhook-without-endpoints']],
  [
    'no endpoints, as API servers before 1.33 say it',
    failedCall('endpoints "pillion" not found'),
    ['webhook-without-endpoints'],
  ],
  ['no Service', failedCall('service "pillion" not found'), ['webhook-without-endpoints']],
  [
    'a foreign certificate',
    failedCall('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
    ['webhook-untrusted'],
  ],
  ['a webhook that fails', failedCall('EOF'), ['webhook-failing']],
  [
    'a pod that came back as it was',
    {
      probes: observed().probes.map((probe) =>
        probe.purpose === 'injection' ? { ...probe, outcome: { kind: 'created', pod: { spec: {} } } } : probe,
      ),
    },
    ['webhook-not-called'],
  ],
  [
    'a pod that PodSecurity refuses once it is injected',
    refused('pods "x" is forbidden: violates PodSecurity "baseline:latest": (container "istio-init" …)'),
    [],
  ],
  [
    'a pod that the guard refuses because it came without a sidecar',
    refusedByGuard('Pod has no sidecar: the webhook of Pillion was not called'),
    ['webhook-not-called'],
  ],
  [
    'a pod that the guard refuses because it would never start',
    refusedByGuard('Pod would never start: the init container istio-proxy has lost restartPolicy: Always'),
    ['restart-policy-stripped'],
  ],
  [
    'a webhook that refuses every pod',
    refused('admission webhook "namespace.pillion.dev" denied the request: defaultTemplates: Cannot read "mine"'),
    ['webhook-denies'],
  ],
  [
    'job completion without the right to connect to pods',
    {
      options: configMap(names.options, { 'options.yaml': 'jobCompletion: true' }, ownNamespace),
      controlRole: seen(controlRole({})),
    },
    ['job-completion-not-allowed'],
  ],
  ['no Secret', { certificates: seen(undefined) }, ['certificate-missing']],
  [
    'a Secret without certificate',
    { certificates: seen({ chain: 'nothing', bundle: undefined }) },
    ['certificate-missing'],
  ],
  [
    'a certificate in the last quarter of its life',
    { certificates: seen({ chain: old, bundle: old }), configurations: webhookTrusts(old) },
    ['certificate-expiring'],
  ],
  [
    'one that has expired',
    { certificates: seen({ chain: expired, bundle: expired }), configurations: webhookTrusts(expired) },
    ['certificate-expired'],
  ],
  [
    'one of another host',
    { certificates: seen({ chain: other, bundle: other }), configurations: webhookTrusts(other) },
    ['certificate-for-another-host'],
  ],
  ['a caBundle of somebody else', { configurations: webhookTrusts(old) }, ['bundle-differs']],
  [
    'a caBundle that trusts more than the Secret says',
    { certificates: seen({ chain: young, bundle: young }), configurations: webhookTrusts(young + old) },
    ['bundle-outdated'],
  ],
  ['no caBundle', { configurations: webhookTrusts('') }, ['bundle-missing']],
  ['no ConfigMap of the control plane', { mesh: seen(undefined) }, ['settings-unreadable']],
  [
    'a replica that uses older settings',
    {
      replicas: [
        {
          pod: 'pillion-webhook-1',
          conditions: [
            { condition: 'settings', met: true, reason: 'they are the last good ones; those of the cluster: broken' },
          ],
        },
      ],
    },
    ['replica-behind'],
  ],
  ['an API server that drops restartPolicy', { restartPolicy: 'drops' }, ['native-switched-off']],
  ['a node of 1.28', { nodes: seen([{ name: 'old', labels: {}, kubeletVersion: 'v1.28.1' }]) }, ['kubelets-too-old']],
];

for (const [what, changes, expected] of cases) {
  test(`of ${what} the doctor says ${expected.length === 0 ? 'nothing' : expected.join(', ')}`, () => {
    assert.deepEqual(namesOf(observed(changes)), expected, JSON.stringify(findingsOf(observed(changes)), undefined, 1));
  });
}

test('where the API server does not answer, nothing else is said', () => {
  const away = observed({ version: { kind: 'hidden', why: 'connect ECONNREFUSED', isForbidden: false } });
  assert.deepEqual(namesOf(away), ['api-server-unreachable']);
  assert.equal(checkOf(away, 'namespaces').kind, 'unchecked');
});

test('of what somebody took away on purpose the remedy is to bring it back', () => {
  const stopped = { ...observed().deployments };
  assert.ok(stopped.kind === 'seen');
  const deployments = seen(stopped.value.map((one) => ({ ...one, spec: { replicas: 0 }, status: {} })));
  const [probe] = observed().probes;
  assert.ok(probe !== undefined);
  const probes = [{ ...probe, outcome: { kind: 'created' as const, pod: { spec: {} } } }];
  const remedies = findingsOf(observed({ deployments, configurations: seen([]), probes })).map(({ remedy }) => remedy);
  assert.equal(remedies[0], 'Start it again: kubectl -n pillion-system scale deployment pillion-webhook --replicas=2.');
  assert.equal(remedies.at(-1), 'There is no registration: see that check.');
});

test('native sidecars that are forced are an error on a node before 1.29, and none on one before 1.33', () => {
  const options = configMap('pillion-options', { 'options.yaml': 'native: true\n' }, 'pillion-system');
  const nodes = (kubeletVersion: string) => seen([{ name: 'old', labels: {}, kubeletVersion }]);
  assert.deepEqual(namesOf(observed({ options, nodes: nodes('v1.28.1') })), ['native-forced']);
  assert.deepEqual(namesOf(observed({ options, nodes: nodes('v1.30.1') })), []);
});

test('what stands behind the leaf in its chain proves nothing unless it signed it', () => {
  const state = {
    certificates: seen({ chain: young + other, bundle: undefined }),
    configurations: webhookTrusts(other),
  };
  assert.deepEqual(namesOf(observed(state)), ['bundle-differs']);
});

test('a leaf of an authority is trusted with any bundle that holds it, and tells of an authority that is late', async () => {
  const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
  const subject = { commonName: 'pillion', dnsNames: ['pillion.pillion-system.svc'] };
  const [first, second] = [
    await issueAuthority({ now: days(-300), notAfter: days(65) }),
    await issueAuthority({ now: days(-1), notAfter: days(300) }),
  ];
  const leaf = await issueLeaf(subject, { now, notAfter: days(7) }, first);
  const state = (bundle: string) =>
    namesOf(observed({ certificates: seen({ chain: leaf.cert, bundle }), configurations: webhookTrusts(bundle) }));
  assert.deepEqual(state(second.cert + first.cert), []);
  assert.deepEqual(state(first.cert), ['certificate-expiring']);
  assert.deepEqual(state(second.cert), ['bundle-differs']);
});

test('namespaces of one trouble are one finding, which names a few of them', () => {
  const many = Array.from({ length: 7 }, (_, at) => namespace(`ns-${at}`, { 'istio-injection': 'on' }));
  const [finding, ...more] = findingsOf(
    observed({ namespaces: seen([namespace('shop', { 'istio-injection': 'enabled' }), ...many]) }),
  );
  assert.equal(more.length, 0);
  assert.equal(
    finding?.what,
    '7 namespaces: ns-0 (istio-injection=on), ns-1 (istio-injection=on), ns-2 (istio-injection=on) and 4 more',
  );
});

test('quotas of one trouble are one finding, which names a few of them', () => {
  const { injector } = observed();
  assert.ok(injector.kind === 'seen' && injector.value !== undefined);
  const data = injector.value['data'] as { readonly values: string; readonly config: string };
  const values = JSON.parse(data.values);
  const proxy = { ...values.global.proxy, resources: {} };
  const bare = JSON.stringify({ ...values, global: { ...values.global, proxy } });
  const quotas = Array.from({ length: 5 }, (_, at) => ({
    namespace: 'shop',
    name: `quota-${at}`,
    resources: ['limits.cpu'],
  }));
  const state = { injector: configMap('istio-sidecar-injector', { ...data, values: bare }), quotas: seen(quotas) };
  const [finding, ...more] = findingsOf(observed(state));
  assert.equal(more.length, 0);
  assert.match(
    finding?.what ?? '',
    /^quota-0 in shop, quota-1 in shop, quota-2 in shop and 2 more: .*declares no limits\.cpu/,
  );
});

test('a namespace that is excluded and asks is unserved, and one that another injector serves is not', () => {
  const canary = registered({ revision: 'canary' });
  const webhooks = (canary['webhooks'] as readonly { readonly name: string }[]).map((one) => ({
    ...one,
    name: one.name.replace('pillion.dev', 'sidecar-injector.istio.io'),
  }));
  const istiod = { ...canary, metadata: { name: 'istio-sidecar-injector-canary' }, webhooks };
  const state = observed({
    configurations: seen([registered(), istiod]),
    namespaces: seen([
      namespace('shop', { 'istio-injection': 'enabled' }),
      namespace('pets', { 'istio.io/rev': 'canary' }),
      namespace('istio-system', { 'istio-injection': 'enabled' }),
    ]),
  });
  assert.deepEqual(
    findingsOf(state).map(({ what }) => what),
    ['1 namespace: istio-system (istio-injection=enabled, excluded)'],
  );
});

test('the version of the control plane is that of its images', () => {
  const tagged = (tag: string) => {
    const { injector } = observed();
    assert.ok(injector.kind === 'seen' && injector.value !== undefined);
    const data = injector.value['data'] as { readonly values: string; readonly config: string };
    const values = JSON.parse(data.values);
    return namesOf(
      observed({
        injector: configMap('istio-sidecar-injector', {
          ...data,
          values: JSON.stringify({ ...values, global: { ...values.global, tag } }),
        }),
      }),
    );
  };
  assert.deepEqual(tagged('1.27.3'), ['other-version']);
  assert.deepEqual(tagged('1.28.0-distroless'), ['other-version']);
  assert.deepEqual(tagged('1.32.1'), []);
  assert.deepEqual(tagged('1.32-alpha.0'), []);
  assert.deepEqual(tagged('latest'), []);
});

test('the time of the observation decides, not the clock', () => {
  const later = new Date(now.getTime() + 30 * 86_400_000);
  assert.ok(namesOf(observed({ now: later })).includes('certificate-expired'));
});

test('replicas that use the same settings are told of once, with the latest time', () => {
  const replica = (pod: string, since: string) => ({
    pod,
    conditions: [
      { condition: 'settings', met: true, reason: `in use since ${since}: configmap a/b (resourceVersion 7)` },
    ],
  });
  const replicas = [replica('one', '2026-11-21T11:00:00.000Z'), replica('two', '2026-11-21T11:30:00.000Z')];
  const settings = checkOf(observed({ replicas }), 'settings');
  assert.match(
    settings.kind === 'checked' ? settings.saw : settings.kind,
    /; in use by 2 replicas since 2026-11-21T11:30:00\.000Z: configmap a\/b \(resourceVersion 7\)$/,
  );
});

test('job completion with the right to connect to pods is no finding', () => {
  const options = configMap(names.options, { 'options.yaml': 'jobCompletion: true' }, ownNamespace);
  const role = seen(controlRole({ jobCompletion: true }));
  assert.deepEqual(findingsOf(observed({ options, controlRole: role })), []);
});
