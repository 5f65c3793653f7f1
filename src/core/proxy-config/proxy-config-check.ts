// Answers: can a proxy run with this configuration. Istio refuses pods and mesh configs by the same rules
// (ValidateMeshConfigProxyConfig, pkg/config/validation/agent).
// Does not belong here: values of the wrong type, which are refused when the text is read (proxy-json.ts).
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import { type Problem, quoted } from '../model/problem.ts';
import type { ProxyConfig } from '../model/settings.ts';
import { readDuration } from './duration.ts';
import { isHostAndPort, isPortNumber } from './network-address.ts';
import { defaultProxyConfig } from './proxy-config-fields.ts';
import { tlsProblems } from './tls-settings-check.ts';

interface Rule {
  readonly path: string;
  readonly expected: string;
  readonly allows: (value: unknown) => boolean;
  /** The rule holds only where this is present; without it, always. */
  readonly within?: string;
  /** Absent or empty is allowed. */
  readonly optional?: true;
}

const hostAndPort = 'must be host:port, a name or an IP address (IPv6 in brackets) and a port from 1 to 65535';
const port = 'must be a port from 1 to 65535';
const pollDelay = 'must be a duration other than zero, such as "10ms"';
const smallestWindow = 65_535;

const rules: readonly Rule[] = [
  { path: 'configPath', expected: 'must not be empty', allows: isText },
  { path: 'binaryPath', expected: 'must not be empty', allows: isText },
  { path: 'drainDuration', expected: 'must be whole seconds, at least "1s"', allows: isWholeSeconds },
  { path: 'discoveryAddress', expected: hostAndPort, allows: isAddress },
  { path: 'tracing.lightstep.address', expected: hostAndPort, allows: isAddress, within: 'tracing.lightstep' },
  { path: 'tracing.lightstep.accessToken', expected: 'must not be empty', allows: isText, within: 'tracing.lightstep' },
  { path: 'tracing.zipkin.address', expected: hostAndPort, allows: isNodeAddress, within: 'tracing.zipkin' },
  { path: 'tracing.datadog.address', expected: hostAndPort, allows: isNodeAddress, within: 'tracing.datadog' },
  { path: 'statsdUdpAddress', expected: hostAndPort, allows: isAddress, optional: true },
  { path: 'envoyMetricsServiceAddress', expected: hostAndPort, allows: isAddress, optional: true },
  { path: 'envoyMetricsService.address', expected: hostAndPort, allows: isAddress, optional: true },
  { path: 'envoyAccessLogService.address', expected: hostAndPort, allows: isAddress, optional: true },
  { path: 'proxyAdminPort', expected: port, allows: isPortNumber },
  { path: 'controlPlaneAuthPolicy', expected: 'must be NONE or MUTUAL_TLS', allows: isAuthPolicy },
  { path: 'statusPort', expected: port, allows: isPortNumber },
  {
    path: 'privateKeyProvider.cryptomb.pollDelay',
    expected: pollDelay,
    allows: isDelay,
    within: 'privateKeyProvider.cryptomb',
  },
  { path: 'privateKeyProvider.qat.pollDelay', expected: pollDelay, allows: isDelay, within: 'privateKeyProvider.qat' },
  ...['listenerPerConnectionBufferLimitBytes', 'clusterPerConnectionBufferLimitBytes'].map((name) => atLeast(0, name)),
  ...[
    'httpIdleTimeout',
    'httpMaxConnectionDuration',
    'httpDrainTimeout',
    'httpRequestTimeout',
    'httpRequestHeadersTimeout',
    'httpStreamIdleTimeout',
    'httpMaxStreamDuration',
  ].map(notNegative),
  atLeast(1, 'httpMaxConcurrentStreams'),
  atLeast(smallestWindow, 'http2InitialStreamWindowSize'),
  atLeast(smallestWindow, 'http2InitialConnectionWindowSize'),
  atLeast(1, 'listenerConnectionLimit'),
  atLeast(1, 'globalDownstreamConnectionLimit'),
];

/**
 * Everything that keeps a proxy from running with this configuration laid over the defaults, one line each:
 * `<path> <what is allowed>, not "<value>"`. Pass what readProxyConfig gave: there a zero that was written is still
 * seen, which a merge would pass over.
 */
export function checkProxyConfig(config: ProxyConfig): readonly string[] {
  return proxyConfigProblems(config).map(settingLine);
}

/** The same as problems, with paths inside the proxy configuration. */
export function proxyConfigProblems(config: ProxyConfig): readonly Problem[] {
  const whole: JsonObject = { ...defaultProxyConfig, ...config };
  const problems = rules
    .filter((rule) => isBroken(rule, whole))
    .map((rule) => problem(whole, rule.path, rule.expected));
  if (config['serviceCluster'] === '') problems.push(problem(whole, 'serviceCluster', 'must not be empty'));
  const provider = at(whole, 'privateKeyProvider');
  if (isObject(provider) && Object.keys(provider).length === 0) {
    problems.push(problem(whole, 'privateKeyProvider', 'must hold cryptomb or qat'));
  }
  return [...problems, ...tlsProblems(at(whole, 'tracing.tlsSettings'), 'tracing.tlsSettings')];
}

/** Numbers, booleans and short structures are shown as they were written, so that a number is not taken for text. */
const literal = /^(-?\d[\d.eE+-]{0,30}|true|false|[[{].{0,80})$/;

/** A problem as part of a longer line. */
export function settingLine(found: Problem): string {
  const start = found.path === '' ? found.expected : `${found.path} ${found.expected}`;
  if (found.value === undefined) return start;
  return `${start}, not ${literal.test(found.value) ? found.value : quoted(found.value)}`;
}

function isBroken(rule: Rule, config: JsonObject): boolean {
  if (rule.within !== undefined && at(config, rule.within) === undefined) return false;
  const value = at(config, rule.path);
  if (rule.optional && (value === undefined || value === '')) return false;
  return !rule.allows(value);
}

function problem(config: JsonObject, path: string, expected: string): Problem {
  const value = at(config, path);
  return { path, value: value === undefined ? undefined : shown(value), expected };
}

function at(config: JsonObject, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), config);
}

function atLeast(smallest: number, name: string): Rule {
  const expected = `must be at least ${smallest}`;
  const allows = (value: unknown): boolean => value === undefined || (typeof value === 'number' && value >= smallest);
  return { path: `connectionSettings.${name}`, expected, allows };
}

function notNegative(name: string): Rule {
  const allows = (value: unknown): boolean => value === undefined || (nanoseconds(value) ?? -1n) >= 0n;
  return { path: `connectionSettings.${name}`, expected: 'must not be negative', allows };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && isHostAndPort(value);
}

/** The kubelet sets $(HOST_IP) in the proxy's environment. */
function isNodeAddress(value: unknown): boolean {
  return typeof value === 'string' && isHostAndPort(value.replace('$(HOST_IP)', '127.0.0.1'));
}

function isAuthPolicy(value: unknown): boolean {
  return value === 'NONE' || value === 'MUTUAL_TLS';
}

function isWholeSeconds(value: unknown): boolean {
  const length = nanoseconds(value) ?? 0n;
  return length > 0n && length % 1_000_000_000n === 0n;
}

function isDelay(value: unknown): boolean {
  return (nanoseconds(value) ?? 0n) !== 0n;
}

function nanoseconds(value: unknown): bigint | undefined {
  return typeof value === 'string' ? readDuration(value)?.nanoseconds : undefined;
}
