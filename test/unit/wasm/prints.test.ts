// Is what was trusted or tried known again, and anything else not taken for it: what a print leaves out, nobody tries.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Extension } from '../../../src/core/wasm/extension.ts';
import { pairPrint, trialPrint, trustPrint, wasTriedAtAll } from '../../../src/core/wasm/rollout/prints.ts';
import type { Trust } from '../../../src/core/wasm/trust.ts';
import { extensionOf, revisionOf, tagged } from './revisions.ts';

suite('the print of a trial', () => {
  const usual = pairPrint(extensionOf(), revisionOf('a'));

  test('is another one wherever something else reaches the module', () => {
    const changes: readonly Partial<Extension>[] = [
      { pluginName: 'root' },
      { pluginConfig: {} },
      { pluginConfig: { a: 1 } },
      { rawConfig: '' },
      { rawConfig: '{}' },
      { traffic: 'outbound' },
      { vmEnv: [{ name: 'A', value: '' }] },
      { vmEnv: [{ name: 'A', fromHost: true }] },
    ];
    const prints = changes.map((change) => pairPrint(extensionOf(change), revisionOf('a')));
    const others = [
      pairPrint(extensionOf(), revisionOf('b')),
      pairPrint(extensionOf(), revisionOf('a', { rootIds: ['first'] })),
    ];
    assert.equal(new Set([usual, ...prints, ...others]).size, 1 + prints.length + others.length);
  });

  test('is the same whatever does not reach the module', () => {
    const changes: readonly Partial<Extension>[] = [
      { name: 'other', uid: 'other', generation: 9 },
      { priority: 5, phase: 'AUTHN', matchLabels: { app: 'web' }, failStrategy: 'FAIL_OPEN', onMissing: 'run-without' },
      tagged('2'),
    ];
    for (const change of changes) assert.equal(pairPrint(extensionOf(change), revisionOf('a')), usual);
    const named = extensionOf({ pluginName: 'root' });
    const withIds = revisionOf('a', { rootIds: ['root', 'first'] });
    assert.equal(pairPrint(named, withIds), pairPrint(named, revisionOf('a')), 'the declared root id counts');
  });

  test('with another proxy is another one, of the same module and configuration', () => {
    const [one, two] = ['istio/proxyv2:1', 'istio/proxyv2:2'].map((proxy) =>
      trialPrint(extensionOf(), revisionOf('a'), proxy),
    ) as [string, string];
    assert.notEqual(one, two);
    const other = trialPrint(extensionOf(), revisionOf('b'), 'istio/proxyv2:1');
    assert.ok(wasTriedAtAll([other, two], usual), 'whichever of the trials it was');
    assert.ok(!wasTriedAtAll([other], usual));
    assert.ok(!wasTriedAtAll([], usual));
  });

  test('stays the same from release to release: statuses hold it', () => {
    assert.equal(trialPrint(extensionOf(), revisionOf('a'), 'istio/proxyv2:1'), 'dd7c3be8876c6dd7f72a7699.a46c7036');
  });
});

suite('the print of a trust', () => {
  const trust: Trust = { mode: 'enforce', keys: [{ name: 'release', pem: 'one' }], threshold: 1 };

  test('is another one wherever other signatures would do', () => {
    const others: readonly Trust[] = [
      { ...trust, keys: [{ name: 'release', pem: 'two' }] },
      { ...trust, threshold: 2 },
      { ...trust, mode: 'warn' },
      { ...trust, keys: [] },
    ];
    const prints = [[trust], ...others.map((one) => [one]), [trust, trust], []].map(trustPrint);
    assert.equal(new Set(prints).size, others.length + 3);
  });

  test('stays the same from release to release: statuses hold it', () => {
    assert.deepEqual([trustPrint([]), trustPrint([trust])], ['nobody', '8e7221a200901bb0']);
  });
});
