// Answers: which facts follow from settings documents that are parsed already, from files or from the cluster.
// Does not belong here: reading files (edge/settings-files.ts), watching the cluster.
import {
  type Facts,
  minimumKubelets,
  minorOfMinimum,
  type NamespaceFacts,
  type NativeFacts,
  type RegistrationFacts,
} from '../model/facts.ts';
import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import type { StringMap } from '../model/pod.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import { readCustomTemplates, shippedTemplates } from './custom-templates.ts';
import { type Checked, injectorConfigOfValues, readInjectorConfig } from './injector-config.ts';
import { readMeshConfig } from './mesh-config.ts';
import { nodeTable } from './node-table.ts';
import { noProxyConfigs } from './proxy-config-resources.ts';
import { readValues } from './values.ts';
import { defaultValues } from './values-defaults.ts';
import { applySettings, mergeOverrides } from './values-overrides.ts';

export interface SettingsDocument {
  /** Where it comes from, for messages: a file, a key of a ConfigMap. */
  readonly from: string;
  readonly value: unknown;
}

export interface SettingsDocuments {
  /** Complete injector values; the chart's defaults where absent. */
  readonly values?: SettingsDocument;
  /** Laid over the values. */
  readonly overrides?: SettingsDocument;
  /** Injector configuration; where absent, what the chart makes of the values. */
  readonly config?: SettingsDocument;
  readonly mesh?: SettingsDocument;
  /** Pod overlays by name. */
  readonly templates?: SettingsDocument;
  /** WasmExtension objects; what they mean is read elsewhere (core/wasm/delivery/declared-extensions.ts). */
  readonly extensions?: SettingsDocument;
}

/** What no document says: options of the process. */
export interface FactsOptions {
  /** `path=value`, laid over the values and their overrides. */
  readonly set?: readonly string[];
  readonly native?: 'auto' | 'true' | 'false';
  /** Oldest kubelet that counts as able to run native sidecars, one of minimumKubelets; 1.33 where absent. */
  readonly nativeMinimumKubelet?: string;
  readonly kubeletVersions?: readonly string[];
  readonly platform?: 'kubernetes' | 'openshift';
  readonly compliancePolicy?: string;
  readonly jobCompletion?: boolean;
  /** Wasm modules are delivered; which extensions there are comes from elsewhere. */
  readonly wasm?: boolean;
  readonly revision?: string;
  readonly registration?: Partial<RegistrationFacts>;
  readonly namespace?: { readonly name: string; readonly labels?: StringMap; readonly annotations?: StringMap };
}

/**
 * The facts that the documents and options give, frozen; with them warnings for what was passed over, as Istio passes
 * over it. Or else every problem of every document, each with the document it stands in.
 */
export function readFacts(documents: SettingsDocuments, options: FactsOptions = {}): Checked<Facts> {
  const merged = mergedValues(documents, options.set ?? []);
  const mesh = inDocument(documents.mesh?.from ?? 'mesh', readMeshConfig(documents.mesh?.value));
  if (!merged.ok) return fail([...merged.error, ...(mesh.ok ? [] : mesh.error)]);
  const from = valuesName(documents, options);
  const values = inDocument(from, readValues(merged.value));
  const config = documents.config ?? { from, value: injectorConfigOfValues(merged.value) };
  const injector = inDocument(config.from, readInjectorConfig(config.value));
  const templates = readTemplates(documents, merged.value, from);
  const native = nativeFacts(options);
  if (!values.ok || !mesh.ok || !injector.ok || !templates.ok || !native.ok) {
    return fail([values, mesh, injector, templates, native].flatMap((result) => (result.ok ? [] : result.error)));
  }
  const facts: Facts = {
    revision: options.revision ?? 'default',
    registration: {
      revisions: [options.revision ?? 'default'],
      namespacesByDefault: false,
      excludedNamespaces: [],
      ...options.registration,
    },
    values: values.value,
    mesh: mesh.value,
    injector: injector.value,
    customTemplates: templates.value,
    native: native.value,
    platform: options.platform ?? 'kubernetes',
    compliancePolicy: options.compliancePolicy ?? '',
    ...(options.jobCompletion !== undefined && { jobCompletion: options.jobCompletion }),
    namespaces: namespaceFacts(options),
    proxyConfigs: noProxyConfigs,
    ...(options.wasm && { extensions: new Map() }),
  };
  return { ok: true, value: freeze(facts), warnings: injector.warnings };
}

