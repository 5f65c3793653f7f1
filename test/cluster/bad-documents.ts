// Answers: which settings are broken, where, and how: written by hand, and made of every field that is read.
// Does not belong here: what becomes of them (bad-settings.test.ts, test/unit/cluster/settings-documents.test.ts).
import { z } from 'zod';
import { optionsSchema } from '../../src/core/cluster/options.ts';
import { meshConfigMessage } from '../../src/core/configuration/mesh-config.ts';
import { valuesSchema } from '../../src/core/configuration/values-schema.ts';
import { isObject } from '../../src/core/model/json.ts';
import type { Field } from '../../src/core/proxy-config/proto-json.ts';
import { proxyConfigMessage } from '../../src/core/proxy-config/proxy-config-fields.ts';
import { type Documents, usualDocuments } from './live-server.ts';

export type DocumentName = keyof Documents;
type Step = string | number;

/** Where each document is, as every message about it begins. */
export const documentTitles: Readonly<Record<DocumentName, string>> = {
  options: 'configmap pillion-system/pillion-options, key options.yaml',
  values: 'configmap istio-system/istio-sidecar-injector, key values',
  config: 'configmap istio-system/istio-sidecar-injector, key config',
  mesh: 'configmap istio-system/istio, key mesh',
};

export interface BadDocument {
  readonly document: DocumentName;
  /** Text, or an object that becomes JSON. */
  readonly text: unknown;
  /** How the line goes on after the title of the document. */
  readonly line: string;
}

function values(text: unknown, line: string): BadDocument {
  return { document: 'values', text, line };
}
function config(text: unknown, line: string): BadDocument {
  return { document: 'config', text, line };
}
function mesh(text: unknown, line: string): BadDocument {
  return { document: 'mesh', text, line };
}
function options(text: unknown, line: string): BadDocument {
  return { document: 'options', text, line };
}

/** What people write. */
export const handWritten: readonly BadDocument[] = [
  values('{"global": ', ': Cannot read it as YAML or JSON: '),
  values('', ': must not be empty'),
  values('[]', ': Cannot read "[]": must be a mapping'),
  values('a: b\n---\nc: d', ': Cannot read it as YAML or JSON: it holds more than one document'),
  values(
    { global: { proxy: { statusPort: '15O20' } } },
    ': global.proxy.statusPort: Cannot read "15O20": must be a whole number from 0 to 65535',
  ),
  values(
    { global: { proxy: { privileged: 'yes' } } },
    ': global.proxy.privileged: Cannot read "yes": must be true or false, without quotes',
  ),
  values(
    { global: { proxy: { resources: { limits: { cpu: '2 cores' } } } } },
    ': global.proxy.resources.limits.cpu: Cannot read "2 cores": must be a Kubernetes quantity',
  ),
  values(
    { global: { imagePullPolicy: 'Sometimes' } },
    ': global.imagePullPolicy: Cannot read "Sometimes": must be one of "", Always, IfNotPresent, Never',
  ),
  values(
    { global: { imagePullSecrets: 'registry' } },
    ': global.imagePullSecrets: Cannot read "registry": must be a list of texts',
  ),
  values(
    { global: { proxy: { tracer: 'jaeger' } } },
    ': global.proxy.tracer: Cannot read "jaeger": must be one of zipkin',
  ),
  values(
    { sidecarInjectorWebhook: { rewriteAppHTTPProbe: 1 } },
    ': sidecarInjectorWebhook.rewriteAppHTTPProbe: Cannot read "1": must be true or false',
  ),
  values({ pilot: { cni: true } }, ': pilot.cni: Cannot read "true": must be a mapping'),
  values(
    { sidecarInjectorWebhook: { templates: { mine: { spec: { containers: { name: 'a' } } } } } },
    ': sidecarInjectorWebhook.templates.mine.spec.containers: Cannot read "{\\"name\\":\\"a\\"}": must be a list',
  ),
  config('policy: enabled\n  neverInjectSelector: []', ': Cannot read it as YAML or JSON: '),
  config('', ': must not be empty'),
  config({ policy: ['enabled'] }, ': policy: Cannot read "[\\"enabled\\"]": must be text'),
  config(
    { policy: 'enabled', defaultTemplates: 'sidecar' },
    ': defaultTemplates: Cannot read "sidecar": must be a list',
  ),
  config(
    { policy: 'enabled', neverInjectSelector: { matchLabels: {} } },
    ': neverInjectSelector: Cannot read "{\\"matchLabels\\":{}}": must be a list',
  ),
  config(
    { policy: 'enabled', alwaysInjectSelector: [{ matchExpressions: [{ key: 'a', operator: 'In', values: 'b' }] }] },
    ': alwaysInjectSelector[0].matchExpressions[0].values: Cannot read "b": must be a list',
  ),
  config(
    { policy: 'enabled', injectedAnnotations: { 'a b': 'c' } },
    ': injectedAnnotations["a b"]: Cannot read "a b": must be the key of an annotation',
  ),
  config(
    { policy: 'enabled', templates: { mine: 'spec:\n  containers:\n  - name: {{ .Name }}' } },
    ': templates.mine (line 3, column 11): Cannot read "{{ .Name }}": must not hold Go template actions',
  ),
  mesh('defaultConfig: [', ': Cannot read it as YAML or JSON: '),
  mesh('just text', ': Cannot read "just text": must be a mapping of fields'),
  mesh({ proxyListenPort: 99999 }, ': proxyListenPort: Cannot read "99999": must be a port from 1 to 65535'),
  mesh(
    { trustDomain: 'cluster local' },
    ': trustDomain: Cannot read "cluster local": must be a domain of RFC 1123 labels',
  ),
  mesh({ enablePrometheusMerge: 'yes' }, ': enablePrometheusMerge: Cannot read "yes": '),
  mesh({ defaultConfig: { concurrency: 'two' } }, ': defaultConfig.concurrency: Cannot read "two": '),
  mesh({ defaultConfig: { drainDuration: '45' } }, ': defaultConfig.drainDuration: Cannot read "45": '),
  mesh({ defaultConfig: { tracing: { sampling: 'all' } } }, ': defaultConfig.tracing.sampling: Cannot read "all": '),
  mesh({ inboundTrafficPolicy: { mode: 'SOMEHOW' } }, ': inboundTrafficPolicy.mode: Cannot read "SOMEHOW": '),
  options('revision: [', ': Cannot read it as YAML or JSON: '),
  options({ revison: 'canary' }, ': revison: there is no such option'),
  options({ revision: 'Canary' }, ': revision: Cannot read "Canary": must be a DNS label'),
  options({ timeoutSeconds: 31 }, ': timeoutSeconds: Cannot read "31": must be a whole number of seconds from 1 to 30'),
  options(
    { certificates: { leafLifetime: '7 days' } },
    ': certificates.leafLifetime: Cannot read "7 days": must be a duration',
  ),
  options(
    { certificates: { leafLifetime: '5m' } },
    ': certificates.leafLifetime: Cannot read "5m": must be at least 1h',
  ),
  options({ certificates: { settle: '1d' } }, ': certificates.settle: Cannot read "1d": must be at most 10m'),
  options(
    { excludedNamespaces: ['batch', 'Shop'] },
    ': excludedNamespaces[1]: Cannot read "Shop": must be a DNS label',
  ),
  options(
    { nativeMinimumKubelet: 1.3 },
    ': nativeMinimumKubelet: Cannot read "1.3": must be a version from 1.29 to 1.33 in quotes',
  ),
];

