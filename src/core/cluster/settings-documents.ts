// Answers: which facts follow from the ConfigMaps of a cluster: the installation's own, and those of Istio's control plane.
// Does not belong here: fetching them (edge/kube/), what stands in the documents (core/configuration/, options.ts).
import type { Checked } from '../configuration/injector-config.ts';
import {
  type FactsOptions,
  readFacts,
  type SettingsDocument,
  type SettingsDocuments,
} from '../configuration/read-facts.ts';
import type { Facts } from '../model/facts.ts';
import { isObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { fail, ok, type Problem, problemLine, type Result } from '../model/problem.ts';
import { mistakeText, readYaml } from '../proxy-config/yaml-text.ts';
import { names, ownNamespace } from './names.ts';
import { answeredRevisions, type ClusterOptions, readOptions } from './options.ts';
import { neverCalled } from './registration.ts';

export interface ConfigMapPlace {
  readonly namespace: string;
  readonly name: string;
}

/** Where the options of the installation are. */
export const optionsPlace: ConfigMapPlace = { namespace: ownNamespace, name: names.options };
export const optionsKey = 'options.yaml';
/** Beside them, where somebody has any: pod overlays by name, which take the place of templates in Go's language. */
const templatesKey = 'templates.yaml';

export interface SettingsPlaces {
  readonly mesh: ConfigMapPlace;
  readonly injector: ConfigMapPlace;
}

/** Where the control plane keeps its settings: names without a suffix for the revision `default`. */
export function settingsPlaces({
  revision,
  istioNamespace,
}: Pick<ClusterOptions, 'revision' | 'istioNamespace'>): SettingsPlaces {
  const suffix = revision === '' || revision === 'default' ? '' : `-${revision}`;
  return {
    mesh: { namespace: istioNamespace, name: `istio${suffix}` },
    injector: { namespace: istioNamespace, name: `istio-sidecar-injector${suffix}` },
  };
}

/** What ConfigMap pillion-options says. */
export interface Installation {
  readonly options: ClusterOptions;
  readonly templates?: SettingsDocument;
}

/** What holds where nobody has installed anything: every option has its default. */
export function defaultInstallation(): Installation {
  const options = readOptions(undefined);
  if (!options.ok) throw new Error('the defaults of the options are no options');
  return { options: options.value };
}

/** Reads ConfigMap pillion-options; every problem names the ConfigMap and the key. */
export function readInstallation(map: KubeObject | undefined): Result<Installation> {
  if (map === undefined) return missing(optionsPlace, 'apply it with `pillion install`');
  const document = readKey(map, optionsPlace, optionsKey);
  if (!document.ok) return document;
  const { from, value } = document.value;
  const options = readOptions(value);
  const templates = textOf(map, templatesKey) === undefined ? undefined : readKey(map, optionsPlace, templatesKey);
  const problems = [
    ...(options.ok ? [] : options.error.map((problem) => ({ ...problem, path: pathIn(from, problem.path) }))),
    ...(templates === undefined || templates.ok ? [] : templates.error),
  ];
  if (!options.ok || problems.length > 0) return fail(problems);
  return ok({ options: options.value, ...(templates?.ok ? { templates: templates.value } : {}) });
}

/** The documents of the control plane, each read or with what is wrong. */
export type ControlPlaneDocuments = { readonly [Name in 'mesh' | 'config' | 'values']: Result<SettingsDocument> };

/** Reads ConfigMap istio, key mesh. An empty mesh config is all defaults, as at Istio. */
export function readMeshMap(map: KubeObject | undefined, place: ConfigMapPlace): Pick<ControlPlaneDocuments, 'mesh'> {
  return { mesh: map === undefined ? noControlPlane(place) : readKey(map, place, 'mesh') };
}

/** Reads ConfigMap istio-sidecar-injector, keys config and values; either is wrong where it is empty. */
export function readInjectorMap(
  map: KubeObject | undefined,
  place: ConfigMapPlace,
): Pick<ControlPlaneDocuments, 'config' | 'values'> {
  const read = (key: string): Result<SettingsDocument> => {
    if (map === undefined) return noControlPlane(place);
    const document = readKey(map, place, key);
    // the defaults that an empty one stands for inject an image that exists nowhere, or nothing at all
    if (document.ok && document.value.value === null) return wrongKey(place, key, 'must not be empty');
    return document;
  };
  return { config: read('config'), values: read('values') };
}

/** What is stronger than the cluster: documents from files, options of the process. */
export interface Overriding {
  readonly documents?: SettingsDocuments;
  readonly options?: FactsOptions;
}

/** Where the control plane's settings are for this installation; an option of the process may name its revision. */
export function placesOf(installation: Installation, over: Overriding): SettingsPlaces {
  return settingsPlaces(optionsOf(installation, over));
}

/** With another revision, the one that the webhook would answer to is another too. */
function optionsOf({ options }: Installation, over: Overriding): ClusterOptions {
  return { ...options, revision: over.options?.revision ?? options.revision };
}

/**
 * The facts of the documents, without what is around (nodes, namespaces, ProxyConfigs). One broken document breaks them
 * all: settings are used as somebody wrote them together, or not at all, where Istio goes on with a new configuration
 * and old values.
 * @returns the facts, frozen, with warnings; or every problem of every ConfigMap, once
 */
export function readClusterFacts(
  installation: Installation,
  controlPlane: ControlPlaneDocuments,
  over: Overriding = {},
): Checked<Facts> {
  const { documents = {} } = over;
  const problems: Problem[] = [];
  const found: { -readonly [Name in keyof SettingsDocuments]: SettingsDocument } = {};
  if (installation.templates !== undefined) found.templates = installation.templates;
  for (const name of ['values', 'config', 'mesh'] as const) {
    if (documents[name] !== undefined) continue;
    if (controlPlane[name].ok) found[name] = controlPlane[name].value;
    else problems.push(...controlPlane[name].error);
  }
  const options = { ...factsOptions(optionsOf(installation, over)), ...over.options };
  const facts = readFacts({ ...found, ...documents }, options);
  if (problems.length === 0) return facts;
  return fail(withoutRepeats([...problems, ...(facts.ok ? [] : facts.error)]));
}

function factsOptions(options: ClusterOptions): FactsOptions {
  const { revision, namespacesByDefault } = options;
  return {
    revision,
    registration: {
      revisions: answeredRevisions(options),
      namespacesByDefault,
      excludedNamespaces: neverCalled(options),
    },
    native: options.native,
    nativeMinimumKubelet: options.nativeMinimumKubelet,
    platform: options.platform,
    compliancePolicy: options.compliancePolicy,
    jobCompletion: options.jobCompletion,
    wasm: options.wasm.enabled,
  };
}

/** The ConfigMap that a problem of these functions is about. */
export function placeOfProblem({ path }: Problem): ConfigMapPlace | undefined {
  const [, namespace, name] = /^configmap ([^/]+)\/([^,:]+)/.exec(path) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/** As messages name it: `configmap istio-system/istio`. */
export function placeText({ namespace, name }: ConfigMapPlace): string {
  return `configmap ${namespace}/${name}`;
}

function readKey(map: KubeObject, place: ConfigMapPlace, key: string): Result<SettingsDocument> {
  const text = textOf(map, key);
  if (text === undefined) return wrongKey(place, key, 'there is no such key; it must hold the settings');
  const read = readYaml(text);
  if (!read.ok) return wrongKey(place, key, `Cannot read it as YAML or JSON: ${mistakeText(read.error)}`);
  return ok({ from: `${placeText(place)}, key ${key}`, value: read.value });
}

function textOf(map: KubeObject, key: string): string | undefined {
  const data = map['data'];
  const text = isObject(data) && Object.hasOwn(data, key) ? data[key] : undefined;
  return typeof text === 'string' ? text : undefined;
}

function wrongKey(place: ConfigMapPlace, key: string, expected: string): Result<never> {
  return fail([{ path: `${placeText(place)}, key ${key}`, value: undefined, expected }]);
}

function noControlPlane(place: ConfigMapPlace): Result<never> {
  const remedy = `install Istio's control plane, or say with revision and istioNamespace in ${placeText(optionsPlace)} which one is used`;
  return missing(place, remedy);
}

function missing(place: ConfigMapPlace, remedy: string): Result<never> {
  return fail([{ path: placeText(place), value: undefined, expected: `there is no such ConfigMap; ${remedy}` }]);
}

function pathIn(from: string, path: string): string {
  return path === '' ? from : `${from}: ${path}`;
}

function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [problemLine(problem), problem])).values()];
}
