// The image as its files describe it; test/e2e/alone runs it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { demoImages, fullName } from '../../kind/images.ts';
import { nodeFlags } from '../../scripts/server-process.ts';
import { workloadObjects } from '../../src/core/install/workloads.ts';

const root = join(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

/** The words of an instruction in exec form. */
function instruction(name: string): string {
  return new RegExp(`^${name} (.*)$`, 'm').exec(dockerfile)?.[1] ?? '';
}

suite('the image', () => {
  test('Node gets the flags of the server that people start, that is tested and measured', () => {
    assert.deepEqual(JSON.parse(instruction('ENTRYPOINT')), ['node', ...nodeFlags, '/pillion/pillion.mjs']);
  });

  test('it runs as a user with a number, so that a kubelet can tell that it is not root', () => {
    assert.match(instruction('USER'), /^[1-9]\d*:[1-9]\d*$/);
  });

  test('nothing in it needs a shell', () => {
    const withShell = dockerfile.split('\n').filter((line) => /^(RUN|CMD|ENTRYPOINT|HEALTHCHECK) (?!\[)/.test(line));
    assert.deepEqual(withShell, []);
  });

  test('the installation starts it by its entry point, and gives the role as the first word', () => {
    const text = JSON.stringify(workloadObjects({ image: 'pillion:test', version: '0.0.0' }));
    assert.ok(!text.includes('"command"'));
    assert.match(text, /"args":\["serve"/);
    assert.match(text, /"args":\["control"\]/);
  });

  test('the demos run images that are brought into the nodes, and no others', () => {
    const files = readdirSync(join(root, 'kind/demo'), { recursive: true, encoding: 'utf8' });
    const texts = files
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => readFileSync(join(root, 'kind/demo', file), 'utf8'));
    const used = texts.flatMap((text) => [...text.matchAll(/\bimage: (\S+)/g)].map(([, image]) => image));
    assert.deepEqual([...new Set(used)].sort(), Object.values(demoImages).sort());
  });

  test('images are looked for in a node by the names that containerd gives them', () => {
    assert.equal(fullName('pillion:0.1.0'), 'docker.io/library/pillion:0.1.0');
    assert.equal(fullName('istio/pilot:1.30.4'), 'docker.io/istio/pilot:1.30.4');
    assert.equal(fullName('registry.example.com/pillion:0.1.0'), 'registry.example.com/pillion:0.1.0');
    assert.equal(fullName('localhost:5000/pillion:0.1.0'), 'localhost:5000/pillion:0.1.0');
  });
});