/** A field that is read, in a document that is good otherwise. */
export interface FieldPlace {
  readonly document: DocumentName;
  readonly steps: readonly Step[];
}

/** Every field that any document is read for: of the values, the injector configuration, the mesh config, the options. */
export function everyField(): readonly FieldPlace[] {
  return [
    ...shapeFields(valuesSchema).map((steps): FieldPlace => ({ document: 'values', steps })),
    ...configFields.map((steps): FieldPlace => ({ document: 'config', steps })),
    ...messageFields(meshConfigMessage, []).map((steps): FieldPlace => ({ document: 'mesh', steps })),
    ...messageFields(proxyConfigMessage, ['defaultConfig']).map((steps): FieldPlace => ({ document: 'mesh', steps })),
    ...shapeFields(optionsSchema).map((steps): FieldPlace => ({ document: 'options', steps })),
  ];
}

/** What is wrong in most fields: another kind of value. No field takes all of them. */
export const wrongValues: readonly unknown[] = [{ wrong: { value: true } }, [['wrong']], 'a wrong\tvalue', -7.5, true];

/** The usual document with another value at the place. */
export function mutated({ document, steps }: FieldPlace, value: unknown): unknown {
  return withValue(usualDocuments[document], steps, value);
}

/** What stands at the place in a document, undefined for nothing. */
export function valueAt(document: unknown, steps: readonly Step[]): unknown {
  return steps.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? (at as Record<Step, unknown>)[step] : undefined),
    document,
  );
}

/** The steps of a path as messages write it: `a.b[0]["c d"].e`. */
export function stepsOf(path: string): readonly Step[] {
  return [...path.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quotedKey, key]) =>
    index === undefined ? (quotedKey ?? key ?? '') : Number(index),
  );
}

function withValue(document: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const list = Array.isArray(document) ? [...document] : [];
    list[step] = withValue(list[step], rest, value);
    return list;
  }
  const object = isObject(document) ? document : {};
  return { ...object, [step]: withValue(object[step], rest, value) };
}

const configFields: readonly (readonly Step[])[] = [
  ['policy'],
  ['defaultTemplates'],
  ['defaultTemplates', 0],
  ['aliases'],
  ['aliases', 'mine'],
  ['aliases', 'mine', 0],
  ['injectedAnnotations'],
  ['injectedAnnotations', 'example.com/key'],
  ['templates'],
  ['templates', 'mine'],
  ['templates', 'mine', 'metadata'],
  ['templates', 'mine', 'spec', 'containers'],
  ...['neverInjectSelector', 'alwaysInjectSelector'].flatMap((list) => [
    [list],
    [list, 0],
    [list, 0, 'matchLabels'],
    [list, 0, 'matchLabels', 'app'],
    [list, 0, 'matchExpressions'],
    [list, 0, 'matchExpressions', 0],
    [list, 0, 'matchExpressions', 0, 'key'],
    [list, 0, 'matchExpressions', 0, 'operator'],
    [list, 0, 'matchExpressions', 0, 'values'],
    [list, 0, 'matchExpressions', 0, 'values', 0],
  ]),
];

/** The fields of a zod object, and of those in it; each section counts as a field of its own. */
function shapeFields(schema: z.ZodType): readonly (readonly Step[])[] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape).flatMap(([key, member]) => [
    [key],
    ...shapeFields(member as z.ZodType).map((steps) => [key, ...steps]),
  ]);
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function messageFields(field: Field, steps: readonly Step[]): readonly (readonly Step[])[] {
  const own = steps.length === 0 ? [] : [steps];
  if (field.kind === 'message') {
    return [...own, ...[...field.fields].flatMap(([name, member]) => messageFields(member, [...steps, name]))];
  }
  if (field.kind === 'list') return [...own, ...messageFields(field.of, [...steps, 0])];
  if (field.kind === 'map') return [...own, ...messageFields(field.of, [...steps, 'key'])];
  return own;
}
