// Answers: how is a filter switched on whose configuration is any text: directly, by a patch of the listeners, with the
// local file. A WasmPlugin would send the text as JSON.
// Source: Istio, networking.istio.io/v1alpha3 EnvoyFilter; Envoy, extensions.filters.http.wasm.v3.Wasm.
import type { JsonObject } from '../../model/json.ts';
import type { StringMap } from '../../model/pod.ts';
import type { Extension, Revision } from '../extension.ts';
import { modulePath } from '../names.ts';
import { rootIdOf } from './prints.ts';

const contexts = {
  inbound: 'SIDECAR_INBOUND',
  outbound: 'SIDECAR_OUTBOUND',
  gateway: 'GATEWAY',
  any: 'ANY',
} as const satisfies Record<Extension['traffic'], string>;

/** What a proxy does once the module has failed; it closes where nothing is said. */
const policies = {
  FAIL_CLOSE: {},
  FAIL_OPEN: { failure_policy: 'FAIL_OPEN' },
  FAIL_RELOAD: { failure_policy: 'FAIL_RELOAD' },
} as const satisfies Record<Extension['failStrategy'], JsonObject>;

const manager = 'envoy.filters.network.http_connection_manager';
const router = 'envoy.filters.http.router';

/** `spec` of the EnvoyFilter: the module as the last filter before the router, for the pods with these labels. */
export function envoyFilterSpec(extension: Extension, revision: Revision, labels: StringMap): JsonObject {
  return {
    workloadSelector: { labels },
    configPatches: [
      {
        applyTo: 'HTTP_FILTER',
        match: {
          context: contexts[extension.traffic],
          listener: { filterChain: { filter: { name: manager, subFilter: { name: router } } } },
        },
        patch: { operation: 'INSERT_BEFORE', value: wasmFilter(extension, revision) },
      },
    ],
  };
}

function wasmFilter(extension: Extension, revision: Revision): JsonObject {
  const { namespace, name, rawConfig, failStrategy, vmEnv } = extension;
  const id = `${namespace}.${name}`;
  const rootId = rootIdOf(extension, revision);
  const configuration = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: rawConfig };
  return {
    // a name of its own, so that two of them can stand in one listener
    name: `envoy.filters.http.wasm.${id}`,
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
      config: {
        name: id,
        ...(rootId !== undefined && { root_id: rootId }),
        ...(rawConfig !== undefined && rawConfig !== '' && { configuration }),
        ...policies[failStrategy],
        vm_config: {
          vm_id: id,
          runtime: 'envoy.wasm.runtime.v8',
          code: { local: { filename: modulePath(revision.moduleDigest) } },
          ...(vmEnv.length > 0 && { environment_variables: environment(vmEnv) }),
        },
      },
    },
  };
}

function environment(vmEnv: Extension['vmEnv']): JsonObject {
  const hostKeys = vmEnv.filter(({ fromHost }) => fromHost).map(({ name }) => name);
  const fixed = vmEnv.filter(({ fromHost }) => !fromHost).map(({ name, value = '' }) => [name, value]);
  return {
    ...(hostKeys.length > 0 && { host_env_keys: hostKeys }),
    ...(fixed.length > 0 && { key_values: Object.fromEntries(fixed) }),
  };
}
