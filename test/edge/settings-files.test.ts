import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { problemLine } from '../../src/core/model/problem.ts';
import { largestFileBytes, loadFacts, type SettingsSources } from '../../src/edge/settings-files.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pillion-settings-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function lines(sources: SettingsSources): Promise<readonly string[]> {
  const read = await loadFacts(sources);
  return read.ok ? [] : read.error.map((problem) => problemLine(problem).replaceAll(`${folder}/`, ''));
}

describe('loadFacts()', () => {
  test('without files the defaults hold', async () => {
    const read = await loadFacts({});
    assert.equal(read.ok && read.value.values.global.proxy.statusPort, '15020');
  });

  test('YAML and JSON files are read', async () => {
    const read = await loadFacts({
      values: await file('values.json', '{"global": {"hub": "example.com"}}'),
      overrides: await file('overrides.yaml', 'global:\n  tag: 1.30.0\n'),
      mesh: await file('mesh.yaml', 'defaultConfig:\n  concurrency: 0\n'),
      config: await file('config.yaml', 'policy: disabled\n'),
      templates: await file('templates.yaml', 'mine:\n  metadata: {labels: {a: b}}\n'),
      set: ['global.network=n1'],
      native: 'true',
      namespace: { name: 'shop', labels: {} },
    });
    if (!read.ok) assert.fail(read.error.map(problemLine).join('\n'));
    const { values, mesh, injector, customTemplates, native, namespaces } = read.value;
    assert.deepEqual([values.global.hub, values.global.tag, values.global.network], ['example.com', '1.30.0', 'n1']);
    assert.deepEqual([mesh.defaultConfig.concurrency, injector.policy, native.mode], [0, 'disabled', 'true']);
    assert.deepEqual(customTemplates.get('mine'), { metadata: { labels: { a: 'b' } } });
    assert.deepEqual(namespaces.get('shop'), { labels: {}, annotations: {} });
  });

  test('an empty file is an empty document', async () => {
    const empty = await file('empty.yaml', '');
    assert.deepEqual(
      await lines({ values: empty, overrides: empty, mesh: empty, templates: empty, config: empty }),
      [],
    );
  });

  test('every file that cannot be read is told at once, with the reason', async () => {
    const found = await lines({
      values: join(folder, 'missing.json'),
      mesh: folder,
      config: await file('broken.yaml', 'policy: enabled\naliases: {a: [b\n'),
      overrides: await file('two.yaml', 'a: 1\n---\nb: 2\n'),
      templates: await file('bytes.yaml', Uint8Array.of(0x61, 0xff)),
    });
    assert.deepEqual(
      found.map((line) => line.replace(folder, 'folder').replace(/JSON: .*( \(line)/, 'JSON: …$1')),
      [
        'missing.json: Cannot read the file of --values: there is no such file; check the path',
        'two.yaml: Cannot read the file of --overrides: it is neither YAML nor JSON: it holds more than one document',
        'broken.yaml: Cannot read the file of --config: it is neither YAML nor JSON: … (line 3, column 1)',
        'folder: Cannot read the file of --mesh: it is a directory; name a file in it',
        'bytes.yaml: Cannot read the file of --templates: it is no UTF-8 text',
      ],
    );
  });

  test('a file of the largest size is read, a larger one is refused', async () => {
    const content = `# ${'x'.repeat(largestFileBytes - 3)}\n`;
    assert.deepEqual(await lines({ mesh: await file('large.yaml', content) }), []);
    assert.deepEqual(await lines({ mesh: await file('larger.yaml', `${content}\n`) }), [
      'larger.yaml: Cannot read the file of --mesh: it is larger than 4 MiB',
    ]);
  });

  test('a problem in a file names the file and the place in it', async () => {
    const values = await file('values.yaml', 'global: {proxy: {statusPort: http}}\n');
    assert.deepEqual(await lines({ values }), [
      'values.yaml: global.proxy.statusPort: Cannot read "http": must be a whole number from 0 to 65535',
    ]);
  });
});

const conformance = process.env['PILLION_CONFORMANCE'] ?? resolve(import.meta.dirname, '../../../shared/conformance');
const settings = join(conformance, 'settings');
const skip = existsSync(settings)
  ? false
  : `no conformance data at ${conformance}; name its folder with PILLION_CONFORMANCE`;

describe("the settings of Istio's own test table load", () => {
  if (skip !== false) test('every values and mesh file', { skip });
  for (const name of skip === false ? readdirSync(settings) : []) {
    test(name, async () => {
      // One of them defines its templates in Go, which an overlay has to replace.
      const templates = await file('replaced.yaml', 'custom: {metadata: {annotations: {foo: bar}}}\n');
      const path = join(settings, name);
      assert.deepEqual(await lines({ [name.startsWith('mesh') ? 'mesh' : 'values']: path, templates }), []);
    });
  }
});
