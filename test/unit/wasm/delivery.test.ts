// The table of delivery.ts, row by row, and the reasons that there are.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StringMap } from '../../../src/core/model/pod.ts';
import { type Deliverable, deliveryOf, deliveryReasons } from '../../../src/core/wasm/delivery/delivery.ts';

const image = { registry: 'registry.example.com', repository: 'team/hello', tag: '1.0' };
const usual: Deliverable = { onMissing: 'block', delivery: 'auto', source: { kind: 'image', image } };
const url: Deliverable['source'] = {
  kind: 'http',
  url: 'https://example.com/hello.wasm',
  moduleDigest: `sha256:${'0'.repeat(64)}` as const,
};

function enforcing(level: string): StringMap {
  return { 'pod-security.kubernetes.io/enforce': level };
}

/** `delivery (reason)`, or the reason of the refusal. */
function told(extension: Partial<Deliverable>, labels?: StringMap): string {
  const decision = deliveryOf({ ...usual, ...extension }, labels);
  return decision.ok ? `${decision.value.delivery} (${decision.value.reason})` : decision.error.reason;
}

suite('how a module comes to a pod', () => {
  const rows: readonly (readonly [string, Partial<Deliverable>, StringMap | undefined, string])[] = [
    ['by the node store', {}, {}, 'node-store (usual)'],
    ['by the node store where nobody knows the namespace', {}, undefined, 'node-store (usual)'],
    ['by the node store where all is allowed', {}, enforcing('privileged'), 'node-store (usual)'],
    ['by the node store from a URL too', { source: url }, {}, 'node-store (usual)'],
    ['by the istio-agent where baseline is enforced', {}, enforcing('baseline'), 'agent-pull (pod-security)'],
    ['by the istio-agent where restricted is enforced', {}, enforcing('restricted'), 'agent-pull (pod-security)'],
    ['from a URL by the istio-agent', { source: url }, enforcing('restricted'), 'agent-pull (pod-security)'],
    ['by the istio-agent where the pod does not wait', { onMissing: 'run-without' }, {}, 'agent-pull (run-without)'],
    ['by the istio-agent where it is asked for', { delivery: 'agent-pull' }, {}, 'agent-pull (extension-asks)'],
    ['by the node store where it is asked for', { delivery: 'node-store' }, {}, 'node-store (extension-asks)'],
    [
      'not at all where the store is asked for and forbidden',
      { delivery: 'node-store' },
      enforcing('baseline'),
      'PodSecurityForbids',
    ],
    ['by the node store with a configuration that is no JSON', { rawConfig: 'tomorrow' }, {}, 'node-store (usual)'],
    [
      'not at all with such a configuration and no store',
      { rawConfig: 'tomorrow' },
      enforcing('restricted'),
      'PodSecurityForbids',
    ],
    ['not from the store without waiting', { delivery: 'node-store', onMissing: 'run-without' }, {}, 'Unsupported'],
    [
      'not by the istio-agent with a configuration for the store',
      { rawConfig: 'x', delivery: 'agent-pull' },
      {},
      'Unsupported',
    ],
  ];
  for (const [title, extension, labels, expected] of rows) {
    test(title, () => assert.equal(told(extension, labels), expected));
  }

  test('audit and warn levels decide nothing: they refuse no pod', () => {
    assert.equal(told({}, { 'pod-security.kubernetes.io/warn': 'restricted' }), 'node-store (usual)');
  });

  test('a refusal says which level and which field stand against each other', () => {
    const decision = deliveryOf({ ...usual, delivery: 'node-store' }, enforcing('baseline'));
    assert.match(decision.ok ? '' : decision.error.message, /node-store.*enforces baseline.*hostPath/);
  });

  test('what contradicts itself is refused with both sides of it', () => {
    const refused = (extension: Partial<Deliverable>): string => {
      const decision = deliveryOf({ ...usual, ...extension }, {});
      return decision.ok ? 'delivered' : decision.error.message;
    };
    const file: Deliverable['source'] = { kind: 'file', path: '/f.wasm' };
    const none = { onMissing: 'run-without' } as const;
    assert.match(
      refused({ ...none, delivery: 'node-store' }),
      /: delivery: node-store contradicts onMissing: run-without/,
    );
    assert.match(
      refused({ rawConfig: 'x', delivery: 'agent-pull' }),
      /: rawConfig, .* contradicts delivery: agent-pull$/,
    );
    assert.match(refused({ rawConfig: 'x', ...none }), /: rawConfig, .* contradicts onMissing: run-without/);
    assert.match(refused({ source: file, delivery: 'agent-pull' }), /: a file as source, .* contradicts delivery/);
  });

  test('a configuration that needs the store is named where the namespace forbids it', () => {
    const decision = deliveryOf({ ...usual, rawConfig: 'x' }, enforcing('restricted'));
    assert.match(decision.ok ? '' : decision.error.message, /its configuration needs.*enforces restricted/);
  });

  test('every reason of an extension comes up, and has a sentence', () => {
    const seen = new Set(rows.map(([, , , expected]) => /\((.*)\)/.exec(expected)?.[1]).filter(Boolean));
    const ofExtensions = Object.keys(deliveryReasons).filter((reason) => reason !== 'pod-annotation');
    assert.deepEqual([...seen].sort(), ofExtensions.sort());
    for (const doc of Object.values(deliveryReasons)) assert.match(doc, /^[A-Z].*\.$/);
  });
});
