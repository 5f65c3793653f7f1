// Answers: which annotations and labels of a pod do we read, what may stand in them, and what do they do. To add an
// annotation, add a record here and use it where the pod is built: docs/annotations.md, validation, `why` and the
// warnings about misspelt keys follow from the record.

import { extensionsAnnotation, modulesAnnotation } from '../model/delivered.ts';
import type { Parser } from './parsers.ts';
import * as read from './parsers.ts';

/** One annotation that we read. */
export interface Entry<T> {
  readonly key: string;
  readonly parse: Parser<T>;
  /** What it does, for docs/annotations.md. */
  readonly doc: string;
  /** What may stand in it, for docs/annotations.md. */
  readonly values: string;
  readonly since: string;
  /** The templates that read it, where not all do: for a pod without them its text does not matter. */
  readonly onlyIn?: readonly string[];
}

function entry<T>(key: string, parse: Parser<T>, values: string, doc: string): Entry<T> {
  return { key, parse, values, doc, since: '0.1' };
}

function since<T>(version: string, record: Entry<T>): Entry<T> {
  return { ...record, since: version };
}

function onlyIn<T>(templates: readonly string[], record: Entry<T>): Entry<T> {
  return { ...record, onlyIn: templates };
}

const quantity = 'a quantity: `100m`, `128Mi`';
const seconds = 'a whole number';
const ports = 'comma-separated ports';
const cidrs = 'comma-separated CIDRs, no spaces';
const interfaces = 'comma-separated interface names';
const level = 'a log level';
const withUserVolumes = ['sidecar', 'grpc-agent'];

