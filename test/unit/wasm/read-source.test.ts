// Answers: does a reference mean to us what it means to docker and to a WasmPlugin.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  pinnedText,
  readDigest,
  readImageReference,
  readSource,
  referenceText,
} from '../../../src/core/wasm/image/read-source.ts';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}` as const;

type Row = readonly [text: string, registry: string, repository: string, tag?: string | undefined, digest?: string];

const references: readonly Row[] = [
  ['oci://registry.example.com/team/filter:1.2', 'registry.example.com', 'team/filter', '1.2'],
  ['registry.example.com/team/filter', 'registry.example.com', 'team/filter'],
  ['registry:5000/x:1', 'registry:5000', 'x', '1'],
  ['registry:5000/a/b/c', 'registry:5000', 'a/b/c'],
  ['localhost/x', 'localhost', 'x'],
  ['localhost:5000/x:1', 'localhost:5000', 'x', '1'],
  ['127.0.0.1:5000/x', '127.0.0.1:5000', 'x'],
  ['[::1]:5000/x', '[::1]:5000', 'x'],
  ['filter', 'docker.io', 'library/filter'],
  ['filter:1', 'docker.io', 'library/filter', '1'],
  ['registry:5000', 'docker.io', 'library/registry', '5000'],
  ['team/filter:1', 'docker.io', 'team/filter', '1'],
  ['oci://registry/team/filter:1', 'docker.io', 'registry/team/filter', '1'],
  ['docker.io/filter', 'docker.io', 'library/filter'],
  ['index.docker.io/team/filter', 'docker.io', 'team/filter'],
  [`registry.example.com/filter@${digest}`, 'registry.example.com', 'filter', undefined, digest],
  [`oci://registry.example.com/filter:1@${digest}`, 'registry.example.com', 'filter', '1', digest],
  ['registry.example.com/a.b_c__d---e/f:V_1.0-x', 'registry.example.com', 'a.b_c__d---e/f', 'V_1.0-x'],
];

suite('image references', () => {
  for (const [text, registry, repository, tag, pinned] of references) {
    test(`${text} is ${repository} of ${registry}`, () => {
      const expected = { registry, repository, ...(tag && { tag }), ...(pinned && { digest: pinned }) };
      assert.deepEqual(readImageReference(text), { ok: true, value: expected });
      assert.deepEqual(readSource(text), { ok: true, value: { kind: 'image', image: expected } });
    });
  }

  const wrong: readonly (readonly [text: string, said: RegExp])[] = [
    ['', /it is empty/],
    ['Filter', /"Filter" is no part of a name/],
    ['REGISTRY.example.com/x', /"REGISTRY.example.com" is no host/],
    ['-registry.example.com/x', /is no host/],
    ['registry.example.com:500000/x', /is no host/],
    ['registry.example.com/x:', /"" is no tag/],
    [`registry.example.com/x:${'a'.repeat(129)}`, /is no tag/],
    ['registry.example.com/', /a part of its name is empty/],
    ['registry.example.com/a__b___c', /is no part of a name/],
    ['registry.example.com/a..b', /is no part of a name/],
    ['oci://', /it is empty/],
    ['OCI://registry.example.com/x', /its scheme is "OCI"/],
    ['oci://user:hunter2@registry.example.com/x', /user names and passwords belong into a pull secret/],
  ];
  for (const [text, said] of wrong) {
    test(`${text.slice(0, 60) || 'nothing'} is refused: ${said.source}`, () => {
      const read = readSource(text);
      assert.ok(!read.ok);
      assert.equal(read.error.reason, 'InvalidReference');
      assert.match(read.error.message, said);
      assert.doesNotMatch(read.error.message, /hunter2/);
    });
  }

  test('the text of a reference reads as the same reference', () => {
    for (const [text] of references) {
      const image = readImageReference(text);
      assert.ok(image.ok);
      assert.deepEqual(readImageReference(referenceText(image.value)), image);
    }
  });

  test('pinned, a reference has the digest and no tag', () => {
    const image = readImageReference('registry:5000/team/filter:1');
    assert.ok(image.ok);
    assert.equal(pinnedText(image.value, digest), `oci://registry:5000/team/filter@${digest}`);
  });
});

suite('sources that are no images', () => {
  test('https is taken with the digest of the module, with or without sha256:', () => {
    const expected = { kind: 'http', url: 'https://example.com/filter.wasm', moduleDigest: digest };
    for (const moduleDigest of [digest, hex]) {
      assert.deepEqual(readSource('https://example.com/filter.wasm', { moduleDigest }), { ok: true, value: expected });
    }
  });

  test('http is taken only where it is allowed', () => {
    const url = 'http://example.com/filter.wasm';
    assert.ok(!readSource(url, { moduleDigest: digest }).ok);
    assert.ok(readSource(url, { moduleDigest: digest, allowHttp: true }).ok);
    assert.ok(!readSource(url, { allowHttp: true }).ok, 'nor without a digest');
  });

  test('a file is taken only where it is allowed, by its whole path', () => {
    assert.deepEqual(readSource('file:///tmp/a.wasm', { allowFile: true }), {
      ok: true,
      value: { kind: 'file', path: '/tmp/a.wasm' },
    });
    assert.ok(!readSource('file:///tmp/a.wasm').ok);
    assert.ok(!readSource('file://tmp/a.wasm', { allowFile: true }).ok);
  });

  test('a digest is sha256, in lower case, whole', () => {
    assert.deepEqual(readDigest(hex), { ok: true, value: digest });
    for (const text of [hex.toUpperCase(), `sha512:${hex}${hex}`, hex.slice(1), '', 'sha256:']) {
      const read = readDigest(text);
      assert.ok(!read.ok && read.error.reason === 'InvalidDigest', text);
    }
  });
});
