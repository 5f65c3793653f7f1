import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { variables, versions } from '../../kind/choices.ts';
import { publicArchiveWay, publicWay } from '../../kind/public-way.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/kind.md'), 'utf8');

/** What is typed in each block of the section; a command may be broken over lines. */
function commandsBelow(heading: string): readonly (readonly string[])[] {
  const section = page.split(`${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block
      .replace(/ \\\n\s+/g, ' ')
      .split('\n')
      .flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : [])),
  );
}

test('the commands in docs/kind.md are those that the demo runs where no variable is set', () => {
  assert.deepEqual(commandsBelow('## The same by hand'), [publicWay(), publicArchiveWay()]);
});

test('docs/kind.md names every variable with its default, and every version', () => {
  for (const { name, fallback } of variables) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row?.includes(fallback), `${name}: ${row}`);
  }
  const known = versions.map(({ kubernetes }) => `\`${kubernetes}\``).join(', ');
  assert.ok(page.replaceAll('\n', ' ').includes(known), known);
});
