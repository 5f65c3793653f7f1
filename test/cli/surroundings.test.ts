// Answers: what do the options say about the surroundings of a pod, and which pod comes out of a workload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pillion, temporaryFiles } from './command-line.ts';
import { bareObject, cronJobYaml, podYaml, reviewJson, workloadYaml } from './manifests.ts';

const file = temporaryFiles();

interface Template {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly [field: string]: unknown };
  readonly spec: {
    readonly initContainers: readonly {
      readonly name: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
  };
}

/** What the tests read of an injected object of any kind. */
interface Injected extends Template {
  readonly metadata: { readonly namespace?: string };
  readonly spec: Template['spec'] & {
    readonly template: Template;
    readonly jobTemplate: { readonly spec: { readonly template: Template } };
  };
}

async function injectedJson(stdin: string, args: readonly string[] = []): Promise<Injected> {
  const { exitCode, stdout, stderr } = await pillion(['inject', '-o', 'json', ...args], { stdin });
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout);
}

function environment(template: Template): Readonly<Record<string, string | undefined>> {
  const proxy = template.spec.initContainers.find(({ name }) => name === 'istio-proxy');
  return Object.fromEntries((proxy?.env ?? []).map(({ name, value }) => [name, value]));
}

const workloads: readonly (readonly [string, string, string])[] = [
  ['apps/v1', 'Deployment', 'deployments'],
  ['extensions/v1beta1', 'Deployment', 'deployments'],
  ['apps/v1', 'StatefulSet', 'statefulsets'],
  ['apps/v1', 'DaemonSet', 'daemonsets'],
  ['apps/v1', 'ReplicaSet', 'replicasets'],
  ['v1', 'ReplicationController', 'replicationcontrollers'],
  ['batch/v1', 'Job', 'jobs'],
];

for (const [apiVersion, kind, plural] of workloads) {
  test(`the pods of a ${apiVersion} ${kind} belong to it, and nothing of the controller gets into its template`, async () => {
    const { spec } = await injectedJson(workloadYaml(apiVersion, kind));
    const { template } = spec;
    const env = environment(template);
    assert.equal(env['ISTIO_META_WORKLOAD_NAME'], 'web');
    const group = apiVersion.replace('extensions/v1beta1', 'apps/v1');
    assert.equal(env['ISTIO_META_OWNER'], `kubernetes://apis/${group}/namespaces/default/${plural}/web`);
    assert.deepEqual(Object.keys(template.metadata ?? {}).sort(), ['annotations', 'labels']);
    assert.deepEqual(template.metadata?.labels, {
      app: 'web',
      'security.istio.io/tlsMode': 'istio',
      'service.istio.io/canonical-name': 'web',
      'service.istio.io/canonical-revision': 'latest',
    });
  });
}

test('the pods of a CronJob belong to it, and a template without metadata gets what it needs', async () => {
  const { spec } = await injectedJson(cronJobYaml);
  const { template } = spec.jobTemplate.spec;
  assert.equal(environment(template)['ISTIO_META_OWNER'], 'kubernetes://apis/batch/v1/namespaces/default/cronjobs/web');
  assert.equal(environment(template)['ISTIO_META_WORKLOAD_NAME'], 'web');
  assert.equal(template.metadata?.labels?.['service.istio.io/canonical-name'], 'web');
  assert.deepEqual(Object.keys(template.metadata ?? {}).sort(), ['annotations', 'labels']);
});

test('a kind of another group is not a workload of Kubernetes, whatever its name', async () => {
  const text = workloadYaml('example.com/v1', 'Deployment');
  const { exitCode, stdout } = await pillion(['inject'], { stdin: text });
  assert.equal(exitCode, 3);
  assert.equal(stdout, text);
});

test('a template of the wrong shape is denied, with the path as the author knows it', async () => {
  const { exitCode, stderr } = await pillion(['inject'], {
    stdin: workloadYaml('apps/v1', 'Deployment').replace('name: app\n', 'name: 7\n'),
  });
  assert.equal(exitCode, 4);
  assert.match(stderr, /^ {2}spec\.template\.spec\.containers\[0\]\.name: Cannot read "7"/m);
});

const owner = async (stdin: string, args: readonly string[]): Promise<string | undefined> =>
  environment(await injectedJson(stdin, args))['ISTIO_META_OWNER'];

