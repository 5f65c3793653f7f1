import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkProxyConfig,
  defaultProxyConfig,
  mergeProxyConfig,
  printProxyConfig,
  readProxyConfig,
} from '../../../src/core/proxy-config/proxy-config.ts';

function read(text: string) {
  const result = readProxyConfig(text);
  if (!result.ok) assert.fail(`${text}: ${result.error}`);
  return result.value;
}

function refusal(text: string): string {
  const result = readProxyConfig(text);
  return result.ok ? `read as ${JSON.stringify(result.value)}` : result.error;
}

/** The text of PROXY_CONFIG for an annotation laid over a mesh's defaultConfig. */
function printed(annotation: string, mesh = ''): string {
  return printProxyConfig(mergeProxyConfig(mergeProxyConfig(defaultProxyConfig, read(mesh)), read(annotation)));
}

describe('readProxyConfig()', () => {
  const readings: readonly (readonly [claim: string, text: string, expected: unknown])[] = [
    ['an empty text sets nothing', '', {}],
    ['a comment alone sets nothing', '# nothing', {}],
    ['JSON is read', '{"concurrency": 2}', { concurrency: 2 }],
    ['YAML in flow style is read', '{concurrency: 2}', { concurrency: 2 }],
    ['only the first document counts', 'concurrency: 1\n---\nconcurrency: [', { concurrency: 1 }],
    ['names may be in snake_case', 'proxy_admin_port: 1', { proxyAdminPort: 1 }],
    ['lowerCamelCase beats snake_case', 'proxyAdminPort: 5\nproxy_admin_port: 6', { proxyAdminPort: 5 }],
    [
      'names with digits are known in both spellings',
      'connectionSettings: {http2_initial_stream_window_size: 70000}',
      {
        connectionSettings: { http2InitialStreamWindowSize: 70000 },
      },
    ],
    ['numbers may be quoted', 'statusPort: "15021"', { statusPort: 15021 }],
    [
      '64-bit integers become text',
      'tracing: {stackdriver: {maxNumberOfAttributes: 200}}',
      {
        tracing: { stackdriver: { maxNumberOfAttributes: '200' } },
      },
    ],
    ['an enum may be a number', 'interceptionMode: 1', { interceptionMode: 'TPROXY' }],
    ['a number that no enum has is kept', 'interceptionMode: 7', { interceptionMode: 7 }],
    ['null is absent', 'concurrency: null', {}],
    ['null in a map is empty text', 'proxyMetadata: {A: null}', { proxyMetadata: { A: '' } }],
    ['unknown fields are passed over', 'somethingNew: [1, 2]', {}],
    [
      'wrappers keep zero',
      'concurrency: 0\nholdApplicationUntilProxyStarts: false',
      {
        concurrency: 0,
        holdApplicationUntilProxyStarts: false,
      },
    ],
    ['plain zeros stay for a check to see', 'statusPort: 0', { statusPort: 0 }],
    ['zeros inside messages are dropped', 'image: {imageType: ""}', { image: {} }],
    [
      'the last field of a group counts',
      'serviceCluster: a\ntracingServiceName: 0',
      {
        tracingServiceName: 'APP_LABEL_AND_NAMESPACE',
      },
    ],
    ['YAML 1.1 knows yes', 'holdApplicationUntilProxyStarts: yes', { holdApplicationUntilProxyStarts: true }],
    ['YAML 1.1 knows octal numbers', 'proxyAdminPort: 0777', { proxyAdminPort: 511 }],
    [
      'times and dates are text',
      'proxyMetadata: {A: 12:30, B: 2001-01-01}',
      {
        proxyMetadata: { A: '12:30', B: '2001-01-01' },
      },
    ],
    ['merge keys are followed', 'x: &x {A: b}\nproxyMetadata: {<<: *x, C: d}', { proxyMetadata: { A: 'b', C: 'd' } }],
    ['a key __proto__ is a key', 'proxyMetadata: {"__proto__": x}', { proxyMetadata: JSON.parse('{"__proto__":"x"}') }],
  ];
  for (const [claim, text, expected] of readings) test(claim, () => assert.deepEqual(read(text), expected));

  const refusals: readonly (readonly [text: string, expected: string])[] = [
    ['foo', 'the text must be a mapping of fields, not "foo"'],
    ['concurrency: x', 'concurrency must be a whole number from -2147483648 to 2147483647, not "x"'],
    ['concurrency: 1.5', 'concurrency must be a whole number from -2147483648 to 2147483647, not 1.5'],
    ['concurrency: true', 'concurrency must be a whole number from -2147483648 to 2147483647, not true'],
    ['statusPort: "1e3"', 'statusPort must be a whole number from -2147483648 to 2147483647, not 1e3'],
    ['fileFlushMinSizeKb: -1', 'fileFlushMinSizeKb must be a whole number from 0 to 4294967295, not -1'],
    ['proxyMetadata: {A: 1}', 'proxyMetadata.A must be text: put it in quotes, not 1'],
    ['proxyMetadata: {a.b/c: true}', 'proxyMetadata["a.b/c"] must be text: put it in quotes, not true'],
    ['interceptionMode: tproxy', 'interceptionMode must be one of REDIRECT, TPROXY, NONE, not "tproxy"'],
    ['drainDuration: 5', 'drainDuration must be a duration, such as "5s" or "1m30s", not 5'],
    ['drain_duration: 5 s', 'drain_duration must be a duration, such as "5s" or "1m30s", not "5 s"'],
    [
      'holdApplicationUntilProxyStarts: "true"',
      'holdApplicationUntilProxyStarts must be true or false, without quotes, not true',
    ],
    ['extraStatTags: a', 'extraStatTags must be a list, not "a"'],
    ['extraStatTags: [a, 1]', 'extraStatTags[1] must be text: put it in quotes, not 1'],
    ['tracing: [a]', 'tracing must be a mapping of fields, not ["a"]'],
    ['tracing: {sampling: .inf}', 'tracing.sampling must be a number, not "Infinity"'],
    [
      'image: {imageType: 3}\nmeshId: 4',
      'meshId must be text: put it in quotes, not 4; image.imageType must be text: put it in quotes, not 3',
    ],
  ];
  for (const [text, expected] of refusals) test(`${text} is refused`, () => assert.equal(refusal(text), expected));

  test('a text that is neither YAML nor JSON is refused with its place', () => {
    assert.match(refusal('a: b\nc: ['), /^the text is neither YAML nor JSON: .* \(line 2, column \d+\)$/);
  });

  test('a long text in JSON is read', () => {
    const proxyMetadata = { A: 'x'.repeat(100_000) };
    assert.deepEqual(read(JSON.stringify({ proxyMetadata })), { proxyMetadata });
  });

  test('a text that would fill the memory is refused', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [above, name] of [...'abcdefg'].map((letter, at) => [letter, 'bcdefgh'[at]])) {
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${above}`).join(',')}]`);
    }
    assert.match(refusal(bomb.join('\n')), /alias/i);
  });

  for (const [claim, text] of [
    ['a deep nesting', `a: ${'['.repeat(100_000)}`],
    ['a deep nesting in JSON', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['an alias to its own anchor', 'a: &a [*a]'],
    ['YAML that would take long to read', '!a '.repeat(20_000)],
    ['YAML that would take long, after a brace', `{${'!a '.repeat(20_000)}`],
    ['control characters', '{"meshId": "\u0000"}'],
    ['a lone surrogate', '{"meshId": "\\ud800"}'],
  ] as const) {
    test(`${claim} is refused in words`, () => assert.match(refusal(text), /^(the text|meshId) /));
  }
});

