// Answers: do the completion scripts complete. bash is run; of zsh and fish, which the machine need not have, the text
// is looked at, and run where the shell is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { commandTable } from '../../src/cli/run.ts';
import { pillion, temporaryFiles } from './command-line.ts';

const file = temporaryFiles();

async function script(shell: string): Promise<string> {
  const { exitCode, stdout } = await pillion(['completion', shell]);
  assert.equal(exitCode, 0);
  return stdout;
}

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

/** What bash offers at the end of the line. */
async function offered(line: string): Promise<readonly string[]> {
  const path = file('pillion.bash', await script('bash'));
  // the words as readline cuts them: `=` is a word of its own
  const words = line.split(' ').flatMap((word) => word.split(/(?==)|(?<==)/));
  const run =
    'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pillion; printf "%s\\n" "${COMPREPLY[@]}"; complete -p pillion >&2';
  const { status, stdout, stderr } = spawnSync('bash', ['-c', run, 'bash', path, ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /-F _pillion pillion/);
  return stdout.split('\n').filter(Boolean);
}

const lines: readonly (readonly [string, readonly string[]])[] = [
  ['pillion inj', ['inject']],
  ['pillion comp', ['completion']],
  ['pillion inject --nat', ['--native', '--native-minimum-kubelet']],
  ['pillion why --namespace-', ['--namespace-labels', '--namespace-object']],
  ['pillion inject --native ', ['auto', 'true', 'false']],
  ['pillion inject --native=f', ['false']],
  ['pillion inject --native=', ['auto', 'true', 'false']],
  ['pillion inject -f x.yaml -o ta', ['table']],
  ['pillion completion z', ['zsh']],
  ['pillion inject --revision ', []],
  ['pillion --ver', ['--version']],
  ['pillion was', ['wasm']],
  ['pillion wasm in', ['init', 'inspect']],
  ['pillion wasm init --la', ['--language']],
  ['pillion wasm init --language r', ['rust']],
  ['pillion wasm deploy is', ['istio']],
  ['pillion wasm deploy istio x --patch-context out', ['outbound']],
];

for (const [line, expected] of lines) {
  test(`bash completes "${line}"`, async () => assert.deepEqual(await offered(line), expected));
}

test('bash completes files where an option takes one', async () => {
  const path = file('some manifest.yaml', '');
  assert.deepEqual(await offered(`pillion inject -f ${path.slice(0, -'some manifest.yaml'.length)}some`), [path]);
});

for (const shell of ['zsh', 'fish']) {
  test(`the script of ${shell} knows every command and option`, async () => {
    const text = await script(shell);
    for (const { name, options } of commandTable) {
      for (const word of name.split(' ')) assert.ok(text.includes(word), name);
      for (const option of options) assert.ok(text.includes(option.name), option.name);
    }
  });

  test(`${shell} can read its script`, { skip: has(shell) ? false : `${shell} is not installed` }, async () => {
    const { status, stderr } = spawnSync(shell, ['-n', file(`pillion.${shell}`, await script(shell))], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });
}
