// Answers: what does a proxy run that tries one module: a bootstrap which loads the module as istiod's WasmPlugin has it
// loaded, has the proxy ask itself, and writes what was answered into its log.
// Does not belong here: the pod around it (trial-pod.ts), what its log means (trial-verdict.ts).
import type { JsonObject } from '../../model/json.ts';
import type { ModuleDigest } from '../digests.ts';
import type { Extension } from '../extension.ts';
import { modulePath } from '../names.ts';

export type TriedExtension = Pick<
  Extension,
  'namespace' | 'name' | 'pluginName' | 'pluginConfig' | 'rawConfig' | 'traffic' | 'vmEnv'
>;

export interface TrialInput {
  readonly extension: TriedExtension;
  readonly moduleDigest: ModuleDigest;
  /** Begins the lines that tell an answer. Unguessable: a module writes into the same log. */
  readonly token: string;
  /** Path of the module, where it is not the one that every proxy finds it under. */
  readonly modulePath?: string;
  /** Loopback ports of the filter's listener and of the application behind it. */
  readonly ports?: { readonly tried: number; readonly application: number };
}

const usualPorts = { tried: 15_080, application: 15_081 };

/** How long the filter may take for one request, in seconds. */
export const answerSeconds = 5;

/**
 * Arguments of Envoy. A line of the log is `<level> <component> <message>`, whatever a message contains; the access log
 * is not kept back; without the memory that a hot restart shares there is nothing to write.
 */
export function proxyArguments(bootstrapPath: string): readonly string[] {
  return [
    ['-c', bootstrapPath],
    ['--concurrency', '1'],
    ['--log-level', 'warning'],
    ['--component-log-level', 'wasm:info'],
    ['--log-format', '%l %n %v'],
    ['--log-format-escaped'],
    ['--file-flush-interval-msec', '50'],
    ['--disable-hot-restart'],
  ].flat();
}

/**
 * The bootstrap. The module is a local file and code of a static listener, so that a proxy which does not take it ends
 * at once. A health check of the proxy's own asks through the filter again and again: no way into the pod is needed.
 */
export function trialBootstrap(input: TrialInput): JsonObject {
  const { tried, application } = input.ports ?? usualPorts;
  const { namespace, name } = input.extension;
  return {
    node: {
      id: `sidecar~127.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${name}.${namespace}`,
      // what filters ask for most
      metadata: { NAME: name, NAMESPACE: namespace, WORKLOAD_NAME: name, CLUSTER_ID: 'Kubernetes' },
    },
    static_resources: {
      listeners: [triedListener(input, tried), applicationListener(application)],
      clusters: [askingCluster(input, tried), { ...cluster(behind, application) }],
    },
  };
}

const behind = 'inbound|80||';

function triedListener({ extension, moduleDigest, token, modulePath: path }: TrialInput, port: number): JsonObject {
  const { traffic } = extension;
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': extensionType('filters.http.router.v3.Router') },
  };
  const filter = wasmFilter(extension, path ?? modulePath(moduleDigest));
  return {
    ...listener('tried', port),
    traffic_direction: traffic === 'outbound' || traffic === 'gateway' ? 'OUTBOUND' : 'INBOUND',
    filter_chains: [httpChain(`inbound_0.0.0.0_80`, { cluster: behind }, [filter, router], accessLog(token))],
  };
}

function applicationListener(port: number): JsonObject {
  const answer = { status: 200, body: { inline_string: 'ok' } };
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': extensionType('filters.http.router.v3.Router') },
  };
  return {
    ...listener('application', port),
    filter_chains: [httpChain('application', answer, [router], [])],
  };
}

/** As istiod writes it into ECDS for a WasmPlugin with a `file://` URL; a proxy fails closed where nothing else is said. */
function wasmFilter({ namespace, name, pluginName, vmEnv, ...extension }: TriedExtension, path: string): JsonObject {
  const text = configurationText(extension);
  const value = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: text };
  const fixed = vmEnv.flatMap(({ name, value, fromHost }) => (fromHost ? [] : [[name, value ?? '']]));
  const fromHost = vmEnv.flatMap(({ name, fromHost }) => (fromHost ? [name] : []));
  return {
    name: `${namespace}.${name}`,
    typed_config: {
      '@type': extensionType('filters.http.wasm.v3.Wasm'),
      config: {
        name: `${namespace}.${name}`,
        ...(pluginName !== undefined && { root_id: pluginName }),
        ...(text !== undefined && { configuration: value }),
        vm_config: {
          runtime: 'envoy.wasm.runtime.v8',
          code: { local: { filename: path } },
          ...(vmEnv.length > 0 && {
            environment_variables: { key_values: Object.fromEntries(fixed), host_env_keys: fromHost },
          }),
        },
      },
    },
  };
}

/** istiod sends the JSON of pluginConfig as text, and nothing for an empty object. */
function configurationText({ pluginConfig, rawConfig }: Pick<Extension, 'pluginConfig' | 'rawConfig'>) {
  if (rawConfig !== undefined) return rawConfig === '' ? undefined : rawConfig;
  if (pluginConfig === undefined || Object.keys(pluginConfig).length === 0) return undefined;
  return JSON.stringify(pluginConfig);
}

function accessLog(token: string): readonly JsonObject[] {
  const line = `${token} %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n`;
  return [
    {
      name: 'envoy.access_loggers.stdout',
      typed_config: {
        '@type': extensionType('access_loggers.stream.v3.StdoutAccessLog'),
        log_format: { text_format_source: { inline_string: line } },
      },
    },
  ];
}

/** Whatever is answered counts as health: what it was is read from the access log. */
function askingCluster({ extension: { namespace, name } }: TrialInput, port: number): JsonObject {
  const every = '0.2s';
  return {
    ...cluster('trial', port),
    health_checks: [
      {
        timeout: `${answerSeconds}s`,
        interval: every,
        no_traffic_interval: every,
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        http_health_check: {
          host: `${name}.${namespace}.svc.cluster.local`,
          path: '/',
          expected_statuses: [{ start: 100, end: 600 }],
        },
      },
    ],
  };
}

function listener(name: string, port: number): JsonObject {
  return { name, address: address(port) };
}

function httpChain(
  prefix: string,
  route: JsonObject,
  filters: readonly JsonObject[],
  log: readonly JsonObject[],
): JsonObject {
  const action = 'cluster' in route ? { route } : { direct_response: route };
  const virtualHost = { name: 'all', domains: ['*'], routes: [{ name: 'default', match: { prefix: '/' }, ...action }] };
  return {
    filters: [
      {
        name: 'envoy.filters.network.http_connection_manager',
        typed_config: {
          '@type': extensionType('filters.network.http_connection_manager.v3.HttpConnectionManager'),
          stat_prefix: prefix,
          route_config: { name: prefix, virtual_hosts: [virtualHost] },
          http_filters: filters,
          access_log: log,
        },
      },
    ],
  };
}

function cluster(name: string, port: number): JsonObject {
  const endpoint = { endpoint: { address: address(port) } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

function address(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function extensionType(name: string): string {
  return `type.googleapis.com/envoy.extensions.${name}`;
}
