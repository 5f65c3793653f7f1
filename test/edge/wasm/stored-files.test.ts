// Is a file of the store seen as what it is, and as another one as soon as anybody has touched it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import type { ModuleDigest } from '../../../src/core/wasm/digests.ts';
import { listModules, lookAtModule } from '../../../src/edge/store/list-modules.ts';
import { openStore } from '../../../src/edge/store/open-store.ts';
import { checkModule, removeFile } from '../../../src/edge/store/put-right.ts';
import { type StorePaths, storePaths } from '../../../src/edge/store/store-paths.ts';

const text = 'module';
const digest: ModuleDigest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
const other: ModuleDigest = `sha256:${'0'.repeat(64)}` as const;

async function openHere(context: TestContext): Promise<StorePaths> {
  const root = mkdtempSync(join(tmpdir(), 'pillion-files-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = storePaths(root);
  assert.ok((await openStore(paths)).ok);
  return paths;
}

async function withModule(context: TestContext): Promise<StorePaths> {
  const paths = await openHere(context);
  writeFileSync(paths.module(digest), text, { mode: 0o444 });
  return paths;
}

suite('a file of the store', () => {
  test('is seen with its size and rights, among others that are no modules and go', async (context) => {
    const paths = await withModule(context);
    writeFileSync(join(paths.byDigest, 'README'), text);
    mkdirSync(join(paths.byDigest, `${'1'.repeat(64)}.wasm`, 'deep'), { recursive: true });
    symlinkSync(paths.module(digest), paths.module(other));
    const { modules, strangers } = await listModules(paths);
    assert.equal(strangers, 3);
    const [seen, ...more] = modules.values();
    assert.deepEqual([seen?.digest, seen?.sizeBytes, seen?.hasRights, more], [digest, text.length, true, []]);
    assert.equal((await listModules(paths)).strangers, 0);
    assert.deepEqual(await lookAtModule(paths, digest), seen);
    assert.equal(await lookAtModule(paths, other), undefined);
  });

  test('is another one once its content, its rights, its time or its links have changed', async (context) => {
    const paths = await withModule(context);
    const path = paths.module(digest);
    const printNow = async (): Promise<string | undefined> => (await lookAtModule(paths, digest))?.print;
    const before = await printNow();
    assert.equal(await printNow(), before);
    const { atime, mtime } = lstatSync(path);
    const touches: readonly (() => void)[] = [
      () => linkSync(path, join(paths.tmp, 'link')),
      () => chmodSync(path, 0o644),
      () => {
        writeFileSync(path, 'MODULE');
        utimesSync(path, atime, mtime); // who writes can also set the clock back
      },
    ];
    const prints = new Set([before]);
    for (const touch of touches) {
      touch();
      prints.add(await printNow());
    }
    assert.equal(prints.size, 1 + touches.length);
    const inode = (await lookAtModule(paths, digest))?.inode;
    rmSync(path);
    writeFileSync(join(paths.tmp, 'holds the old number'), '');
    writeFileSync(path, text);
    assert.notEqual((await lookAtModule(paths, digest))?.inode, inode);
  });

  test('is right where it is what its name says, and gets its rights back', async (context) => {
    const paths = await withModule(context);
    const found = await checkModule(paths, digest);
    assert.deepEqual(found, await lookAtModule(paths, digest));
    for (const mode of [0o666, 0o400, 0o4755]) {
      chmodSync(paths.module(digest), mode);
      assert.equal((await lookAtModule(paths, digest))?.hasRights, false);
      const right = await checkModule(paths, digest);
      assert.equal(typeof right === 'object' && right.hasRights, true);
      assert.equal(lstatSync(paths.module(digest)).mode & 0o7777, 0o444);
    }
  });

  test('is taken away where it is anything else, and nothing is wrong where there is none', async (context) => {
    const paths = await openHere(context);
    assert.equal(await checkModule(paths, digest), undefined);
    writeFileSync(paths.module(digest), 'MODULE');
    assert.equal(await checkModule(paths, digest), 'altered');
    assert.ok(!existsSync(paths.module(digest)));
    const elsewhere = join(paths.tmp, 'elsewhere');
    writeFileSync(elsewhere, text);
    await removeFile(elsewhere);
    await removeFile(elsewhere);
    assert.ok(!existsSync(elsewhere));
  });

  test('is not what a link leads to, whatever that holds', async (context) => {
    const paths = await openHere(context);
    for (const content of [text, 'MODULE']) {
      const elsewhere = join(paths.tmp, 'elsewhere');
      writeFileSync(elsewhere, content);
      symlinkSync(elsewhere, paths.module(digest));
      assert.equal(typeof (await checkModule(paths, digest)), 'string');
      assert.throws(() => lstatSync(paths.module(digest)));
      assert.equal(readFileSync(elsewhere, 'utf8'), content);
    }
  });
});
