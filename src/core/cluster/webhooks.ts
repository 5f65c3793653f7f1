// Answers: which pods does the API server call a mutating webhook for, by what its configuration says.
// Source: rules.Matcher of the API server, and LabelSelectorAsSelector of Kubernetes.
// Does not belong here: conditions in CEL (matchConditions), which count as met.
import { isObject, type JsonObject, objectsIn } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';
import { namespaceNameLabel } from './well-known.ts';

/** One thing that a selector asks of labels. All have to hold; none is a selector for everything. */
export interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

export interface WebhookService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly path: string;
}

/** One webhook that is called when pods are created. */
export interface PodWebhook {
  readonly configuration: string;
  readonly name: string;
  readonly namespaceSelector: readonly Requirement[];
  readonly objectSelector: readonly Requirement[];
  readonly hasConditions: boolean;
  readonly failurePolicy: string;
  readonly sideEffects: string;
  /** Undefined where it is called at an address outside of the cluster. */
  readonly service: WebhookService | undefined;
}

/** The webhooks of a configuration that are called for new pods, in the order of their calls. */
export function podWebhooks(configuration: KubeObject): readonly PodWebhook[] {
  return objectsIn(configuration['webhooks'])
    .filter((webhook) => objectsIn(webhook['rules']).some(coversPods))
    .map((webhook) => ({
      configuration: configuration.metadata.name,
      name: textOf(webhook['name']),
      namespaceSelector: requirementsOf(webhook['namespaceSelector']),
      objectSelector: requirementsOf(webhook['objectSelector']),
      hasConditions: objectsIn(webhook['matchConditions']).length > 0,
      failurePolicy: textOf(webhook['failurePolicy']) || 'Fail',
      sideEffects: textOf(webhook['sideEffects']),
      service: serviceOf(webhook['clientConfig']),
    }));
}

/** All of them in the order of their calls: the API server sorts configurations by name. */
export function inCallOrder(configurations: readonly KubeObject[]): readonly PodWebhook[] {
  return configurations
    .toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))
    .flatMap(podWebhooks);
}

/** True where the webhook is called for a pod with these labels in a namespace with those. */
export function isCalledFor(webhook: PodWebhook, namespace: StringMap, pod: StringMap): boolean {
  return holds(webhook.namespaceSelector, namespace) && holds(webhook.objectSelector, pod);
}

export function holds(requirements: readonly Requirement[], labels: StringMap): boolean {
  return requirements.every((requirement) => isMet(requirement, labels[requirement.key]));
}

/**
 * As few labels as meet all the requirements; undefined where none can. Each key stands alone, so that trying absence,
 * every value that is named, and one that is not, decides exactly.
 */
export function labelsThatMeet(requirements: readonly Requirement[]): StringMap | undefined {
  const found: Record<string, string> = {};
  for (const key of new Set(requirements.map((one) => one.key))) {
    const asked = requirements.filter((one) => one.key === key);
    const named = asked.flatMap(({ values }) => values);
    const other = unnamed(named);
    const isAlwaysThere = key === namespaceNameLabel;
    const candidates = isAlwaysThere ? [other, ...named] : [undefined, ...named, other];
    const fits = candidates.find((value) => asked.every((one) => isMet(one, value)));
    if (fits === undefined && !(candidates.includes(undefined) && asked.every((one) => isMet(one, undefined)))) {
      return undefined;
    }
    if (fits !== undefined && !(isAlwaysThere && fits === other)) found[key] = fits;
  }
  return found;
}

function unnamed(named: readonly string[]): string {
  let value = 'other';
  while (named.includes(value)) value += 'x';
  return value;
}

function isMet({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** An absent or empty selector asks nothing. The API server has checked the operators. */
function requirementsOf(selector: unknown): readonly Requirement[] {
  if (!isObject(selector)) return [];
  const labels = isObject(selector['matchLabels']) ? selector['matchLabels'] : {};
  return [
    ...Object.entries(labels).map(([key, value]): Requirement => ({ key, operator: 'In', values: [textOf(value)] })),
    ...objectsIn(selector['matchExpressions']).map(
      (one): Requirement => ({
        key: textOf(one['key']),
        operator: textOf(one['operator']) as Requirement['operator'],
        values: textsOf(one['values']),
      }),
    ),
  ];
}

/** `pods/*` covers pods too: to the API server no subresource is one that the star stands for. */
function coversPods(rule: JsonObject): boolean {
  const has = (field: string, ...wanted: readonly string[]): boolean =>
    textsOf(rule[field]).some((value) => wanted.includes(value));
  return (
    has('operations', 'CREATE', '*') &&
    has('apiGroups', '', '*') &&
    has('apiVersions', 'v1', '*') &&
    has('resources', 'pods', '*', 'pods/*', '*/*') &&
    rule['scope'] !== 'Cluster'
  );
}

function serviceOf(clientConfig: unknown): WebhookService | undefined {
  const service = isObject(clientConfig) ? clientConfig['service'] : undefined;
  if (!isObject(service)) return undefined;
  const { port, path } = service;
  return {
    namespace: textOf(service['namespace']),
    name: textOf(service['name']),
    port: typeof port === 'number' ? port : 443,
    path: textOf(path) || '/',
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
