// Does an installation become what it should in a real API server, and does a second one leave it alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { guardBinding } from '../../src/core/cluster/guard.ts';
import { fieldManagers, names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { deploymentStep } from '../../src/core/install/rollout.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Kube } from '../../src/edge/kube/client.ts';
import { type Ended, pillion } from '../cli/command-line.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { ownContents, ownObjects, resourceVersions } from './own-objects.ts';
import { makeNamespace } from './webhook.ts';

const manifests = fileURLToPath(new URL('../../manifests', import.meta.url));
const manager = { fieldManager: 'test' };

function installer(plane: ControlPlane): (...args: readonly string[]) => Promise<Ended> {
  return (...args) => pillion(['install', '--kubeconfig', plane.kubeconfig, ...args]);
}

/** The registration of istiod with Helm's defaults, for the revision. */
function istiodRegistration(revision: string): KubeObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'istio-sidecar-injector', labels: { 'istio.io/rev': revision, app: 'sidecar-injector' } },
    webhooks: [
      {
        name: 'rev.namespace.sidecar-injector.istio.io',
        admissionReviewVersions: ['v1'],
        clientConfig: { service: { name: 'istiod', namespace: 'istio-system', path: '/inject' } },
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: {
          matchExpressions: [
            { key: 'istio.io/rev', operator: 'In', values: [revision] },
            { key: 'istio-injection', operator: 'DoesNotExist' },
          ],
        },
      },
    ],
  };
}

function oldNode(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { nodeInfo: { kubeletVersion: 'v1.31.4' } },
  };
}

async function makeReady({ kube }: ControlPlane): Promise<void> {
  for (const { metadata } of (await kube.list(resources.pods, { namespace: ownNamespace })).items) {
    const body = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
    const path = `${pathOf(resources.pods, ownNamespace, metadata.name)}/status`;
    await kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
  }
}

function templateOf(deployment: KubeObject): JsonObject {
  const spec = isObject(deployment['spec']) ? deployment['spec'] : {};
  return isObject(spec['template']) ? spec['template'] : {};
}