describe('mergeProxyConfig()', () => {
  const merges: readonly (readonly [claim: string, mesh: string, annotation: string, expected: string])[] = [
    [
      'zero does not replace',
      'interceptionMode: TPROXY',
      'interceptionMode: REDIRECT',
      '{"interceptionMode":"TPROXY"}',
    ],
    ['a wrapper replaces with zero', 'concurrency: 3', 'concurrency: 0', '{"concurrency":0}'],
    [
      'a wrapper replaces with false',
      'holdApplicationUntilProxyStarts: true',
      'holdApplicationUntilProxyStarts: false',
      '{"holdApplicationUntilProxyStarts":false}',
    ],
    [
      'messages are replaced whole',
      'tracing: {zipkin: {address: "z:1"}, sampling: 5}',
      'tracing: {sampling: 9}',
      '{"tracing":{"sampling":9}}',
    ],
    ['lists are replaced whole', 'extraStatTags: [a, b]', 'extraStatTags: [c]', '{"extraStatTags":["c"]}'],
    ['an empty list does not replace', 'extraStatTags: [a]', 'extraStatTags: []', '{"extraStatTags":["a"]}'],
    ['maps are replaced whole', 'runtimeValues: {a: b}', 'runtimeValues: {c: d}', '{"runtimeValues":{"c":"d"}}'],
    [
      'proxyMetadata is merged by key',
      'proxyMetadata: {A: a, B: b}',
      'proxyMetadata: {B: c}',
      '{"proxyMetadata":{"A":"a","B":"c"}}',
    ],
    [
      'five headers stay',
      'proxyHeaders: {server: {value: x}, requestId: {disabled: true}, forwardedClientCert: SANITIZE, xForwardedHost: {enabled: true}}',
      'proxyHeaders: {requestId: {disabled: false}}',
      '{"proxyHeaders":{"forwardedClientCert":"SANITIZE","requestId":{"disabled":false},"server":{"value":"x"}}}',
    ],
    [
      'the other name of the cluster goes',
      'tracingServiceName: CANONICAL_NAME_ONLY',
      'serviceCluster: mine',
      '{"serviceCluster":"mine"}',
    ],
  ];
  for (const [claim, mesh, annotation, expected] of merges) {
    test(claim, () => assert.equal(printed(annotation, mesh), expected));
  }

  test('a layer that sets nothing gives the base itself', () => {
    assert.equal(mergeProxyConfig(defaultProxyConfig, read('statusPort: 0')), defaultProxyConfig);
  });
});

