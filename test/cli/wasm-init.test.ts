// Answers: does `pillion wasm init` leave a project that can be worked on: from a checkout, from the bundle, and asked for
// on a terminal.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { build } from 'esbuild';
import { bundleOptions } from '../../scripts/build.ts';
import { runCommandLine } from '../../src/cli/run.ts';
import { languages } from '../../src/core/wasm/languages.ts';
import { runProgram } from '../program.ts';
import { pillion, repository } from './command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'pillion-init-'));
after(() => rmSync(root, { recursive: true }));

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(directory.length + 1))
    .sort();
}

const wanted = {
  assemblyscript: ['README.md', 'asconfig.json', 'assembly/index.ts', 'package-lock.json', 'test/my-filter.test.js'],
  rust: ['.cargo/config.toml', 'Cargo.toml', 'README.md', 'src/lib.rs'],
  go: ['README.md', 'abi.go', 'go.mod', 'main.go', 'settings_test.go'],
} as const;

for (const [language, files] of Object.entries(wanted)) {
  test(`a project in ${language} has its sources and its tests, under its own name`, async () => {
    const directory = join(root, language, 'My_Filter');
    const { exitCode, stdout, stderr } = await pillion(['wasm', 'init', directory, '--language', language]);
    assert.equal(exitCode, 0, stderr);
    const made = filesOf(directory);
    for (const file of files) assert.ok(made.includes(file), `${file} of ${made}`);
    assert.ok(!made.some((file) => /node_modules|^build|^target/.test(file)), 'nothing that was built');
    const texts = made.map((file) => readFileSync(join(directory, file), 'utf8'));
    assert.ok(!texts.some((text) => text.includes('add-header')), 'the name of the template is gone');
    assert.match(stdout, /Build +\S/);
    assert.match(stdout, /pillion wasm push .* registry\.example\.com\/my-filter:1/);
  });
}

test('tinygo and other names mean a language that there is', async () => {
  const { stdout } = await pillion(['wasm', 'init', join(root, 't'), '--language', 'TinyGo', '-o', 'json']);
  assert.equal(JSON.parse(stdout).language, 'go');
});

test('a directory that holds anything is left alone', async () => {
  const directory = mkdtempSync(join(root, 'full-'));
  writeFileSync(join(directory, 'a'), '');
  const { exitCode, stderr } = await pillion(['wasm', 'init', directory, '--language', 'go']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /^Cannot begin a project in .*: it is not empty; name another directory\n$/);
  assert.deepEqual(filesOf(directory), ['a']);
});

/** Runs as on a terminal; the answers come in the pieces that they are given in. */
async function asked(args: readonly string[], answers: readonly string[]): Promise<{ exitCode: number; text: string }> {
  let text = '';
  const stream = async function* (): AsyncGenerator<string> {
    yield* answers;
  };
  const write = (piece: string): void => {
    text += piece;
  };
  const output = { write, isTTY: true, columns: 100 };
  const exitCode = await runCommandLine(args, {
    stdin: Object.assign(stream(), { isTTY: true }),
    stdout: output,
    stderr: output,
    env: {},
    roles: { serve: async () => 0, control: async () => 0, agent: async () => 0 },
  });
  return { exitCode, text };
}

test('on a terminal it asks for what is not said', async () => {
  const directory = join(root, 'asked');
  const { exitCode, text } = await asked(['wasm', 'init'], [`${directory}\n`, '2\n']);
  assert.equal(exitCode, 0, text);
  assert.ok(existsSync(join(directory, 'Cargo.toml')));
  for (const { title } of Object.values(languages)) assert.match(text, new RegExp(`\\) ${title}`));
});

test('it asks again where an answer is none, takes names, and several answers at once', async () => {
  const directory = join(root, 'again');
  const { exitCode, text } = await asked(['wasm', 'init', directory], ['7\nc++\ngo\n']);
  assert.equal(exitCode, 0, text);
  assert.match(text, /its SDK needs Bazel/);
  // a path with a host: Go keeps some bare words for itself, "go" among them
  assert.match(readFileSync(join(directory, 'go.mod'), 'utf8'), /^module example\.com\/again$/m);
});

test('Enter takes the first, and an end of the input is no answer', async () => {
  const directory = join(root, 'first');
  assert.equal((await asked(['wasm', 'init', directory], ['\n'])).exitCode, 0);
  assert.ok(existsSync(join(directory, 'asconfig.json')));
  const ended = await asked(['wasm', 'init', join(root, 'none')], []);
  assert.equal(ended.exitCode, 2);
  assert.match(ended.text, /Cannot go on: nobody answers/);
});

test('the program in one file has the projects in it', async () => {
  const outfile = join(root, 'pillion.mjs');
  await build({ ...bundleOptions, outfile, logLevel: 'silent' });
  for (const language of Object.keys(wanted)) {
    const [bundled, checkout] = [join(root, 'bundled', language), join(root, 'checkout', language)];
    const { code, stderr } = await runProgram(process.execPath, [
      outfile,
      'wasm',
      'init',
      bundled,
      '--language',
      language,
    ]);
    assert.equal(code, 0, stderr);
    await pillion(['wasm', 'init', checkout, '--language', language]);
    assert.deepEqual(filesOf(bundled), filesOf(checkout));
    for (const file of filesOf(bundled))
      assert.equal(readFileSync(join(bundled, file), 'utf8'), readFileSync(join(checkout, file), 'utf8'), file);
  }
});

test('every folder of the table is there', () => {
  for (const { folder } of Object.values(languages)) assert.ok(existsSync(join(repository, folder)), folder);
});
