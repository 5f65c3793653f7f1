// Answers: how does the command line speak to somebody who does not know it, or mistypes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { kubeErrorLine } from '../../src/cli/cluster-options.ts';
import type { ServeOptions } from '../../src/cli/roles.ts';
import { commandTable } from '../../src/cli/run.ts';
import { settingsOptions } from '../../src/cli/settings-options.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { pillion, pillionProcess, repository } from './command-line.ts';
import { podYaml } from './manifests.ts';

const mistakes: readonly (readonly [string, RegExp])[] = [
  ['injct', /unknown command 'injct' \(Did you mean inject\?\)/],
  ['inject --natve true', /unknown option '--natve' \(Did you mean --native\?\)/],
  ['inject --native maybe', /auto, true, false/],
  ['inject -o xml', /yaml, json, patch, review, table/],
  ['inject pod.yaml', /files are named with -f/],
  ['inject -f', /argument missing/],
  ['completion', /missing required argument 'shell'/],
  ['completion tcsh', /bash, zsh, fish/],
  ['serve', /either --tls-cert and --tls-key, or --self-signed/],
  ['serve --tls-cert a', /only one of --tls-cert and --tls-key/],
  ['serve --self-signed a --tls-cert a --tls-key b', /either --tls-cert and --tls-key, or --self-signed/],
  ['serve --self-signed a --drain-delay 5', /--drain-delay "5": it is no duration/],
  ['serve --self-signed a --drain-delay 600h', /--drain-delay "600h": 24h is the longest/],
  ['serve --self-signed a --from-cluster --values v.yaml', /--values with --from-cluster: .*leave one of them out/],
  ['serve --self-signed a --from-cluster --set a=b', /--set with --from-cluster/],
  ['serve --self-signed a --from-cluster --namespace-object n.yaml', /--namespace-object with --from-cluster/],
  ['serve --self-signed a --kubeconfig k', /--kubeconfig: no cluster is asked; add --from-cluster/],
  ['inject --context c', /--context: no cluster is asked; add --from-cluster/],
  ['inject --from-cluster --kubeconfig /nowhere', /kubeconfig.*\/nowhere/],
  ['why pod.yaml', /pod\.yaml.*files are named with -f, pods of a cluster as "pod NAME"/],
  ['why pod', /its name is missing; write "pillion why pod NAME"/],
  ['why pod web -f pod.yaml', /a pod of the cluster and a file at once/],
  ['why pod web --kubeconfig /nowhere', /kubeconfig.*\/nowhere/],
];

for (const [line, message] of mistakes) {
  test(`"pillion ${line}" ends with 2 and one line`, async () => {
    const { exitCode, stdout, stderr } = await pillion(line.split(' '));
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.match(stderr, /^Cannot [^\n]*\n$/);
  });
}

test('--version names the version of the package', async () => {
  const { exitCode, stdout } = await pillion(['--version']);
  assert.equal(exitCode, 0);
  assert.equal(stdout, `pillion ${manifest.version}\n`);
});

for (const args of [[], ['--help'], ['help']]) {
  test(`"pillion ${args.join(' ')}" lists every command`, async () => {
    const { exitCode, stdout } = await pillion(args);
    assert.equal(exitCode, 0);
    for (const { name } of commandTable) assert.match(stdout, new RegExp(`^  ${name.split(' ')[0]}\\b`, 'm'));
  });
}

for (const { name, options } of commandTable) {
  test(`the help of ${name} names each of its options`, async () => {
    const { exitCode, stdout } = await pillion([...name.split(' '), '--help']);
    assert.equal(exitCode, 0);
    for (const option of options) assert.ok(stdout.includes(`--${option.name}`), option.name);
  });
}

test('inject, why and serve take the same settings', () => {
  for (const command of ['inject', 'why', 'serve']) {
    const options = commandTable.find(({ name }) => name === command)?.options ?? [];
    for (const row of settingsOptions) assert.ok(options.includes(row), `${command} ${row.name}`);
  }
});

test('serve hands its options on, with what holds where they are absent', async () => {
  let given: ServeOptions | undefined;
  const serve = (options: ServeOptions): void => {
    given = options;
  };
  await pillion(
    [
      'serve',
      '--self-signed',
      'certificates',
      '--drain-delay',
      '500ms',
      '--values',
      'v.yaml',
      '--set',
      'a=b',
      '--set',
      'c=d',
    ],
    { serve },
  );
  assert.deepEqual(given, {
    listen: ':15017',
    managementListen: ':15014',
    selfSigned: 'certificates',
    drainDelayMs: 500,
    logLevel: 'info',
    sources: { values: 'v.yaml', set: ['a=b', 'c=d'] },
  });
});

test('serve hands on which cluster it follows, with the options that are stronger', async () => {
  let given: ServeOptions | undefined;
  const serve = (options: ServeOptions): void => {
    given = options;
  };
  const line = 'serve --self-signed a --from-cluster --kubeconfig k --context c --native false --revision canary';
  await pillion(line.split(' '), { serve });
  assert.deepEqual(given?.cluster, { kubeconfig: 'k', context: 'c' });
  assert.deepEqual(given?.sources, { native: 'false', revision: 'canary' });
});

test('standard input that is a terminal is not waited for', async () => {
  const { runCommandLine } = await import('../../src/cli/run.ts');
  let message = '';
  const stdin = Object.assign((async function* (): AsyncGenerator<string> {})(), { isTTY: true });
  const stderr = {
    write: (text: string): void => {
      message += text;
    },
  };
  const exitCode = await runCommandLine(['inject'], {
    stdin,
    stdout: { write: () => undefined },
    stderr,
    env: {},
    roles: { serve: async () => 0, control: async () => 0, agent: async () => 0 },
  });
  assert.equal(exitCode, 2);
  assert.match(message, /^Cannot read standard input: it is a terminal; name a file with -f/);
});

test('a reader that has seen enough is no error', async () => {
  const many = Array(300).fill(podYaml).join('---\n');
  const child = spawn(process.execPath, [join(repository, 'src/main.ts'), 'inject'], { stdio: 'pipe' });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  child.stdin.on('error', () => undefined).end(many);
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(stderr, '');
  assert.equal(code, 0);
});

test('inject loads neither the client of the API server nor a web server', async () => {
  const hook = `data:text/javascript,${encodeURIComponent(
    "import { registerHooks } from 'node:module'; registerHooks({ load: (url, context, next) => { if (/node_modules.(@kubernetes|express|pino|selfsigned)/.test(url)) process.stderr.write('loaded ' + url); return next(url, context); } });",
  )}`;
  const child = spawn(process.execPath, ['--import', hook, join(repository, 'src/main.ts'), 'inject', '-o', 'table'], {
    stdio: 'pipe',
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdout.resume();
  child.stdin.end(podYaml);
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(stderr, '');
  assert.equal(code, 0);
});

test('the process takes its arguments and its exit code from there', async () => {
  const { exitCode, stderr } = await pillionProcess(['injct']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /Did you mean inject/);
});

test('what the API server refuses is one line with a remedy: for a namespace that ends it is to wait', () => {
  const ending =
    'serviceaccounts "a" is forbidden: unable to create new content in namespace b because it is being terminated';
  assert.equal(
    kubeErrorLine(new KubeError('forbidden', ending, 403)),
    `Cannot ask the API server: ${ending}; run it again once that is gone`,
  );
  assert.match(kubeErrorLine(new KubeError('forbidden', 'no', 403)), /; use credentials that may/);
});