export const annotations = {
  // whether and how
  inject: entry(
    'sidecar.istio.io/inject',
    read.text,
    '`true`, `false`',
    'Injects the pod, or leaves it alone. The label of the same name wins.',
  ),
  nativeSidecar: entry(
    'sidecar.istio.io/nativeSidecar',
    read.text,
    '`true`, `false`',
    'Native or plain sidecar for this pod, whatever the cluster decides. Any other text but `false` means native.',
  ),
  templates: entry(
    'inject.istio.io/templates',
    read.names,
    'comma-separated template names',
    'Templates to inject, in this order, instead of the default ones.',
  ),
  proxyConfig: entry(
    'proxy.istio.io/config',
    read.proxyConfig,
    'a ProxyConfig in YAML or JSON',
    'Proxy configuration of this pod, laid over that of the mesh.',
  ),

  // the proxy's container
  proxyImage: entry(
    'sidecar.istio.io/proxyImage',
    read.text,
    'an image reference with a `/`',
    'Image of both injected containers. Ignored without a `/`.',
  ),
  proxyImageType: entry(
    'sidecar.istio.io/proxyImageType',
    read.text,
    '`default`, `debug`, `distroless`, …',
    'Variant of the image: the end of its tag.',
  ),
  proxyCpu: entry(
    'sidecar.istio.io/proxyCPU',
    read.quantity,
    quantity,
    'CPU request of the injected containers. Any of these four annotations replaces all configured resources.',
  ),
  proxyMemory: entry(
    'sidecar.istio.io/proxyMemory',
    read.quantity,
    quantity,
    'Memory request of the injected containers.',
  ),
  proxyCpuLimit: entry(
    'sidecar.istio.io/proxyCPULimit',
    read.quantity,
    quantity,
    'CPU limit of the injected containers.',
  ),
  proxyMemoryLimit: entry(
    'sidecar.istio.io/proxyMemoryLimit',
    read.quantity,
    quantity,
    'Memory limit of the injected containers.',
  ),
  logLevel: entry('sidecar.istio.io/logLevel', read.text, level, 'Log level of Envoy.'),
  componentLogLevel: entry(
    'sidecar.istio.io/componentLogLevel',
    read.text,
    '`component:level,…`',
    'Log levels of components of Envoy.',
  ),
  agentLogLevel: entry(
    'sidecar.istio.io/agentLogLevel',
    read.text,
    '`scope:level,…`',
    'Log level of the agent and of the init container.',
  ),
  capNetBindService: entry(
    'sidecar.istio.io/capNetBindService',
    read.text,
    '`true`',
    'Lets the proxy bind ports below 1024; it runs as root then.',
  ),
  bootstrapOverride: entry(
    'sidecar.istio.io/bootstrapOverride',
    read.text,
    'a ConfigMap name',
    'ConfigMap with a bootstrap of Envoy of one’s own, in `custom_bootstrap.json`.',
  ),
  userVolume: onlyIn(
    withUserVolumes,
    entry(
      'sidecar.istio.io/userVolume',
      read.namedObjects,
      '`{"name": {volume source}}`, `[{"name": …, volume source}]`',
      'Volumes to add to the pod.',
    ),
  ),
  userVolumeMount: onlyIn(
    withUserVolumes,
    entry(
      'sidecar.istio.io/userVolumeMount',
      read.namedMounts,
      '`{"name": {"mountPath": …}}`, `[{"name": …, "mountPath": …}]`',
      'Volumes to mount into the proxy.',
    ),
  ),

  // readiness
  statusPort: entry(
    'status.sidecar.istio.io/port',
    read.port,
    'a port; `0`: no probes',
    'Port of the agent that probes of the application are redirected to.',
  ),
  readinessInitialDelaySeconds: entry(
    'readiness.status.sidecar.istio.io/initialDelaySeconds',
    read.count,
    seconds,
    'Readiness probe of the proxy.',
  ),
  readinessPeriodSeconds: entry(
    'readiness.status.sidecar.istio.io/periodSeconds',
    read.count,
    seconds,
    'Readiness probe of the proxy.',
  ),
  readinessFailureThreshold: entry(
    'readiness.status.sidecar.istio.io/failureThreshold',
    read.count,
    seconds,
    'Readiness probe of the proxy.',
  ),
  rewriteAppHTTPProbers: entry(
    'sidecar.istio.io/rewriteAppHTTPProbers',
    read.lenientBoolean,
    '`true`, `false`',
    'Whether probes and hooks of the application go through the agent.',
  ),

  // which traffic goes through the proxy
  interceptionMode: entry(
    'sidecar.istio.io/interceptionMode',
    read.oneOf('REDIRECT', 'TPROXY', 'NONE'),
    '`REDIRECT`, `TPROXY`, `NONE`',
    'How traffic gets to the proxy.',
  ),
  includeOutboundIPRanges: entry(
    'traffic.sidecar.istio.io/includeOutboundIPRanges',
    read.cidrListOrAll,
    `\`*\` or ${cidrs}`,
    'Outbound addresses that go through the proxy.',
  ),
  excludeOutboundIPRanges: entry(
    'traffic.sidecar.istio.io/excludeOutboundIPRanges',
    read.cidrList,
    cidrs,
    'Outbound addresses that bypass it.',
  ),
  includeInboundPorts: entry(
    'traffic.sidecar.istio.io/includeInboundPorts',
    read.portListOrAll,
    `\`*\` or ${ports}`,
    'Inbound ports that go through the proxy.',
  ),
  excludeInboundPorts: entry(
    'traffic.sidecar.istio.io/excludeInboundPorts',
    read.portList,
    ports,
    'Inbound ports that bypass it.',
  ),
  includeOutboundPorts: entry(
    'traffic.sidecar.istio.io/includeOutboundPorts',
    read.text,
    ports,
    'Outbound ports that go through the proxy whatever the address.',
  ),
  excludeOutboundPorts: entry(
    'traffic.sidecar.istio.io/excludeOutboundPorts',
    read.portList,
    ports,
    'Outbound ports that bypass it.',
  ),
  excludeInterfaces: entry(
    'traffic.sidecar.istio.io/excludeInterfaces',
    read.interfaceList,
    interfaces,
    'Interfaces whose traffic bypasses the proxy.',
  ),
  kubevirtInterfaces: entry(
    'traffic.sidecar.istio.io/kubevirtInterfaces',
    read.interfaceList,
    interfaces,
    'Interfaces of virtual machines whose inbound traffic counts as outbound.',
  ),
  rerouteVirtualInterfaces: entry(
    'istio.io/reroute-virtual-interfaces',
    read.interfaceList,
    interfaces,
    'The same, under its newer name, which wins.',
  ),
  cniNetworks: entry(
    'k8s.v1.cni.cncf.io/networks',
    read.text,
    'a list or JSON',
    'Networks of the pod; with Multus, that of Istio is added.',
  ),

  // telemetry
  mergeMetrics: entry(
    'prometheus.istio.io/merge-metrics',
    read.boolean,
    '`true`, `false`',
    'Whether the agent serves the metrics of the application with its own.',
  ),
  datadogEnv: entry(
    'apm.datadoghq.com/env',
    read.plainObject,
    'a JSON object',
    'Environment of the proxy, when the tracer of the mesh is datadog.',
  ),
  otelServiceNamespace: entry(
    'resource.opentelemetry.io/service.namespace',
    read.text,
    'text',
    'Attribute `service.namespace` of traces, when the mesh asks for service attributes.',
  ),
  otelServiceVersion: entry(
    'resource.opentelemetry.io/service.version',
    read.text,
    'text',
    'Attribute `service.version` of traces.',
  ),
  otelServiceInstanceId: entry(
    'resource.opentelemetry.io/service.instance.id',
    read.text,
    'text',
    'Attribute `service.instance.id` of traces.',
  ),

  // Wasm modules
  wasmModules: since(
    '0.2',
    entry(
      modulesAnnotation,
      read.moduleDigests,
      'comma-separated digests of modules: `sha256:…`',
      'Modules of the node store that the proxy is to have before it starts, without any WasmExtension. Only where the option `wasm.enabled` is on (docs/wasm.md).',
    ),
  ),

  // others whose presence counts
  defaultContainer: entry(
    'kubectl.kubernetes.io/default-container',
    read.text,
    'a container name',
    'Kept where it is set; otherwise the first container of the application.',
  ),
  defaultLogsContainer: entry(
    'kubectl.kubernetes.io/default-logs-container',
    read.text,
    'a container name',
    'The same, for logs.',
  ),

  // written by an earlier injection
  overrides: entry(
    'proxy.istio.io/overrides',
    read.overrides,
    'JSON; not for users',
    'What the user had defined of containers that the injection defines too.',
  ),
  status: entry('sidecar.istio.io/status', read.status, 'JSON; not for users', 'What the injection added.'),
  wasmExtensions: since(
    '0.2',
    entry(
      extensionsAnnotation,
      read.text,
      'JSON; not for users',
      'How the Wasm modules of each extension that selects the pod come to its proxy, and why.',
    ),
  ),
} as const;

