// What `pillion doctor` prints, and how it ends where no cluster is asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printDiagnosis } from '../../src/cli/doctor-text.ts';
import { terminalOf } from '../../src/cli/terminal.ts';
import type { Diagnosis } from '../../src/core/doctor/checks.ts';
import { found } from '../../src/core/doctor/findings.ts';
import { pillion, temporaryFiles } from './command-line.ts';

const file = temporaryFiles();

const diagnosis: Diagnosis = {
  server: 'https://cluster:6443',
  checks: [
    { id: 'version', title: 'Kubernetes', kind: 'checked', saw: 'v1.34.4', findings: [] },
    {
      id: 'options',
      title: 'Options',
      kind: 'checked',
      saw: 'they cannot be read',
      findings: [found('options-unreadable', 'one', 'Mend it.'), found('options-unreadable', 'two', 'Mend it.')],
    },
    { id: 'webhook', title: 'Webhook', kind: 'unchecked', why: 'Pillion is not installed' },
  ],
  counts: { error: 2, warning: 0 },
};

test('for a person every check has a mark, findings stand under theirs, and one remedy is said once', () => {
  assert.equal(
    printDiagnosis(diagnosis, { width: 60, colour: false }),
    `Pillion in the cluster of https://cluster:6443

  ✓ Kubernetes  v1.34.4
  ✗ Options     they cannot be read
                error: one (options-unreadable)
                error: two (options-unreadable)
                → Mend it.
  – Webhook     Pillion is not installed

2 errors; 1 check could say nothing
`,
  );
});

test('colour marks what is wrong, and only where it is wanted', () => {
  const text = printDiagnosis(diagnosis, { width: 60, colour: true });
  assert.ok(text.includes('\u001b[31m✗\u001b[0m Options'));
  assert.ok(text.includes('\u001b[31merror\u001b[0m: one'));
});

test('no line is wider than the terminal', () => {
  const long = {
    ...diagnosis,
    checks: diagnosis.checks.map((check) => ({ ...check, saw: 'word '.repeat(40), why: 'word '.repeat(40) })),
  };
  const lines = printDiagnosis(long, { width: 60, colour: false }).split('\n');
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 60);
});

test('a terminal that does not know its width counts as one of 80 characters', () => {
  const output = { write: () => {}, isTTY: true, columns: 0 };
  assert.equal(terminalOf({ stdout: output, env: {} }).width, 80);
});

test('without a cluster the doctor ends with 2 and says what to name', async () => {
  const { exitCode, stdout, stderr } = await pillion(['doctor', '--kubeconfig', '/nowhere/config']);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^Cannot read the kubeconfig: .*\n$/);
});

test('an API server that does not answer is the one finding, and the doctor ends with 1', async () => {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  const kubeconfig = file('config', JSON.stringify(config));
  const { exitCode, stdout } = await pillion(['doctor', '-o', 'json', '--kubeconfig', kubeconfig]);
  assert.equal(exitCode, 1);
  const { checks, counts } = JSON.parse(stdout) as Diagnosis;
  assert.deepEqual(counts, { error: 1, warning: 0 });
  assert.equal(checks.filter(({ kind }) => kind === 'checked').length, 1);
});
