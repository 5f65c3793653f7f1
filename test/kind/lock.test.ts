import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { alone } from '../../kind/lock.ts';

suite('one run at a time works on a cluster', () => {
  test('one is refused while another process is at it, with the number of that process; other clusters are free', async (t) => {
    const folder = temporary(t);
    writeFileSync(join(folder, 'demo.lock'), String(process.ppid));
    const second = alone('demo', async () => assert.fail('it ran'), folder);
    await assert.rejects(second, new RegExp(`Cannot work on the cluster "demo": process ${process.ppid} does`));
    assert.equal(readFileSync(join(folder, 'demo.lock'), 'utf8'), String(process.ppid), 'its lock stays');
    assert.equal(await alone('other', async () => 7, folder), 7);
  });

  test('while it works its lock is there, with its number', async (t) => {
    const folder = temporary(t);
    const held = () => readFileSync(join(folder, 'demo.lock'), 'utf8');
    assert.equal(await alone('demo', async () => held(), folder), String(process.pid));
  });

  test('the lock of a run that was killed is taken over', async (t) => {
    const folder = temporary(t);
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(join(folder, 'demo.lock'), String(pid));
    assert.equal(await alone('demo', async () => 7, folder), 7);
    assert.ok(!existsSync(join(folder, 'demo.lock')));
  });

  test('work that fails leaves no lock behind', async (t) => {
    const folder = temporary(t);
    await assert.rejects(
      alone('demo', () => Promise.reject(new Error('no')), folder),
      /no/,
    );
    assert.ok(!existsSync(join(folder, 'demo.lock')));
  });
});

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