type Catalogue = typeof annotations;

/** The annotations of one pod, read: a member for each that is present. */
export type Annotations = {
  readonly [Name in keyof Catalogue]?: Catalogue[Name] extends Entry<infer T> ? T : never;
};

/**
 * Annotations for Prometheus. Prometheus itself turns every character that is not a letter, a digit or `_` into `_`, so
 * `prometheus.io/port` and `prometheus_io_port` are the same key; ours are looked up in that form.
 */
export const prometheusAnnotations = {
  scrape: {
    key: 'prometheus_io_scrape',
    shown: 'prometheus.io/scrape',
    doc: '`false`: the metrics of the application are not merged.',
  },
  port: {
    key: 'prometheus_io_port',
    shown: 'prometheus.io/port',
    doc: 'Port of the metrics of the application; replaced by the port of the agent.',
  },
  path: {
    key: 'prometheus_io_path',
    shown: 'prometheus.io/path',
    doc: 'Path of the metrics of the application; replaced by that of the agent.',
  },
  targets: {
    key: 'prometheus_istio_io_scrape_targets',
    shown: 'prometheus.istio.io/scrape-targets',
    doc: 'Several `port[:path]`, comma-separated, instead of port and path.',
  },
  securePort: {
    key: 'prometheus_istio_io_secure_port',
    shown: 'prometheus.istio.io/secure-port',
    doc: 'Kept where it is set; otherwise the proxy’s secure port for metrics, if it has one.',
  },
} as const;

