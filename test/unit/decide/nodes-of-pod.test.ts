import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeTable } from '../../../src/core/configuration/node-table.ts';
import { fitsNode, nodeRequirements } from '../../../src/core/decide/node-affinity.ts';
import { landingOf } from '../../../src/core/decide/nodes-of-pod.ts';
import type { NodeFacts } from '../../../src/core/model/facts.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { PodSpec } from '../../../src/core/model/pod.ts';

function requiring(...nodeSelectorTerms: readonly unknown[]): PodSpec {
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
}

function expression(key: string, operator: string, ...values: readonly unknown[]): JsonObject {
  return { key, operator, ...(values.length === 0 ? {} : { values }) };
}

function fits(spec: PodSpec, labels: Record<string, string>, name = 'one'): boolean {
  const requirements = nodeRequirements(spec);
  return requirements === undefined || fitsNode(requirements, { name, labels, kubeletVersion: '' });
}

describe('nodeRequirements() and fitsNode()', () => {
  const expressions: readonly [JsonObject, Record<string, string>, boolean][] = [
    [expression('zone', 'In', 'a', 'b'), { zone: 'b' }, true],
    [expression('zone', 'In', 'a', 'b'), { zone: 'c' }, false],
    [expression('zone', 'In', 'a'), {}, false],
    [expression('zone', 'NotIn', 'a'), { zone: 'b' }, true],
    [expression('zone', 'NotIn', 'a'), { zone: 'a' }, false],
    [expression('zone', 'NotIn', 'a'), {}, true],
    [expression('zone', 'Exists'), { zone: '' }, true],
    [expression('zone', 'Exists'), {}, false],
    [expression('zone', 'DoesNotExist'), {}, true],
    [expression('zone', 'DoesNotExist'), { zone: '' }, false],
    [expression('cores', 'Gt', '8'), { cores: '16' }, true],
    [expression('cores', 'Gt', '8'), { cores: '8' }, false],
    [expression('cores', 'Gt', '8'), {}, false],
    [expression('cores', 'Gt', '8'), { cores: 'many' }, false],
    [expression('cores', 'Lt', '8'), { cores: '-1' }, true],
    [expression('cores', 'Lt', '8'), { cores: '16' }, false],
    [expression('cores', 'Lt', '8'), { cores: '99999999999999999999' }, false],
    [expression('cores', 'Gt', '9007199254740992'), { cores: '9007199254740993' }, true],
  ];
  for (const [one, labels, wanted] of expressions) {
    test(`${JSON.stringify(one)} ${wanted ? 'fits' : 'does not fit'} ${JSON.stringify(labels)}`, () => {
      assert.equal(fits(requiring({ matchExpressions: [one] }), labels), wanted);
    });
  }

  test('what cannot be evaluated fits no node', () => {
    for (const one of [
      expression('zone', 'In'),
      expression('zone', 'NotIn'),
      expression('zone', 'Exists', 'a'),
      expression('cores', 'Gt', '1', '2'),
      expression('cores', 'Gt', 'x'),
      expression('zone', 'in', 'a'),
      { operator: 'Exists' },
      { key: 'zone', operator: 'In', values: 'a' },
    ]) {
      assert.equal(fits(requiring({ matchExpressions: [one] }), { zone: 'a', cores: '4' }), false, JSON.stringify(one));
    }
  });

  test('terms are ORed, what stands in a term is ANDed', () => {
    const a = expression('zone', 'In', 'a');
    const big = expression('cores', 'Gt', '8');
    assert.equal(fits(requiring({ matchExpressions: [a, big] }), { zone: 'a', cores: '4' }), false);
    assert.equal(fits(requiring({ matchExpressions: [a, big] }), { zone: 'a', cores: '16' }), true);
    assert.equal(fits(requiring({ matchExpressions: [a] }, { matchExpressions: [big] }), { cores: '16' }), true);
    assert.equal(fits(requiring({ matchExpressions: [a] }, { matchExpressions: [big] }), { cores: '4' }), false);
  });

  test('an empty term fits no node, and no term at all fits none', () => {
    for (const terms of [[{}], [{ matchExpressions: [], matchFields: [] }], []]) {
      assert.equal(fits(requiring(...terms), { zone: 'a' }), false, JSON.stringify(terms));
    }
    assert.equal(fits(requiring({}, { matchExpressions: [expression('zone', 'Exists')] }), { zone: 'a' }), true);
  });

  test('metadata.name is the one field, and exactly one value may be asked for', () => {
    const field = (operator: string, ...values: readonly string[]) =>
      requiring({ matchFields: [expression('metadata.name', operator, ...values)] });
    assert.equal(fits(field('In', 'one'), {}), true);
    assert.equal(fits(field('In', 'two'), {}), false);
    assert.equal(fits(field('NotIn', 'two'), {}), true);
    assert.equal(fits(field('NotIn', 'one'), {}), false);
    assert.equal(fits(field('In', 'one', 'two'), {}), false);
    assert.equal(fits(field('Exists'), {}), false);
    assert.equal(fits(requiring({ matchFields: [expression('metadata.uid', 'In', 'one')] }), {}), false);
  });

  test('the selector and the affinity both have to fit', () => {
    const spec: PodSpec = {
      nodeSelector: { pool: 'new' },
      ...requiring({ matchExpressions: [expression('zone', 'In', 'a')] }),
    };
    assert.equal(fits(spec, { pool: 'new', zone: 'a' }), true);
    assert.equal(fits(spec, { pool: 'new', zone: 'b' }), false);
    assert.equal(fits(spec, { zone: 'a' }), false);
  });

  test('preferences and other affinities require nothing of the node', () => {
    const preferred = [{ weight: 1, preference: { matchExpressions: [expression('zone', 'In', 'a')] } }];
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred },
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone' }] },
    };
    assert.equal(nodeRequirements({ affinity, nodeSelector: {} }), undefined);
  });
});