describe('printProxyConfig()', () => {
  const prints: readonly (readonly [claim: string, text: string, expected: string])[] = [
    ['defaults print as an empty object', 'statusPort: 15020\ndrainDuration: 45s\nserviceCluster: istio-proxy', '{}'],
    ['an empty message is no absent one', 'tracing: {}', '{"tracing":{}}'],
    ['an empty map is absent', 'proxyMetadata: {}', '{}'],
    [
      'durations have 0, 3, 6 or 9 decimals',
      'drainDuration: 5500ms\nterminationDrainDuration: 1us',
      '{"drainDuration":"5.500s","terminationDrainDuration":"0.000001s"}',
    ],
    [
      'fields are in the order of declaration',
      'meshId: m\nconcurrency: 1\nconfigPath: /x',
      '{"configPath":"/x","concurrency":1,"meshId":"m"}',
    ],
    [
      'keys of maps are sorted as texts',
      'runtimeValues: {b: "1", "10": x, "2": v, a: z}',
      '{"runtimeValues":{"10":"x","2":"v","a":"z","b":"1"}}',
    ],
    ['<, > and & are escaped', 'meshId: "<a&b>"', String.raw`{"meshId":"\u003ca\u0026b\u003e"}`],
    [
      'another discovery address shows',
      'discoveryAddress: istiod-canary.istio-system.svc:15012',
      '{"discoveryAddress":"istiod-canary.istio-system.svc:15012"}',
    ],
  ];
  for (const [claim, text, expected] of prints) test(claim, () => assert.equal(printed(text), expected));
});

