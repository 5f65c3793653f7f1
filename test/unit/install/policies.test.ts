import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { V1ValidatingAdmissionPolicySpec } from '@kubernetes/client-node';
import { resourceOf } from '../../../src/core/cluster/resources.ts';
import { installObjects } from '../../../src/core/install/objects.ts';
import { readOptionsText } from '../../../src/core/install/options-text.ts';
import { wasmPolicies } from '../../../src/core/install/policies.ts';
import { isOfInstallation, removalOrder } from '../../../src/core/install/removal.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

function input(optionsText: string, hasPolicies?: boolean) {
  const options = readOptionsText(optionsText);
  if (!options.ok) throw new Error(JSON.stringify(options.error));
  const common = { options: options.value, optionsText, image: 'pillion:1', version: '1' };
  return hasPolicies === undefined ? common : { ...common, hasPolicies };
}

const enabled = 'wasm: {enabled: true}';
const policies = wasmPolicies(input(enabled).options);
const isPolicy = ({ kind }: KubeObject): boolean => kind.startsWith('ValidatingAdmissionPolicy');

suite('policies about Wasm are installed', () => {
  test('only where Wasm modules are to be delivered, and the cluster can have them', () => {
    assert.deepEqual(installObjects(input('')).filter(isPolicy), []);
    assert.deepEqual(installObjects(input(enabled, false)).filter(isPolicy), []);
    for (const known of [undefined, true]) {
      assert.deepEqual(installObjects(input(enabled, known)).filter(isPolicy), policies);
    }
    assert.ok(policies.length > 0);
  });

  test('before anything runs, and are found and removed', () => {
    const kinds = installObjects(input(enabled)).map(({ kind }) => kind);
    assert.ok(kinds.lastIndexOf('ValidatingAdmissionPolicyBinding') < kinds.indexOf('Deployment'));
    for (const object of policies) {
      assert.ok(isOfInstallation(object), object.metadata.name);
      assert.ok(removalOrder.includes(resourceOf(object)), object.kind);
    }
  });

  test('so that they refuse where they cannot tell, and are asked about nothing but what they are about', () => {
    const specs = policies.filter(({ kind }) => !kind.endsWith('Binding')).map((one) => one['spec']);
    for (const spec of specs as readonly V1ValidatingAdmissionPolicySpec[]) {
      assert.equal(spec.failurePolicy, 'Fail');
      assert.ok((spec.matchConditions ?? []).length > 0);
      const asked = (spec.matchConstraints?.resourceRules ?? []).flatMap((rule) => [
        ...(rule.resources ?? []),
        ...(rule.apiGroups ?? []),
      ]);
      assert.ok(!asked.includes('*'), asked.join());
    }
    assert.equal(specs.length, 4);
  });
});
