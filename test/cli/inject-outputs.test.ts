// Answers: what does each output format of `pillion inject` hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { parseDocument } from 'yaml';
import { pillion, temporaryFiles } from './command-line.ts';
import {
  annotated,
  bareObject,
  deniedYaml,
  hostNetworkYaml,
  podYaml,
  reviewJson,
  serviceYaml,
  workloadYaml,
} from './manifests.ts';

const file = temporaryFiles();
const initNames = (pod: { spec: { initContainers: { name: string }[] } }): string[] =>
  pod.spec.initContainers.map(({ name }) => name);
const patchOf = (answer: { response: { patch: string } }): Operation[] =>
  JSON.parse(Buffer.from(answer.response.patch, 'base64').toString());

test('yaml, json and the patch are the same change', async () => {
  const text = workloadYaml('apps/v1', 'Deployment');
  const [yaml, json, patch] = await Promise.all(
    ['yaml', 'json', 'patch'].map((format) => pillion(['inject', '-o', format], { stdin: text })),
  );
  const deployment = JSON.parse(json?.stdout ?? '');
  assert.deepEqual(initNames(deployment.spec.template), ['istio-init', 'istio-proxy']);
  assert.deepEqual(parseDocument(yaml?.stdout ?? '').toJS(), deployment);
  const operations: Operation[] = JSON.parse(patch?.stdout ?? '');
  assert.deepEqual(fastJsonPatch.applyPatch(parseDocument(text).toJS(), operations).newDocument, deployment);
});

test('a patch of several documents is one array on each line, empty where nothing changes, null where denied', async () => {
  const stdin = [podYaml, serviceYaml, '', hostNetworkYaml, deniedYaml].join('---\n');
  const lines = (await pillion(['inject', '-o', 'patch'], { stdin })).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines.length, 4);
  assert.ok(lines[0].length > 3);
  assert.deepEqual(lines.slice(1), [[], [], null]);
});

test('json of several documents is one object after the other, other kinds included', async () => {
  const { stdout } = await pillion(['inject', '-o', 'json'], { stdin: `${podYaml}---\n${serviceYaml}` });
  const objects = stdout.split(/^(?=\{)/m).map((text) => JSON.parse(text));
  assert.deepEqual(
    objects.map(({ kind }) => kind),
    ['Pod', 'Service'],
  );
});

test('the table is that of kubectl custom-columns, without denied pods', async () => {
  const stdin = [workloadYaml('apps/v1', 'Deployment'), serviceYaml, hostNetworkYaml, deniedYaml].join('---\n');
  const { stdout } = await pillion(['inject', '-o', 'table'], { stdin });
  assert.equal(
    stdout,
    'NAME         INIT                     CONTAINERS\n' +
      'web          istio-init,istio-proxy   app\n' +
      'node-agent   <none>                   app\n',
  );
});

for (const version of ['v1', 'v1beta1'] as const) {
  test(`an AdmissionReview ${version} is answered by one of its version and uid`, async () => {
    const { exitCode, stdout } = await pillion(['inject'], { stdin: reviewJson(version, bareObject) });
    assert.equal(exitCode, 0);
    const answer = JSON.parse(stdout);
    assert.equal(answer.apiVersion, `admission.k8s.io/${version}`);
    assert.equal(answer.kind, 'AdmissionReview');
    assert.equal(answer.response.uid, 'f0f0');
    assert.equal(answer.response.allowed, true);
    const pod = fastJsonPatch.applyPatch(structuredClone(bareObject), patchOf(answer)).newDocument;
    assert.deepEqual(initNames(pod as never), ['istio-init', 'istio-proxy']);
  });
}

test('an AdmissionReview as yaml, json or table is the pod in it', async () => {
  const stdin = reviewJson('v1', bareObject);
  const run = async (format: string): Promise<string> => (await pillion(['inject', '-o', format], { stdin })).stdout;
  const pod = JSON.parse(await run('json'));
  assert.deepEqual(initNames(pod), ['istio-init', 'istio-proxy']);
  assert.equal(pod.kind, undefined, 'nothing is added to the object but the patch');
  assert.deepEqual(parseDocument(await run('yaml')).toJS(), pod);
  assert.match(await run('table'), /^web- +istio-init,istio-proxy +app$/m);
  assert.deepEqual(
    fastJsonPatch.applyPatch(structuredClone(bareObject), JSON.parse(await run('patch'))).newDocument,
    pod,
  );
});

test('a denial is an answer too, and ends with 4', async () => {
  const object = { ...bareObject, metadata: { name: 'web', annotations: { 'sidecar.istio.io/proxyCPU': 'lots' } } };
  const { exitCode, stdout, stderr } = await pillion(['inject'], { stdin: reviewJson('v1', object) });
  assert.equal(exitCode, 4);
  const { response } = JSON.parse(stdout);
  assert.equal(response.allowed, false);
  assert.equal(response.status.code, 422);
  assert.match(response.status.message, /sidecar\.istio\.io\/proxyCPU.*lots/);
  assert.match(stderr, /^Denied Pod "web" in namespace "shop"/);
});

test('-o review answers for pods and workloads, one answer on each line', async () => {
  const { stdout } = await pillion(['inject', '-o', 'review'], {
    stdin: `${podYaml}---\n${workloadYaml('batch/v1', 'Job')}---\n${serviceYaml}`,
  });
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, 2);
  for (const answer of answers) assert.ok(patchOf(answer).length > 3);
});

test('an AdmissionReview among other documents is answered in place, in a stream that is YAML', async () => {
  const [review, pod] = [file('review.json', reviewJson('v1', bareObject)), file('pod.yaml', podYaml)];
  const { stdout } = await pillion(['inject', '-f', review, '-f', pod, '-f', review]);
  assert.deepEqual(
    stdout.split(/^---\n/m).map((text) => parseDocument(text).toJS().kind),
    ['AdmissionReview', 'Pod', 'AdmissionReview'],
  );
});

const notReviews: readonly (readonly [string, object, RegExp])[] = [
  ['without a request', { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }, /no request/],
  ['of an unknown version', { apiVersion: 'admission.k8s.io/v2', kind: 'AdmissionReview', request: {} }, /v2/],
  [
    'without an object',
    { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'a' } },
    /request\.object/,
  ],
];

for (const [what, review, message] of notReviews) {
  test(`an AdmissionReview ${what} ends with 2`, async () => {
    const { exitCode, stderr } = await pillion(['inject'], { stdin: JSON.stringify(review) });
    assert.equal(exitCode, 2);
    assert.match(stderr, message);
  });
}

test('annotations that nobody reads are warned of on standard error', async () => {
  const { exitCode, stderr } = await pillion(['inject'], {
    stdin: annotated({ 'sidecar.istio.io/native-side': 'false' }),
  });
  assert.equal(exitCode, 0);
  assert.match(stderr, /^Warning: .*sidecar\.istio\.io\/native-side.*did you mean sidecar\.istio\.io\/nativeSidecar/m);
});
