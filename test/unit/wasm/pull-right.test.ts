// May the processes that pull read the secrets that are named, and no others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { pullRightObjects } from '../../../src/core/wasm/image/pull-right.ts';

const right = {
  role: 'pillion-pull',
  accounts: [
    { name: 'pillion-control', namespace: 'pillion' },
    { name: 'pillion-agent', namespace: 'pillion-node' },
  ],
};

function secretsOf([role]: readonly KubeObject[]): unknown {
  const rules = role?.['rules'];
  assert.ok(Array.isArray(rules) && rules.length === 1);
  return rules[0].resourceNames;
}

test('they may read one secret by its name, in its namespace alone', () => {
  assert.deepEqual(pullRightObjects(right, 'shop', 'regcred'), [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'pillion-pull', namespace: 'shop' },
      rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['regcred'], verbs: ['get'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'pillion-pull', namespace: 'shop' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pillion-pull' },
      subjects: [
        { kind: 'ServiceAccount', name: 'pillion-control', namespace: 'pillion' },
        { kind: 'ServiceAccount', name: 'pillion-agent', namespace: 'pillion-node' },
      ],
    },
  ]);
});

test('what was allowed before stays so, each secret once', () => {
  const present = pullRightObjects(right, 'shop', 'regcred')[0];
  assert.deepEqual(secretsOf(pullRightObjects(right, 'shop', 'other', present)), ['other', 'regcred']);
  assert.deepEqual(secretsOf(pullRightObjects(right, 'shop', 'regcred', present)), ['regcred']);
});

test('a Role that somebody has changed gives no more than names', () => {
  const role = (rules: unknown): KubeObject => ({ apiVersion: 'v1', kind: 'Role', metadata: { name: 'x' }, rules });
  for (const rules of [undefined, 'all', [null, 'all', {}, { resourceNames: 'all' }, { resourceNames: [7, null] }]])
    assert.deepEqual(secretsOf(pullRightObjects(right, 'shop', 'regcred', role(rules))), ['regcred']);
});
