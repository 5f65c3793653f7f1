// Answers: what does `pillion why` tell a person, and a machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pillion } from './command-line.ts';
import { annotated, deniedYaml, hostNetworkYaml, podYaml, serviceYaml, workloadYaml } from './manifests.ts';

async function explained(stdin: string, args: readonly string[] = []): Promise<string> {
  const { exitCode, stdout, stderr } = await pillion(['why', ...args], { stdin });
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** The gate that carries the mark. */
const deciding = (text: string): readonly string[] =>
  [...text.matchAll(/^ {2}● (\S.*?) {2,}/gm)].map(([, gate]) => gate ?? '');

test('an injected workload: the gate that decides, native or plain and why, what is added', async () => {
  const text = await explained(workloadYaml('apps/v1', 'Deployment'));
  assert.match(text, /^Deployment web in namespace default, revision default\n/);
  assert.deepEqual(deciding(text), ['policy']);
  assert.match(text, /^Injected .*policy is enabled/m);
  assert.match(text, /^Native .*kubelet/m);
  assert.match(text, /2 init containers: istio-init, istio-proxy/);
  assert.match(text, /9 volumes: workload-socket/);
  assert.match(text, /3 labels: security\.istio\.io\/tlsMode/);
  assert.doesNotMatch(text, /^Changed/m);
});

test('a changed container is named where probes are rewritten', async () => {
  const probe = podYaml.replace(/$/, '    livenessProbe: {httpGet: {path: /, port: 80}}\n');
  assert.match(await explained(probe), /^Changed +1 container: app$/m);
});

test('a plain sidecar comes with the kubelet that is too old', async () => {
  assert.match(await explained(podYaml, ['--kubelet-versions', 'v1.28.3']), /^Plain .*(\n .*)?"v1\.28\.3"/m);
});

test('a pod on the host network: the gate, the reason and what to change', async () => {
  const text = await explained(hostNetworkYaml);
  assert.deepEqual(deciding(text), ['host network']);
  assert.match(text, /^Not injected .*host network/m);
  assert.match(text, /\(host-network\)/);
  assert.match(text, /^To change it +Set spec\.hostNetwork to false\.$/m);
});

test('a namespace that is not opted in', async () => {
  const text = await explained(podYaml, ['--namespace-labels', 'team=a']);
  assert.deepEqual(deciding(text), ['namespace labels']);
  assert.match(text, /istio-injection=enabled/);
});

test('a denied pod: only the gate that denies decides, and every problem is named', async () => {
  const text = await explained(deniedYaml);
  assert.deepEqual(deciding(text), ['annotations']);
  assert.match(text, /✓ policy/);
  assert.match(text, /^Denied /m);
  assert.match(text, /^ {2}metadata\.annotations\["sidecar\.istio\.io\/proxyCPU"\]/m);
  assert.match(text, /^ {2}metadata\.annotations\["sidecar\.istio\.io\/interceptionMode"\]/m);
});

test('an annotation that nobody reads is named with the nearest real one', async () => {
  const text = await explained(annotated({ 'sidecar.istio.io/native-side': 'false' }));
  assert.match(
    text.replace(/\s+/g, ' '),
    /Warnings Nobody reads .*native-side.*; did you mean sidecar\.istio\.io\/nativeSidecar/,
  );
});

test('no line is longer than 80 characters', async () => {
  const long = {
    'traffic.sidecar.istio.io/excludeOutboundIPRanges': 'x',
    'readiness.status.sidecar.istio.io/failureThreshold': '-',
  };
  for (const text of [await explained(podYaml), await explained(annotated(long)), await explained(hostNetworkYaml)]) {
    for (const line of text.split('\n')) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  }
});

test('colour only on a terminal and without NO_COLOR', async () => {
  const run = async (around: object): Promise<boolean> =>
    (await pillion(['why'], { stdin: podYaml, ...around })).stdout.includes('\u001b[');
  assert.equal(await run({}), false);
  assert.equal(await run({ isTTY: true }), true);
  assert.equal(await run({ isTTY: true, env: { NO_COLOR: '1' } }), false);
  assert.equal(await run({ isTTY: true, env: { TERM: 'dumb' } }), false);
});

test('-o json says the same to machines', async () => {
  const injected = JSON.parse(await explained(podYaml, ['-o', 'json']));
  assert.equal(injected.decision, 'inject');
  assert.equal(injected.reason, 'policy-enabled');
  assert.equal(injected.native.native, true);
  assert.deepEqual(injected.templates, ['sidecar']);
  assert.deepEqual(injected.differences[0], {
    what: 'init containers',
    change: 'added',
    names: ['istio-init', 'istio-proxy'],
  });
  const denied = JSON.parse(await explained(deniedYaml, ['-o', 'json']));
  assert.equal(denied.decision, 'deny');
  assert.equal(denied.problems.length, 2);
  assert.ok(denied.remedy);
});

test('each pod of the input is explained, other kinds are not', async () => {
  const text = await explained([podYaml, serviceYaml, hostNetworkYaml].join('---\n'));
  assert.deepEqual(
    [...text.matchAll(/^(\w+ \S+) in namespace/gm)].map(([, title]) => title),
    ['Pod web', 'Pod node-agent'],
  );
});

test('an input without pods ends with 3, one that cannot be read with 2', async () => {
  assert.equal((await pillion(['why'], { stdin: serviceYaml })).exitCode, 3);
  assert.equal((await pillion(['why', '-f', '/nowhere'])).exitCode, 2);
});
