// Answers: for which pods does the API server call us: the MutatingWebhookConfiguration. Its selectors are Istio's own,
// so that a namespace that moves to us keeps its labels:
//
//   entry           where                   namespace                                  pod
//   rev-namespace   always                  istio.io/rev=R, no istio-injection         not inject=false
//   rev-object      always                  neither istio.io/rev nor istio-injection   istio.io/rev=R, not inject=false
//   namespace       R is default            istio-injection=enabled                    not inject=false
//   object          R is default            neither                                    inject=true, no istio.io/rev
//   auto            namespacesByDefault     neither                                    neither label
//
// R is the revision and, in entries of their own, each tag; with onlyTags the tags alone. What these selectors say is said
// for one pod by decide/registration.ts. Where Wasm modules are delivered, entries `wasm-…` say the same of every revision
// that is not R, for the path that asks for modules alone. At most one entry matches a pod.
// Does not belong here: when it is written (roles/control.ts), what is in the bundle (certificates/).
import type { V1LabelSelectorRequirement, V1MutatingWebhook, V1RuleWithOperations } from '@kubernetes/client-node';
import { deliveryPath } from '../model/delivered.ts';
import { isObject, objectsIn } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { labels } from '../settings/catalogue.ts';
import { ownLabels } from './labels.ts';
import { names, ownNamespace } from './names.ts';
import { answeredRevisions, type ClusterOptions } from './options.ts';
import type { PodWebhook } from './webhooks.ts';
import {
  defaultRevision,
  injectionLabel,
  mirrorAnnotation,
  namespaceNameLabel,
  systemNamespaces,
} from './well-known.ts';

/** The node agent's namespace: its pods have to start before any other. */
const nodeNamespace = 'pillion-node';

/** Path of the calls for pods that we inject. */
const injectionPath = '/inject';

/** Annotation that tells cert-manager's cainjector which Certificate's authority to write into the bundles. */
const injectAuthority = 'cert-manager.io/inject-ca-from';

/** CEL: the pod is no mirror pod, which nobody can change. */
export const isNoMirrorPod = `!has(object.metadata.annotations) || !('${mirrorAnnotation}' in object.metadata.annotations)`;

/** What we look at: the creation of pods. */
export const podCreation = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['pods'],
  scope: 'Namespaced',
} satisfies V1RuleWithOperations;

export interface RegistrationInput {
  readonly options: ClusterOptions;
  /** The trusted authorities, PEM; undefined leaves the field to cert-manager. */
  readonly caBundle: string | undefined;
  /** False before Kubernetes 1.30. */
  readonly hasMatchConditions: boolean;
}

/** The object as `pillion control` applies it, every default written out, so that it can be compared with what is there. */
export function registration(input: RegistrationInput): KubeObject {
  const { options } = input;
  const annotations = { [injectAuthority]: `${ownNamespace}/${names.service}` };
  const isInjected = options.certificates.source === 'cert-manager';
  const metadata = { name: names.registration, labels: ownLabels('webhook'), ...(isInjected ? { annotations } : {}) };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata,
    webhooks: [
      ...entriesOf(options).map((entry) => webhook(entry, injectionPath, input)),
      ...deliveryEntries(options).map((entry) => webhook(entry, deliveryPath, input)),
    ],
  };
}

/** The authorities, PEM, that the object trusts; undefined where its entries name none, or not all the same. */
export function registeredBundle(object: KubeObject): string | undefined {
  const entries = objectsIn(object['webhooks']);
  const bundles = new Set(
    entries.map(({ clientConfig }) => (isObject(clientConfig) ? clientConfig['caBundle'] : undefined)),
  );
  const [bundle] = bundles;
  if (bundles.size !== 1 || typeof bundle !== 'string' || bundle === '') return undefined;
  return Buffer.from(bundle, 'base64').toString();
}

/** The object without the authorities that it trusts, to be compared with one that names none. */
export function withoutBundles(object: KubeObject): KubeObject {
  const entries = objectsIn(object['webhooks']);
  const webhooks = entries.map((entry) => {
    const { caBundle, ...clientConfig } = isObject(entry['clientConfig']) ? entry['clientConfig'] : {};
    return { ...entry, clientConfig };
  });
  return { ...object, webhooks };
}

/** Namespaces that the webhook is never called for, and that the guard leaves alone. */
export function neverCalled(options: ClusterOptions): readonly string[] {
  const { istioNamespace, excludedNamespaces } = options;
  return [
    ...new Set(['kube-system', 'kube-node-lease', istioNamespace, ownNamespace, nodeNamespace, ...excludedNamespaces]),
  ];
}

/** True for an entry by which we are asked to inject, false for one that is about Wasm modules alone. */
export function isForInjection({ service }: PodWebhook): boolean {
  return service?.path !== deliveryPath;
}

/** What one entry selects. */
export interface RegistrationEntry {
  readonly name: string;
  readonly namespace: readonly V1LabelSelectorRequirement[];
  readonly pod: readonly V1LabelSelectorRequirement[];
}

