import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideNative } from '../../../src/core/decide/native.ts';
import type { NativeFacts } from '../../../src/core/model/facts.ts';

const auto = (...kubeletVersions: string[]): NativeFacts => ({ mode: 'auto', kubeletVersions });

test('native: the pod annotation beats the option and the kubelets', () => {
  assert.equal(decideNative('false', { mode: 'true', kubeletVersions: undefined }).native, false);
  assert.equal(decideNative('true', auto('v1.28.0')).native, true);
  assert.equal(decideNative('true', auto('v1.28.0')).reason, 'pod-annotation');
});

test('native: an empty annotation says nothing, any other text but "false" means native', () => {
  assert.equal(decideNative('', auto('v1.28.0')).reason, 'kubelet-too-old');
  for (const text of ['yes', 'True', 'FALSE']) assert.equal(decideNative(text, auto('v1.28.0')).native, true, text);
});

test('native: the option beats the kubelets', () => {
  assert.deepEqual(decideNative(undefined, { mode: 'false', kubeletVersions: ['v1.34.0'] }), {
    native: false,
    reason: 'forced',
    detail: '--native false',
  });
});

test('native: one old kubelet makes everything plain, and is named', () => {
  const decision = decideNative(undefined, auto('v1.34.0', 'v1.32.9', 'v1.33.0'));
  assert.equal(decision.native, false);
  assert.match(decision.detail, /v1\.32\.9/);
});

test('native: vendors’ suffixes do not matter, and a version that cannot be read does not count as new', () => {
  for (const kubelet of ['v1.33.4-gke.1', 'v1.34.0+k3s1', '1.33.0', 'v1.33', 'v1.34.1-eks-abc+d']) {
    assert.equal(decideNative(undefined, auto(kubelet)).native, true, kubelet);
  }
  for (const kubelet of ['', 'v1', 'fargate', 'v1.32.99', 'v1.x', 'v1.33.0 (patched)']) {
    assert.equal(decideNative(undefined, auto(kubelet)).native, false, kubelet);
  }
});

test('native: without known kubelets it is native', () => {
  assert.equal(decideNative(undefined, { mode: 'auto', kubeletVersions: undefined }).reason, 'no-kubelets-known');
  assert.equal(decideNative(undefined, auto()).native, true);
});
