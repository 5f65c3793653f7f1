// Answers: do the documents say what the code does. Generated pages are compared with the tables they are made from;
// written ones have to name what exists.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generatedPages } from '../scripts/docs-pages.ts';
import { nodeFlags } from '../scripts/server-process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

suite('generated pages', () => {
  for (const [name, text] of Object.entries(generatedPages())) {
    test(`docs/${name} is what the code says; "make docs" writes it anew`, () => {
      const file = join(root, 'docs', name);
      assert.ok(existsSync(file), `docs/${name} is missing; run "make docs"`);
      assert.equal(readFileSync(file, 'utf8'), text);
    });
  }
});

const pages = [
  ...['README.md', 'CHANGES.md', 'test/e2e/README.md'].filter((file) => existsSync(join(root, file))),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

suite('links', () => {
  for (const page of pages) {
    test(`${page} links to files that exist`, () => {
      const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
      const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)|<img[^>]* src="([^"]+)"/g)].map(
        ([, link, image]) => link ?? image ?? '',
      );
      const missing = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(page), link)));
      assert.deepEqual(missing, []);
    });
  }
});

test('every target that the pages name is in the Makefile, and every target there says what it does', () => {
  const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
  const documented = new Set([...makefile.matchAll(/^([a-z0-9-]+):.*## \S/gm)].map(([, target]) => target));
  const phony = /^\.PHONY: (.*)$/m.exec(makefile)?.[1]?.split(' ') ?? [];
  assert.deepEqual(
    phony.filter((target) => !documented.has(target)),
    [],
  );
  for (const page of pages) {
    const named = [...readFileSync(join(root, page), 'utf8').matchAll(/(?:`|^\$ |")make ([a-z0-9-]+)/gm)].map(
      ([, target]) => target,
    );
    assert.deepEqual(
      named.filter((target) => !documented.has(target)),
      [],
      page,
    );
  }
});

test('a server that is measured and tested runs with the flags of the one that people start', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(scripts.pillion, `node ${nodeFlags.join(' ')} --import ./scripts/check-node.mjs src/main.ts`);
});
