import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { manifestFiles } from '../../../scripts/manifests-files.ts';
import { installedOptions, optionsSchema } from '../../../src/core/cluster/options.ts';
import { resourceOf, resources } from '../../../src/core/cluster/resources.ts';
import { installObjects } from '../../../src/core/install/objects.ts';
import { readOptionsText } from '../../../src/core/install/options-text.ts';
import { isOfInstallation, removalOrder } from '../../../src/core/install/removal.ts';
import { isObject, type JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

/** @param kept what the ConfigMap of the options says */
function objects(optionsText = '', kept = optionsText): readonly KubeObject[] {
  const options = readOptionsText(optionsText);
  if (!options.ok) throw new Error(JSON.stringify(options.error));
  return installObjects({ options: options.value, optionsText: kept, image: 'pillion:1', version: '1' });
}

interface Rule {
  readonly role: KubeObject;
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function rules(all: readonly KubeObject[]): readonly Rule[] {
  return all.flatMap((role) =>
    (Array.isArray(role['rules']) ? role['rules'] : []).map((rule: Omit<Rule, 'role'>) => ({ ...rule, role })),
  );
}

test('the files of manifests/ are what the code says; "make manifests" writes them anew', () => {
  const folder = new URL('../../../manifests/', import.meta.url);
  assert.ok(existsSync(folder), 'manifests/ is missing; run "make manifests"');
  const files = manifestFiles();
  assert.deepEqual(readdirSync(folder).sort(), [...files.keys()].sort());
  for (const [name, text] of files) assert.equal(readFileSync(new URL(name, folder), 'utf8'), text, name);
});

test('the options that objects follow from are those after whose change "pillion install" is to be run again', () => {
  const others: Readonly<Record<string, string>> = {
    revision: 'canary',
    tags: '[blue]',
    istioNamespace: 'mesh',
    namespacesByDefault: 'true',
    excludedNamespaces: '[legacy]',
    failurePreset: 'safe-start',
    guard: 'deny',
    timeoutSeconds: '7',
    native: '"false"',
    nativeMinimumKubelet: '"1.30"',
    jobCompletion: 'true',
    platform: 'openshift',
    compliancePolicy: 'fips-140-3',
    certificates: '{source: cert-manager}',
    wasm: '{enabled: true}',
  };
  const all = Object.keys(optionsSchema.shape).filter((name) => name !== 'onlyTags'); // which needs tags
  assert.deepEqual(Object.keys(others).sort(), all.sort());
  const contents = (text: string): string => JSON.stringify(objects(text, ''));
  const followed = all.filter((name) => contents(`${name}: ${others[name]}`) !== contents(''));
  assert.deepEqual(followed, [...installedOptions].sort());
});

suite('every object', () => {
  const all = objects('certificates: {source: cert-manager}');
  test('says that it is ours, so that it can be found and removed', () => {
    assert.deepEqual(
      [...all, ...objects('istioNamespace: mesh')].filter((object) => !isOfInstallation(object)),
      [],
    );
    const removed = new Set(removalOrder.map(({ kind }) => kind));
    assert.deepEqual(
      all.filter(({ kind }) => !removed.has(kind)),
      [],
    );
  });

  test('is told from what people made around it, which keeps its label and stays', () => {
    const around = (kind: string, name: string, namespace?: string): KubeObject => {
      const labels = { 'app.kubernetes.io/part-of': 'pillion' };
      return { apiVersion: 'v1', kind, metadata: { name, labels, ...(namespace === undefined ? {} : { namespace }) } };
    };
    assert.ok(!isOfInstallation(around('Namespace', 'pillion-demo')));
    assert.ok(!isOfInstallation(around('ConfigMap', 'pillion', 'monitoring')));
    assert.ok(!isOfInstallation(around('RoleBinding', 'prometheus', 'istio-system')));
    assert.ok(isOfInstallation(around('RoleBinding', 'pillion-webhook', 'istio-system')));
  });

  test('is there once, and has a namespace where its kind has one', () => {
    const keys = all.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name].join('/'));
    assert.equal(new Set(keys).size, keys.length);
    for (const object of all) assert.equal(resourceOf(object).isNamespaced, object.metadata.namespace !== undefined);
  });
});

