// Answers: do the files of a trial come as they are, and only to whoever knows where they are.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { trialFilesName } from '../../../src/cli/trial-files.ts';
import { fetchFiles } from '../../../src/edge/fetched-files.ts';
import { offerFiles } from '../../../src/edge/offered-files.ts';
import { freePorts } from '../../free-ports.ts';
import { runProgram } from '../../program.ts';

const bytes = Buffer.from('module');
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
const path = 'modules/sha256/module.wasm';

function directoryFor(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-files-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function offer(context: TestContext, port = 0): Promise<number> {
  const offered = await offerFiles(new Map([[`/token/${digest.slice(7)}`, bytes]]), { host: '127.0.0.1', port });
  assert.ok(offered.ok);
  context.after(() => offered.value.close());
  return offered.value.port;
}

const plan = { mostBytes: 1_000, patienceMs: 60_000, files: [{ path, digest }] };

suite('the files of a trial', () => {
  test('come under their path, read-only', async (context) => {
    const directory = directoryFor(context);
    const from = `http://127.0.0.1:${await offer(context)}/token`;
    assert.deepEqual(await fetchFiles({ ...plan, from, directory }), { ok: true, value: undefined });
    assert.deepEqual(readFileSync(join(directory, path)), bytes);
    assert.equal(statSync(join(directory, path)).mode & 0o777, 0o444);
    assert.deepEqual(readdirSync(join(directory, 'modules/sha256')), ['module.wasm']);
  });

  test('are not to be had without the token, nor by another method', async (context) => {
    const port = await offer(context);
    const name = digest.slice(7);
    for (const [method, url] of [
      ['GET', `/${name}`],
      ['GET', '/'],
      ['GET', `/other/${name}`],
      ['POST', `/token/${name}`],
    ]) {
      assert.equal((await fetch(`http://127.0.0.1:${port}${url}`, { method: method ?? '' })).status, 404);
    }
  });

  test('are waited for while nobody answers yet', async (context) => {
    const directory = directoryFor(context);
    const [port = 0] = await freePorts(1);
    const getting = fetchFiles({ ...plan, from: `http://127.0.0.1:${port}/token`, directory });
    await offer(context, port);
    assert.deepEqual(await getting, { ok: true, value: undefined });
  });

  test('that are altered or too large are refused, and nothing of them stays', async (context) => {
    const cases = [
      { answer: Buffer.from('other'), words: /another digest/ },
      { answer: Buffer.alloc(2_000), words: /larger than 1000 bytes/ },
    ];
    for (const { answer, words } of cases) {
      const directory = directoryFor(context);
      const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
      context.after(() => server.close().closeAllConnections());
      await new Promise((resolve) => server.once('listening', resolve));
      const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
      const done = await fetchFiles({ ...plan, from, directory });
      assert.ok(!done.ok);
      assert.match(done.error, words);
      assert.doesNotMatch(done.error, /token/);
      assert.deepEqual(readdirSync(join(directory, 'modules/sha256')), []);
    }
  });

  test('are got by the command that a trial pod runs, which no help tells of', async (context) => {
    const directory = directoryFor(context);
    const from = `http://127.0.0.1:${await offer(context)}/token`;
    const args = [`--from=${from}`, `--directory=${directory}`, `--file=${path}=${digest}`];
    const done = await runProgram(process.execPath, ['src/main.ts', trialFilesName, ...args]);
    assert.deepEqual(done, { code: 0, stdout: '', stderr: '' });
    assert.ok(existsSync(join(directory, path)));
    const help = await runProgram(process.execPath, ['src/main.ts', '--help']);
    assert.doesNotMatch(help.stdout, new RegExp(trialFilesName));
  });
});
