// Answers: is it seen where an object is not as it should be, and is nothing seen where the API server only filled in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftText, findDrift } from '../../../src/core/cluster/drift.ts';
import { guard } from '../../../src/core/cluster/guard.ts';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { registration } from '../../../src/core/cluster/registration.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

const read = readOptions(undefined);
assert.ok(read.ok);
const wanted = registration({ options: read.value, caBundle: 'bundle', hasMatchConditions: true });
const injector = { policy: 'enabled', neverInjectSelector: [], alwaysInjectSelector: [] };
const [policy, binding] = guard(read.value, injector);
assert.ok(policy !== undefined && binding !== undefined);

function changed(object: KubeObject, change: (copy: Record<string, never>) => void): KubeObject {
  const copy = structuredClone(object) as unknown as Record<string, never>;
  change(copy);
  return copy as unknown as KubeObject;
}

/** A copy in which the field at the path has the value. */
function withValue(object: KubeObject, path: readonly (string | number)[], value: unknown): KubeObject {
  return changed(object, (copy) => {
    const parent = path
      .slice(0, -1)
      .reduce<Record<string | number, unknown>>((at, key) => at[key] as Record<string | number, unknown>, copy);
    parent[path.at(-1) ?? ''] = value;
  });
}

test('what the API server adds is no difference', () => {
  const metadata = {
    ...wanted.metadata,
    uid: 'x',
    generation: 2,
    managedFields: [],
    labels: { ...wanted.metadata.labels, team: 'x' },
  };
  const webhooks = (wanted['webhooks'] as JsonObject[]).map((webhook) => ({ ...webhook, laterDefault: 'Always' }));
  assert.equal(findDrift({ ...wanted, metadata, webhooks } as KubeObject, wanted), undefined);
  assert.equal(findDrift({ ...policy, status: { typeChecking: {} } } as KubeObject, policy), undefined);
});

const changes: readonly (readonly [
  path: string,
  object: KubeObject,
  at: readonly (string | number)[],
  value: unknown,
])[] = [
  ['webhooks.length', wanted, ['webhooks'], []],
  ['webhooks[0].failurePolicy', wanted, ['webhooks', 0, 'failurePolicy'], 'Ignore'],
  ['webhooks[1].clientConfig.caBundle', wanted, ['webhooks', 1, 'clientConfig', 'caBundle'], undefined],
  ['webhooks[0].clientConfig.url', wanted, ['webhooks', 0, 'clientConfig', 'url'], 'https://example.com'],
  [
    'webhooks[0].matchConditions.length',
    wanted,
    ['webhooks', 0, 'matchConditions', 1],
    { name: 'never', expression: 'false' },
  ],
  [
    'webhooks[0].namespaceSelector.matchLabels',
    wanted,
    ['webhooks', 0, 'namespaceSelector', 'matchLabels'],
    { a: 'b' },
  ],
  ['webhooks[0].rules[0].operations.length', wanted, ['webhooks', 0, 'rules', 0, 'operations'], []],
  ['metadata.labels.app.kubernetes.io/name', wanted, ['metadata', 'labels'], {}],
  ['spec.matchConstraints.excludeResourceRules', policy, ['spec', 'matchConstraints', 'excludeResourceRules'], [{}]],
  ['spec.paramKind', policy, ['spec', 'paramKind'], { apiVersion: 'v1', kind: 'ConfigMap' }],
  ['spec.matchResources', binding, ['spec', 'matchResources'], { objectSelector: { matchLabels: { a: 'b' } } }],
  ['spec.paramRef', binding, ['spec', 'paramRef'], { name: 'x', parameterNotFoundAction: 'Allow' }],
  ['spec.validationActions.length', binding, ['spec', 'validationActions'], ['Audit']],
];

for (const [path, object, at, value] of changes) {
  test(`a change of ${path} is seen`, () => {
    assert.equal(findDrift(withValue(object, at, value), object)?.path, path);
  });
}

test('a difference is one line, however long the values are', () => {
  const drift = findDrift(withValue(wanted, ['webhooks', 0, 'failurePolicy'], 'Ignore'), wanted);
  assert.equal(drift && driftText(drift), 'webhooks[0].failurePolicy is Ignore, not Fail');
  const long = findDrift(withValue(wanted, ['webhooks', 0, 'clientConfig', 'caBundle'], 'x'.repeat(5_000)), wanted);
  assert.ok(long !== undefined && driftText(long).length < 250);
});
