// Which pods of other injectors are we called for, where Wasm modules are delivered, and which never.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { answeredRevisions, type ClusterOptions, readOptions } from '../../../src/core/cluster/options.ts';
import { findOverlaps } from '../../../src/core/cluster/overlap.ts';
import { isForInjection, neverCalled, registration } from '../../../src/core/cluster/registration.ts';
import { isCalledFor, type PodWebhook, podWebhooks } from '../../../src/core/cluster/webhooks.ts';
import { askRegistration } from '../../../src/core/decide/registration.ts';
import { accessObjects } from '../../../src/core/install/access.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import { allLabelled, selections } from '../../cluster/labelled.ts';

function optionsOf(document: object, wasm = true): ClusterOptions {
  const read = readOptions({ ...document, ...(wasm && { wasm: { enabled: true } }) });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function registered(options: ClusterOptions): KubeObject {
  return registration({ options, caBundle: 'x', hasMatchConditions: true });
}

/** True where the labels ask an injector that is none of ours. */
function asksAnother(options: ClusterOptions, namespace: StringMap, pod: StringMap): boolean {
  if (pod['sidecar.istio.io/inject'] === 'false') return false;
  const { namespacesByDefault } = options;
  const facts = {
    registration: { revisions: answeredRevisions(options), namespacesByDefault, excludedNamespaces: [] },
  };
  const { reason } = askRegistration({ name: 'shop', labels: namespace }, pod, facts);
  const isOfDefault =
    reason === 'namespace-not-opted-in' &&
    pod['sidecar.istio.io/inject'] === 'true' &&
    pod['istio.io/rev'] === undefined;
  return reason === 'other-revision' || isOfDefault;
}

suite('the registration for modules', () => {
  for (const document of selections) {
    test(`with ${JSON.stringify(document)} is for the pods that ask another injector, and each pod has one call at most`, () => {
      const options = optionsOf(document);
      const webhooks = podWebhooks(registered(options));
      let called = 0;
      for (const { namespace, pod } of allLabelled) {
        const labels = { ...namespace, 'kubernetes.io/metadata.name': 'shop' };
        const callers = webhooks.filter((webhook) => isCalledFor(webhook, labels, pod));
        const what = JSON.stringify({ namespace, pod, callers: callers.map(({ name }) => name) });
        assert.ok(callers.length <= 1, what);
        assert.equal(
          callers.some((one) => !isForInjection(one)),
          asksAnother(options, namespace, pod),
          what,
        );
        if (callers.some((one) => !isForInjection(one))) called += 1;
      }
      const answersAll = ['default', 'canary', 'other'].every((name) => answeredRevisions(options).includes(name));
      assert.equal(called === 0, answersAll, `${called} were called for`);
    });
  }

  test('is not there where no modules are delivered, and changes nothing of the other entries', () => {
    const without = registered(optionsOf({}, false));
    const added = podWebhooks(registered(optionsOf({}))).filter((one) => !isForInjection(one));
    assert.deepEqual(
      podWebhooks(without).filter((one) => !isForInjection(one)),
      [],
    );
    const entries = (object: KubeObject) => object['webhooks'] as readonly object[];
    assert.deepEqual(entries(registered(optionsOf({}))).slice(0, -added.length), entries(without));
    assert.deepEqual(
      added.map(({ service }) => service?.path),
      added.map(() => '/wasm'),
    );
  });

  test('leaves out the namespaces that are never called for', () => {
    const options = optionsOf({ excludedNamespaces: ['billing'] });
    for (const name of neverCalled(options)) {
      const labels = { 'istio.io/rev': 'other', 'kubernetes.io/metadata.name': name };
      assert.ok(!podWebhooks(registered(options)).some((one) => isCalledFor(one, labels, {})), name);
    }
  });

  test('is called again after another injector, and fails as the options say', () => {
    const entry = (failurePreset: string) =>
      (
        registered(optionsOf({ failurePreset }))['webhooks'] as readonly (PodWebhook & { reinvocationPolicy: string })[]
      ).at(-1);
    assert.equal(entry('safe-start')?.reinvocationPolicy, 'IfNeeded');
    assert.deepEqual([entry('safe-start')?.failurePolicy, entry('strict')?.failurePolicy], ['Ignore', 'Fail']);
  });

  test('is no overlap with the injector of the other revision', () => {
    const istiod = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'istio-sidecar-injector-other' },
      webhooks: [
        {
          name: 'rev.namespace.sidecar-injector.istio.io',
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          namespaceSelector: {
            matchLabels: { 'istio.io/rev': 'other' },
            matchExpressions: [{ key: 'istio-injection', operator: 'DoesNotExist' }],
          },
          clientConfig: {},
        },
      ],
    };
    assert.deepEqual(findOverlaps([istiod], optionsOf({})), []);
  });
});

test('the webhook may follow extensions where modules are delivered, and nowhere else', () => {
  const rules = (options: ClusterOptions) =>
    JSON.stringify(accessObjects(options).filter(({ metadata }) => metadata.name === 'pillion-webhook'));
  assert.match(
    rules(optionsOf({})),
    /\{"apiGroups":\["pillion.dev"\],"resources":\["wasmextensions"\],"verbs":\["list","watch"\]\}/,
  );
  assert.doesNotMatch(rules(optionsOf({}, false)), /wasm/);
});
