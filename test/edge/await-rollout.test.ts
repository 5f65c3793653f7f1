// Does waiting for an installation end where the API server has gone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultInstallation } from '../../src/core/cluster/settings-documents.ts';
import { awaitRollout } from '../../src/edge/kube/await-rollout.ts';
import { connect } from '../../src/edge/kube/client.ts';
import { temporaryFiles } from '../cli/command-line.ts';

const file = temporaryFiles();

test('waiting ends when time is up, also while the API server does not answer, and says so once', {
  timeout: 120_000,
}, async () => {
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  const kube = connect({ kubeconfig: file('config', JSON.stringify(config)) });
  const told: string[] = [];
  const over = new AbortController();
  const open = await awaitRollout(
    kube,
    defaultInstallation().options,
    ({ what, state }) => {
      told.push(`${what} ${state}`);
      setTimeout(() => over.abort(), 1_200); // it asks twice a second
    },
    over.signal,
  );
  assert.deepEqual(
    open.map(({ what }) => what),
    ['API server'],
  );
  assert.deepEqual(told, ['API server does not answer']);
});
