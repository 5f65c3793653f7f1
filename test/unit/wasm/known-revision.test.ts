// Is what the status tells of a declaration taken for it, so that no registry is asked, and nothing else.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Extension, Standing } from '../../../src/core/wasm/extension.ts';
import { knownRevision, resolvedOf } from '../../../src/core/wasm/rollout/known-revision.ts';
import { digestOf, extensionOf, pinnedTo, revisionOf, tagged } from './revisions.ts';

const image = { registry: 'registry.example.com', repository: 'team/filter' };

function known(standing: Standing, changes: Partial<Extension> = {}): string | undefined {
  return knownRevision({ extension: extensionOf(changes), standing, attempt: {} })?.moduleDigest;
}

suite('what is known of a declaration', () => {
  const [candidate, active, previous] = [
    revisionOf('c', tagged('3')),
    revisionOf('a'),
    revisionOf('b', { reference: tagged('0').reference }),
  ] as const;
  const standing = { candidate, active, previous, resolvedFor: '' };

  test('is the candidate or what runs, where the tag is the one that it came from', () => {
    assert.equal(known(standing), digestOf('a'));
    assert.equal(known(standing, tagged('3')), digestOf('c'));
    assert.equal(known(standing, tagged('9')), undefined);
  });

  test('is nothing of the previous one by its tag, which may have moved since, and all of it by its digest', () => {
    assert.equal(known(standing, tagged('0')), undefined);
    assert.equal(known(standing, pinnedTo('b')), digestOf('b'));
    assert.equal(known(standing, pinnedTo('d')), undefined);
  });

  test('is nothing where the tag is to be resolved anew, unless it goes by digest', () => {
    assert.equal(known(standing, { resolveAsked: 'again' }), undefined);
    assert.equal(known({ ...standing, resolvedFor: 'again' }, { resolveAsked: 'again' }), digestOf('a'));
    assert.equal(known(standing, { resolveAsked: 'again', ...pinnedTo('a') }), digestOf('a'));
    assert.equal(known({ active }), digestOf('a'), 'and nobody has asked where nothing stands');
  });

  test('is the same reference by the digest of an index too', () => {
    const ofIndex = revisionOf('a', { reference: pinnedTo('f').reference, indexDigest: digestOf('f') });
    assert.equal(known({ active: ofIndex }, { ...pinnedTo('f'), resolveAsked: 'again' }), digestOf('a'));
  });
});

suite('what is known is gone on with as if a registry had said it', () => {
  test('an image by the digest of its manifest, and no longer by its tag', () => {
    assert.deepEqual(resolvedOf(revisionOf('a'), extensionOf()), {
      source: { kind: 'image', image: { ...image, digest: digestOf('a') } },
      pinned: revisionOf('a').pinned,
      manifestDigest: digestOf('a'),
    });
    const indexed = resolvedOf(revisionOf('a', { indexDigest: digestOf('f') }), extensionOf(pinnedTo('f')));
    assert.deepEqual(indexed.source, { kind: 'image', image: { ...image, digest: digestOf('a') } });
    assert.equal(indexed.indexDigest, digestOf('f'));
  });

  test('a file of a URL as it is declared', () => {
    const url = 'https://example.com/filter.wasm';
    const source = { kind: 'http' as const, url, moduleDigest: digestOf('a') };
    const { manifestDigest: _, ...bare } = revisionOf('a', { reference: url, pinned: url, variant: 'http' });
    assert.deepEqual(resolvedOf(bare, extensionOf({ reference: url, source })), { source, pinned: url });
  });
});
