// Answers: do the commands bring a module to a real registry and back, with the credentials that a person has, and do
// they tell signed images from others.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runCommandLine } from '../../src/cli/run.ts';
import { runProgram } from '../program.ts';
import { makeKey, signImage, skipWithoutCosign } from '../wasm/cosign.ts';
import { isOnPath, login, skipWithoutRegistry, startDistribution } from '../wasm/distribution.ts';
import { moduleOf, moduleOfSize, validModule } from '../wasm/module-builder.ts';
import { type Ended, pillion } from './command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'pillion-images-'));
after(() => rmSync(root, { recursive: true }));

let homes = 0;

/** A machine of its own: a home without anything in it. */
function machine(): { readonly home: string; readonly run: (...args: readonly string[]) => Promise<Ended> } {
  homes += 1;
  const home = join(root, `home-${homes}`);
  mkdirSync(home);
  const env = { HOME: home, PATH: `${home}${delimiter}${dirname(process.execPath)}${delimiter}/usr/bin:/bin` };
  return { home, run: (...args) => pillion(['wasm', ...args], { env }) };
}

function written(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

async function wellOf(ended: Promise<Ended>): Promise<string> {
  const { exitCode, stdout, stderr } = await ended;
  assert.equal(exitCode, 0, stdout + stderr);
  return stdout;
}

async function jsonOf(ended: Promise<Ended>): Promise<Record<string, unknown>> {
  return JSON.parse(await wellOf(ended));
}

const module = written('plugin.wasm', validModule('command line'));

test('pack keeps the image, and the same module gives the same digests', async () => {
  const { run } = machine();
  const name = 'registry.example.com/a/b:1';
  const first = await jsonOf(run('pack', module, '-t', name, '-o', 'json'));
  const second = await jsonOf(machine().run('pack', module, '-t', name, '-o', 'json'));
  assert.equal(first['manifestDigest'], second['manifestDigest']);
  assert.equal(first['reference'], `oci://${name}`);
  await run('pack', written('other.wasm', validModule('other')), '-t', 'a');
  const { images } = await jsonOf(run('list', '--local', '-o', 'json'));
  assert.deepEqual(
    (images as { reference: string }[]).map(({ reference }) => reference),
    [name, 'docker.io/library/a:latest'],
  );
  assert.match(await wellOf(run('list', '--local')), /^IMAGE +MANIFEST +MODULE\nregistry\.example\.com\/a\/b:1 /);
});

test('the layout in an archive is that in a directory', async () => {
  const { run } = machine();
  const [directory, archive] = [join(root, 'layout'), join(root, 'layout.tar')];
  await wellOf(run('pack', module, '-t', 'r.example.com/a:1', '--to', directory));
  await wellOf(run('pack', module, '-t', 'r.example.com/a:1', '--to', archive));
  const unpacked = join(root, 'unpacked');
  mkdirSync(unpacked);
  const { code, stderr } = await runProgram('tar', ['-xf', archive, '-C', unpacked]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    readdirSync(unpacked, { recursive: true }).sort(),
    readdirSync(directory, { recursive: true }).sort(),
  );
  assert.deepEqual(readFileSync(join(unpacked, 'index.json')), readFileSync(join(directory, 'index.json')));
});

const skipWithoutCrane =
  skipWithoutRegistry || (!isOnPath('crane') && 'Cannot push a layout: there is no "crane" on the PATH');

test('another tool reads the layout, and pushes what we would push', { skip: skipWithoutCrane }, async (context) => {
  const registry = await startDistribution();
  context.after(registry.stop);
  const { home, run } = machine();
  const [directory, name] = [join(home, 'layout'), `${registry.host}/team/hello:1`];
  const packed = await jsonOf(run('pack', module, '-t', name, '--to', directory, '-o', 'json'));
  const pushed = await runProgram('crane', ['push', directory, name, '--insecure']);
  assert.equal(pushed.code, 0, pushed.stderr);
  const inspected = await jsonOf(run('inspect', name, '--plain-http', '-o', 'json'));
  assert.equal(inspected['manifestDigest'], packed['manifestDigest']);
});

test('inspect and pull take what is behind a URL, packed or not', async (context) => {
  const bytes = readFileSync(module);
  const server = createServer((request, response) => {
    if (request.url === '/plain.wasm') response.end(bytes);
    else if (request.url === '/packed.gz') response.end(gzipSync(bytes));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { home, run } = machine();
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  for (const path of ['plain.wasm', 'packed.gz']) {
    const url = `http://127.0.0.1:${port}/${path}`;
    const inspected = await jsonOf(run('inspect', url, '--plain-http', '-o', 'json'));
    assert.deepEqual([inspected['moduleDigest'], inspected['variant']], [digest, 'http']);
    const file = join(home, path);
    await wellOf(run('pull', url, '--plain-http', '--to', file));
    assert.deepEqual(readFileSync(file), bytes);
  }
  const missing = await run('inspect', `http://127.0.0.1:${port}/none`, '--plain-http');
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /404.*\(NotFound\)/);
  for (const [url, says] of [
    [`http://127.0.0.1:${port}/plain.wasm`, /taken only with --plain-http \(SourceNotAllowed\)/],
    [`http://me:hunter2@127.0.0.1:${port}/plain.wasm`, /it has a user name or a password \(InvalidReference\)/],
  ] as const) {
    const refused = await run('inspect', url, '-o', 'json');
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, says);
    assert.doesNotMatch(refused.stdout + refused.stderr, /hunter2/);
  }
});

test('what is fetched is held against the limits of a cluster, and no broken module becomes a file', async (context) => {
  const large = moduleOfSize(17 * 1024 * 1024);
  const server = createServer((request, response) =>
    response.end(request.url === '/large' ? large : '\0asm\x0d\0\x01\0'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { home, run } = machine();
  const pull = (path: string, ...more: readonly string[]) =>
    run('pull', `http://127.0.0.1:${port}/${path}`, '--plain-http', '--to', join(home, path), ...more);
  const tooLarge = await pull('large');
  assert.equal(tooLarge.exitCode, 4);
  assert.match(tooLarge.stderr, /more than 16777216 bytes \(TooLarge\)\n→ .* --max-module-megabytes/);
  const component = await pull('component');
  assert.equal(component.exitCode, 4);
  assert.match(component.stderr, /\(IsComponent\)/);
  assert.deepEqual(readdirSync(home), []);
  await wellOf(pull('large', '--max-module-megabytes', '17'));
});

suite('with a registry', { skip: skipWithoutRegistry }, () => {
  test('pack, push, inspect and pull give back the same bytes', async (context) => {
    const registry = await startDistribution();
    context.after(registry.stop);
    const { home, run } = machine();
    const name = `${registry.host}/team/hello:1`;
    await wellOf(run('pack', module, '-t', name, '--root-id', 'hello_root'));
    const pushed = await jsonOf(run('push', name, '--plain-http', '-o', 'json'));
    const again = await jsonOf(run('push', module, name, '--root-id', 'hello_root', '--plain-http', '-o', 'json'));
    assert.equal(again['pinned'], pushed['pinned']);
    assert.equal(again['sentBytes'], 0);
    const inspected = await jsonOf(run('inspect', name, '--plain-http', '-o', 'json'));
    for (const digest of ['manifestDigest', 'layerDigest', 'moduleDigest'])
      assert.equal(inspected[digest], pushed[digest], digest);
    assert.deepEqual([inspected['variant'], inspected['rootIds']], ['compat-oci', ['hello_root']]);
    const file = join(home, 'pulled.wasm');
    await wellOf(run('pull', String(pushed['pinned']), '--plain-http', '--to', file));
    assert.deepEqual(readFileSync(file), readFileSync(module));
    assert.match(await wellOf(run('inspect', name, '--plain-http')), /✓ A module that proxies take\n$/);
  });

  test('what is not there, and a registry that is spoken to in the wrong way, end in words of the command line', async (context) => {
    const registry = await startDistribution();
    context.after(registry.stop);
    const { run } = machine();
    const missing = await run('inspect', `${registry.host}/team/none:1`, '--plain-http');
    assert.equal(missing.exitCode, 2);
    assert.match(missing.stderr, /^Cannot read .*404.*\(NotFound\)\n→ Push it, or mend the reference\.\n$/);
    const secure = await run('push', module, `${registry.host}/team/a:1`);
    assert.equal(secure.exitCode, 2);
    assert.match(secure.stderr, /needs --plain-http \(RegistryUnreachable\)\n→ Check the host/);
  });

  test('a module that no proxy takes is shown, and refused with 4', async (context) => {
    const registry = await startDistribution();
    context.after(registry.stop);
    const bad = written('bad.wasm', moduleOf({ imports: ['env.no_such_thing'] }));
    const { exitCode, stderr } = await machine().run('push', bad, `${registry.host}/a:1`, '--plain-http');
    assert.equal(exitCode, 4);
    assert.match(stderr, /no_such_thing.*\(ImportUnknown\)\n→ /);
  });

  test('a registry that wants a login gets that of docker, of a helper, or none', async (context) => {
    const registry = await startDistribution({ auth: true });
    context.after(registry.stop);
    const name = `${registry.host}/team/hello:1`;
    const { home, run } = machine();
    const config = (value: unknown): void => {
      mkdirSync(join(home, '.docker'), { recursive: true });
      writeFileSync(join(home, '.docker/config.json'), JSON.stringify(value));
    };
    const push = () => run('push', module, name, '--plain-http');
    const without = await push();
    assert.equal(without.exitCode, 2);
    assert.match(without.stderr, /\(Unauthorized\)\n→ Log in with "docker login"/);

    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    config({ auths: { [registry.host]: { auth } } });
    await wellOf(push());

    const helper = (name: string, body: string): void => {
      writeFileSync(join(home, `docker-credential-${name}`), `#!/bin/sh\nread server\n${body}\n`);
      chmodSync(join(home, `docker-credential-${name}`), 0o755);
    };
    const kept = JSON.stringify({ Username: login.username, Secret: login.password });
    helper('mine', `[ "$1 $server" = "get ${registry.host}" ] && echo '${kept}'`);
    config({ auths: { [registry.host]: {} }, credsStore: 'mine' });
    await wellOf(push());
    config({ credsStore: 'other', credHelpers: { [registry.host]: 'mine' } });
    await wellOf(push());

    helper('empty', 'echo "credentials not found in native keychain"; exit 1');
    config({ auths: { [registry.host]: { auth } }, credsStore: 'empty' });
    await wellOf(push());

    helper('locked', `echo "the keychain is locked"; echo '${kept}'; exit 1`);
    config({ credsStore: 'locked' });
    const locked = await push();
    assert.equal(locked.exitCode, 2);
    assert.match(locked.stderr, /from docker-credential-locked: the keychain is locked; .*\(Unauthorized\)/);
    assert.ok(!locked.stderr.includes(login.password));

    config({ credsStore: 'none' });
    assert.match((await push()).stderr, /docker-credential-none: there is no such program on the PATH/);
    config({ credsStore: '../mine' });
    assert.match((await push()).stderr, /helper "\.\.\/mine": it is no name/);
  });

  test('on a terminal a bar shows the way, goes at the end, and is never in the output', async (context) => {
    const registry = await startDistribution();
    context.after(registry.stop);
    const name = `${registry.host}/team/hello:1`;
    const onTerminal = async (...args: readonly string[]): Promise<Ended> => {
      const text = { stdout: '', stderr: '' };
      const output = (kind: keyof typeof text) => ({
        write: (piece: string): void => {
          text[kind] += piece;
        },
        isTTY: true,
        columns: 100,
      });
      const exitCode = await runCommandLine(['wasm', ...args], {
        stdin: (async function* (): AsyncGenerator<string> {})(),
        stdout: output('stdout'),
        stderr: output('stderr'),
        env: { NO_COLOR: '1' },
        roles: { serve: async () => 0, control: async () => 0, agent: async () => 0 },
      });
      return { exitCode, ...text };
    };
    const pushed = await onTerminal('push', module, name, '--plain-http');
    assert.match(pushed.stderr, /Pushing .*█+ +100 %/);
    assert.ok(pushed.stderr.endsWith('\r\u001b[K'));
    assert.match(pushed.stdout, /^Pushed /);
    const pulled = await onTerminal('pull', name, '--plain-http', '--to', join(root, 'bar.wasm'));
    assert.match(pulled.stderr, /Pulling .*█+ +100 %/);
    const json = await onTerminal('inspect', name, '--plain-http', '-o', 'json');
    assert.equal(json.stderr, '');
  });
});

suite('with cosign', { skip: skipWithoutCosign }, () => {
  test('verify ends with 0 for the right key and with 4 for any other, for both forms', async (context) => {
    const registry = await startDistribution();
    context.after(registry.stop);
    const { home, run } = machine();
    const [right, wrong] = [await makeKey(home, 'right'), await makeKey(home, 'wrong')];
    const publicOf = ({ file }: { readonly file: string }): string => file.replace(/\.key$/, '.pub');
    for (const version of [2, 3] as const) {
      const name = `${registry.host}/team/v${version}:1`;
      const pushed = await jsonOf(run('push', module, name, '--plain-http', '-o', 'json'));
      const bare = await run('verify', name, '--key', publicOf(right), '--plain-http');
      assert.equal(bare.exitCode, 4);
      assert.match(bare.stderr, /\(SignatureMissing\)\n→ /);
      await signImage(version, right, String(pushed['pinned']).replace('oci://', ''));
      const signed = await jsonOf(run('verify', name, '--key', publicOf(right), '--plain-http', '-o', 'json'));
      assert.deepEqual(signed['signedBy'], [{ key: 'right', form: version === 2 ? 'tag' : 'bundle' }]);
      assert.match(await wellOf(run('verify', name, '--key', publicOf(right), '--plain-http')), /Signed by +right/);
      const other = await run('verify', name, '--key', publicOf(wrong), '--plain-http', '-o', 'json');
      assert.equal(other.exitCode, 4);
      assert.equal(JSON.parse(other.stdout).refused.reason, 'KeyUnknown');
      const both = ['--key', publicOf(right), '--key', publicOf(wrong)];
      assert.equal((await run('verify', name, ...both, '--plain-http')).exitCode, 0);
      assert.equal((await run('verify', name, ...both, '--threshold', '2', '--plain-http')).exitCode, 4);
      assert.match(await wellOf(run('inspect', name, '--key', publicOf(right), '--plain-http')), /✓ Signed by a key/);
      assert.equal((await run('inspect', name, '--key', publicOf(wrong), '--plain-http')).exitCode, 4);
    }
    const gone = await run('verify', `${registry.host}/team/none:1`, '--key', publicOf(right), '--plain-http');
    assert.equal(gone.exitCode, 2);
  });
});