/** Annotations under Istio's prefixes that something else reads: the agent, istiod, the CNI plugin. We leave them alone. */
export const readElsewhere: readonly string[] = [
  'istio.io/rev',
  'istio.io/dry-run',
  'istio.io/traffic-class',
  'istio.io/workloadController',
  'ambient.istio.io/redirection',
  'ambient.istio.io/bypass-inbound-capture',
  'ambient.istio.io/dns-capture',
  'galley.istio.io/analyze-suppress',
  'networking.istio.io/exportTo',
  'networking.istio.io/traffic-distribution',
  'proxyless.istio.io/config',
  'readiness.status.sidecar.istio.io/applicationPorts',
  'security.istio.io/autoMTLS',
  'sidecar.istio.io/discoveryAddress',
  'sidecar.istio.io/enableCoreDump',
  'sidecar.istio.io/controlPlaneAuthPolicy',
  'sidecar.istio.io/extraStatTags',
  'sidecar.istio.io/statsCompression',
  'sidecar.istio.io/statsEvictionInterval',
  'sidecar.istio.io/statsFlushInterval',
  'sidecar.istio.io/statsHistogramBins',
  'sidecar.istio.io/statsHistogramBuckets',
  'sidecar.istio.io/statsInclusionPrefixes',
  'sidecar.istio.io/statsInclusionRegexps',
  'sidecar.istio.io/statsInclusionSuffixes',
  'topology.istio.io/controlPlaneClusters',
];

/** Labels of the pod that we read. */
export const labels = {
  inject: {
    key: 'sidecar.istio.io/inject',
    doc: 'Injects the pod, or leaves it alone; stronger than the annotation of the same name.',
  },
  revision: {
    key: 'istio.io/rev',
    doc: 'Revision that is asked to inject, in namespaces without a label of their own.',
  },
  tlsMode: { key: 'security.istio.io/tlsMode', doc: 'Kept where it is set; otherwise `istio`.' },
  tunnel: {
    key: 'networking.istio.io/tunnel',
    doc: 'Kept where it is set; otherwise `http` when the proxy speaks HBONE.',
  },
  canonicalName: {
    key: 'service.istio.io/canonical-name',
    doc: 'Name of the service in telemetry; else the next three.',
  },
  appName: { key: 'app.kubernetes.io/name', doc: 'Name of the service in telemetry.' },
  app: { key: 'app', doc: 'Name of the service in telemetry.' },
  canonicalRevision: {
    key: 'service.istio.io/canonical-revision',
    doc: 'Version of the service in telemetry; else the next two, else `latest`.',
  },
  appVersion: { key: 'app.kubernetes.io/version', doc: 'Version of the service in telemetry.' },
  version: { key: 'version', doc: 'Version of the service in telemetry.' },
  workloadName: {
    key: 'service.istio.io/workload-name',
    doc: 'Name of the workload in telemetry, instead of that of the owner.',
  },
  network: { key: 'topology.istio.io/network', doc: 'Network of the pod, stronger than that of the mesh.' },
  podTemplateHash: { key: 'pod-template-hash', doc: 'Tells the Deployment from its ReplicaSet.' },
  rolloutHash: { key: 'rollouts-pod-template-hash', doc: 'Tells the Argo Rollout from its ReplicaSet.' },
  deploymentConfig: {
    key: 'deploymentconfig',
    doc: 'Tells the OpenShift DeploymentConfig from its ReplicationController.',
  },
} as const;
