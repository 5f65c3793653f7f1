import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  namespaceFacts,
  namespaceOfWebhook,
  nodeFacts,
  proxyConfigResource,
} from '../../../src/core/cluster/surroundings-objects.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

const labels = { 'istio-injection': 'enabled' };
const platform = { 'openshift.io/sa.scc.uid-range': '1000700000/10000' };
const namespace: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels, annotations: { ...platform, note: 'x'.repeat(1_000) } },
};

test('the webhook keeps of a namespace what the platform says, and no labels that could be behind', () => {
  assert.deepEqual(namespaceOfWebhook(namespace), { labels: undefined, annotations: platform });
});

test('who decides as the registration would takes the labels as they are, none where there are none', () => {
  assert.equal(namespaceFacts(namespace).labels, labels);
  assert.deepEqual(namespaceFacts({ ...namespace, metadata: { name: 'bare' } }), { labels: {}, annotations: {} });
});

test('a node that has not reported yet has a version that cannot be read', () => {
  const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } };
  assert.deepEqual(nodeFacts(node), { name: 'new', labels: {}, kubeletVersion: '' });
});

test('a ProxyConfig resource without a spec changes nothing', () => {
  const metadata = { name: 'all', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' };
  const resource = { apiVersion: 'networking.istio.io/v1beta1', kind: 'ProxyConfig', metadata };
  assert.deepEqual(proxyConfigResource(resource), { ...metadata, spec: {} });
});
