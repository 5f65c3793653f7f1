// The image, and what it takes: its size, how soon a fresh process answers, and that it does without rights and a shell.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1PodSpec } from '@kubernetes/client-node';
import { median } from '../../../bench/quantiles.ts';
import { CommandError, run } from '../../../kind/run.ts';
import { sendReview, startServer } from '../../../scripts/server-process.ts';
import { componentSelector } from '../../../src/core/cluster/labels.ts';
import { ownNamespace } from '../../../src/core/cluster/names.ts';
import { resources } from '../../../src/core/cluster/resources.ts';
import { sharedCluster } from '../cluster.ts';
import { installedImage } from '../installation.ts';

const cluster = sharedCluster();
const root = join(import.meta.dirname, '../../..');
const hasDocker = (await run('docker', ['version']).catch(() => undefined)) !== undefined;
const withDocker = { skip: hasDocker ? false : 'docker does not answer' };
const onDebianPaths = {
  skip: hasDocker && process.arch === 'x64' ? false : 'the paths of its libraries are those of x64',
};

/** Pairs of starts, ours and that of Node alone: both meet the machine as it is. */
const pairs = 9;
const mostTimes = 6;

suite('the image', () => {
  test('the bundle has less than 10 MB', () => {
    assert.ok(statSync(join(root, 'dist/pillion.mjs')).size < 10_000_000);
  });

  test(
    `it answers at most ${mostTimes} times as long after its start as Node alone, without rights, on a root that cannot be written`,
    withDocker,
    async (t) => {
      const folder = await certificateFolder(t);
      const image = await installedImage(cluster);
      const [ours, bare]: [number[], number[]] = [[], []];
      for (let at = 0; at < pairs; at += 1) {
        ours.push(await firstAnswerMs(image, folder));
        bare.push(await firstAnswerMs(image, folder, bareServer));
      }
      const [took, least] = [ours, bare].map(median) as [number, number];
      t.diagnostic(
        `first answer after ${ours.map(Math.round).join(', ')} ms; ${bare.map(Math.round).join(', ')} of Node`,
      );
      const text = `medians ${Math.round(took)} and ${Math.round(least)} ms, ${(took / least).toFixed(2)} times`;
      t.diagnostic(text);
      assert.ok(took <= mostTimes * least, text);
    },
  );

  test('a base without a shell, with Node in /nodejs/bin, does as well', onDebianPaths, async (t) => {
    const image = await buildWithoutShell(t);
    const folder = await certificateFolder(t);
    assert.ok((await firstAnswerMs(image, folder)) > 0);
    await assert.rejects(run('docker', ['run', '--rm', '--entrypoint', 'sh', image, '-c', 'true']), CommandError);
  });

  test('the webhooks of the cluster run without root, on a root that cannot be written', async () => {
    const place = { namespace: ownNamespace, labelSelector: componentSelector('webhook') };
    const { items } = await cluster.kube.list(resources.pods, place);
    assert.equal(items.length, 2);
    for (const { spec } of items) {
      const { securityContext, containers } = spec as V1PodSpec;
      assert.equal(securityContext?.runAsNonRoot, true);
      for (const one of containers) assert.equal(one.securityContext?.readOnlyRootFilesystem, true, one.name);
    }
  });
});

/** A certificate as the webhook of a cluster gets it: made by somebody else. */
async function certificateFolder(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-image-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = await startServer();
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) {
    writeFileSync(join(folder, name), readFileSync(join(server.directory, name)), { mode: 0o444 });
  }
  chmodSync(folder, 0o755);
  await server.stop();
  return folder;
}

const request = {
  uid: 'first',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  operation: 'CREATE',
  namespace: 'default',
  object: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'first' },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  },
};
const review = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
const patienceMs = 30_000;
/** Asking takes time from the server, which has to start. */
const pauseMs = 5;

interface Program {
  /** Options of docker. */
  readonly options: readonly string[];
  readonly args: readonly string[];
}

const pillion: Program = {
  options: [],
  args: [
    'serve',
    '--listen=127.0.0.1:15917',
    '--management-listen=127.0.0.1:15914',
    '--drain-delay=0s',
    '--tls-cert=/certificate/tls.crt',
    '--tls-key=/certificate/tls.key',
  ],
};

/** The least that answers over TLS. */
const bareScript = `
  const { readFileSync } = require('node:fs');
  const [cert, key] = ['crt', 'key'].map((name) => readFileSync('/certificate/tls.' + name));
  require('node:https').createServer({ cert, key }, (_, answer) => answer.end('"patch"')).listen(15917, '127.0.0.1');`;
const bareServer: Program = { options: ['--entrypoint=node'], args: ['-e', bareScript] };

/** From when docker says that the process was started to an answer with a patch. */
async function firstAnswerMs(image: string, folder: string, { options, args }: Program = pillion): Promise<number> {
  const bounds = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--network=host'];
  const mount = `--volume=${folder}:/certificate:ro`;
  const id = (await run('docker', ['create', ...bounds, mount, ...options, image, ...args])).trim();
  try {
    const [, answeredAt] = await Promise.all([run('docker', ['start', id]), firstAnswerAt(folder)]);
    const startedAt = await run('docker', ['inspect', '--format', '{{.State.StartedAt}}', id]);
    return answeredAt - Date.parse(startedAt.trim());
  } catch (error) {
    throw new Error(`${error}\n${await run('docker', ['logs', id])}`, { cause: error });
  } finally {
    await run('docker', ['rm', '--force', id]);
  }
}

async function firstAnswerAt(folder: string): Promise<number> {
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await sendReview({ address: '127.0.0.1:15917', ca }, review).catch(() => undefined);
    if (answer?.status === 200 && answer.text.includes('"patch"')) return Date.now();
    if (Date.now() > deadline) throw new Error('Cannot get an answer: nobody listens');
    await sleep(pauseMs);
  }
}

/** The base has the libraries of Debian that Node asks for, and Node: no shell, no user, nothing else. */
async function buildWithoutShell(t: TestContext): Promise<string> {
  const [base, image] = ['pillion-test-base:without-shell', 'pillion-test:without-shell'];
  const context = mkdtempSync(join(tmpdir(), 'pillion-base-'));
  t.after(async () => {
    rmSync(context, { recursive: true });
    await run('docker', ['image', 'rm', '--force', image, base]);
  });
  const node = [
    'FROM node:24-bookworm-slim AS node',
    'FROM scratch',
    'COPY --from=node /usr/local/bin/node /nodejs/bin/node',
  ];
  const libraries = ['/lib64/', '/lib/x86_64-linux-gnu/', '/usr/lib/x86_64-linux-gnu/'];
  const copies = libraries.map((folder) => `COPY --from=node ${folder} ${folder}`);
  writeFileSync(join(context, 'Dockerfile'), [...node, ...copies, ''].join('\n'));
  await run('docker', ['build', '--tag', base, context]);
  await run('docker', ['build', '--build-arg', `BASE_IMAGE=${base}`, '--tag', image, root]);
  return image;
}