describe('landingOf()', () => {
  const old: NodeFacts = { name: 'old', labels: { pool: 'old' }, kubeletVersion: 'v1.30.0' };
  const fresh: NodeFacts = { name: 'new', labels: { pool: 'new' }, kubeletVersion: 'v1.34.0' };

  /** The table, and how many times it was looked at a node since it was made. */
  function counted(nodes: readonly NodeFacts[]) {
    const looks = { count: 0 };
    const watched = nodes.map((node) => ({
      ...node,
      get name() {
        looks.count += 1;
        return node.name;
      },
      get labels() {
        looks.count += 1;
        return node.labels;
      },
    }));
    const table = nodeTable(watched, 33);
    looks.count = 0;
    return { table, looks };
  }

  test('the pod of a DaemonSet is looked up by the name in its affinity', () => {
    const many = Array.from({ length: 500 }, (_, at) => ({ ...(at % 2 ? old : fresh), name: `node-${at}` }));
    const { table, looks } = counted(many);
    const forNode = (name: string) => requiring({ matchFields: [expression('metadata.name', 'In', name)] });
    assert.deepEqual(landingOf(forNode('node-400'), table), { kind: 'somewhere', tooOld: undefined });
    assert.deepEqual(landingOf(forNode('gone'), table), { kind: 'nowhere' });
    const landing = landingOf(forNode('node-401'), table);
    assert.ok(looks.count < 10, 'only its own node is looked at');
    assert.equal(landing.kind === 'somewhere' && landing.tooOld?.name, 'node-401');
  });

  test('a name in the affinity is not enough where the labels do not fit', () => {
    const { table } = counted([old, fresh]);
    const byName = { matchFields: [expression('metadata.name', 'In', 'new')] };
    const elsewhere = { ...byName, matchExpressions: [expression('pool', 'In', 'old')] };
    assert.equal(landingOf(requiring(elsewhere), table).kind, 'nowhere');
    assert.equal(landingOf({ ...requiring(byName), nodeSelector: { pool: 'old' } }, table).kind, 'nowhere');
    assert.equal(landingOf(requiring(elsewhere, byName), table).kind, 'somewhere', 'the other term fits');
  });

  test('what a selector gives is found once for a table, however long the selector is', () => {
    const zones = Array.from({ length: 200 }, (_, zone) => `zone-${zone}`);
    const long = requiring({ matchExpressions: [expression('pool', 'NotIn', ...zones, 'old')] });
    for (const spec of [{ nodeSelector: { pool: 'new' } }, { nodeSelector: { pool: 'gone' } }, long]) {
      const { table, looks } = counted([old, fresh]);
      const first = landingOf(spec, table);
      const after = looks.count;
      assert.ok(after > 0);
      assert.deepEqual(landingOf(structuredClone(spec), table), first);
      assert.equal(looks.count, after, 'the second pod looks at no node');
      assert.deepEqual(landingOf(spec, counted([old, fresh]).table), first, 'another table has a memory of its own');
    }
  });

  test('more selectors than are remembered give right answers all the same', () => {
    const { table } = counted([old, fresh]);
    for (let round = 0; round < 2; round += 1) {
      for (let tier = 0; tier < 1_100; tier += 1) {
        const spec = requiring({ matchExpressions: [expression(`tier-${tier}`, 'DoesNotExist')] });
        const landing = landingOf({ ...spec, nodeSelector: { pool: tier % 2 ? 'new' : 'old' } }, table);
        assert.equal(landing.kind === 'somewhere' && landing.tooOld?.name, tier % 2 ? undefined : 'old');
      }
    }
  });

  test('of very many selectors the oldest is forgotten, so that they do not fill the memory', () => {
    const { table, looks } = counted([old, fresh]);
    const forTier = (tier: number): PodSpec => ({ nodeSelector: { tier: String(tier) } });
    for (let tier = 0; tier <= 1_000; tier += 1) landingOf(forTier(tier), table);
    const before = looks.count;
    landingOf(forTier(1_000), table);
    assert.equal(looks.count, before, 'the youngest is known');
    landingOf(forTier(0), table);
    assert.ok(looks.count > before, 'the oldest is looked for again');
  });

  test('of kubelets without a node nothing is known that a selector could fit', () => {
    const table = nodeTable([{ name: '', labels: {}, kubeletVersion: 'v1.30.0' }], 33);
    assert.equal(landingOf({ nodeSelector: { pool: 'new' } }, table).kind, 'anywhere');
  });
});
