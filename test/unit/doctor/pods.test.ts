// Which running pods the doctor counts, and how it names them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knowledgeOf } from '../../../src/core/doctor/knowledge.ts';
import type { PodSurvey } from '../../../src/core/doctor/observations.ts';
import { violationsOf } from '../../../src/core/doctor/pod-security.ts';
import { createSurveyor } from '../../../src/core/doctor/pods.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { pod, withApp } from '../../builders.ts';
import { findingsOf, namespace, observed, seen } from './observed.ts';

const namespaces = [
  namespace('shop', { 'istio-injection': 'enabled' }),
  namespace('plain'),
  namespace('out', { 'istio-injection': 'disabled' }),
];

function running(name: string, changes: JsonObject = {}, metadata: JsonObject = {}, phase = 'Running'): KubeObject {
  const spec = { containers: [{ name: 'app', image: 'example.com/app' }], ...changes };
  const all = { name, namespace: 'shop', ...metadata };
  return { apiVersion: 'v1', kind: 'Pod', metadata: all, spec, status: { phase } };
}

function survey(...pods: readonly KubeObject[]): PodSurvey {
  const surveyor = createSurveyor(knowledgeOf(observed({ namespaces: seen(namespaces) })), namespaces);
  for (const one of pods) surveyor.look(one);
  return surveyor.survey();
}

const proxy = { name: 'istio-proxy', image: 'proxyv2' };

const inOrder: readonly (readonly [what: string, pod: KubeObject, isMissing: boolean])[] = [
  ['a plain pod in an opted-in namespace', running('web'), true],
  ['one on its node already', running('web', { nodeName: 'node-1' }), true],
  ['one that is pending', running('web', {}, {}, 'Pending'), true],
  ['one that has ended', running('web', {}, {}, 'Succeeded'), false],
  ['one that is being deleted', running('web', {}, { deletionTimestamp: '2026-11-21T12:00:00Z' }), false],
  ['one with a native sidecar', running('web', { initContainers: [proxy] }), false],
  ['one with a plain sidecar', running('web', { containers: [proxy] }), false],
  ['one on the network of its host', running('web', { hostNetwork: true }), false],
  [
    'one that opts out by its annotation',
    running('web', {}, { annotations: { 'sidecar.istio.io/inject': 'false' } }),
    false,
  ],
  ['one that opts out by its label', running('web', {}, { labels: { 'sidecar.istio.io/inject': 'false' } }), false],
  ['one elsewhere', running('web', {}, { namespace: 'plain' }), false],
  [
    'one elsewhere that asks for it',
    running('web', {}, { namespace: 'plain', labels: { 'sidecar.istio.io/inject': 'true' } }),
    true,
  ],
  [
    'one in a namespace that says no',
    running('web', {}, { namespace: 'out', labels: { 'sidecar.istio.io/inject': 'true' } }),
    false,
  ],
  [
    'one whose template has no proxy',
    running('web', {}, { annotations: { 'inject.istio.io/templates': 'grpc-simple' } }),
    false,
  ],
];

for (const [what, one, isMissing] of inOrder) {
  test(`${what} ${isMissing ? 'should have' : 'needs no'} sidecar`, () => {
    assert.equal(survey(one).withoutSidecar.length, isMissing ? 1 : 0);
  });
}

const ofJob = { ownerReferences: [{ kind: 'Job', name: 'report', controller: true }] };

test('a plain sidecar of a Job is counted where a native one is possible, and not where the pod asks for a plain one', () => {
  const plain = { containers: [{ name: 'app', image: 'example.com/app' }, proxy] };
  const asked = { ...ofJob, annotations: { 'sidecar.istio.io/nativeSidecar': 'false' } };
  assert.deepEqual(survey(running('report-1', plain, ofJob)).plainJobs, [
    { namespace: 'shop', kind: 'Job', name: 'report', pods: 1 },
  ]);
  assert.deepEqual(survey(running('report-1', plain, asked)).plainJobs, []);
  assert.deepEqual(survey(running('web', plain)).plainJobs, [], 'a pod that runs for ever may have one');
});

test('the node that a pod came to says nothing about where its next one will', () => {
  const nodes = seen(
    ['v1.34.4', 'v1.28.1'].map((kubeletVersion) => ({ name: kubeletVersion, labels: {}, kubeletVersion })),
  );
  const surveyor = createSurveyor(knowledgeOf(observed({ namespaces: seen(namespaces), nodes })), namespaces);
  surveyor.look(running('report-1', { containers: [proxy], nodeName: 'v1.34.4' }, ofJob));
  assert.deepEqual(surveyor.survey().plainJobs, []);
});

test('pods of one workload are one entry, and the first that can be restarted is named with its command', () => {
  const ofSet = (kind: string, name: string) => ({
    generateName: `${name}-`,
    labels: { 'pod-template-hash': 'abc' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind, name, controller: true }],
  });
  const pods = seen(
    survey(
      running('bare'),
      running('web-abc-1', {}, ofSet('ReplicaSet', 'web-abc')),
      running('web-abc-2', {}, ofSet('ReplicaSet', 'web-abc')),
      running('db-0', {}, ofSet('StatefulSet', 'db')),
    ),
  );
  const [finding] = findingsOf(observed({ pods }));
  assert.equal(
    finding?.what,
    '4 pods of 3 workloads: shop/Pod/bare, shop/Deployment/web (2 pods), shop/StatefulSet/db',
  );
  assert.equal(finding?.remedy, 'Restart them: kubectl -n shop rollout restart deployment web, and so on.');
  const bare = seen(survey(running('bare')));
  assert.match(findingsOf(observed({ pods: bare }))[0]?.remedy ?? '', /^Delete the pods/);
});

test('a pod is measured by each rule of a level', () => {
  const bad = pod(
    'web',
    withApp({ securityContext: { privileged: true, capabilities: { add: ['NET_ADMIN', 'CHOWN'] } } }),
  );
  assert.deepEqual(violationsOf(bad, 'baseline'), ['app is privileged', 'app adds NET_ADMIN']);
  assert.equal(violationsOf(bad, 'restricted').length, 7);
  const host = { ...bad, spec: { containers: [], volumes: [{ name: 'v', hostPath: { path: '/' } }] } };
  assert.deepEqual(violationsOf(host, 'baseline'), ['volume v is of a kind that is not allowed']);
});
