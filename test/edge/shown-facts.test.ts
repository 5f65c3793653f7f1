// What /settings says of a cluster that is large.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSurroundings } from '../../src/core/configuration/surroundings.ts';
import { shownFacts } from '../../src/edge/shown-facts.ts';
import { facts } from '../builders.ts';

test('the settings are shown whole, of nodes and namespaces only how many there are', () => {
  const nodes = Array.from({ length: 1_000 }, (_, index) => ({
    name: `node-${index}`,
    labels: { pool: 'general' },
    kubeletVersion: index === 7 ? 'v1.30.1' : 'v1.34.0',
  }));
  const namespaces = new Map(nodes.map(({ name }) => [name, { labels: undefined, annotations: {} }]));
  const known = withSurroundings(facts(), { nodes, apiServer: 'keeps', namespaces, proxyConfigs: [] });
  const text = JSON.stringify(shownFacts(known));
  const shown = JSON.parse(text);
  assert.equal(shown.values.global.istioNamespace, 'istio-system');
  assert.deepEqual(shown.namespaces, { known: 1_000 });
  assert.deepEqual(
    [shown.native.nodes.known, shown.native.nodes.tooOld, shown.native.nodes.firstTooOld],
    [1_000, 1, ['node-7 (v1.30.1)']],
  );
  assert.ok(text.length < 20_000, `${text.length} characters`);
});

test('before there are settings nothing is shown', () => assert.equal(shownFacts(undefined), null));