test('an installation', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  const install = installer(plane);

  await context.test('is refused, and writes nothing, where there is no Istio', async () => {
    const { exitCode, stderr } = await install();
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^Cannot install: there is no namespace "istio-system"; install Istio.*--set istioNamespace=NAME$/m,
    );
    assert.equal((await ownObjects(plane)).size, 0);
  });

  await makeNamespace(plane, 'istio-system');

  await context.test('is refused beside a webhook that would inject the same pods, with the way out', async () => {
    await kube.apply(istiodRegistration('default'), manager);
    const { exitCode, stderr } = await install();
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^Cannot install: others .*\n {2}webhook "rev\.namespace\.sidecar-injector\.istio\.io".*global\.operatorManageWebhooks=true/s,
    );
    assert.equal((await ownObjects(plane)).size, 0);
    const allowed = await install('--allow-overlap', '--dry-run=server');
    assert.equal(allowed.exitCode, 0, allowed.stderr);
    assert.match(allowed.stderr, /^Note: others .*\n {2}webhook "rev\.namespace/m);
    const other = await install('--dry-run=server', '--set', 'revision=canary');
    assert.deepEqual([other.exitCode, other.stderr], [0, '']);
    await kube.remove(resources.mutatingWebhooks, 'istio-sidecar-injector');
  });

  await context.test('by dry run writes nothing, and says what it would write', async () => {
    const { exitCode, stdout, stderr } = await install('--dry-run', 'server');
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^created {4}Deployment pillion-system\/pillion-webhook$/m);
    assert.match(stdout, /^\d+ created; nothing was written$/m);
    assert.equal((await ownObjects(plane)).size, 0);
  });

  let byKubectl: ReadonlyMap<string, JsonObject> = new Map();
  await context.test('by kubectl apply -k is complete', async () => {
    const applied = await plane.kubectl(['apply', '-k', manifests]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.doesNotMatch(applied.stderr, /Warning/);
    byKubectl = await ownContents(plane);
    const { stdout } = await install('--diff');
    assert.equal(stdout, `${byKubectl.size} unchanged; nothing was written\n`);
    const removed = await pillion(['uninstall', '--yes', '--kubeconfig', plane.kubeconfig]);
    assert.equal(removed.exitCode, 0, removed.stderr);
    assert.equal((await ownObjects(plane)).size, 0);
  });

  await context.test('is the same cluster as that of kubectl apply -k', async () => {
    const { exitCode, stdout, stderr } = await install();
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^${byKubectl.size} created$`, 'm'));
    assert.deepEqual(await ownContents(plane), byKubectl);
  });

  await context.test('done again changes nothing', async () => {
    const isQuiet = async (): Promise<boolean> => {
      const before = await resourceVersions(plane);
      const { stdout } = await install();
      assert.match(stdout, new RegExp(`^${byKubectl.size} unchanged$`, 'm'));
      const after = await resourceVersions(plane);
      return Object.entries(after).every(([key, version]) => before[key] === version);
    };
    // the status of the Deployments is written by others, at first
    await until('no resourceVersion changes', isQuiet, plane.directory);
  });

  await context.test('has pods that meet the level "restricted", which the namespace enforces', async () => {
    for (const name of [names.webhook, names.control]) {
      const deployment = await kube.get(resources.deployments, name, ownNamespace);
      assert.ok(deployment !== undefined);
      const { metadata, spec } = templateOf(deployment);
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...(metadata as object), name, namespace: ownNamespace },
        spec,
      };
      await kube.create(pod, { dryRun: true });
      const looser = { ...pod, spec: { ...(spec as object), securityContext: {} } };
      await assert.rejects(kube.create(looser, { dryRun: true }), /violates PodSecurity "restricted/);
    }
  });

  await context.test('is changed only where an option or the image says so', async () => {
    const before = await resourceVersions(plane);
    const shown = await install('--diff', '--set', 'guard=deny');
    assert.match(
      shown.stdout,
      /^changed {4}ConfigMap .*\n {4}data\["options\.yaml"\]:\n {6}\+ guard: deny\n1 changed, /,
    );
    assert.deepEqual(await resourceVersions(plane), before);
    const { stdout } = await install('--set', 'guard=deny');
    assert.match(stdout, /^1 changed, \d+ unchanged$/m);
    const image = await install('--image', 'example.com/pillion:0.1.0');
    assert.match(image.stdout, /^2 changed, \d+ unchanged$/m);
    assert.match((await install()).stdout, /^\d+ unchanged$/m, 'the image stays that of the other registry');
  });

  await context.test('leaves the options as a person wrote them', async () => {
    const data = { 'options.yaml': '# ours\ntimeoutSeconds: 7 # enough\n', 'templates.yaml': '{}' };
    await writeOptions(kube, data);
    assert.match((await install()).stdout, /^\d+ unchanged$/m);
    await install('--set', 'native=false');
    const kept = await kube.get(resources.configMaps, names.options, ownNamespace);
    assert.deepEqual(kept?.['data'], {
      'options.yaml': '# ours\ntimeoutSeconds: 7 # enough\nnative: false\n',
      'templates.yaml': '{}',
    });
  });

  await context.test('names what is wrong in the options of the cluster', async () => {
    const data = { 'options.yaml': 'guard: maybe\n' };
    await writeOptions(kube, data);
    const { exitCode, stderr } = await install();
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /configmap pillion-system\/pillion-options, key options\.yaml: guard: Cannot read "maybe": must be one of off, warn, deny/,
    );
    assert.equal((await install('--set', 'guard=warn')).exitCode, 0);
  });

  await context.test('moves its roles with the namespace of Istio', async () => {
    const { stdout } = await install('--set', 'istioNamespace=default');
    assert.match(stdout, /^created {4}Role default\/pillion-webhook$/m);
    assert.match(stdout, /^removed {4}Role istio-system\/pillion-webhook$/m);
    const left = [...(await ownObjects(plane)).keys()].filter((key) => key.includes('istio-system'));
    assert.deepEqual(left, []);
    await install('--set', 'istioNamespace=istio-system');
  });

  await context.test('tells of nodes on which Jobs keep a plain sidecar', async () => {
    await kube.create(oldNode('old'));
    const { exitCode, stderr } = await install('--diff');
    assert.equal(exitCode, 0);
    assert.match(
      stderr,
      /^Note: 1 of 1 nodes run a kubelet older than 1\.33 \(v1\.31\.4\): .*Jobs do not complete; .*jobCompletion.*$/m,
    );
    assert.equal((await install('--diff', '--set', 'native=false')).stderr, '');
    await kube.remove(resources.nodes, 'old');
  });

  await context.test('waits, and says what is missing when time is up', async () => {
    const { exitCode, stdout, stderr } = await install('--wait', '--timeout', '600ms');
    assert.equal(exitCode, 2);
    assert.match(stdout, /^Deployment pillion-webhook: 0 of 2 replicas available/m);
    assert.match(stderr, /^Cannot finish the installation: after 0\.6 s, .* run "pillion doctor"$/m);
  });

  await context.test('is waited for until the webhook is registered and the guard in force', async () => {
    const waiting = install('--wait', '--timeout', '5m');
    // pods of an earlier image are there too, and go one by one as new ones become ready
    const isRolledOut = async (): Promise<boolean> => {
      await makeReady(plane);
      const found = await Promise.all(
        [names.webhook, names.control].map((name) => kube.get(resources.deployments, name, ownNamespace)),
      );
      return found.every((deployment) => deploymentStep('it', deployment).isDone);
    };
    await until('the pods are ready', isRolledOut, plane.directory);
    const options = readOptions({});
    assert.ok(options.ok);
    const caBundle = readFileSync(join(plane.directory, 'apiserver.crt'), 'utf8');
    const object = registration({ options: options.value, caBundle, hasMatchConditions: true });
    await kube.apply(object, { fieldManager: fieldManagers.control });
    const binding = guardBinding(options.value);
    assert.ok(binding !== undefined);
    await kube.apply(binding, { fieldManager: fieldManagers.control });
    const { exitCode, stdout } = await waiting;
    assert.equal(exitCode, 0, stdout);
    const told = [...stdout.matchAll(/^(?:Deployment|Registration|Guard|Pillion).*$/gm)].map(([line]) => line);
    assert.ok(told.includes('Deployment pillion-webhook: 2 of 2 replicas available'), stdout);
    assert.ok(told.includes('Guard: in force (warn)'), stdout);
    assert.equal(told.at(-1), 'Pillion is installed');
    assert.equal(new Set(told).size, told.length, 'only what is new is told');
  });
});

/** As a person does it with kubectl. */
async function writeOptions(kube: Kube, data: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name: names.options, namespace: ownNamespace };
  await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { fieldManager: 'somebody' });
}
