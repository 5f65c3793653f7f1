// Answers: what does the mesh config (istio.mesh.v1alpha1.MeshConfig) say about injection.
// Does not belong here: the fields that only the control plane and Envoy read.

import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { MeshConfig, ProxyConfig } from '../model/settings.ts';
import { isDomain, isPortNumber } from '../proxy-config/network-address.ts';
import { decodeMessage, enumeration, type Field, message } from '../proxy-config/proto-json.ts';
import { mergeProxyConfig } from '../proxy-config/proxy-config.ts';
import { proxyConfigProblems } from '../proxy-config/proxy-config-check.ts';
import { defaultProxyConfig, proxyConfigMessage } from '../proxy-config/proxy-config-fields.ts';

const string: Field = { kind: 'string' };

/** The fields that injection reads, besides defaultConfig, which is merged field by field and not replaced. */
export const meshConfigMessage = message({
  proxyListenPort: { kind: 'int32' },
  proxyInboundListenPort: { kind: 'int32' },
  trustDomain: string,
  rootNamespace: string,
  enablePrometheusMerge: { kind: 'wrapper', of: 'bool' },
  inboundTrafficPolicy: message({ mode: enumeration('PASSTHROUGH', 'LOCALHOST') }),
  extensionProviders: {
    kind: 'list',
    of: message({
      name: string,
      opentelemetry: message({
        serviceAttributeEnrichment: enumeration('ISTIO_CANONICAL', 'OTEL_SEMANTIC_CONVENTIONS'),
      }),
    }),
  },
});

/** mesh.DefaultMeshConfig of Istio. */
const defaults = {
  proxyListenPort: 15_001,
  proxyInboundListenPort: 15_006,
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  enablePrometheusMerge: true,
};

/**
 * Reads a mesh config, as key `mesh` of ConfigMap istio holds it, onto the built-in defaults; undefined or null is an
 * empty one. Unknown fields are passed over.
 * @returns the config, frozen, or every problem, with paths inside the mesh config
 */
export function readMeshConfig(value: unknown): Result<MeshConfig> {
  const mesh = decodeMessage(meshConfigMessage, value);
  const proxy = decodeMessage(
    proxyConfigMessage,
    isObject(value) ? value['defaultConfig'] : undefined,
    'defaultConfig',
  );
  const layer = proxy.value as ProxyConfig;
  const problems = [...mesh.problems, ...proxy.problems];
  if (problems.length === 0) problems.push(...meshProblems(mesh.value), ...layerProblems(layer));
  if (problems.length > 0) return fail(problems);
  const set = { ...defaults, ...mesh.value };
  const policy = mesh.value['inboundTrafficPolicy'];
  return ok(
    freeze({
      proxyListenPort: set.proxyListenPort,
      proxyInboundListenPort: set.proxyInboundListenPort,
      trustDomain: set.trustDomain,
      rootNamespace: set.rootNamespace,
      enablePrometheusMerge: set.enablePrometheusMerge,
      inboundTrafficPolicy: isObject(policy) && policy['mode'] === 'LOCALHOST' ? 'LOCALHOST' : 'PASSTHROUGH',
      enrichesServiceAttributes: enriches(mesh.value['extensionProviders']),
      defaultConfig: mergeProxyConfig(defaultProxyConfig, layer),
    }),
  );
}

/** The control plane refuses a mesh config with these; it runs with the one before. */
function meshProblems(mesh: JsonObject): readonly Problem[] {
  const problems: Problem[] = [];
  const { proxyListenPort = defaults.proxyListenPort, trustDomain = defaults.trustDomain } = mesh;
  if (!isPortNumber(proxyListenPort)) {
    problems.push({
      path: 'proxyListenPort',
      value: shown(proxyListenPort),
      expected: 'must be a port from 1 to 65535',
    });
  }
  if (!isDomain(String(trustDomain))) {
    problems.push({ path: 'trustDomain', value: shown(trustDomain), expected: 'must be a domain of RFC 1123 labels' });
  }
  return problems;
}

function layerProblems(layer: ProxyConfig): readonly Problem[] {
  return proxyConfigProblems(layer).map((problem) => ({ ...problem, path: `defaultConfig.${problem.path}` }));
}

/** Providers are merged by name: the last of a name is the one that counts. */
function enriches(providers: unknown): boolean {
  const byName = new Map<unknown, unknown>();
  for (const provider of Array.isArray(providers) ? providers : []) {
    if (isObject(provider)) byName.set(provider['name'], provider['opentelemetry']);
  }
  return [...byName.values()].some(
    (otel) => isObject(otel) && otel['serviceAttributeEnrichment'] === 'OTEL_SEMANTIC_CONVENTIONS',
  );
}
