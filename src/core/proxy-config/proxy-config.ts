// Answers: how does a proxy configuration come to be: read from an annotation, laid over others, printed for the agent.
// Does not belong here: which fields there are (proxy-config-fields.ts), which values run (proxy-config-check.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import { fail, ok, type Result } from '../model/problem.ts';
import type { ProxyConfig } from '../model/settings.ts';
import { decodeMessage, isZero, printMessage } from './proto-json.ts';
import { settingLine } from './proxy-config-check.ts';
import { defaultProxyConfig, proxyConfigMessage } from './proxy-config-fields.ts';
import { mistakeText, readYaml } from './yaml-text.ts';

export { checkProxyConfig } from './proxy-config-check.ts';
export { defaultProxyConfig } from './proxy-config-fields.ts';

/** Reading YAML takes time that grows faster than the text; an annotation in JSON may be as long as Kubernetes allows. */
const longestYaml = 32_768;

/** Sub-fields of proxyHeaders that a stronger layer leaves as they are where it does not set them. */
const inheritedHeaders = ['forwardedClientCert', 'requestId', 'attemptCount', 'server', 'envoyDebugHeaders'];

/**
 * Reads a piece of proxy configuration in YAML or JSON, such as the annotation proxy.istio.io/config; an empty text sets
 * nothing. Unknown fields are passed over, as at Istio. Plain fields that are written as zero are kept in the piece,
 * for checkProxyConfig to see; a merge passes over them.
 * @returns the piece, or on one line everything that cannot be read, as part of a sentence
 */
export function readProxyConfig(text: string): Result<ProxyConfig, string> {
  const read = readYaml(text, { only: 'first-document', longestYaml });
  if (!read.ok) return fail(`the text is neither YAML nor JSON: ${mistakeText(read.error)}`);
  const { value, problems } = decodeMessage(proxyConfigMessage, read.value);
  if (problems.length === 0) return ok(value as ProxyConfig);
  return fail(problems.map((found) => settingLine({ ...found, path: found.path || 'the text' })).join('; '));
}

/**
 * The layer over the base. Fields that the layer sets replace those of the base, messages and lists as wholes; only
 * proxyMetadata is merged by key, and some of proxyHeaders. Zero does not replace, but in fields that tell zero from
 * absent (concurrency, holdApplicationUntilProxyStarts): Istio merges by way of JSON, which does not hold other zeros.
 * @returns the base itself where the layer sets nothing
 */
export function mergeProxyConfig(base: ProxyConfig, layer: ProxyConfig): ProxyConfig {
  const set = Object.entries(layer).filter(([name, value]) => {
    const field = proxyConfigMessage.fields.get(name);
    return value !== undefined && field !== undefined && !isZero(field, value);
  });
  if (set.length === 0) return base;
  const merged = new Map<string, unknown>(Object.entries(base));
  for (const [name, value] of set) {
    const group = proxyConfigMessage.fields.get(name)?.oneof;
    if (group !== undefined) {
      for (const [other, field] of proxyConfigMessage.fields) if (field.oneof === group) merged.delete(other);
    }
    merged.set(name, mergeField(name, base[name], value));
  }
  return Object.fromEntries(merged);
}

function mergeField(name: string, base: unknown, layer: unknown): unknown {
  if (!isObject(base) || !isObject(layer)) return layer;
  if (name === 'proxyMetadata') return { ...base, ...layer };
  if (name !== 'proxyHeaders') return layer;
  const inherited = inheritedHeaders.filter((header) => base[header] !== undefined && layer[header] === undefined);
  return { ...layer, ...Object.fromEntries(inherited.map((header) => [header, base[header]])) };
}

/** One configuration serves many pods, so its text is made once. */
const printed = new WeakMap<JsonObject, string>();

/** The configuration as the agent gets it in PROXY_CONFIG: compact JSON without what the agent knows as defaults. */
export function printProxyConfig(config: ProxyConfig): string {
  const known = printed.get(config);
  if (known !== undefined) return known;
  const own = Object.entries(config).filter(([name, value]) => value !== defaultProxyConfig[name]);
  const text = printMessage(proxyConfigMessage, Object.fromEntries(own));
  printed.set(config, text);
  return text;
}
