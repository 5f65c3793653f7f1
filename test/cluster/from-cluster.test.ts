// Answers: do inject and why take the settings of a cluster as they are, decide as the webhook there does, and say in one
// line why they cannot.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse } from 'yaml';
import type { JsonObject } from '../../src/core/model/json.ts';
import { type Ended, pillion } from '../cli/command-line.ts';
import { podYaml } from '../cli/manifests.ts';
import { ready } from '../edge/serving.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { type LiveServer, makeNode, startLiveServer, valuesWith, writeSettings } from './live-server.ts';
import { makeProxyConfigKind } from './proxy-config-kind.ts';
import { makeNamespace, withWebhook } from './webhook.ts';

const manager = { fieldManager: 'test' };

suite('the command line with the settings of a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    plane = await startControlPlane(context);
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const run = (line: string, stdin = ''): Promise<Ended> =>
    pillion([...line.split(' '), '--kubeconfig', plane.kubeconfig], { stdin });

  test('without a control plane: one line for each ConfigMap that is missing, and 2', async () => {
    const { exitCode, stderr, stdout } = await run('inject --from-cluster', podYaml);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^configmap istio-system\/istio-sidecar-injector: there is no such ConfigMap; install/m);
    assert.match(stderr, /^configmap istio-system\/istio: there is no such ConfigMap; install/m);
  });

  test('inject: the values, the nodes and the labels of the namespace are those of the cluster', async () => {
    await writeSettings(plane.kube, { mesh: undefined, values: valuesWith({ hub: 'example.com/live' }) });
    await makeNode(plane.kube, 'old', 'v1.28.1', { pool: 'old' });
    await makeNode(plane.kube, 'new', 'v1.34.1', { pool: 'new' });
    await makeNamespace(plane, 'shop', { labels: withWebhook });
    const { exitCode, stdout, stderr } = await run('inject --from-cluster -n shop', podYaml);
    assert.equal(exitCode, 0, stderr);
    const { spec } = parse(stdout);
    const proxy = spec.containers.find(({ name }: { name: string }) => name === 'istio-proxy');
    assert.match(proxy?.image, /^example.com\/live\/proxyv2/);
    assert.match(stderr, /^Warning: There is no configmap pillion-system\/pillion-options .*defaults$/m);

    await makeNamespace(plane, 'plain');
    const plain = await run('inject --from-cluster -n plain', podYaml);
    assert.equal(plain.exitCode, 3);
    assert.match(plain.stderr, /namespace-not-opted-in/);
    const given = await run('inject --from-cluster -n plain --namespace-labels istio-injection=enabled', podYaml);
    assert.equal(given.exitCode, 0, given.stderr);
    const nowhere = await run('inject --from-cluster -n nowhere', podYaml);
    assert.equal(nowhere.exitCode, 0);
    assert.match(nowhere.stderr, /^Warning: There is no namespace "nowhere" in the cluster: it counts as opted in$/m);
  });

  test('files and options are stronger than the cluster', async () => {
    const mesh = join(plane.directory, 'mesh.yaml');
    writeFileSync(mesh, 'trustDomain: file.example\n');
    const line = `inject --from-cluster -n shop --mesh ${mesh} --set global.tag=v7 --native true`;
    const { exitCode, stdout, stderr } = await run(line, podYaml);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /file\.example/);
    assert.match(stdout, /example.com\/live\/proxyv2:v7/);
    assert.match(stdout, /restartPolicy: Always/);
  });

  test('broken settings: one line with the ConfigMap, the key and the place, and 2', async () => {
    await writeSettings(plane.kube, { mesh: { trustDomain: 'a b' } });
    const { exitCode, stderr } = await run('why --from-cluster', podYaml);
    assert.equal(exitCode, 2);
    assert.match(stderr, /^configmap istio-system\/istio, key mesh: trustDomain: Cannot read "a b": [^\n]*\n$/);
    await writeSettings(plane.kube, { mesh: undefined });
  });

  test('the webhook and the command line decide alike, ProxyConfig resources and OpenShift included', async (test) => {
    await makeProxyConfigKind(plane.kube);
    const proxyConfig = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'ProxyConfig',
      metadata: { name: 'threads', namespace: 'default' },
      spec: { environmentVariables: { FROM_RESOURCE: 'yes' } },
    };
    await plane.kube.apply(proxyConfig, manager);
    const annotations = { 'openshift.io/sa.scc.uid-range': '1000700000/10000' };
    await makeNamespace(plane, 'default', { labels: withWebhook, annotations });
    await writeSettings(plane.kube, { options: { platform: 'openshift' } });
    const server: LiveServer = await startLiveServer(context, plane);
    await until('the server is ready', async () => (await ready(server)).status === 200);
    const object = { apiVersion: 'v1', kind: 'Pod', ...(parse(podYaml) as JsonObject) };
    const { exitCode, stdout, stderr } = await run('inject --from-cluster -o patch', JSON.stringify(object));
    assert.equal(exitCode, 0, stderr);
    const patch = await server.patch(test, object);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(patch));
    assert.match(patch, /FROM_RESOURCE/);
    assert.match(patch, /"runAsUser":1000709999/);

    await plane.kube.apply({ ...proxyConfig, spec: { environmentVariables: { FROM_RESOURCE: 'changed' } } }, manager);
    await until('a change of the resource counts', async () => (await server.patch(test, object)).includes('changed'));
    await plane.kube.apply({ ...proxyConfig, spec: { concurrency: 'many' } }, manager);
    const line = 'ProxyConfig default/threads: spec.concurrency: Cannot read "many"';
    await until('a broken one is told', async () =>
      server.lines.some((one) => one.includes(JSON.stringify(line).slice(1, -1))),
    );
    await makeNamespace(plane, 'default', {
      labels: withWebhook,
      annotations: { 'openshift.io/sa.scc.uid-range': '2000700000/10000' },
    });
    await until('so does one of the namespace', async () => (await server.patch(test, object)).includes('2000709999'));
    await server.stop();
    await writeSettings(plane.kube, { options: {} });
  });

  test('why pod: a pod that came without a sidecar, and what would be decided now', async () => {
    await plane.kube.create(pod('bare', 'shop'));
    const { exitCode, stdout, stderr } = await run('why pod bare -n shop');
    assert.equal(exitCode, 0, stderr);
    const text = stdout.replace(/\s+/g, ' ');
    assert.match(text, /^Pod bare in namespace shop, revision default It was not injected when it was created\./);
    assert.match(text, /Injected .*policy is enabled/);
    assert.match(text, /Plain .*"old" is of "v1\.28\.1"/);
  });

  test('why pod: the node that the pod is bound to does not decide where the next one lands', async () => {
    const bound = pod('bound', 'shop');
    await plane.kube.create({ ...bound, spec: { ...(bound['spec'] as JsonObject), nodeName: 'new' } });
    const { native } = JSON.parse((await run('why pod bound -n shop -o json')).stdout);
    assert.deepEqual([native.native, native.reason], [false, 'kubelet-too-old']);
  });

  test('why pod: a pod that is injected already', async () => {
    const injected = await run(
      'inject --from-cluster -n shop -o json --native true',
      JSON.stringify(pod('done', 'shop')),
    );
    await plane.kube.create(JSON.parse(injected.stdout));
    const { exitCode, stdout } = await run('why pod done -n shop');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^It was injected already by revision default, with a native sidecar\./m);
    const { live, decision } = JSON.parse((await run('why pod done -n shop -o json')).stdout);
    assert.deepEqual(live, { injected: true, revision: 'default', native: true });
    assert.equal(decision, 'inject');
    assert.doesNotMatch(stdout, /^(Added|Changed) /m, 'nobody can tell what the pod was before');
  });

  test('why pod: what cannot be is one line with what to do, and 2', async () => {
    const kubeconfig = await plane.kubeconfigOf('shop', 'default');
    const nowhere = join(plane.directory, 'nowhere.kubeconfig');
    writeFileSync(nowhere, JSON.stringify(unreachable));
    for (const [line, message] of [
      [
        `why pod none -n shop --kubeconfig ${plane.kubeconfig}`,
        /^Cannot find pod "none": there is none in namespace "shop"; name its namespace with -n\n$/,
      ],
      [
        `why pod bare -n shop --kubeconfig ${kubeconfig}`,
        /^Cannot ask the API server: .*forbidden.*; use credentials that may, or another --context\n$/,
      ],
      [
        `why pod bare --kubeconfig ${nowhere}`,
        /^Cannot reach the API server \(.*ECONNREFUSED.*; check the kubeconfig, the context and the network\n$/,
      ],
      [
        `why pod bare --kubeconfig ${plane.kubeconfig} --context other`,
        /^Cannot find a cluster: it has no context "other"; [^\n]*\n$/,
      ],
      [
        'why pod bare --kubeconfig /nothing',
        /^Cannot read the kubeconfig: [^\n]*\/nothing[^\n]*; name another with --kubeconfig\n$/,
      ],
    ] as const) {
      const { exitCode, stderr, stdout } = await pillion(line.split(' '));
      assert.equal(exitCode, 2, line);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    }
  });

  test('what only refines a decision may be forbidden: a warning, and the decision as well as it can be made', async () => {
    const role = 'settings-reader';
    await makeNamespace(plane, 'pillion-system');
    for (const object of readerObjects(role)) await plane.kube.apply(object, manager);
    const kubeconfig = await plane.kubeconfigOf('shop', 'default');
    await until('it may read the ConfigMaps', async () => {
      const { exitCode, stderr } = await pillion(
        ['inject', '--from-cluster', '--kubeconfig', kubeconfig, '-n', 'shop'],
        {
          stdin: podYaml,
        },
      );
      return (
        exitCode === 0 &&
        /Warning: Cannot read the nodes: .*forbidden/.test(stderr) &&
        /Warning: Cannot read namespace "shop": .*forbidden/.test(stderr)
      );
    });
  });
});

function pod(name: string, namespace: string): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  };
}

/** The right to read the ConfigMaps, for the ServiceAccount `default` of namespace shop, and no other. */
function readerObjects(name: string): readonly JsonObject[] {
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'shop' }],
    },
  ];
}

const unreachable = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:61999' } }],
  users: [{ name: 'a', user: {} }],
  contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  'current-context': 'a',
};
