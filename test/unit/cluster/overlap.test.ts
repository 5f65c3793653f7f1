// Which webhooks of others are called for the same pods: selectors decide, not names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { findOverlaps } from '../../../src/core/cluster/overlap.ts';
import { registration } from '../../../src/core/cluster/registration.ts';
import {
  holds,
  inCallOrder,
  labelsThatMeet,
  podWebhooks,
  type Requirement,
} from '../../../src/core/cluster/webhooks.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';

function options(document: JsonObject = {}) {
  const read = readOptions(document);
  assert.ok(read.ok);
  return read.value;
}

/** Istio's selectors are ours; only the names of its webhooks are others. */
function istiod(name: string, document: JsonObject, labels: StringMap = {}): KubeObject {
  const object = registration({ options: options(document), caBundle: undefined, hasMatchConditions: false });
  const webhooks = (object['webhooks'] as readonly { readonly name: string }[]).map((webhook) => ({
    ...webhook,
    name: webhook.name.replace(/pillion\.dev$/, 'sidecar-injector.istio.io'),
  }));
  return { ...object, metadata: { name, labels }, webhooks };
}

function deactivated(object: KubeObject): KubeObject {
  const never = { matchLabels: { 'istio.io/deactivated': 'never-match' } };
  const webhooks = (object['webhooks'] as readonly JsonObject[]).map((webhook) => ({
    ...webhook,
    namespaceSelector: never,
    objectSelector: never,
  }));
  return { ...object, webhooks };
}

const cases: readonly (readonly [
  what: string,
  theirs: KubeObject,
  ours: JsonObject,
  overlapping: readonly string[],
])[] = [
  [
    'the default revision of both',
    istiod('istio-sidecar-injector', {}),
    {},
    ['namespace', 'object', 'rev-namespace', 'rev-object'],
  ],
  ['a revision of its own', istiod('istio-sidecar-injector', {}), { revision: 'pillion' }, []],
  [
    'the same revision',
    istiod('istio-sidecar-injector-canary', { revision: 'canary' }),
    { revision: 'canary' },
    ['rev-namespace', 'rev-object'],
  ],
  [
    'a tag of ours that is their revision',
    istiod('istio-sidecar-injector-canary', { revision: 'canary' }),
    { tags: ['canary'] },
    ['rev-namespace', 'rev-object'],
  ],
  ['tags of ours alone', istiod('istio-sidecar-injector', {}), { tags: ['pillion'], onlyTags: true }, []],
  ['a webhook that was deactivated', deactivated(istiod('istio-sidecar-injector', {})), {}, []],
  [
    'unlabelled namespaces of theirs, and a revision of ours',
    istiod('istio-sidecar-injector', { namespacesByDefault: true }),
    { revision: 'pillion' },
    [],
  ],
];

for (const [what, theirs, ours, overlapping] of cases) {
  test(`${what}: ${overlapping.length === 0 ? 'no overlap' : `overlap in ${overlapping.join(', ')}`}`, () => {
    const found = findOverlaps([theirs], options(ours)).map(({ webhook }) => webhook.split('.')[0]);
    assert.deepEqual(found, overlapping);
  });
}

test('an overlap says for which pods, and which Helm value leaves the other webhook out', () => {
  const [overlap] = findOverlaps([istiod('istio-sidecar-injector', {})], options());
  assert.deepEqual(overlap, {
    configuration: 'istio-sidecar-injector',
    webhook: 'namespace.sidecar-injector.istio.io',
    because:
      'it and namespace.pillion.dev are both called for a pod without labels in a namespace labelled istio-injection=enabled',
    remedy:
      'Set the Helm value global.operatorManageWebhooks=true of istiod, which leaves its webhook out; or let Pillion answer to tags of its own alone: tags and onlyTags in the options',
  });
});

test('for a revision tag the remedy names the tag', () => {
  const tag = istiod('istio-revision-tag-default', {}, { 'istio.io/tag': 'default' });
  assert.match(
    findOverlaps([tag], options())[0]?.remedy ?? '',
    /^Remove the revision tag with istioctl tag remove default, or /,
  );
});

test('our own registration, and webhooks that inject something else, are no overlap', () => {
  const own = registration({ options: options(), caBundle: undefined, hasMatchConditions: true });
  const linkerd = { ...istiod('linkerd', {}), webhooks: [{ name: 'linkerd-proxy-injector.linkerd.io' }] };
  assert.deepEqual(findOverlaps([own, linkerd], options()), []);
});

const requirement: fc.Arbitrary<Requirement> = fc
  .record({
    key: fc.constantFrom('a', 'b', 'c'),
    operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
    values: fc.uniqueArray(fc.constantFrom('1', '2', '3'), { minLength: 1 }),
  })
  .map(({ key, operator, values }) => ({ key, operator, values: operator.endsWith('In') ? values : [] }));

const values = [undefined, '1', '2', '3', 'other'];
const everything = values.flatMap((a) =>
  values.flatMap((b) => values.map((c): StringMap => ({ ...(a && { a }), ...(b && { b }), ...(c && { c }) }))),
);

test('labels that meet the requirements are found exactly where there are any', () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 6 }), (requirements) => {
      const labels = labelsThatMeet(requirements);
      assert.equal(
        labels !== undefined,
        everything.some((one) => holds(requirements, one)),
      );
      if (labels !== undefined) assert.ok(holds(requirements, labels), JSON.stringify(labels));
    }),
  );
});

test('every namespace has the label of its name, whatever that is', () => {
  const key = 'kubernetes.io/metadata.name';
  assert.equal(labelsThatMeet([{ key, operator: 'DoesNotExist', values: [] }]), undefined);
  assert.deepEqual(labelsThatMeet([{ key, operator: 'NotIn', values: ['other'] }]), {});
  assert.deepEqual(labelsThatMeet([{ key, operator: 'In', values: ['shop'] }]), { [key]: 'shop' });
});

function rule(changes: JsonObject = {}): JsonObject {
  return { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], ...changes };
}

const rules: readonly (readonly [what: string, rule: JsonObject, isCalled: boolean])[] = [
  ['pods', rule(), true],
  ['everything', rule({ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }), true],
  ['pods/*', rule({ resources: ['pods/*'] }), true],
  ['pods/status', rule({ resources: ['pods/status'] }), false],
  ['updates', rule({ operations: ['UPDATE'] }), false],
  ['another group', rule({ apiGroups: ['apps'] }), false],
  ['objects of the cluster', rule({ scope: 'Cluster' }), false],
  ['objects in namespaces', rule({ scope: 'Namespaced' }), true],
];

for (const [what, one, isCalled] of rules) {
  test(`a webhook with a rule for ${what} is ${isCalled ? '' : 'not '}called for new pods`, () => {
    const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, webhooks: [{ name: 'w', rules: [one] }] };
    assert.equal(podWebhooks(object).length, isCalled ? 1 : 0);
  });
}

test('webhooks are called in the order of the names of their configurations, then in their own', () => {
  const of = (name: string, ...webhooks: readonly string[]): KubeObject => ({
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name },
    webhooks: webhooks.map((webhook) => ({ name: webhook, rules: [rule()] })),
  });
  const order = inCallOrder([of('pillion', 'c'), of('b', 'z', 'a'), of('a-10', 'x'), of('Z', 'y')]);
  assert.deepEqual(
    order.map(({ name }) => name),
    ['y', 'x', 'z', 'a', 'c'],
  );
});
