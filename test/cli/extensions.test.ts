// What `inject` and `why` make of WasmExtensions in a file.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { extension } from '../unit/wasm/declared.ts';
import { pillion } from './command-line.ts';
import { podYaml } from './manifests.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pillion-extensions-'));
after(() => rmSync(scratch, { recursive: true }));
const hello = extension('hello', { selector: undefined });

function fileOf(content: unknown): string {
  const file = join(scratch, 'extensions.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

async function run(command: 'why' | 'inject', content: unknown, ...args: readonly string[]) {
  return pillion([command, '--extensions', fileOf(content), ...args], { stdin: podYaml });
}

test('why names the module, how it comes to the proxy and why', async () => {
  const { stdout, exitCode } = await run('why', hello);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^ {2}– Wasm modules +default\/hello: node-store, .*\n.*/m);
  assert.match(stdout, /^Modules +default\/hello: node-store$/m);
});

test('why tells a machine the same', async () => {
  const { stdout } = await run('why', { apiVersion: 'v1', kind: 'List', items: [hello] }, '-o', 'json');
  assert.deepEqual(JSON.parse(stdout).modules, [
    {
      extension: 'default/hello',
      delivery: 'node-store',
      reason: 'usual',
      detail: 'onMissing is block, and the namespace allows hostPath',
    },
  ]);
});

test('why goes by the labels that are given of the namespace', async () => {
  const labels = 'istio-injection=enabled,pod-security.kubernetes.io/enforce=restricted';
  const { stdout } = await run('why', hello, '--namespace-labels', labels);
  assert.match(stdout, /^Modules +default\/hello: agent-pull$/m);
});

test('inject over the path for modules alone adds to a pod that is injected already', async () => {
  const { stdout: injected } = await pillion(['inject', '-o', 'json'], { stdin: podYaml });
  const args = ['inject', '-o', 'patch', '--path', '/wasm', '--extensions', fileOf(hello)];
  const { stdout, exitCode } = await pillion(args, { stdin: injected });
  assert.equal(exitCode, 0);
  const ops = JSON.parse(stdout) as { op: string }[];
  assert.ok(ops.length >= 6 && ops.every(({ op }) => op === 'add'), stdout);
});

test('an extension that cannot be read is a warning, and counts for no pod', async () => {
  const { stdout, stderr, exitCode } = await run('inject', extension('hello', { onMissing: 'deny' }));
  assert.equal(exitCode, 0);
  assert.match(stderr, /Warning: WasmExtension default\/hello: .*Unsupported/);
  assert.doesNotMatch(stdout, /wasm/);
});

test('a file that holds something else is refused', async () => {
  const { stderr, exitCode } = await run('inject', {
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: { password: 'hunter2' },
  });
  assert.equal(exitCode, 2);
  assert.doesNotMatch(stderr, /hunter2/);
  assert.match(stderr, /extensions\.json: items\[0\]: Cannot read "ConfigMap": must be a WasmExtension with a name/);
});
