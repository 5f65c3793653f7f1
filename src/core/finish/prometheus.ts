// Answers: how are the metrics of the application and of the proxy served together. The user's Prometheus annotations
// move into a variable of the agent, which scrapes the application and serves both on its own port.

import { replaceContainers } from '../merge/reinject.ts';
import { findProxy, type Pod, type StringMap } from '../model/pod.ts';
import { annotationPath, fail, ok, type Problem, type Result } from '../model/problem.ts';
import { prometheusForm } from '../settings/annotations.ts';
import { annotations as catalogue, prometheusAnnotations } from '../settings/catalogue.ts';
import type { Effective } from '../settings/effective.ts';
import { readBoolean } from '../settings/parsers.ts';

/** Ports that Istio itself uses, with what for. Scraping one of them would count metrics twice or not at all. */
const reservedPorts: Readonly<Record<string, string>> = {
  15000: 'Envoy admin',
  15001: 'outbound traffic capture',
  15004: 'pilot debug',
  15006: 'inbound traffic capture',
  15008: 'HBONE tunnel',
  15020: 'pilot-agent status / merged Prometheus',
  15021: 'Envoy health',
  15053: 'DNS proxy',
  15090: 'Envoy Prometheus (already merged)',
};
const mergedPath = '/stats/prometheus';
const defaultTargetPath = '/metrics';
const annotationsVariable = 'ISTIO_PROMETHEUS_ANNOTATIONS';
const securePortVariable = 'ENVOY_SECURE_MERGED_METRICS_PORT';
const mergedKeys: ReadonlySet<string> = new Set(
  [
    prometheusAnnotations.scrape,
    prometheusAnnotations.port,
    prometheusAnnotations.path,
    prometheusAnnotations.targets,
  ].map(({ key }) => key),
);

const nameOfForm: ReadonlyMap<string, Name> = new Map(
  Object.entries(prometheusAnnotations).map(([name, { key }]) => [key, name as Name]),
);

type Name = keyof typeof prometheusAnnotations;
interface Found {
  /** As the user spelt it. */
  readonly key: string;
  readonly value: string;
}
type Scraping = { -readonly [Name in keyof typeof prometheusAnnotations]?: Found };
interface Target {
  readonly port: string;
  readonly path: string;
}

/** Merges the metrics, unless the pod or the mesh says not to. */
export function mergePrometheus(pod: Pod, effective: Effective): Result<Pod> {
  const annotations = pod.metadata.annotations ?? {};
  const scraping = readScraping(annotations);
  const wanted = readMergeMetrics(annotations) ?? effective.facts.mesh.enablePrometheusMerge;
  if (!wanted || readBoolean(scraping.scrape?.value ?? '') === false) return ok(pod);
  const agentPort = String(effective.facts.mesh.defaultConfig.statusPort ?? 0);
  if (scraping.port?.value === agentPort) return ok(pod); // merged already
  const targets = scraping.targets === undefined ? [] : readTargets(scraping.targets.value);
  const problems = portProblems(scraping, targets, agentPort);
  if (problems.length > 0) return fail(problems);
  return ok(withAgentAnnotations(withVariable(pod, scraping, targets), agentPort));
}

/** Tells Prometheus the secure port for metrics of the proxy, where it has one and the user says nothing. */
export function announceSecurePort(pod: Pod): Pod {
  const port = findProxy(pod)?.env?.find(
    ({ name, value }) => name === securePortVariable && value && value !== '0',
  )?.value;
  const annotations = pod.metadata.annotations ?? {};
  if (port === undefined || readScraping(annotations).securePort !== undefined) return pod;
  return withAnnotations(pod, { ...annotations, [prometheusAnnotations.securePort.shown]: port });
}

/** No letter changes in the form of Prometheus, so that other keys need not be looked at. */
function isPrometheus(key: string): boolean {
  return key.startsWith('prometheus');
}

function readMergeMetrics(annotations: StringMap): boolean | undefined {
  return readBoolean(annotations[catalogue.mergeMetrics.key] ?? '');
}

function readScraping(annotations: StringMap): Scraping {
  const found: Scraping = {};
  for (const key in annotations) {
    if (!isPrometheus(key)) continue;
    const name = nameOfForm.get(prometheusForm(key));
    if (name !== undefined) found[name] ??= { key, value: annotations[key] ?? '' };
  }
  return found;
}

/** `port[:path]`, comma-separated. One without a port makes the whole list count for nothing, as at the agent. */
function readTargets(text: string): readonly Target[] {
  const targets: Target[] = [];
  for (const entry of text.split(',').map((each) => each.trim())) {
    if (entry === '') continue;
    const colon = entry.indexOf(':');
    const port = (colon < 0 ? entry : entry.slice(0, colon)).trim();
    if (port === '') return [];
    const path = colon < 0 ? '' : entry.slice(colon + 1).trim();
    targets.push({ port, path: path || defaultTargetPath });
  }
  return targets;
}

function portProblems(scraping: Scraping, targets: readonly Target[], agentPort: string): Problem[] {
  const asked = targets.length > 0 ? scraping.targets : scraping.port;
  if (asked === undefined) return [];
  const ports = targets.length > 0 ? targets.map(({ port }) => port) : [asked.value].filter((port) => port !== '');
  return ports.flatMap((port) => {
    const mistake = portMistake(port, agentPort);
    return mistake === undefined ? [] : [{ path: annotationPath(asked.key), value: asked.value, expected: mistake }];
  });
}

function portMistake(port: string, agentPort: string): string | undefined {
  const number = /^[+-]?[0-9]+$/.test(port) ? Number(port) : Number.NaN;
  if (!(number >= 1 && number <= 65_535)) return `port "${port}" must be a port, 1 to 65535`;
  if (String(number) === agentPort) return `port ${port} must be another one: the agent itself serves metrics there`;
  const use = reservedPorts[String(number)];
  if (use !== undefined) return `port ${port} must be another one: it is reserved for Istio (${use})`;
  return undefined;
}

function withVariable(pod: Pod, scraping: Scraping, targets: readonly Target[]): Pod {
  const [first] = targets;
  const scrape = scraping.scrape?.value ?? '';
  const path = first?.path ?? scraping.path?.value ?? '';
  const port = first?.port ?? scraping.port?.value ?? '';
  const proxy = findProxy(pod);
  if (proxy === undefined || (scrape === '' && path === '' && port === '')) return pod;
  const value = JSON.stringify({ scrape, path, port, ...(targets.length > 0 && { targets }) });
  const env = [...(proxy.env ?? []), { name: annotationsVariable, value }];
  return replaceContainers(pod, (container) => (container === proxy ? { ...proxy, env } : container));
}

/** Every spelling of the user's annotations goes: Prometheus would pick one of them at random. */
function withAgentAnnotations(pod: Pod, agentPort: string): Pod {
  const before = pod.metadata.annotations ?? {};
  const annotations: { [key: string]: string } = {};
  for (const key in before) {
    if (!(isPrometheus(key) && mergedKeys.has(prometheusForm(key)))) annotations[key] = before[key] ?? '';
  }
  annotations[prometheusAnnotations.port.shown] = agentPort;
  annotations[prometheusAnnotations.path.shown] = mergedPath;
  annotations[prometheusAnnotations.scrape.shown] = 'true';
  return withAnnotations(pod, annotations);
}

function withAnnotations(pod: Pod, annotations: StringMap): Pod {
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}