/** What is selected for injection, the namespaces that are never called for aside; in as few entries as can be. */
export function selectionOf(options: ClusterOptions): readonly RegistrationEntry[] {
  return entriesFor(answeredRevisions(options), options.namespacesByDefault);
}

/** The entries of the registration in their order: those of each tag apart, so that a tag comes and goes alone. */
function entriesOf(options: ClusterOptions): readonly RegistrationEntry[] {
  return answeredRevisions(options).flatMap((name) => {
    const prefix = name === options.revision ? '' : `${name}.`;
    return entriesFor([name], options.namespacesByDefault).map((entry) => ({ ...entry, name: prefix + entry.name }));
  });
}

const inject = labels.inject.key;
const rev = labels.revision.key;
const isNotOptedOut = { key: inject, operator: 'NotIn', values: ['false'] };

function absent(key: string): V1LabelSelectorRequirement {
  return { key, operator: 'DoesNotExist' };
}

function isIn(key: string, values: readonly string[]): V1LabelSelectorRequirement {
  return { key, operator: 'In', values: [...values] };
}

function entriesFor(revisions: readonly string[], namespacesByDefault: boolean): readonly RegistrationEntry[] {
  return [
    ...(revisions.includes(defaultRevision) ? defaultEntries(namespacesByDefault) : []),
    {
      name: 'rev-namespace.pillion.dev',
      namespace: [isIn(rev, revisions), absent(injectionLabel)],
      pod: [isNotOptedOut],
    },
    {
      name: 'rev-object.pillion.dev',
      namespace: [absent(rev), absent(injectionLabel)],
      pod: [isNotOptedOut, isIn(rev, revisions)],
    },
  ];
}

function defaultEntries(namespacesByDefault: boolean): readonly RegistrationEntry[] {
  const neither = [absent(injectionLabel), absent(rev)];
  const auto: RegistrationEntry = {
    name: 'auto.pillion.dev',
    namespace: [...neither, { key: namespaceNameLabel, operator: 'NotIn', values: [...systemNamespaces] }],
    pod: [absent(inject), absent(rev)],
  };
  return [
    { name: 'namespace.pillion.dev', namespace: [isIn(injectionLabel, ['enabled'])], pod: [isNotOptedOut] },
    { name: 'object.pillion.dev', namespace: neither, pod: [isIn(inject, ['true']), absent(rev)] },
    ...(namespacesByDefault ? [auto] : []),
  ];
}

/**
 * Pods that another injector is asked to inject, where Wasm modules are delivered: it is called before or after us, which
 * is why we are called again after it. No condition looks for the proxy: a webhook whose conditions are not met the
 * first time is not called again. Follows failurePreset too: a pod that was admitted without us has not the label that
 * our WasmPlugins select, and serves without its extensions.
 */
function deliveryEntries(options: ClusterOptions): readonly RegistrationEntry[] {
  if (!options.wasm.enabled) return [];
  const revisions = answeredRevisions(options);
  const isOther: readonly V1LabelSelectorRequirement[] = [
    { key: rev, operator: 'Exists' },
    { key: rev, operator: 'NotIn', values: [...revisions] },
  ];
  const neither = [absent(injectionLabel), absent(rev)];
  const ofDefault: readonly RegistrationEntry[] = [
    { name: 'wasm-namespace.pillion.dev', namespace: [isIn(injectionLabel, ['enabled'])], pod: [isNotOptedOut] },
    { name: 'wasm-object.pillion.dev', namespace: neither, pod: [isIn(inject, ['true']), absent(rev)] },
  ];
  return [
    { name: 'wasm-rev-namespace.pillion.dev', namespace: [...isOther, absent(injectionLabel)], pod: [isNotOptedOut] },
    { name: 'wasm-rev-object.pillion.dev', namespace: neither, pod: [isNotOptedOut, ...isOther] },
    ...(revisions.includes(defaultRevision) ? [] : ofDefault),
  ];
}

function webhook(
  { name, namespace, pod }: RegistrationEntry,
  path: string,
  input: RegistrationInput,
): V1MutatingWebhook {
  const { options, caBundle, hasMatchConditions } = input;
  const excluded = { key: namespaceNameLabel, operator: 'NotIn', values: [...neverCalled(options)] };
  const service = { name: names.service, namespace: ownNamespace, path, port: 443 };
  return {
    name,
    admissionReviewVersions: ['v1'],
    clientConfig: {
      service,
      ...(caBundle === undefined ? {} : { caBundle: Buffer.from(caBundle).toString('base64') }),
    },
    rules: [podCreation],
    namespaceSelector: { matchExpressions: [...namespace, excluded] },
    objectSelector: { matchExpressions: [...pod] },
    ...(hasMatchConditions ? { matchConditions: [{ name: 'no-mirror-pod', expression: isNoMirrorPod }] } : {}),
    matchPolicy: 'Equivalent',
    reinvocationPolicy: 'IfNeeded', // a container that a later webhook adds has its probes rewritten too
    sideEffects: 'NoneOnDryRun', // events
    failurePolicy: options.failurePreset === 'strict' ? 'Fail' : 'Ignore',
    timeoutSeconds: options.timeoutSeconds,
  };
}
