// What is kept in memory of declarations, of which there may be a thousand with long configurations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptObject } from '../../../src/core/wasm/declaration/kept-object.ts';

const spec = { source: { image: 'a:1' }, pluginConfig: { long: 'x' } };
const object = {
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'WasmExtension',
  metadata: {
    name: 'hello',
    annotations: { 'pillion.dev/resolve': '1', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    managedFields: [],
  },
  spec,
};

test('a configuration that runs as it is declared is kept once', () => {
  const status = { running: { pluginConfig: { long: 'x' } }, resolvedFor: '1' };
  const kept = keptObject({ ...object, status });
  assert.deepEqual([kept['spec'], kept['status']], [spec, status]);
  assert.equal((kept['status'] as typeof status).running.pluginConfig, spec.pluginConfig);
  const { annotations, name, ...others } = kept.metadata;
  assert.deepEqual([annotations, name, others], [{ 'pillion.dev/resolve': '1' }, 'hello', {}]);
});

test('one that runs otherwise than it is declared is kept as well', () => {
  const status = { running: { pluginConfig: { long: 'y' } } };
  assert.deepEqual(keptObject({ ...object, status })['status'], status);
  const { annotations: _, ...metadata } = object.metadata;
  assert.equal('annotations' in keptObject({ ...object, metadata }).metadata, false);
});
