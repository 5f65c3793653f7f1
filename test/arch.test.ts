// Answers: does the code keep to its own shape: who may import whom, what the core may not touch, how large a file may
// be, no cycles. Every message ends with the way out, and the last tests plant violations to see them found.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Text of every source file, by its path below src. */
type Tree = ReadonlyMap<string, string>;

interface Import {
  readonly to: string;
  readonly isTypeOnly: boolean;
  readonly isDynamic: boolean;
}

/** A file may import its own area and every area of smaller rank. The first that fits a path is its area. */
const areas: readonly (readonly [prefix: string, rank: number])[] = [
  ['core/model', 0],
  ['core/merge', 1],
  ['core/proxy-config', 1],
  ['core/configuration', 2],
  ['core/cluster', 2.5],
  ['core/wasm', 2.6],
  ['core/certificates', 2.7],
  ['core/settings', 2],
  ['core/decide', 3],
  ['core/render', 3],
  ['core/finish', 3],
  ['core/install', 3],
  ['core/doctor', 4.5], // asks the one road
  ['core', 4],
  ['edge', 5],
  ['cli', 6],
  ['roles', 6],
  ['', 7], // main.ts
];

const coreMayLoad: ReadonlySet<string> = new Set(['zod', 'yaml', 'node:crypto']);
const impure =
  /\b(Date\.now|new Date\(\s*\)|performance\.|Math\.random|randomUUID|randomBytes|process\.|setTimeout|setInterval|setImmediate|fetch\(|console\.|async\b|await\b|Promise\b)/;
const drawers = /(^|\/)(utils?|helpers?|common|misc|types|index)\.ts$/;
const mostLines = 400;
/** Tables: one line for each entry, read from top to bottom, so that their length is no burden. */
const tables: ReadonlySet<string> = new Set(['core/settings/catalogue.ts']);

function areaOf(file: string): readonly [prefix: string, rank: number] {
  return areas.find(([prefix]) => prefix === '' || file.startsWith(`${prefix}/`)) ?? ['', 7];
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function importsOf(text: string): readonly Import[] {
  const code = withoutComments(text);
  const stated = code.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\bfrom\s+)?['"]([^'"]+)['"]/g);
  const dynamic = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [
    ...[...stated].map(([, type, to = '']) => ({ to, isTypeOnly: type !== undefined, isDynamic: false })),
    ...[...dynamic].map(([, to = '']) => ({ to, isTypeOnly: false, isDynamic: true })),
  ];
}

function targetOf(file: string, { to }: Import): string {
  return posix.normalize(posix.join(posix.dirname(file), to));
}

/** The rule that one import breaks; undefined where it breaks none. */
function brokenImport(file: string, one: Import): string | undefined {
  const [area, rank] = areaOf(file);
  const isCore = area.startsWith('core');
  if (!one.to.startsWith('.')) {
    if (!isCore || one.isTypeOnly || coreMayLoad.has(one.to)) return undefined;
    return `src/${file}: the core may not load "${one.to}"; do it in edge/ and pass the value in Facts`;
  }
  const [other, otherRank] = areaOf(targetOf(file, one));
  if (file === 'main.ts' && !one.isTypeOnly && !one.isDynamic) {
    return `src/main.ts: imports "${one.to}" at once; import it when it is asked for: await import(…)`;
  }
  if (other === area || otherRank < rank || targetOf(file, one).startsWith('../')) return undefined;
  return `src/${file}: ${area || 'main'} may not import ${other || 'main'}; move what both need below both, or pass it as a value`;
}

function brokenFile(file: string, text: string): readonly string[] {
  const lines = text.trimEnd().split('\n').length;
  const word = file.startsWith('core/') ? impure.exec(withoutComments(text))?.[0] : undefined;
  return [
    ...(lines > mostLines && !tables.has(file) ? [`src/${file}: has ${lines} lines; split it by question`] : []),
    ...(drawers.test(file) ? [`src/${file}: a name for anything; name the file by the question that it answers`] : []),
    ...(text.startsWith('// Answers: ')
      ? []
      : [`src/${file}: does not say what it answers; start it with "// Answers: …"`]),
    ...(word === undefined
      ? []
      : [
          `src/${file}: the core reads the world or waits ("${word}"); decide it in edge/ or roles/ and pass the value in Facts`,
        ]),
    ...importsOf(text).flatMap((one) => brokenImport(file, one) ?? []),
  ];
}

