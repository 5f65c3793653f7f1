// Answers: which fields does istio.mesh.v1alpha1.ProxyConfig have, and what stands in each.
// Source: istio.io/api, mesh/v1alpha1/proxy.proto and the messages of networking that it uses. The order is that of the
// declarations, because messages print in it.
import type { ProxyConfig } from '../model/settings.ts';
import { enumeration, type Field, type MessageField, message } from './proto-json.ts';

const string: Field = { kind: 'string' };
const bool: Field = { kind: 'bool' };
const int32: Field = { kind: 'int32' };
const uint32: Field = { kind: 'uint32' };
const double: Field = { kind: 'double' };
const duration: Field = { kind: 'duration' };
const boolValue: Field = { kind: 'wrapper', of: 'bool' };
const int32Value: Field = { kind: 'wrapper', of: 'int32' };
const int64Value: Field = { kind: 'wrapper', of: 'int64' };
const strings: Field = { kind: 'list', of: string };
const stringMap: Field = { kind: 'map', of: string };
const enabled = message({ enabled: boolValue });
const disabled = message({ disabled: boolValue });
const address = message({ address: string });

const tlsSettings = message({
  mode: enumeration('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: strings,
  sni: string,
  insecureSkipVerify: boolValue,
  caCrl: string,
});

const remoteService = message({
  address: string,
  tlsSettings,
  tcpKeepalive: message({ probes: uint32, time: duration, interval: duration }),
});

const customTag = message({
  literal: { ...message({ value: string }), oneof: 'type' },
  environment: { ...message({ name: string, defaultValue: string }), oneof: 'type' },
  header: { ...message({ name: string, defaultValue: string }), oneof: 'type' },
});

const traceContext = enumeration('UNSPECIFIED', 'W3C_TRACE_CONTEXT', 'GRPC_BIN', 'CLOUD_TRACE_CONTEXT', 'B3');

const stackdriver = message({
  debug: bool,
  maxNumberOfAttributes: int64Value,
  maxNumberOfAnnotations: int64Value,
  maxNumberOfMessageEvents: int64Value,
});

const tracing = message({
  zipkin: { ...address, oneof: 'tracer' },
  lightstep: { ...message({ address: string, accessToken: string }), oneof: 'tracer' },
  datadog: { ...address, oneof: 'tracer' },
  stackdriver: { ...stackdriver, oneof: 'tracer' },
  openCensusAgent: {
    ...message({ address: string, context: { kind: 'list', of: traceContext } }),
    oneof: 'tracer',
  },
  customTags: { kind: 'map', of: customTag },
  maxPathTagLength: uint32,
  sampling: double,
  tlsSettings,
  enableIstioTags: boolValue,
});

const forwardClientCert = enumeration(
  'UNDEFINED',
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
);

const readinessProbe = message({
  initialDelaySeconds: int32,
  timeoutSeconds: int32,
  periodSeconds: int32,
  successThreshold: int32,
  failureThreshold: int32,
  httpGet: {
    ...message({
      path: string,
      port: uint32,
      host: string,
      scheme: string,
      httpHeaders: { kind: 'list', of: message({ name: string, value: string }) },
    }),
    oneof: 'healthCheckMethod',
  },
  tcpSocket: { ...message({ host: string, port: uint32 }), oneof: 'healthCheckMethod' },
  exec: { ...message({ command: strings }), oneof: 'healthCheckMethod' },
  grpc: { ...message({ port: uint32, service: string }), oneof: 'healthCheckMethod' },
});

const keyProvider = message({ pollDelay: duration, fallback: boolValue });

const proxyHeaders = message({
  forwardedClientCert: forwardClientCert,
  setCurrentClientCertDetails: message({
    subject: boolValue,
    cert: boolValue,
    chain: boolValue,
    dns: boolValue,
    uri: boolValue,
  }),
  requestId: disabled,
  server: message({ disabled: boolValue, value: string }),
  attemptCount: disabled,
  envoyDebugHeaders: disabled,
  metadataExchangeHeaders: message({ mode: enumeration('UNDEFINED', 'IN_MESH') }),
  preserveHttp1HeaderCase: boolValue,
  xForwardedHost: enabled,
  xForwardedPort: enabled,
});

const connectionSettings = message({
  profile: enumeration('SIDECAR', 'EDGE'),
  listenerPerConnectionBufferLimitBytes: int32Value,
  clusterPerConnectionBufferLimitBytes: int32Value,
  httpIdleTimeout: duration,
  httpMaxConnectionDuration: duration,
  httpDrainTimeout: duration,
  httpRequestTimeout: duration,
  httpRequestHeadersTimeout: duration,
  httpStreamIdleTimeout: duration,
  httpMaxStreamDuration: duration,
  httpMaxConcurrentStreams: int32Value,
  http2InitialStreamWindowSize: int32Value,
  http2InitialConnectionWindowSize: int32Value,
  httpHeadersWithUnderscoresAction: enumeration(
    'HEADERS_WITH_UNDERSCORES_UNSPECIFIED',
    'HEADERS_WITH_UNDERSCORES_ALLOW',
    'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
    'HEADERS_WITH_UNDERSCORES_DROP_HEADER',
  ),
  httpMergeSlashes: boolValue,
  httpPathWithEscapedSlashesAction: enumeration(
    'PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED',
    'KEEP_UNCHANGED',
    'REJECT_REQUEST',
    'UNESCAPE_AND_REDIRECT',
    'UNESCAPE_AND_FORWARD',
  ),
  listenerConnectionLimit: int32Value,
  globalDownstreamConnectionLimit: int32Value,
});

export const proxyConfigMessage: MessageField = message({
  configPath: string,
  binaryPath: string,
  serviceCluster: { ...string, oneof: 'clusterName' },
  tracingServiceName: {
    ...enumeration('APP_LABEL_AND_NAMESPACE', 'CANONICAL_NAME_ONLY', 'CANONICAL_NAME_AND_NAMESPACE'),
    oneof: 'clusterName',
  },
  drainDuration: duration,
  discoveryAddress: string,
  discoveryRefreshDelay: duration,
  zipkinAddress: string,
  statsdUdpAddress: string,
  envoyMetricsServiceAddress: string,
  proxyAdminPort: int32,
  availabilityZone: string,
  controlPlaneAuthPolicy: {
    kind: 'enum',
    numbers: new Map([
      ['NONE', 0],
      ['MUTUAL_TLS', 1],
      ['INHERIT', 1000],
    ]),
  },
  customConfigFile: string,
  statNameLength: int32,
  concurrency: int32Value,
  proxyBootstrapTemplatePath: string,
  interceptionMode: enumeration('REDIRECT', 'TPROXY', 'NONE'),
  tracing,
  sds: message({ enabled: bool, k8sSaJwtPath: string }),
  envoyAccessLogService: remoteService,
  envoyMetricsService: remoteService,
  proxyMetadata: stringMap,
  runtimeValues: stringMap,
  statusPort: int32,
  extraStatTags: strings,
  gatewayTopology: message({
    numTrustedProxies: uint32,
    forwardClientCertDetails: forwardClientCert,
    proxyProtocol: message({}),
  }),
  terminationDrainDuration: duration,
  meshId: string,
  readinessProbe,
  proxyStatsMatcher: message({ inclusionPrefixes: strings, inclusionSuffixes: strings, inclusionRegexps: strings }),
  holdApplicationUntilProxyStarts: boolValue,
  caCertificatesPem: strings,
  image: message({ imageType: string }),
  privateKeyProvider: message({
    cryptomb: { ...keyProvider, oneof: 'provider' },
    qat: { ...keyProvider, oneof: 'provider' },
  }),
  proxyHeaders,
  fileFlushInterval: duration,
  fileFlushMinSizeKb: uint32,
  statsCompression: boolValue,
  connectionSettings,
});

/** What a proxy does where nobody says anything: mesh.DefaultProxyConfig of Istio. */
export const defaultProxyConfig: ProxyConfig = Object.freeze({
  configPath: './etc/istio/proxy',
  binaryPath: '/usr/local/bin/envoy',
  serviceCluster: 'istio-proxy',
  drainDuration: '45s',
  terminationDrainDuration: '5s',
  proxyAdminPort: 15_000,
  controlPlaneAuthPolicy: 'MUTUAL_TLS',
  discoveryAddress: 'istiod.istio-system.svc:15012',
  statNameLength: 189,
  statusPort: 15_020,
});
