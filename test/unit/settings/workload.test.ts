import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metadata } from '../../../src/core/model/pod.ts';
import { injectionParameters } from '../../../src/core/settings/injection-path.ts';
import { proxyIds } from '../../../src/core/settings/proxy-ids.ts';
import { workloadOf } from '../../../src/core/settings/workload.ts';

function owned(kind: string, name: string, labels: Record<string, string> = {}): Metadata {
  const owner = { apiVersion: 'apps/v1', kind, name, controller: true };
  return { generateName: 'x-', labels, ownerReferences: [{ ...owner, kind: 'Other', controller: false }, owner] };
}

test('workload: the controller, or what stands behind it by convention', () => {
  const rows: [Metadata, string][] = [
    [owned('ReplicaSet', 'web-6f5d', { 'pod-template-hash': '6f5d' }), 'Deployment web apps/v1'],
    [owned('ReplicaSet', 'web6f5d', { 'pod-template-hash': '6f5d' }), 'Deployment web6f5d apps/v1'],
    [owned('ReplicaSet', 'web-6f5d', { 'pod-template-hash': 'other' }), 'ReplicaSet web-6f5d apps/v1'],
    [owned('ReplicaSet', 'web-6f5d', { 'rollouts-pod-template-hash': '6f5d' }), 'Rollout web v1alpha1'],
    [owned('ReplicationController', 'web-1', { deploymentconfig: 'web' }), 'DeploymentConfig web apps/v1'],
    [owned('Job', 'nightly-28391040'), 'CronJob nightly batch/v1'],
    [owned('Job', 'nightly-1234567'), 'Job nightly-1234567 apps/v1'],
    [owned('StatefulSet', 'db'), 'StatefulSet db apps/v1'],
    [{ name: 'bare' }, 'Pod bare v1'],
    [{ ...owned('StatefulSet', 'db'), generateName: '', name: 'db-0' }, 'Pod db-0 v1'],
    [{ generateName: 'x-' }, 'Pod  v1'],
  ];
  for (const [metadata, wanted] of rows) {
    const { kind, name, apiVersion } = workloadOf(metadata, 'ns');
    assert.equal(`${kind} ${name} ${apiVersion}`, wanted, JSON.stringify(metadata));
  }
});

test('injection path: pairs of keys and values, in both forms', () => {
  const rows: [string, Record<string, string>][] = [
    ['/inject', {}],
    ['/inject/', {}],
    ['/inject/cluster/c2/net/n2/foo/bar', { ISTIO_META_CLUSTER_ID: 'c2', ISTIO_META_NETWORK: 'n2', FOO: 'bar' }],
    ['/inject/cluster/a--slash--b/', { ISTIO_META_CLUSTER_ID: 'a/b' }],
    ['/inject/cluster/c/odd', { ISTIO_META_CLUSTER_ID: 'c' }],
    ['/inject/:ENV:cluster=c3:ENV:A=b/c=d:ENV:=x:ENV:y', { ISTIO_META_CLUSTER_ID: 'c3', A: 'b/c=d' }],
  ];
  for (const [path, wanted] of rows) assert.deepEqual(Object.fromEntries(injectionParameters(path)), wanted, path);
});

test('proxy ids: the ranges of an OpenShift namespace, else 1337', () => {
  const uid = 'openshift.io/sa.scc.uid-range';
  const groups = 'openshift.io/sa.scc.supplemental-groups';
  assert.deepEqual(proxyIds(undefined), { user: 1337, group: 1337 });
  assert.deepEqual(proxyIds({ [uid]: '1000620000/10000' }), { user: 1000629999, group: 1000629999 });
  assert.deepEqual(proxyIds({ [uid]: '1000-2000', [groups]: '5/10,100/5' }), { user: 2000, group: 14 });
  assert.deepEqual(proxyIds({ [uid]: 'nonsense', [groups]: '5/10,bad' }), { user: 1337, group: 1337 });
});
