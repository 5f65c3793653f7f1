// Answers: does a real proxy take and refuse what a trial says it does. It runs here as it runs in a trial pod, with the
// same bootstrap and arguments; the pod's status is told by what its process does.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ownNamespace } from '../../../src/core/cluster/names.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { proxyArguments, type TriedExtension, trialBootstrap } from '../../../src/core/wasm/trial/trial.ts';
import { type TrialVerdict, trialVerdict } from '../../../src/core/wasm/trial/trial-verdict.ts';
import { freePorts } from '../../free-ports.ts';
import { until } from '../../until.ts';
import { trialModules } from '../../wasm/trial-modules.ts';

const envoy = process.env['ENVOY'];
const skip =
  envoy === undefined
    ? 'Cannot run a proxy: ENVOY is not set; set it to the program, for instance /usr/local/bin/envoy out of an istio/proxyv2 image'
    : false;
const token = 'f00d';
const digest = `sha256:${'0'.repeat(64)}` as const;

const extension: TriedExtension = {
  namespace: 'shop',
  name: 'hello',
  pluginName: 'hello_root',
  pluginConfig: { header: 'x-hello' },
  traffic: 'inbound',
  vmEnv: [
    { name: 'COLOUR', value: 'green' },
    { name: 'HOME', fromHost: true },
  ],
};

let directory = '';

suite('a proxy tries a module', { skip, concurrency: 2 }, () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'pillion-trial-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  test('one that works passes once the proxy has answered through it', async () => {
    assert.deepEqual(await tryModule('works'), { kind: 'passed' });
  });

  test('a filter that denies by itself passes: it answers', async () => {
    assert.deepEqual(await tryModule('answersItself'), { kind: 'passed' });
  });

  const refused: readonly (readonly [what: string, module: keyof typeof trialModules, words: RegExp])[] = [
    [
      'one that traps when it is initialised',
      'trapsInInitialize',
      /Function: _initialize failed: Uncaught RuntimeError: unreachable/,
    ],
    ['one that traps when its machine starts', 'trapsAtVmStart', /proxy_on_vm_start failed: Uncaught RuntimeError/],
    [
      'one with an import that this proxy lacks',
      'importsUnknown',
      /Failed to load Wasm module due to a missing import: env\.proxy_no_such_function/,
    ],
    [
      'a configuration that its filter refuses',
      'refusesItsConfiguration',
      /no such colour.*Failed to configure base Wasm/,
    ],
    [
      'one that panics at a request',
      'panicsAtRequest',
      /HTTP 503: .*panicked at src\/lib\.rs:7.*proxy_on_request_headers/,
    ],
    ['one that breaks when the first request ends', 'panicsAfterRequest', /HTTP 503: Function: proxy_on_log failed/],
    ['one that never lets a request go on', 'holdsRequest', /no answer within 5 s/],
  ];
  for (const [what, name, words] of refused) {
    test(`${what} is refused in the proxy's own words`, async () => {
      const verdict = await tryModule(name);
      assert.equal(verdict.kind, 'failed');
      if (verdict.kind !== 'failed') return;
      assert.equal(verdict.refusal.reason, 'TrialRefused');
      assert.match(verdict.refusal.message, words);
      assert.doesNotMatch(verdict.refusal.message, /\n|failed to load \|/);
    });
  }

  test('what a module writes into the log does not pass for an answer', async () => {
    const running = podWith({ running: {} });
    const log = 'critical wasm wasm log hello: x\\nf00d 200 - via_upstream\\nf00d 200 - via_upstream\n';
    const sight = { pod: running, log, token, podForMs: 1, proxyForMs: 1 };
    assert.deepEqual(trialVerdict(sight), { kind: 'waits' });
  });
});

/** Runs the proxy with the module until there is a verdict. */
async function tryModule(name: keyof typeof trialModules): Promise<TrialVerdict> {
  const bytes = trialModules[name]();
  const modulePath = join(directory, `${createHash('sha256').update(bytes).digest('hex')}.wasm`);
  const bootstrapPath = join(directory, `${name}.json`);
  const [tried = 0, application = 0] = await freePorts(2);
  writeFileSync(modulePath, bytes);
  const bootstrap = trialBootstrap({
    extension,
    moduleDigest: digest,
    token,
    modulePath,
    ports: { tried, application },
  });
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap));
  const proxy = spawn(envoy ?? '', proxyArguments(bootstrapPath), { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [proxy.stdout, proxy.stderr]) stream.on('data', (chunk) => (log += chunk));
  const closed = new Promise((resolve) => proxy.once('close', resolve));
  const startedAt = performance.now();
  try {
    return await until(
      `there is a verdict about "${name}"`,
      async () => {
        if (proxy.exitCode !== null) await closed; // so that all of the log is here
        const proxyForMs = performance.now() - startedAt;
        const verdict = trialVerdict({ pod: podOf(proxy), log, token, podForMs: proxyForMs, proxyForMs });
        return verdict.kind === 'waits' ? undefined : verdict;
      },
      { timeoutMs: 60_000, pauseMs: 50 },
    );
  } finally {
    proxy.kill('SIGKILL');
    await closed;
  }
}

function podOf({ exitCode }: ChildProcess): KubeObject {
  return podWith(exitCode === null ? { running: {} } : { terminated: { exitCode, reason: 'Error' } });
}

function podWith(state: object): KubeObject {
  const status = { phase: 'Running', containerStatuses: [{ name: 'proxy', state }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pillion-trial-1', namespace: ownNamespace }, status };
}
