// Does a store hold nothing but whole modules, whatever happens to its files.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import type { ModuleDigest } from '../../../src/core/wasm/digests.ts';
import { setGates } from '../../../src/edge/store/gates.ts';
import { hashModule } from '../../../src/edge/store/hash-module.ts';
import { emptyTmp, openStore } from '../../../src/edge/store/open-store.ts';
import { readLastUse, writeLastUse } from '../../../src/edge/store/state-file.ts';
import { isPathSafe, type StorePaths, storePaths } from '../../../src/edge/store/store-paths.ts';
import { beginModule } from '../../../src/edge/store/write-module.ts';
import { createStoreLook } from '../../../src/roles/agent-store.ts';

interface Store {
  readonly paths: StorePaths;
  put(text: string): Promise<ModuleDigest>;
  /** Digests that are whole, and what was found since the last look. */
  look(): Promise<{ readonly whole: readonly ModuleDigest[]; readonly found: readonly string[] }>;
}

async function openHere(context: TestContext): Promise<Store> {
  const root = mkdtempSync(join(tmpdir(), 'pillion-store-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = storePaths(root);
  assert.ok((await openStore(paths)).ok);
  let found: string[] = [];
  const store = createStoreLook({ paths, found: (fault) => found.push(fault), rehashMs: 3_600_000 });
  return {
    paths,
    put: async (text) => {
      const digest = digestOf(text);
      const file = await beginModule(paths, digest);
      assert.ok(file.ok);
      await file.value.write(Buffer.from(text));
      assert.ok((await file.value.commit()).ok);
      return digest;
    },
    look: async () => {
      const whole = [...(await store.look()).keys()];
      const now = found;
      found = [];
      return { whole, found: now };
    },
  };
}

function digestOf(text: string): ModuleDigest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
}

suite('a module that is written', () => {
  test('has its name, for everybody to read, and leaves nothing else behind', async (context) => {
    const { paths, put } = await openHere(context);
    const digest = await put('module');
    assert.equal(readFileSync(paths.module(digest), 'utf8'), 'module');
    assert.equal(lstatSync(paths.module(digest)).mode & 0o7777, 0o444);
    assert.deepEqual(readdirSync(paths.tmp), []);
    assert.equal(paths.module(digest), join(paths.root, `modules/sha256/${digest.slice(7)}.wasm`));
  });

  test('is not there before all of it is, and can be read by nobody', async (context) => {
    const { paths } = await openHere(context);
    const digest = digestOf('module');
    const file = await beginModule(paths, digest);
    assert.ok(file.ok);
    await file.value.write(Buffer.from('mod'));
    assert.deepEqual(readdirSync(paths.byDigest), []);
    const [name = ''] = readdirSync(paths.tmp);
    assert.equal(lstatSync(join(paths.tmp, name)).mode & 0o7777, 0o600);
    await file.value.write(Buffer.from('ule'));
    assert.ok((await file.value.commit()).ok);
    assert.equal(await hashModule(paths.module(digest)), digest);
  });

  test('is thrown away where its bytes are others', async (context) => {
    const { paths } = await openHere(context);
    const file = await beginModule(paths, digestOf('module'));
    assert.ok(file.ok);
    await file.value.write(Buffer.from('other'));
    const done = await file.value.commit();
    assert.equal(done.ok ? undefined : done.error.reason, 'DigestMismatch');
    assert.deepEqual([readdirSync(paths.byDigest), readdirSync(paths.tmp)], [[], []]);
  });

  test('is thrown away where it is given up', async (context) => {
    const { paths } = await openHere(context);
    const file = await beginModule(paths, digestOf('module'));
    assert.ok(file.ok);
    await file.value.write(Buffer.from('mod'));
    await file.value.discard();
    assert.deepEqual([readdirSync(paths.byDigest), readdirSync(paths.tmp)], [[], []]);
  });
});

suite('a look at the store finds', () => {
  test('what a process that was killed left behind, and takes it away', async (context) => {
    const { paths } = await openHere(context);
    writeFileSync(join(paths.tmp, 'half'), 'mod');
    assert.ok((await emptyTmp(paths)).ok);
    assert.deepEqual(readdirSync(paths.tmp), []);
  });

  test('nothing wrong where nobody has touched anything', async (context) => {
    const { put, look } = await openHere(context);
    const digest = await put('module');
    assert.deepEqual(await look(), { whole: [digest], found: [] });
    assert.deepEqual(await look(), { whole: [digest], found: [] });
  });

  const faults: Readonly<Record<string, readonly [(path: string) => void, string]>> = {
    'a file that is gone': [(path) => unlinkSync(path), 'missing'],
    'other bytes': [(path) => rewrite(path, 'eludom'), 'altered'],
    'fewer bytes': [(path) => cut(path), 'altered'],
    'a link in its place, even to the same bytes': [(path) => linkInstead(path), 'stranger'],
    'a directory in its place': [(path) => directoryInstead(path), 'stranger'],
  };
  for (const [what, [harm, fault]] of Object.entries(faults)) {
    test(what, async (context) => {
      const { paths, put, look } = await openHere(context);
      const digest = await put('module');
      await look();
      harm(paths.module(digest));
      const { whole, found } = await look();
      assert.deepEqual(whole, []);
      assert.ok(found.includes(fault), found.join());
      assert.deepEqual(readdirSync(paths.byDigest), [], 'it is gone, so that it is fetched again');
      assert.deepEqual((await look()).found, [], 'it is told once');
    });
  }

  test('other bytes also where size and time of the file are as before', async (context) => {
    const { paths, put, look } = await openHere(context);
    const digest = await put('module');
    await look();
    const { mtime, atime } = lstatSync(paths.module(digest));
    rewrite(paths.module(digest), 'eludom', { mtime, atime });
    assert.deepEqual((await look()).found, ['altered']);
  });

  test('rights that somebody changed, and sets them again', async (context) => {
    const { paths, put, look } = await openHere(context);
    const digest = await put('module');
    await look();
    chmodSync(paths.module(digest), 0o600);
    assert.deepEqual(await look(), { whole: [digest], found: [] });
    assert.equal(lstatSync(paths.module(digest)).mode & 0o7777, 0o444);
  });

  test('files of others, and takes them away', async (context) => {
    const { paths, put, look } = await openHere(context);
    const digest = await put('module');
    for (const name of ['README', `${'a'.repeat(63)}.wasm`, `${'A'.repeat(64)}.wasm`]) {
      writeFileSync(join(paths.byDigest, name), 'x');
    }
    symlinkSync('/etc/passwd', join(paths.byDigest, `${'b'.repeat(64)}.wasm`));
    const { whole, found } = await look();
    assert.deepEqual([whole, found], [[digest], ['stranger', 'stranger', 'stranger', 'stranger']]);
    assert.equal(readdirSync(paths.byDigest).length, 1);
    assert.ok(existsSync('/etc/passwd'));
  });

  test('the whole store gone, and makes it again', async (context) => {
    const { paths, put, look } = await openHere(context);
    await put('module');
    await look();
    rmSync(paths.root, { recursive: true });
    assert.deepEqual(await look(), { whole: [], found: ['missing'] });
    assert.ok(existsSync(paths.tmp));
  });
});

function rewrite(path: string, text: string, times?: { readonly mtime: Date; readonly atime: Date }): void {
  chmodSync(path, 0o644);
  writeFileSync(path, text);
  chmodSync(path, 0o444);
  if (times !== undefined) utimesSync(path, times.atime, times.mtime);
}

function cut(path: string): void {
  chmodSync(path, 0o644);
  truncateSync(path, 3);
}

function linkInstead(path: string): void {
  const copy = join(path, '../../../tmp/copy');
  writeFileSync(copy, 'module');
  unlinkSync(path);
  symlinkSync(copy, path);
}

function directoryInstead(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
}

suite('gates', () => {
  const [first, second] = ['1a2b3c4d-0000-4000-8000-000000000001', '5e6f7a8b-0000-4000-8000-000000000002'];
  const [firstName, secondName] = ['shop/hello_1a2b3c4d.wasm', 'shop/hello_5e6f7a8b.wasm'];
  const none = { opened: [], closed: [], left: [] };
  const gate = { namespace: 'shop', name: 'hello', uid: first };
  const isFile = (path: string): boolean => lstatSync(path).isFile();

  test('are one more name of the module, and empty files once their extension is gone', async (context) => {
    const { paths, put } = await openHere(context);
    const digest = await put('module');
    const path = paths.gate('shop', 'hello', first);
    assert.deepEqual(await setGates(paths, [{ ...gate, digest }]), { ...none, opened: [firstName] });
    assert.equal(path, join(paths.extensions, firstName));
    assert.equal(lstatSync(path).ino, lstatSync(paths.module(digest)).ino);
    assert.deepEqual(await setGates(paths, [{ ...gate, digest }]), none, 'a second time nothing is done');
    assert.deepEqual(await setGates(paths, []), { ...none, left: [firstName] });
    assert.ok(isFile(path));
    assert.deepEqual([lstatSync(path).size, lstatSync(path).mode & 0o7777], [0, 0o444]);
    assert.equal(lstatSync(paths.module(digest)).nlink, 1, 'it holds no space');
    assert.deepEqual(await setGates(paths, []), none, 'it stays for ever');
    assert.deepEqual(readdirSync(paths.tmp), []);
  });

  test('of extensions that are gone stay up to a number in each namespace, the latest of them', async (context) => {
    const { paths } = await openHere(context);
    const uids = ['00000001', '00000002', '00000003'];
    for (const [number, uid] of uids.entries()) {
      const at = [20, 10, 30][number] ?? 0;
      await setGates(paths, [{ ...gate, uid, digest: undefined }]);
      await setGates(paths, []);
      utimesSync(paths.gate('shop', 'hello', uid), at, at);
    }
    const elsewhere = paths.gate('bank', 'hello', first);
    await setGates(paths, [{ ...gate, namespace: 'bank', digest: undefined }]);
    await setGates(paths, [{ ...gate, digest: undefined }], 2);
    assert.deepEqual(
      uids.map((uid) => existsSync(paths.gate('shop', 'hello', uid))),
      [true, false, true],
    );
    assert.ok(isFile(elsewhere), 'another namespace has a number of its own');
    assert.ok(existsSync(paths.gate('shop', 'hello', first)), 'what is wanted does not count');
  });

  test('of an extension that was made anew are closed until it runs, and that of the one before stays', async (context) => {
    const { paths, put } = await openHere(context);
    const digest = await put('module');
    await setGates(paths, [{ ...gate, digest }]);
    const anew = { ...gate, uid: second };
    const changes = await setGates(paths, [{ ...anew, digest: undefined }]);
    assert.deepEqual(changes, { opened: [], closed: [secondName], left: [firstName] });
    assert.ok(isFile(paths.gate('shop', 'hello', first)));
    assert.ok(!isFile(paths.gate('shop', 'hello', second)));
    assert.deepEqual(await setGates(paths, [{ ...anew, digest }]), { ...none, opened: [secondName] });
    assert.equal(readFileSync(paths.gate('shop', 'hello', second), 'utf8'), 'module');
  });

  test('that are closed let every pod go once their extension is gone, also those that were open before', async (context) => {
    const { paths, put } = await openHere(context);
    const path = paths.gate('shop', 'hello', first);
    const closed = { ...gate, digest: undefined };
    assert.deepEqual(await setGates(paths, [closed]), { ...none, closed: [firstName] });
    await setGates(paths, [{ ...gate, digest: await put('module') }]);
    assert.deepEqual(await setGates(paths, [closed]), { ...none, closed: [firstName] });
    assert.deepEqual(await setGates(paths, [closed]), none);
    assert.ok(!isFile(path));
    assert.deepEqual(await setGates(paths, []), { ...none, left: [firstName] });
    assert.ok(isFile(path));
  });

  test('are moved to another module in one step', async (context) => {
    const { paths, put } = await openHere(context);
    const [one, two] = [await put('one'), await put('two')];
    await setGates(paths, [{ ...gate, digest: one }]);
    assert.deepEqual(await setGates(paths, [{ ...gate, digest: two }]), { ...none, opened: [firstName] });
    assert.equal(readFileSync(paths.gate('shop', 'hello', first), 'utf8'), 'two');
    assert.equal(readFileSync(paths.module(one), 'utf8'), 'one');
  });

  test('are made again over what somebody put into their place', async (context) => {
    const { paths, put } = await openHere(context);
    const [path, gone] = [paths.gate('shop', 'hello', first), paths.gate('shop', 'gone', second)];
    for (const made of [path, join(gone, 'by-a-runtime')]) mkdirSync(made, { recursive: true });
    symlinkSync('/etc', join(paths.extensions, 'other'));
    symlinkSync('/etc/passwd', paths.gate('shop', 'linked', second));
    writeFileSync(join(paths.extensions, 'shop/README'), 'x');
    await setGates(paths, [{ ...gate, digest: await put('module') }]);
    assert.ok(isFile(path) && isFile(gone));
    assert.deepEqual(readdirSync(paths.extensions), ['shop']);
    assert.deepEqual(readdirSync(join(paths.extensions, 'shop')).sort(), [
      'gone_5e6f7a8b.wasm',
      'hello_1a2b3c4d.wasm',
      'linked_5e6f7a8b.wasm',
    ]);
    assert.equal(lstatSync(paths.gate('shop', 'linked', second)).size, 0);
    assert.notEqual(readFileSync('/etc/passwd', 'utf8'), '');
  });

  test('get no name that is a path or too long for one', async (context) => {
    const { paths, put } = await openHere(context);
    const digest = await put('module');
    const uid = '../../modules';
    const longest = 'a'.repeat(253);
    const changes = await setGates(paths, [
      { namespace: '..', name: 'modules', uid: '', digest },
      { namespace: 'a/b', name: 'c', uid: '', digest },
      { namespace: 'shop', name: 'hello', uid, digest },
      { namespace: 'shop', name: longest, uid: first, digest },
    ]);
    const opened = ['shop/hello.wasm', `shop/${longest.slice(0, 240)}_1a2b3c4d.wasm`];
    assert.deepEqual(changes, { ...none, opened });
    assert.ok(isPathSafe('shop', 'hello.v1') && !isPathSafe('shop', '.') && !isPathSafe('shop', ''));
  });
});

test('what is remembered of uses can be lost, broken or of another form', async (context) => {
  const { paths, put } = await openHere(context);
  const digest = await put('module');
  assert.deepEqual(await readLastUse(paths), new Map());
  await writeLastUse(paths, new Map([[digest, 86_400_000]]));
  assert.deepEqual(await readLastUse(paths), new Map([[digest, 86_400_000]]));
  for (const text of ['{"lastUse": {"sha256:1": "x", "../a": "2026-01-01"}}', '[]', '{']) {
    writeFileSync(paths.state, text);
    assert.deepEqual(await readLastUse(paths), new Map());
  }
});
