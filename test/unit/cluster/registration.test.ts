import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { answeredRevisions, type ClusterOptions, readOptions } from '../../../src/core/cluster/options.ts';
import { neverCalled, registeredBundle, registration } from '../../../src/core/cluster/registration.ts';
import { isCalledFor, podWebhooks } from '../../../src/core/cluster/webhooks.ts';
import { systemNamespaces } from '../../../src/core/cluster/well-known.ts';
import { askRegistration } from '../../../src/core/decide/registration.ts';
import { isObject, type JsonObject } from '../../../src/core/model/json.ts';
import { allLabelled, selections } from '../../cluster/labelled.ts';

function optionsOf(document: object): ClusterOptions {
  const read = readOptions(document);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

const caBundle = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

function registered(document: object = {}, changes: object = {}) {
  return registration({ options: optionsOf(document), caBundle, hasMatchConditions: true, ...changes });
}

function entries(object: JsonObject): readonly JsonObject[] {
  return (object['webhooks'] as unknown[]).filter(isObject);
}

suite('what is selected', () => {
  for (const document of selections) {
    const options = optionsOf(document);
    const { namespacesByDefault } = options;
    const facts = {
      registration: {
        revisions: answeredRevisions(options),
        namespacesByDefault,
        excludedNamespaces: neverCalled(options),
      },
    };
    test(`with ${JSON.stringify(document)} the selectors call for the pods that "why" says they do, and once each`, () => {
      const webhooks = podWebhooks(registered(document));
      let called = 0;
      for (const name of ['shop', 'istio-system', 'kube-system', 'pillion-system', 'pillion-node']) {
        for (const { namespace, pod } of allLabelled) {
          const labels = { ...namespace, 'kubernetes.io/metadata.name': name };
          const callers = webhooks.filter((webhook) => isCalledFor(webhook, labels, pod)).map((one) => one.name);
          const { reason } = askRegistration({ name, labels: namespace }, pod, facts);
          assert.equal(callers.length, reason === undefined ? 1 : 0, JSON.stringify({ name, namespace, pod, callers }));
          called += callers.length;
        }
      }
      assert.ok(called >= 20, `${called} were called for`);
    });
  }

  test('a namespace of the options is never called for', () => {
    const [first] = podWebhooks(registered({ excludedNamespaces: ['billing'] }));
    const labels = { 'istio-injection': 'enabled', 'kubernetes.io/metadata.name': 'billing' };
    assert.ok(first !== undefined && !isCalledFor(first, labels, {}));
    assert.ok(isCalledFor(first, { ...labels, 'kubernetes.io/metadata.name': 'shop' }, {}));
  });

  test('namespaces of the system are left out where no label speaks', () => {
    const webhooks = podWebhooks(registered({ namespacesByDefault: true }));
    for (const name of systemNamespaces) {
      const labels = { 'kubernetes.io/metadata.name': name };
      assert.ok(!webhooks.some((webhook) => isCalledFor(webhook, labels, {})), name);
    }
  });
});

suite('the object', () => {
  test('has the names that are public, those of each tag apart', () => {
    const names = entries(registered({ revision: 'canary', tags: ['default', 'blue'], namespacesByDefault: true })).map(
      ({ name }) => name,
    );
    assert.deepEqual(names, [
      'rev-namespace.pillion.dev',
      'rev-object.pillion.dev',
      'default.namespace.pillion.dev',
      'default.object.pillion.dev',
      'default.auto.pillion.dev',
      'default.rev-namespace.pillion.dev',
      'default.rev-object.pillion.dev',
      'blue.rev-namespace.pillion.dev',
      'blue.rev-object.pillion.dev',
    ]);
  });

  test('is nothing that istiod would write its own bundle into', () => {
    const object = registered();
    assert.equal(object.metadata.labels?.['istio.io/rev'], undefined);
    for (const { name } of entries(object)) assert.doesNotMatch(String(name), /sidecar-injector\.istio\.io$/);
  });

  test('fails closed or open as the preset says', () => {
    const policies = (preset: string) =>
      new Set(entries(registered({ failurePreset: preset })).map(({ failurePolicy }) => failurePolicy));
    assert.deepEqual(policies('strict'), new Set(['Fail']));
    assert.deepEqual(policies('safe-start'), new Set(['Ignore']));
  });

  test('has conditions only where Kubernetes has them', () => {
    const conditions = (hasMatchConditions: boolean) =>
      entries(registered({}, { hasMatchConditions })).filter((entry) => 'matchConditions' in entry).length;
    assert.equal(conditions(true), 4);
    assert.equal(conditions(false), 0);
  });

  test('leaves the bundle to cert-manager, where that makes the certificate', () => {
    const object = registered({ certificates: { source: 'cert-manager' } }, { caBundle: undefined });
    assert.equal(object.metadata.annotations?.['cert-manager.io/inject-ca-from'], 'pillion-system/pillion');
    for (const { clientConfig } of entries(object)) assert.ok(isObject(clientConfig) && !('caBundle' in clientConfig));
    assert.equal(registered().metadata.annotations?.['cert-manager.io/inject-ca-from'], undefined);
  });

  test('says which bundle it trusts, when all entries trust the same', () => {
    const object = registered();
    assert.equal(registeredBundle(object), caBundle);
    assert.equal(registeredBundle(registered({}, { caBundle: undefined })), undefined);
    const [first, ...rest] = entries(object);
    const { clientConfig } = entries(registered({}, { caBundle: 'another' }))[0] ?? {};
    assert.equal(registeredBundle({ ...object, webhooks: [{ ...first, clientConfig }, ...rest] }), undefined);
    assert.equal(registeredBundle({ ...object, webhooks: [] }), undefined);
  });
});