suite('what is allowed', () => {
  test('is never everything', () => {
    for (const rule of rules(objects())) assert.doesNotMatch(JSON.stringify({ ...rule, role: '' }), /\*/);
  });

  test('of Secrets is one, in our own namespace, and only for control', () => {
    const ofSecrets = rules(objects()).filter((rule) => rule.resources.includes('secrets'));
    for (const { role, resourceNames, verbs } of ofSecrets) {
      assert.deepEqual(
        [role.kind, role.metadata.namespace, role.metadata.name],
        ['Role', 'pillion-system', 'pillion-control'],
      );
      if (!verbs.every((verb) => verb === 'create')) assert.deepEqual(resourceNames, ['pillion-certificates']);
    }
    assert.ok(ofSecrets.length > 0);
  });

  test('to write in the whole cluster is by name, but for Events', () => {
    const written = rules(objects()).filter(
      ({ role, verbs }) =>
        role.kind === 'ClusterRole' && !verbs.every((verb) => ['get', 'list', 'watch'].includes(verb)),
    );
    for (const { resources: kinds, resourceNames } of written) {
      if (kinds.includes('events')) continue;
      assert.equal(resourceNames?.length, 1, kinds.join());
    }
    assert.equal(written.length, 5);
  });

  test('to create pods is only the webhook, and only for the probe of an older cluster', () => {
    const creating = (text: string) =>
      rules(objects(text)).filter(({ resources: kinds, verbs }) => kinds.includes('pods') && verbs.includes('create'));
    assert.equal(creating('').length, 0);
    const [only, ...more] = creating('nativeMinimumKubelet: "1.30"');
    assert.deepEqual(
      [only?.role.metadata.namespace, only?.role.metadata.name, more.length],
      ['pillion-system', 'pillion-webhook', 0],
    );
  });

  test('to see pods, and to connect to one, is only control, and only for job completion', () => {
    const ofPods = (text: string) =>
      rules(objects(text)).filter(
        ({ role, resources: kinds }) => role.kind === 'ClusterRole' && kinds.some((kind) => kind.startsWith('pods')),
      );
    assert.deepEqual(ofPods(''), []);
    assert.deepEqual(
      ofPods('jobCompletion: true').map(({ role, resources: kinds, verbs }) => [role.metadata.name, kinds, verbs]),
      [
        ['pillion-control', ['pods'], ['list', 'watch']],
        ['pillion-control', ['pods/portforward'], ['get', 'create']],
      ],
    );
  });

  test('of the settings are the ConfigMaps of the revision, where Istio is', () => {
    const read = rules(objects('{revision: canary, istioNamespace: mesh}')).filter(
      ({ role }) => role.metadata.namespace === 'mesh',
    );
    assert.deepEqual(
      read.map(({ resourceNames }) => resourceNames),
      [['istio-canary', 'istio-sidecar-injector-canary'], ['istio-sidecar-injector-canary']],
    );
  });
});

suite('the Deployments', () => {
  const deployments = objects().filter(({ kind }) => kind === resources.deployments.kind);
  const specs = deployments.map((object) => object['spec'] as JsonObject);
  const pods = specs.map(({ template }) => (isObject(template) ? (template['spec'] as JsonObject) : {}));

  test('have two replicas, of which neither an upgrade nor a drain takes both', () => {
    for (const { replicas, strategy } of specs) {
      assert.equal(replicas, 2);
      assert.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    }
    assert.equal(objects().filter(({ kind }) => kind === 'PodDisruptionBudget').length, 2);
  });

  test('show the webhook its certificate, and not the key of the authority', () => {
    const [, webhook = {}] = pods;
    const [certificate] = webhook['volumes'] as JsonObject[];
    assert.deepEqual(certificate?.['secret'], {
      secretName: 'pillion-certificates',
      items: [
        { key: 'tls.crt', path: 'tls.crt' },
        { key: 'tls.key', path: 'tls.key' },
      ],
      defaultMode: 0o444,
    });
    assert.equal(pods[0]?.['volumes'], undefined);
  });

  test('ask for what they need and are limited', () => {
    for (const pod of pods) {
      const [container = {}] = pod['containers'] as JsonObject[];
      const { requests, limits } = container['resources'] as Record<string, object>;
      assert.deepEqual(
        [Object.keys(requests ?? {}), Object.keys(limits ?? {})],
        [
          ['cpu', 'memory'],
          ['cpu', 'memory'],
        ],
      );
    }
  });
});

test('cert-manager makes the certificate for the name that the API server calls, where it is to', () => {
  assert.deepEqual(
    objects().filter(({ apiVersion }) => apiVersion.startsWith('cert-manager.io')),
    [],
  );
  const all = objects('certificates: {source: cert-manager, leafLifetime: 24h}');
  const [leaf] = all.filter(({ kind, metadata }) => kind === 'Certificate' && metadata.name === 'pillion');
  assert.ok(leaf !== undefined);
  const { dnsNames, secretName, duration } = leaf['spec'] as JsonObject;
  assert.deepEqual(
    [dnsNames, secretName, duration],
    [['pillion.pillion-system.svc'], 'pillion-certificates', '86400s'],
  );
});
