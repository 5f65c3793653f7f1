// Answers: is the decision between native and plain, which looks at as few nodes as it can and remembers, the one that
// comes from looking at all of them for every pod.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeTable } from '../../src/core/configuration/node-table.ts';
import { decideNative } from '../../src/core/decide/native.ts';
import type { NodeFacts } from '../../src/core/model/facts.ts';
import type { PodSpec, StringMap } from '../../src/core/model/pod.ts';
import { runs } from './runs.ts';

interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values?: readonly string[];
}

interface Term {
  readonly matchExpressions?: readonly Expression[];
  readonly matchFields?: readonly Expression[];
}

/** What a pod asks of its node, in the form that the naive evaluation reads. */
interface Asked {
  readonly nodeName: string | undefined;
  readonly nodeSelector: StringMap;
  readonly terms: readonly Term[] | undefined;
}

const name = fc.constantFrom('n0', 'n1', 'n2', 'n3', 'n4');
const key = fc.constantFrom('pool', 'zone', 'cores');
const value = fc.constantFrom('a', 'b', '4', '8', '16');
const labels = fc.dictionary(key, value, { maxKeys: 3 });
const kubeletVersion = fc.constantFrom('v1.34.0', 'v1.33.1', 'v1.33.0-vendor.1', 'v1.32.9', 'v1.29.0', 'virtual');
const nodes: fc.Arbitrary<readonly NodeFacts[]> = fc.uniqueArray(fc.record({ name, labels, kubeletVersion }), {
  selector: (node) => node.name,
  maxLength: 5,
});

const expression: fc.Arbitrary<Expression> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.array(value, { minLength: 1, maxLength: 3 }) }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({ key: fc.constant('cores'), operator: fc.constantFrom('Gt', 'Lt'), values: fc.tuple(value) }),
);
const field: fc.Arbitrary<Expression> = fc.record({
  key: fc.constant('metadata.name'),
  operator: fc.constantFrom('In', 'NotIn'),
  values: fc.tuple(name),
});
const term: fc.Arbitrary<Term> = fc.record(
  { matchExpressions: fc.array(expression, { maxLength: 2 }), matchFields: fc.array(field, { maxLength: 2 }) },
  { requiredKeys: [] },
);
const asked: fc.Arbitrary<Asked> = fc.record({
  nodeName: fc.option(name, { nil: undefined, freq: 5 }),
  nodeSelector: fc.oneof(fc.constant({}), labels),
  terms: fc.option(fc.array(term, { maxLength: 3 }), { nil: undefined }),
});

function specOf({ nodeName, nodeSelector, terms }: Asked): PodSpec {
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
  return {
    ...(nodeName === undefined ? {} : { nodeName }),
    nodeSelector,
    ...(terms === undefined ? {} : { affinity: { nodeAffinity: required } }),
  };
}

function holds({ key: asksFor, operator, values = [] }: Expression, seen: StringMap): boolean {
  const found = seen[asksFor];
  const [bound] = values;
  if (operator === 'Exists') return found !== undefined;
  if (operator === 'DoesNotExist') return found === undefined;
  if (operator === 'In') return found !== undefined && values.includes(found);
  if (operator === 'NotIn') return found === undefined || !values.includes(found);
  return operator === 'Gt' ? Number(found) > Number(bound) : Number(found) < Number(bound);
}

function canLand({ nodeName, nodeSelector, terms }: Asked, node: NodeFacts): boolean {
  if (nodeName !== undefined) return node.name === nodeName;
  const selected = Object.entries(nodeSelector).every(([label, wanted]) => node.labels[label] === wanted);
  if (!selected || terms === undefined) return selected;
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const fields = { 'metadata.name': node.name };
    return matchExpressions.every((one) => holds(one, node.labels)) && matchFields.every((one) => holds(one, fields));
  });
}

function isNew({ kubeletVersion: version }: NodeFacts): boolean {
  return Number(version.split('.')[1]) >= 33;
}

function naively(one: Asked, all: readonly NodeFacts[]): boolean {
  const own = all.filter((node) => canLand(one, node));
  return (own.length > 0 ? own : all).every(isNew);
}

test('the remembered decision is that of looking at every node for every pod', () => {
  fc.assert(
    fc.property(nodes, fc.array(asked, { minLength: 1, maxLength: 12 }), (all, pods) => {
      const facts = { mode: 'auto', minimumMinor: 33, apiServer: 'keeps', nodes: nodeTable(all, 33) } as const;
      for (const one of [...pods, ...pods]) {
        assert.equal(decideNative(undefined, specOf(one), facts).native, naively(one, all), JSON.stringify(one));
      }
    }),
    runs(2_000),
  );
});

test('a decision that is plain for a node names a node that the pod can land on and that is too old', () => {
  fc.assert(
    fc.property(nodes, asked, (all, one) => {
      const facts = { mode: 'auto', minimumMinor: 33, apiServer: 'keeps', nodes: nodeTable(all, 33) } as const;
      const { reason, detail } = decideNative(undefined, specOf(one), facts);
      fc.pre(reason === 'node-of-pod-too-old');
      const named = all.find((node) => detail.startsWith(`the kubelet of node "${node.name}" `));
      assert.ok(named !== undefined && canLand(one, named) && !isNew(named), detail);
    }),
    runs(1_000),
  );
});
