import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { variables, versions } from '../../kind/choices.ts';
import { publicWay } from '../../kind/public-way.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

test('the commands in the README are those that the demo runs where no variable is set', () => {
  const after = readme.split('<summary>The same by hand</summary>')[1] ?? '';
  const block = /```console\n([\s\S]*?)```/.exec(after)?.[1] ?? '';
  // a command may be broken over lines
  const commands = block
    .replace(/ \\\n\s+/g, ' ')
    .split('\n')
    .flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []));
  assert.deepEqual(commands, publicWay());
});

test('the README names every variable with its default, and every version', () => {
  for (const { name, fallback } of variables) {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row?.includes(fallback), `${name}: ${row}`);
  }
  const known = versions.map(({ kubernetes }) => `\`${kubernetes}\``).join(', ');
  assert.ok(readme.replaceAll('\n', ' ').includes(known), known);
});