/** Files that reach themselves over imports of the same area; imports of types count, they bind as well. */
function cycles(tree: Tree): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, road: readonly string[]): void => {
    const start = road.indexOf(file);
    if (start >= 0) found.push([...road.slice(start), file].map((one) => `src/${one}`).join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const one of importsOf(tree.get(file) ?? '')) {
      if (one.to.startsWith('.') && !one.isDynamic) visit(targetOf(file, one), [...road, file]);
    }
    done.add(file);
  };
  for (const file of tree.keys()) visit(file, []);
  return found.map((road) => `${road}: a cycle; move what both need into a file of its own`);
}

function violations(tree: Tree): readonly string[] {
  return [...[...tree].flatMap(([file, text]) => brokenFile(file, text)), ...cycles(tree)];
}

function readTree(): Tree {
  const root = fileURLToPath(new URL('../src/', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return new Map(files.sort().map((file) => [file.replaceAll('\\', '/'), readFileSync(root + file, 'utf8')]));
}

test('the source keeps to its own shape', () => {
  const tree = readTree();
  assert.ok(tree.has('core/admit.ts'), 'the source is found');
  assert.deepEqual(violations(tree), []);
});

const planted: readonly (readonly [what: string, file: string, text: string, message: RegExp])[] = [
  [
    'an import upwards',
    'core/model/a.ts',
    "import { b } from '../settings/b.ts';",
    /core\/model may not import core\/settings/,
  ],
  [
    'an import over several lines',
    'core/render/a.ts',
    "import {\n  b,\n} from '../finish/b.ts';",
    /core\/render may not import core\/finish/,
  ],
  ['an import of a type upwards', 'edge/a.ts', "import type { B } from '../roles/b.ts';", /edge may not import roles/],
  ['an export from above', 'core/merge/a.ts', "export { b } from '../admit.ts';", /core\/merge may not import core/],
  ['a dynamic import sideways', 'cli/a.ts', "const b = await import('../roles/b.ts');", /cli may not import roles/],
  ['a package in the core', 'core/a.ts', "import express from 'express';", /the core may not load "express"/],
  ['a file in the core', 'core/a.ts', "import { readFileSync } from 'node:fs';", /may not load "node:fs"/],
  ['the clock in the core', 'core/a.ts', 'const now = Date.now();', /reads the world or waits \("Date.now"\)/],
  ['waiting in the core', 'core/a.ts', 'export async function a() {}', /reads the world or waits/],
  ['an eager import in main', 'main.ts', "import { run } from './cli/run.ts';", /imports "\.\/cli\/run\.ts" at once/],
  ['a drawer', 'cli/utils.ts', '', /a name for anything/],
  ['a long file', 'cli/a.ts', 'x;\n'.repeat(401), /has 402 lines/],
];

for (const [what, file, text, message] of planted) {
  test(`the check of the shape finds ${what}`, () => {
    const found = violations(new Map([[file, `// Answers: nothing.\n${text}`]]));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', message);
    assert.match(found[0] ?? '', /; \S+/, 'the message ends with the way out');
  });
}

test('the check of the shape finds a cycle and a file without its question', () => {
  const tree = new Map([
    ['cli/a.ts', "// Answers: a.\nimport { b } from './b.ts';"],
    ['cli/b.ts', "// Answers: b.\nimport { c } from './c.ts';"],
    ['cli/c.ts', "import { a } from './a.ts';"],
  ]);
  assert.deepEqual(violations(tree), [
    'src/cli/c.ts: does not say what it answers; start it with "// Answers: …"',
    'src/cli/a.ts → src/cli/b.ts → src/cli/c.ts → src/cli/a.ts: a cycle; move what both need into a file of its own',
  ]);
});

test('the check of the shape allows what it should', () => {
  const text = [
    '// Answers: what is allowed. process.exit and fetch( may stand in comments',
    "import { parse } from 'yaml';",
    "import type { V1Pod } from '@kubernetes/client-node';",
    "import { createHash } from 'node:crypto';",
    "import type { Pod } from '../model/pod.ts';",
    "const url = 'https://kubernetes.io';",
  ].join('\n');
  assert.deepEqual(violations(new Map([['core/settings/a.ts', text]])), []);
});
