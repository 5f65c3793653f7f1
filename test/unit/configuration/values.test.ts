import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readValues } from '../../../src/core/configuration/values.ts';
import { defaultValues } from '../../../src/core/configuration/values-defaults.ts';
import { applySettings, mergeOverrides } from '../../../src/core/configuration/values-overrides.ts';
import { problemLine } from '../../../src/core/model/problem.ts';

function values(overrides: object) {
  const read = readValues(mergeOverrides(defaultValues, { ...overrides }));
  if (!read.ok) assert.fail(read.error.map(problemLine).join('\n'));
  return read.value;
}

describe('readValues()', () => {
  test("the chart's values are read", () => {
    const { global, cni, rewriteAppHTTPProbe, crlConfigMapName } = values({});
    assert.equal(global.proxy.statusPort, '15020');
    assert.equal(global.tokenAudience, 'istio-ca');
    assert.deepEqual(global.proxy.resources, {
      requests: { cpu: '100m', memory: '128Mi' },
      limits: { cpu: '2000m', memory: '1024Mi' },
    });
    assert.equal(global.proxy.seccompProfile, undefined);
    assert.deepEqual(cni, { enabled: false, provider: 'default' });
    assert.equal(rewriteAppHTTPProbe, true);
    assert.equal(crlConfigMapName, 'istio-ca-crl');
  });

  test("a document without sections gets the chart's sections", () => {
    assert.deepEqual(readValues({}), readValues(defaultValues));
    assert.deepEqual(readValues({ global: null, unknown: 1 }), readValues(defaultValues));
  });

  test('numbers and booleans are text where text is wanted', () => {
    const { global } = values({ global: { tag: 1000000, proxy: { capNetBindService: true, statusPort: '123' } } });
    assert.deepEqual([global.tag, global.proxy.capNetBindService, global.proxy.statusPort], ['1000000', 'true', '123']);
    assert.equal(values({ global: { tag: 1.5 } }).global.tag, '1.5');
  });

  test('nulls in resources are taken out, and what is empty then', () => {
    const resources = { limits: { cpu: null, memory: '500Mi' }, requests: { cpu: null } };
    const document = {
      ...defaultValues,
      global: { ...defaultValues.global, proxy: { ...defaultValues.global.proxy, resources } },
    };
    const read = readValues(document);
    assert.deepEqual(read.ok && read.value.global.proxy.resources, { limits: { memory: '500Mi' } });
  });

  test('resources that were removed are none', () => {
    assert.equal(values({ global: { proxy: { resources: null } } }).global.proxy.resources, undefined);
    assert.equal(
      values({ global: { proxy: { startupProbe: { enabled: null } } } }).global.proxy.startupProbe.enabled,
      false,
    );
    assert.equal(values({ sidecarInjectorWebhook: { rewriteAppHTTPProbe: null } }).rewriteAppHTTPProbe, false);
  });

  test('numbers in resources are quantities', () => {
    const { resources } = values({
      global: { proxy: { resources: { limits: { cpu: 2, memory: null }, requests: null } } },
    }).global.proxy;
    assert.deepEqual(resources, { limits: { cpu: '2' } });
  });

  test('the cluster trust bundle counts as a boolean only', () => {
    assert.equal(values({ pilot: { env: { ENABLE_CLUSTER_TRUST_BUNDLE_API: true } } }).clusterTrustBundle, true);
    assert.equal(values({ pilot: { env: { PILOT_X: 'y' } } }).clusterTrustBundle, false);
  });

  test('the values are frozen', () => {
    const { global } = values({});
    assert.ok(Object.isFrozen(global) && Object.isFrozen(global.proxy.resources?.['limits']));
  });
});

