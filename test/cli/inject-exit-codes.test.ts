// Answers: which exit code does `pillion inject` end with, and is everything written that could be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pillion, pillionProcess, temporaryFiles } from './command-line.ts';
import { deniedYaml, hostNetworkYaml, podYaml, serviceYaml } from './manifests.ts';

const file = temporaryFiles();
const good = file('good.yaml', podYaml);
const skipped = file('skipped.yaml', hostNetworkYaml);
const denied = file('denied.yaml', deniedYaml);
const broken = file('broken.yaml', 'kind: Pod\nmetadata: [\n');
const missing = '/nowhere/pod.yaml';

const precedence: readonly (readonly [string, readonly string[], number])[] = [
  ['0 when a pod was injected', [good], 0],
  ['0 when some pods were injected and others left alone', [good, skipped], 0],
  ['3 when every pod was left alone', [skipped], 3],
  ['4 when a pod was denied', [denied], 4],
  ['4 when a pod was denied and others injected or left alone', [good, skipped, denied], 4],
  ['2 when a file is missing', [missing], 2],
  ['2 when a file is not YAML', [broken], 2],
  ['2 when a file is missing, whatever the others say', [good, denied, missing, skipped], 2],
];

for (const [claim, files, expected] of precedence) {
  test(`inject ends with ${claim}`, async () => {
    const { exitCode } = await pillion(['inject', ...files.flatMap((name) => ['-f', name])]);
    assert.equal(exitCode, expected);
  });
}

test('inject ends with 3 and says so when the input holds no pod', async () => {
  const { exitCode, stdout, stderr } = await pillion(['inject'], { stdin: serviceYaml });
  assert.equal(exitCode, 3);
  assert.equal(stdout, serviceYaml);
  assert.match(stderr, /^Nothing to inject/);
});

test('what can be written is written although another file cannot be read', async () => {
  const { stdout, stderr } = await pillion(['inject', '-f', missing, '-f', good, '-f', broken, '-o', 'table']);
  assert.match(stdout, /^web +istio-init,istio-proxy +app$/m);
  assert.match(stderr, /Cannot read "\/nowhere\/pod.yaml": there is no such file/);
  assert.match(stderr, /Cannot read ".*broken.yaml", line \d, column \d+: /);
});

test('a denied pod is left out and every problem of it is named on a line of its own', async () => {
  const { stdout, stderr } = await pillion(['inject', '-f', denied, '-f', skipped]);
  assert.equal(stdout, hostNetworkYaml);
  const lines = stderr.split('\n');
  assert.match(lines[0] ?? '', /^Denied Pod "web" in namespace "default" \(invalid-annotation\)/);
  assert.match(
    lines[1] ?? '',
    /^ {2}metadata\.annotations\["sidecar\.istio\.io\/proxyCPU"\]: Cannot read "lots": must be/,
  );
  assert.match(
    lines[2] ?? '',
    /^ {2}metadata\.annotations\["sidecar\.istio\.io\/interceptionMode"\]: Cannot read "SOME": must be/,
  );
});

test('a pod that is left alone comes with the reason and the remedy', async () => {
  const { stderr } = await pillion(['inject', '-f', skipped]);
  assert.match(
    stderr,
    /^Skipped Pod "node-agent" in namespace "default" \(host-network\): .* Set spec.hostNetwork to false/,
  );
});

test('settings that cannot be read end with 2 and name the file, before anything is written', async () => {
  const { exitCode, stdout, stderr } = await pillion(['inject', '-f', good, '--values', missing]);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /\/nowhere\/pod.yaml/);
});

test('the process ends with the code and keeps its streams apart', async () => {
  const [injected, left] = await Promise.all([
    pillionProcess(['inject'], podYaml),
    pillionProcess(['inject', '-o', 'table'], hostNetworkYaml),
  ]);
  assert.equal(injected.exitCode, 0);
  assert.match(injected.stdout, /- name: istio-proxy/);
  assert.equal(injected.stderr, '');
  assert.equal(left.exitCode, 3);
  assert.match(left.stderr, /^Skipped/);
});

test('a defect of ours ends with 1, asks for a report, and what could be written is written', async () => {
  const source =
    "export const admit = ({ object }) => { if (object.metadata.name === 'web') throw new Error('boom'); return { kind: 'skip', reason: 'host-network', trace: [], warnings: [] }; };";
  const { exitCode, stdout, stderr } = await pillionProcess(['inject', '-f', good, '-f', skipped], '', {
    'core/admit.ts': source,
  });
  assert.equal(exitCode, 1);
  assert.equal(stdout, hostNetworkYaml);
  assert.match(stderr, /this is a defect of Pillion; please report it[\s\S]*boom/);
});