describe('checkProxyConfig()', () => {
  for (const text of [
    '',
    'discoveryAddress: foo:123\nconcurrency: 0',
    'discoveryAddress: "[::1]:80"',
    'discoveryAddress: 10.0.0.1:80',
    'discoveryAddress: istiod.example.:80',
    'tracing: {zipkin: {address: "$(HOST_IP):9411"}}',
    'tracing: {tlsSettings: {mode: MUTUAL, clientCertificate: c, privateKey: k}}',
    'tracingServiceName: CANONICAL_NAME_ONLY',
    'statsdUdpAddress: ""',
    'privateKeyProvider: {qat: {pollDelay: 1s}}',
    'connectionSettings: {httpIdleTimeout: 0s, http2InitialStreamWindowSize: 65535}',
    'zipkinAddress: not checked',
  ]) {
    test(`${JSON.stringify(text)} is allowed`, () => assert.deepEqual(checkProxyConfig(read(text)), []));
  }

  const address = 'must be host:port, a name or an IP address (IPv6 in brackets) and a port from 1 to 65535';
  const port = 'must be a port from 1 to 65535';
  const refusals: readonly (readonly [text: string, ...lines: readonly string[]])[] = [
    ['configPath: ""', 'configPath must not be empty, not ""'],
    ['binaryPath: ""', 'binaryPath must not be empty, not ""'],
    ['serviceCluster: ""', 'serviceCluster must not be empty, not ""'],
    ['statusPort: 0', `statusPort ${port}, not 0`],
    ['proxyAdminPort: 65536', `proxyAdminPort ${port}, not 65536`],
    ['drainDuration: 1ms', 'drainDuration must be whole seconds, at least "1s", not "0.001s"'],
    ['drainDuration: 1500ms', 'drainDuration must be whole seconds, at least "1s", not "1.500s"'],
    ['drainDuration: -3s', 'drainDuration must be whole seconds, at least "1s", not "-3s"'],
    ['discoveryAddress: foo', `discoveryAddress ${address}, not "foo"`],
    ['discoveryAddress: a.1:2', `discoveryAddress ${address}, not "a.1:2"`],
    ['discoveryAddress: a_b:2', `discoveryAddress ${address}, not "a_b:2"`],
    ['discoveryAddress: foo:0', `discoveryAddress ${address}, not "foo:0"`],
    ['discoveryAddress: ::1:80', `discoveryAddress ${address}, not "::1:80"`],
    ['statsdUdpAddress: bad', `statsdUdpAddress ${address}, not "bad"`],
    ['envoyMetricsService: {address: bad}', `envoyMetricsService.address ${address}, not "bad"`],
    ['envoyAccessLogService: {address: bad}', `envoyAccessLogService.address ${address}, not "bad"`],
    ['controlPlaneAuthPolicy: INHERIT', 'controlPlaneAuthPolicy must be NONE or MUTUAL_TLS, not "INHERIT"'],
    ['tracing: {zipkin: {}}', `tracing.zipkin.address ${address}`],
    ['tracing: {lightstep: {address: "l:1"}}', 'tracing.lightstep.accessToken must not be empty'],
    [
      'tracing: {tlsSettings: {mode: MUTUAL}}',
      'tracing.tlsSettings.clientCertificate must be set for mode MUTUAL',
      'tracing.tlsSettings.privateKey must be set for mode MUTUAL',
    ],
    [
      'tracing: {tlsSettings: {mode: SIMPLE, credentialName: c, caCertificates: x}}',
      'tracing.tlsSettings.caCertificates must be absent where credentialName is set, not "x"',
    ],
    [
      'tracing: {tlsSettings: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: x}}',
      'tracing.tlsSettings.caCertificates must be absent where insecureSkipVerify is true, not "x"',
    ],
    ['privateKeyProvider: {}', 'privateKeyProvider must hold cryptomb or qat, not {}'],
    [
      'privateKeyProvider: {cryptomb: {}}',
      'privateKeyProvider.cryptomb.pollDelay must be a duration other than zero, such as "10ms"',
    ],
    [
      'connectionSettings: {httpIdleTimeout: -1s}',
      'connectionSettings.httpIdleTimeout must not be negative, not "-1s"',
    ],
    [
      'connectionSettings: {httpMaxConcurrentStreams: 0}',
      'connectionSettings.httpMaxConcurrentStreams must be at least 1, not 0',
    ],
    [
      'connectionSettings: {http2InitialConnectionWindowSize: 65534}',
      'connectionSettings.http2InitialConnectionWindowSize must be at least 65535, not 65534',
    ],
    [
      'connectionSettings: {listenerPerConnectionBufferLimitBytes: -1}',
      'connectionSettings.listenerPerConnectionBufferLimitBytes must be at least 0, not -1',
    ],
    [
      'statusPort: 0\nproxyAdminPort: 0\nbinaryPath: ""',
      'binaryPath must not be empty, not ""',
      `proxyAdminPort ${port}, not 0`,
      `statusPort ${port}, not 0`,
    ],
  ];
  for (const [text, ...lines] of refusals) {
    test(`${JSON.stringify(text)} is refused`, () => assert.deepEqual(checkProxyConfig(read(text)), lines));
  }
});