describe('a bad setting gives one line', () => {
  const port = 'must be a whole number from 0 to 65535';
  const count = 'must be a whole number from 0 to 2147483647';
  const boolean = 'must be true or false, without quotes';
  const quantity = 'must be a Kubernetes quantity, such as "100m" or "128Mi"';
  const lines: readonly (readonly [path: string, value: unknown, shown: string, expected: string])[] = [
    ['global', 5, '5', 'must be a mapping'],
    ['global.hub', ['a'], '["a"]', 'must be text'],
    ['global.tag', { a: 1 }, '{"a":1}', 'must be text'],
    ['global.imagePullPolicy', 'always', 'always', 'must be one of "", Always, IfNotPresent, Never'],
    ['global.imagePullSecrets', 'secret', 'secret', 'must be a list of texts'],
    ['global.mountMtlsCerts', 'true', 'true', boolean],
    ['global.logAsJson', 1, '1', boolean],
    ['global.nativeNftables', 'no', 'no', boolean],
    ['global.sts.servicePort', 70000, '70000', port],
    ['global.sds', 'x', 'x', 'must be a mapping'],
    ['global.proxy', [], '[]', 'must be a mapping'],
    ['global.proxy.image', [], '[]', 'must be text'],
    ['global.proxy.statusPort', 65536, '65536', port],
    ['global.proxy.statusPort', 'http', 'http', port],
    ['global.proxy.statusPort', 1.5, '1.5', port],
    ['global.proxy.readinessPeriodSeconds', -1, '-1', count],
    ['global.proxy.readinessFailureThreshold', 2147483648, '2147483648', count],
    ['global.proxy.readinessInitialDelaySeconds', 'soon', 'soon', count],
    ['global.proxy.startupProbe.enabled', 'yes', 'yes', boolean],
    ['global.proxy.startupProbe.failureThreshold', {}, '{}', count],
    ['global.proxy.privileged', 'false', 'false', boolean],
    ['global.proxy.resources', 'lots', 'lots', 'must be a mapping'],
    ['global.proxy.resources.limits', '1', '1', 'must be a mapping of resource names to quantities'],
    ['global.proxy.resources.limits.cpu', '2 cores', '2 cores', quantity],
    ['global.proxy.resources.requests.memory', true, 'true', quantity],
    ['global.proxy.seccompProfile', 'RuntimeDefault', 'RuntimeDefault', 'must be a mapping'],
    ['global.proxy.lifecycle', [], '[]', 'must be a mapping'],
    [
      'global.proxy.tracer',
      'jaeger',
      'jaeger',
      'must be one of zipkin, lightstep, datadog, stackdriver, openCensusAgent, none',
    ],
    ['global.proxy.holdApplicationUntilProxyStarts', 'true', 'true', boolean],
    ['global.proxy_init.forceApplyIptables', 'x', 'x', boolean],
    ['pilot.cni.enabled', 'true', 'true', boolean],
    ['pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API', 'true', 'true', `${boolean}: Istio's template fails on text here`],
    ['gateways.securityContext', 'x', 'x', 'must be a mapping'],
    ['sidecarInjectorWebhook.rewriteAppHTTPProbe', 'true', 'true', boolean],
  ];
  const document = (path: string, value: unknown) => {
    const nested = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return mergeOverrides(defaultValues, nested as object as { readonly [key: string]: unknown });
  };
  for (const [path, value, shown, expected] of lines) {
    test(`${path}: ${JSON.stringify(value)}`, () => {
      const read = readValues(document(path, value));
      assert.deepEqual(read.ok ? [] : read.error.map(problemLine), [
        `${path}: Cannot read ${JSON.stringify(shown)}: ${expected}`,
      ]);
    });
  }

  test('every problem is told at once', () => {
    const read = readValues({ global: { hub: [], proxy: { statusPort: 'x' } }, pilot: { cni: { enabled: 1 } } });
    assert.deepEqual(read.ok ? [] : read.error.map(({ path }) => path), [
      'global.hub',
      'global.proxy.statusPort',
      'pilot.cni.enabled',
    ]);
  });

  test('a document that is no mapping', () => {
    const read = readValues('x');
    assert.deepEqual(read.ok ? [] : read.error, [{ path: '', value: 'x', expected: 'must be a mapping' }]);
  });
});

