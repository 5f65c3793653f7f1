import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FactsOptions, readFacts, type SettingsDocuments } from '../../../src/core/configuration/read-facts.ts';
import { problemLine } from '../../../src/core/model/problem.ts';

function facts(documents: SettingsDocuments, options: FactsOptions = {}) {
  const read = readFacts(documents, options);
  if (!read.ok) assert.fail(read.error.map(problemLine).join('\n'));
  return read.value;
}

function lines(documents: SettingsDocuments, options: FactsOptions = {}): readonly string[] {
  const read = readFacts(documents, options);
  return (read.ok ? read.warnings : read.error).map(problemLine);
}

describe('readFacts()', () => {
  test('without documents and options the defaults hold', () => {
    const { revision, native, platform, compliancePolicy, namespaces, injector, customTemplates } = facts({});
    assert.deepEqual(
      { revision, native, platform, compliancePolicy, namespaces, customTemplates, policy: injector.policy },
      {
        revision: 'default',
        native: { mode: 'auto', minimumMinor: 33, apiServer: 'keeps', nodes: undefined },
        platform: 'kubernetes',
        compliancePolicy: '',
        namespaces: new Map(),
        customTemplates: new Map(),
        policy: 'enabled',
      },
    );
  });

  test('options reach the facts', () => {
    const namespace = { name: 'shop', labels: { a: 'b' }, annotations: { c: 'd' } };
    const read = facts(
      {},
      {
        native: 'false',
        nativeMinimumKubelet: '1.30',
        kubeletVersions: ['v1.34.0', 'v1.29.3'],
        platform: 'openshift',
        compliancePolicy: 'fips-140-3',
        revision: 'canary',
        namespace,
      },
    );
    const { nodes, ...native } = read.native;
    assert.deepEqual(native, { mode: 'false', minimumMinor: 30, apiServer: 'keeps' });
    assert.deepEqual([...(nodes?.tooOld ?? [])], [{ name: '', labels: {}, kubeletVersion: 'v1.29.3' }]);
    assert.deepEqual([read.platform, read.compliancePolicy, read.revision], ['openshift', 'fips-140-3', 'canary']);
    assert.deepEqual(read.namespaces.get('shop'), { labels: { a: 'b' }, annotations: { c: 'd' } });
  });

  test('an oldest kubelet that cannot be is refused', () => {
    for (const nativeMinimumKubelet of ['1.28', '1.34', 'v1.30', '1.30.1', '']) {
      assert.deepEqual(lines({}, { nativeMinimumKubelet }), [
        `nativeMinimumKubelet: Cannot read "${nativeMinimumKubelet}": must be one of 1.29, 1.30, 1.31, 1.32, 1.33`,
      ]);
    }
  });

  test('labels of a namespace that nobody gave are not known', () => {
    assert.equal(facts({}, { namespace: { name: 'shop' } }).namespaces.get('shop')?.labels, undefined);
  });

  test('overrides go over the values, and --set over both', () => {
    const read = facts(
      {
        values: { from: 'v', value: { global: { hub: 'one', tag: 'one', variant: 'one' } } },
        overrides: { from: 'o', value: { global: { tag: 'two', variant: 'two' } } },
      },
      { set: ['global.variant=three'] },
    );
    assert.deepEqual(
      [read.values.global.hub, read.values.global.tag, read.values.global.variant],
      ['one', 'two', 'three'],
    );
  });

  test('without a configuration the values say what it is', () => {
    assert.equal(facts({}, { set: ['global.proxy.autoInject=disabled'] }).injector.policy, 'disabled');
    const config = { from: 'c', value: { policy: 'enabled' } };
    assert.equal(facts({ config }, { set: ['global.proxy.autoInject=disabled'] }).injector.policy, 'enabled');
  });

  test('templates come from the values, the configuration and --templates', () => {
    const overlay = (a: string) => ({ metadata: { labels: { a } } });
    const read = facts({
      values: { from: 'v', value: { sidecarInjectorWebhook: { templates: { one: '{{ go }}', two: 'metadata: {}' } } } },
      config: {
        from: 'c',
        value: { policy: 'enabled', templates: { sidecar: '{{ go }}', two: '{{ go }}', three: 'spec: {}' } },
      },
      templates: { from: 't', value: { one: overlay('1'), two: overlay('2') } },
    });
    assert.deepEqual(
      read.customTemplates,
      new Map<string, object>([
        ['one', overlay('1')],
        ['two', overlay('2')],
        ['three', { spec: {} }],
      ]),
    );
  });

  test('facts are frozen throughout', () => {
    const read = facts({ templates: { from: 't', value: { one: { spec: { volumes: [{ name: 'v' }] } } } } });
    assert.ok(
      Object.isFrozen(read) && Object.isFrozen(read.values.global.proxy) && Object.isFrozen(read.mesh.defaultConfig),
    );
    const overlay = read.customTemplates.get('one');
    assert.ok(Object.isFrozen(overlay?.['spec']));
  });

  test('every problem of every document is told, with the document', () => {
    const found = lines(
      {
        values: {
          from: 'values.json',
          value: { global: { hub: [] }, sidecarInjectorWebhook: { templates: { a: '{{ x }}' } } },
        },
        mesh: { from: 'mesh.yaml', value: { proxyListenPort: 'x' } },
        config: { from: 'config.yaml', value: { defaultTemplates: 'x' } },
        templates: { from: 'templates.yaml', value: { b: { spec: 1 } } },
      },
      { set: ['global.proxy.statusPort=x'] },
    );
    assert.deepEqual(
      found.map((line) => line.replace(/: Cannot read.*$/, '')),
      [
        'values.json with --set: global.hub',
        'values.json with --set: global.proxy.statusPort',
        'mesh.yaml: proxyListenPort',
        'config.yaml: defaultTemplates',
        'values.json with --set: sidecarInjectorWebhook.templates.a (line 1, column 1)',
        'templates.yaml: b.spec',
      ],
    );
  });

  test('what is passed over comes as a warning', () => {
    const config = { from: 'config.yaml', value: { policy: 'enabled', neverInjectSelector: [{}] } };
    assert.deepEqual(lines({ config }), [
      'config.yaml: neverInjectSelector[0]: must ask for a label: an empty selector is passed over',
    ]);
  });

  test('a values document that is no mapping is refused', () => {
    assert.deepEqual(lines({ values: { from: 'v', value: [1] } }), ['v: Cannot read "[1]": must be a mapping']);
  });
});