test('the namespace is that of the option, else of the object or request, else default', async () => {
  const own = podYaml.replace('name: web', 'name: web\n  namespace: own');
  assert.match((await owner(podYaml, [])) ?? '', /namespaces\/default\//);
  assert.match((await owner(own, [])) ?? '', /namespaces\/own\//);
  const job = workloadYaml('batch/v1', 'Job').replace('name: web', 'name: web\n  namespace: own');
  assert.match(environment((await injectedJson(job)).spec.template)['ISTIO_META_OWNER'] ?? '', /namespaces\/own\//);
  assert.match((await owner(own, ['-n', 'other'])) ?? '', /namespaces\/other\//);
  assert.match(
    (await owner(reviewJson('v1', { ...bareObject, metadata: { name: 'web' } }), [])) ?? '',
    /namespaces\/shop\//,
  );
  const pod = await injectedJson(own, ['-n', 'other']);
  assert.equal(pod.metadata.namespace, 'own', 'what the author wrote stays');
});

const namespaceFile = (metadata: string): string =>
  file('namespace.yaml', `apiVersion: v1\nkind: Namespace\nmetadata: ${metadata}\n`);

test('labels of the namespace decide when they are given, and only then', async () => {
  const code = async (args: readonly string[]): Promise<number> =>
    (await pillion(['inject', '-o', 'table', ...args], { stdin: podYaml })).exitCode;
  assert.equal(await code([]), 0);
  assert.equal(await code(['--namespace-labels', 'istio-injection=enabled,team=a']), 0);
  assert.equal(await code(['--namespace-labels', 'istio-injection=disabled']), 3);
  assert.equal(await code(['--namespace-labels', '']), 3);
  assert.equal(await code(['--namespace-object', namespaceFile('{name: a}')]), 0);
  assert.equal(await code(['--namespace-object', namespaceFile('{name: a, labels: {istio-injection: disabled}}')]), 3);
});

test('annotations of the namespace give OpenShift its user', async () => {
  const namespace = namespaceFile('{name: a, annotations: {openshift.io/sa.scc.uid-range: 1000620000/10000}}');
  const { stdout } = await pillion(['inject', '--platform', 'openshift', '--namespace-object', namespace], {
    stdin: podYaml,
  });
  assert.match(stdout, /runAsUser: 1000629999/);
});

test('the path of the webhook carries its parameters', async () => {
  const env = environment(await injectedJson(podYaml, ['--path', '/inject/cluster/c2/net/n2']));
  assert.equal(env['ISTIO_META_CLUSTER_ID'], 'c2');
  assert.equal(env['ISTIO_META_NETWORK'], 'n2');
});

const settings: readonly (readonly [readonly string[], RegExp])[] = [
  [['--set', 'global.proxy.logLevel=debug'], /--proxyLogLevel=debug/],
  [['--set', 'global.hub=one', '--set', 'global.tag=two'], /image: one\/proxyv2:two/],
  [['--revision', 'canary'], /istio\.io\/rev: canary/],
  [['--compliance-policy', 'fips-140-3'], /fips140=only/],
  [['--native', 'false'], /containers":\["istio-proxy"\]/],
  [['--kubelet-versions', 'v1.34.0, v1.30.1'], /containers":\["istio-proxy"\]/],
  [['--kubelet-versions', 'v1.34.0'], /containers":null/],
  [['--kubelet-versions', 'v1.30.1', '--native-minimum-kubelet', '1.30'], /containers":null/],
];

for (const [args, expected] of settings) {
  test(`${args.join(' ')} has its effect`, async () => {
    assert.match((await pillion(['inject', ...args], { stdin: podYaml })).stdout, expected);
  });
}

const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
  [['--path', '/other'], /^Cannot use --path "\/other": .*\/inject\//],
  [['--namespace-labels', 'enabled'], /^Cannot use --namespace-labels "enabled": .*key=value/],
  [
    ['--namespace-object', file('pod.yaml', podYaml)],
    /^Cannot use --namespace-object ".*pod.yaml": it holds no Namespace/,
  ],
];

for (const [args, message] of mistakes) {
  test(`${args[0]} that cannot be used ends with 2 and one line`, async () => {
    const { exitCode, stderr } = await pillion(['inject', ...args], { stdin: podYaml });
    assert.equal(exitCode, 2);
    assert.match(stderr, message);
  });
}