describe('mergeOverrides()', () => {
  test('mappings are merged, lists replaced, null takes away', () => {
    const base = { a: { b: 1, c: 2 }, list: [1, 2], text: 'x' };
    assert.deepEqual(
      mergeOverrides(base, { a: { c: null, d: { e: null, f: 1 } }, list: [3], text: { now: 'a mapping' } }),
      {
        a: { b: 1, d: { f: 1 } },
        list: [3],
        text: { now: 'a mapping' },
      },
    );
    assert.deepEqual(base, { a: { b: 1, c: 2 }, list: [1, 2], text: 'x' });
  });

  test('a key __proto__ reaches nothing', () => {
    mergeOverrides({}, JSON.parse('{"__proto__": {"polluted": true}}'));
    assert.equal('polluted' in {}, false);
  });
});

describe('applySettings()', () => {
  const results: readonly (readonly [setting: string, expected: object])[] = [
    ['a.b=text', { a: { b: 'text' } }],
    ['a.b=', { a: { b: '' } }],
    ['a=1', { a: 1 }],
    ['a=-12', { a: -12 }],
    ['a=007', { a: '007' }],
    ['a=1.30', { a: '1.30' }],
    ['a=true', { a: true }],
    ['a=\\true', { a: 'true' }],
    ['a=x=y', { a: 'x=y' }],
    ['a.b\\.c/d=1', { a: { 'b.c/d': 1 } }],
    ['list[1]=c', { list: ['a', 'c'] }],
    ['list[2].name=c', { list: ['a', 'b', { name: 'c' }] }],
    ['list[0]=null', { list: ['b'] }],
    ['list=null', { list: undefined }],
    ['new[0][0]=x', { new: [['x']] }],
    ['a={x,y\\,z,1}', { a: ['x', 'y,z', 1] }],
    ['a={}', { a: [] }],
    ['a=10.0.0.0/8\\,11.0.0.0/8', { a: '10.0.0.0/8,11.0.0.0/8' }],
    ['a=10.0.0.0/8,11.0.0.0/8', { a: '10.0.0.0/8,11.0.0.0/8' }],
    ['__proto__.polluted=1', JSON.parse('{"__proto__":{"polluted":1}}')],
  ];
  for (const [setting, expected] of results) {
    test(setting, () => {
      const applied = applySettings({ list: ['a', 'b'] }, [setting]);
      const whole = Object.entries({ list: ['a', 'b'], ...expected }).filter(([, value]) => value !== undefined);
      assert.deepEqual(applied.ok && Object.entries(applied.value), whole);
      assert.equal('polluted' in {}, false);
    });
  }

  const refusals: readonly (readonly [setting: string, expected: string])[] = [
    ['a', 'must be path=value, such as global.proxy.logLevel=debug'],
    ['=a', 'must be path=value, such as global.proxy.logLevel=debug'],
    ['a..b=1', 'must name its place by keys between dots and indexes such as [0]'],
    ['[0]=1', 'must name its place by keys between dots and indexes such as [0]'],
    ['a[x]=1', 'must name its place by keys between dots and indexes such as [0]'],
    ['a=1,b=2', 'must be one setting; give --set again for the next, or write \\, for a comma in the value'],
    ['list.a=1', 'must not look for "a" in something that is no mapping'],
    ['text[0]=1', 'must not look for [0] in something that is no list'],
    ['list[7]=1', 'must not leave a gap: the list has 2 elements'],
  ];
  for (const [setting, expected] of refusals) {
    test(`${setting} is refused`, () => {
      const applied = applySettings({ list: ['a', 'b'], text: 'x' }, [setting]);
      assert.deepEqual(applied.ok ? [] : applied.error, [{ path: '--set', value: setting, expected }]);
    });
  }

  test('settings apply in their order, and every bad one is told', () => {
    const applied = applySettings({}, ['a=1', 'a=2', 'b.c=3']);
    assert.deepEqual(applied.ok && applied.value, { a: 2, b: { c: 3 } });
    const refused = applySettings({}, ['x', 'a=1', 'y']);
    assert.deepEqual(refused.ok ? [] : refused.error.map(({ value }) => value), ['x', 'y']);
  });
});