/** What stands in the values may come from what was laid over them. */
function valuesName({ values, overrides }: SettingsDocuments, { set = [] }: FactsOptions): string {
  const laidOver = [overrides?.from, set.length > 0 ? '--set' : undefined].filter((name) => name !== undefined);
  return [values?.from ?? 'values', ...laidOver].join(' with ');
}

function mergedValues(documents: SettingsDocuments, set: readonly string[]): Result<JsonObject> {
  const { values = { from: 'values', value: defaultValues }, overrides = { from: 'overrides', value: {} } } = documents;
  const problems: Problem[] = [];
  const base = mappingOf(values, problems);
  const over = mappingOf(overrides, problems);
  const applied = applySettings(mergeOverrides(base, over), set);
  if (!applied.ok) problems.push(...applied.error);
  return problems.length > 0 || !applied.ok ? fail(problems) : applied;
}

function mappingOf(document: SettingsDocument, problems: Problem[]): JsonObject {
  if (isObject(document.value)) return document.value;
  if (document.value === null) return {};
  problems.push({ path: document.from, value: shown(document.value), expected: 'must be a mapping' });
  return {};
}

function readTemplates(documents: SettingsDocuments, values: JsonObject, from: string) {
  const { config, templates } = documents;
  const webhook = values['sidecarInjectorWebhook'];
  return readCustomTemplates([
    {
      from,
      at: 'sidecarInjectorWebhook.templates',
      value: isObject(webhook) ? webhook['templates'] : undefined,
    },
    {
      from: config?.from ?? 'config',
      at: 'templates',
      value: isObject(config?.value) ? config.value['templates'] : undefined,
      except: shippedTemplates,
    },
    { from: templates?.from ?? 'templates', value: templates?.value },
  ]);
}

/** Of kubelets that are named by an option nothing but the version is known. */
function nativeFacts(options: FactsOptions): Result<NativeFacts> {
  const { native = 'auto', nativeMinimumKubelet = '1.33', kubeletVersions = [] } = options;
  if (!minimumKubelets.some((version) => version === nativeMinimumKubelet)) {
    const expected = `must be one of ${minimumKubelets.join(', ')}`;
    return fail([{ path: 'nativeMinimumKubelet', value: nativeMinimumKubelet, expected }]);
  }
  const minimumMinor = minorOfMinimum(nativeMinimumKubelet);
  const nodes = kubeletVersions.map((kubeletVersion) => ({ name: '', labels: {}, kubeletVersion }));
  const table = nodes.length === 0 ? undefined : nodeTable(nodes, minimumMinor);
  return ok({ mode: native, minimumMinor, apiServer: 'keeps', nodes: table });
}

function namespaceFacts(options: FactsOptions): ReadonlyMap<string, NamespaceFacts> {
  const { namespace } = options;
  if (namespace === undefined) return new Map();
  const { name, labels, annotations = {} } = namespace;
  return new Map([[name, { labels, annotations }]]);
}

/** The result with the document named in every problem and warning. */
function inDocument<R extends Result<unknown> | Checked<unknown>>(from: string, result: R): R {
  const named = (problem: Problem): Problem => ({
    ...problem,
    path: problem.path === '' ? from : `${from}: ${problem.path}`,
  });
  if (!result.ok) return { ...result, error: result.error.map(named) };
  return 'warnings' in result ? { ...result, warnings: result.warnings.map(named) } : result;
}
