// Answers: what does the controller say where its options cannot be used.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ControlOptions, control } from '../../src/roles/control.ts';
import { temporaryDirectory } from './loopback.ts';

async function run(changes: Partial<ControlOptions>): Promise<{ readonly code: number; readonly stderr: string }> {
  let stderr = '';
  const write = (text: string): void => {
    stderr += text;
  };
  const io = { stderr: { write } };
  const output = { stream: { write: () => {} }, close: async () => {} };
  const usual = {
    cluster: {},
    managementListen: '127.0.0.1:0',
    logLevel: 'info',
    serviceAddress: 'pillion.pillion-system.svc:443',
  };
  return { code: await control({ ...usual, ...changes }, io, { output }), stderr };
}

function kubeconfig(context: TestContext): string {
  const file = join(temporaryDirectory(context), 'kubeconfig');
  const named = { name: 'test', cluster: { server: 'https://127.0.0.1:1' } };
  const one = { name: 'test', context: { cluster: 'test', user: 'test' } };
  const users = [{ name: 'test', user: {} }];
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [named],
    contexts: [one],
    users,
    'current-context': 'test',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

test('every problem with the options is told at once, each in one line', async (context) => {
  const { code, stderr } = await run({
    cluster: { kubeconfig: join(temporaryDirectory(context), 'none') },
    managementListen: 'nowhere',
    serviceAddress: ':443',
    logLevel: 'loud',
  });
  assert.equal(code, 2);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.match(stderr, /^Cannot use --management-listen "nowhere"/m);
  assert.match(stderr, /^Cannot use --service-address ":443": it names no host; write host:port/m);
  assert.match(stderr, /^Cannot read the kubeconfig: /m);
  assert.match(stderr, /^Cannot use --log-level "loud"/m);
});

test('a context that is not in the kubeconfig is named', async (context) => {
  const { code, stderr } = await run({ cluster: { kubeconfig: kubeconfig(context), context: 'other' } });
  assert.equal(code, 2);
  assert.match(stderr, /^Cannot find a cluster: it has no context "other"/);
});
