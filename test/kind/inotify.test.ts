import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inotifyNotice } from '../../kind/inotify.ts';

test('a limit that is low for several clusters is told of, with the remedy; one that is not, or not there, is not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-inotify-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'max_user_instances');
  writeFileSync(file, '128\n');
  assert.match(inotifyNotice(file) ?? '', /^! .* is 128: .* run "sudo sysctl fs\.inotify\.max_user_instances=512 /);
  writeFileSync(file, '512\n');
  assert.equal(inotifyNotice(file), undefined);
  assert.equal(inotifyNotice(join(folder, 'nothing')), undefined);
});
