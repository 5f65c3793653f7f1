import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMeshConfig } from '../../../src/core/configuration/mesh-config.ts';
import { problemLine } from '../../../src/core/model/problem.ts';
import { defaultProxyConfig } from '../../../src/core/proxy-config/proxy-config.ts';

function mesh(value: unknown) {
  const read = readMeshConfig(value);
  if (!read.ok) assert.fail(read.error.map(problemLine).join('\n'));
  return read.value;
}

describe('readMeshConfig()', () => {
  const defaults = {
    proxyListenPort: 15001,
    proxyInboundListenPort: 15006,
    trustDomain: 'cluster.local',
    rootNamespace: 'istio-system',
    enablePrometheusMerge: true,
    inboundTrafficPolicy: 'PASSTHROUGH',
    enrichesServiceAttributes: false,
    defaultConfig: defaultProxyConfig,
  };
  test('without a mesh config the built-in defaults hold', () => {
    assert.deepEqual(mesh(undefined), defaults);
    assert.deepEqual(mesh(null), defaults);
  });

  test('fields replace the defaults, defaultConfig field by field', () => {
    const written = {
      proxy_listen_port: '15002',
      enablePrometheusMerge: false,
      inboundTrafficPolicy: { mode: 'LOCALHOST' },
      outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
      defaultConfig: { interceptionMode: 'TPROXY', proxyMetadata: { A: 'b' } },
    };
    assert.deepEqual(mesh(written), {
      ...defaults,
      proxyListenPort: 15002,
      enablePrometheusMerge: false,
      inboundTrafficPolicy: 'LOCALHOST',
      defaultConfig: { ...defaultProxyConfig, interceptionMode: 'TPROXY', proxyMetadata: { A: 'b' } },
    });
  });

  test('the last OpenTelemetry provider of a name says whether service attributes are enriched', () => {
    const otel = { name: 'otel', opentelemetry: { serviceAttributeEnrichment: 'OTEL_SEMANTIC_CONVENTIONS' } };
    const plain = { name: 'otel', opentelemetry: { port: 4317 } };
    const enriches = (...extensionProviders: readonly unknown[]): boolean =>
      mesh({ extensionProviders }).enrichesServiceAttributes;
    assert.equal(enriches({ name: 'p', prometheus: {} }, otel), true);
    assert.equal(enriches(otel, plain), false);
    assert.equal(enriches(plain, { ...otel, name: 'other' }), true);
  });

  test('the config is frozen', () => {
    const { defaultConfig } = mesh({ defaultConfig: { proxyMetadata: { A: 'b' } } });
    assert.ok(Object.isFrozen(defaultConfig) && Object.isFrozen(defaultConfig.proxyMetadata));
  });

  const refusals: readonly (readonly [value: unknown, ...lines: readonly string[]])[] = [
    ['text', ': Cannot read "text": must be a mapping of fields'],
    [{ proxyListenPort: 0 }, 'proxyListenPort: Cannot read "0": must be a port from 1 to 65535'],
    [{ trustDomain: 'a_b' }, 'trustDomain: Cannot read "a_b": must be a domain of RFC 1123 labels'],
    [{ trustDomain: '' }, 'trustDomain: Cannot read "": must be a domain of RFC 1123 labels'],
    [
      { enablePrometheusMerge: 'yes' },
      'enablePrometheusMerge: Cannot read "yes": must be true or false, without quotes',
    ],
    [
      { inboundTrafficPolicy: { mode: 'x' } },
      'inboundTrafficPolicy.mode: Cannot read "x": must be one of PASSTHROUGH, LOCALHOST',
    ],
    [{ extensionProviders: {} }, 'extensionProviders: Cannot read "{}": must be a list'],
    [
      { rootNamespace: 5, defaultConfig: { concurrency: 'x' } },
      'rootNamespace: Cannot read "5": must be text: put it in quotes',
      'defaultConfig.concurrency: Cannot read "x": must be a whole number from -2147483648 to 2147483647',
    ],
    [{ defaultConfig: { statusPort: 0 } }, 'defaultConfig.statusPort: Cannot read "0": must be a port from 1 to 65535'],
  ];
  for (const [value, ...lines] of refusals) {
    test(`${JSON.stringify(value)} is refused`, () => {
      const read = readMeshConfig(value);
      assert.deepEqual(read.ok ? [] : read.error.map(problemLine), lines);
    });
  }
});
