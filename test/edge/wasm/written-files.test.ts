// Does a module get its final name only once its bytes are on the disk, and is nothing left where the disk does not take them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { openStore } from '../../../src/edge/store/open-store.ts';
import { putInPlace } from '../../../src/edge/store/put-in-place.ts';
import { writeLastUse } from '../../../src/edge/store/state-file.ts';
import { type StorePaths, storePaths } from '../../../src/edge/store/store-paths.ts';
import { beginModule, type ModuleFile } from '../../../src/edge/store/write-module.ts';

const text = 'the bytes of a module';
const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;

interface Begun {
  readonly paths: StorePaths;
  readonly file: ModuleFile;
  /** Of every open file, whose methods can be replaced. */
  readonly handles: FileHandle;
}

async function begin(context: TestContext): Promise<Begun> {
  const root = mkdtempSync(join(tmpdir(), 'pillion-store-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = storePaths(root);
  assert.ok((await openStore(paths)).ok);
  const handle = await open(root);
  await handle.close();
  const file = await beginModule(paths, digest);
  assert.ok(file.ok);
  return { paths, file: file.value, handles: Object.getPrototypeOf(handle) };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'any' });
}

/** What is seen of the store at one moment. */
function namesIn({ byDigest, tmp }: StorePaths): readonly [modules: number, written: number] {
  return [readdirSync(byDigest).length, readdirSync(tmp).length];
}

/** Of the files below the directory; none where the system does not tell. */
function openFiles({ root }: StorePaths): readonly string[] {
  const own = '/proc/self/fd';
  const all = existsSync(own) ? readdirSync(own) : [];
  return all.flatMap((number) => {
    try {
      const path = readlinkSync(join(own, number));
      return path.startsWith(root) ? [path] : [];
    } catch {
      return []; // that by which they were listed
    }
  });
}

suite('a module that is written', () => {
  test('is synced, for everybody to read, before it has its name, and the name after it', async (context) => {
    const { paths, file, handles } = await begin(context);
    const seen: unknown[] = [];
    const { sync } = handles;
    context.mock.method(handles, 'sync', async function (this: FileHandle) {
      const stat = await this.stat();
      seen.push(stat.isFile() ? [stat.size, stat.mode & 0o7777] : 'directory', namesIn(paths));
      return sync.call(this);
    });
    await file.write(Buffer.from(text.slice(0, 5)));
    await file.write(Buffer.from(text.slice(5)));
    assert.deepEqual(await file.commit(), { ok: true, value: { sizeBytes: text.length } });
    assert.deepEqual(seen, [[text.length, 0o444], [0, 1], 'directory', [1, 0]]);
    assert.deepEqual(openFiles(paths), []);
  });

  test('has all of its bytes, however few the disk takes at once', async (context) => {
    const { paths, file, handles } = await begin(context);
    const { write } = handles as { write: (...args: unknown[]) => Promise<unknown> };
    context.mock.method(handles, 'write', function (this: FileHandle, bytes: Uint8Array, at: number, length: number) {
      return write.call(this, bytes, at, Math.min(length, 3));
    });
    await file.write(Buffer.from(text));
    assert.deepEqual(await file.commit(), { ok: true, value: { sizeBytes: text.length } });
    assert.equal(readFileSync(paths.module(digest), 'utf8'), text);
  });

  test('is refused for good once the disk did not take a part of it', async (context) => {
    const { paths, file, handles } = await begin(context);
    const full = context.mock.method(handles, 'write', async () => {
      throw systemError('ENOSPC');
    });
    await assert.rejects(async () => file.write(Buffer.from('lost')), { code: 'ENOSPC' });
    full.mock.restore();
    await file.write(Buffer.from(text));
    assert.equal(file.fault()?.reason, 'DiskFull');
    const done = await file.commit();
    assert.equal(done.ok ? undefined : done.error.reason, 'DiskFull');
    assert.deepEqual(namesIn(paths), [0, 0]);
  });

  for (const [code, reason] of [
    ['ENOSPC', 'DiskFull'],
    ['EIO', 'StoreBroken'],
  ] as const) {
    test(`has no name and leaves no open file where the disk says ${code} in the end`, async (context) => {
      const { paths, file, handles } = await begin(context);
      context.mock.method(handles, 'sync', async () => {
        throw systemError(code);
      });
      await file.write(Buffer.from(text));
      const done = await file.commit();
      assert.equal(done.ok ? undefined : done.error.reason, reason);
      assert.deepEqual(namesIn(paths), [0, 0]);
      assert.deepEqual(openFiles(paths), []);
    });
  }

  test('says what is in the way where it cannot be begun', async (context) => {
    const { paths } = await begin(context);
    rmSync(paths.tmp, { recursive: true });
    const file = await beginModule(paths, digest);
    assert.equal(file.ok ? undefined : file.error.reason, 'StoreBroken');
    assert.match(file.ok ? '' : file.error.message, new RegExp(`^Cannot write module ${digest.slice(7, 19)}: ENOENT$`));
  });
});

suite('what cannot be put in its place', () => {
  test('leaves nothing behind, and what stands there as it is', async (context) => {
    const { paths, file } = await begin(context);
    await file.discard();
    mkdirSync(join(paths.state, 'in-the-way'), { recursive: true });
    await assert.rejects(writeLastUse(paths, new Map([[digest, 0]])), { syscall: 'rename' });
    const half = putInPlace(paths, join(paths.root, 'other'), async (between) => {
      writeFileSync(between, 'half');
      throw systemError('ENOSPC');
    });
    await assert.rejects(half, { code: 'ENOSPC' });
    assert.deepEqual(namesIn(paths), [0, 0]);
    assert.ok(existsSync(join(paths.state, 'in-the-way')) && !existsSync(join(paths.root, 'other')));
  });
});
