// Answers: how does a test get what the doctor observes of a cluster in which all is well, as a value, and change a part.
import { generate } from 'selfsigned';
import { names, ownNamespace, serviceHost } from '../../../src/core/cluster/names.ts';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { registration } from '../../../src/core/cluster/registration.ts';
import { injectorConfigOfValues } from '../../../src/core/configuration/injector-config.ts';
import { defaultValues } from '../../../src/core/configuration/values-defaults.ts';
import { type CheckId, type CheckOutcome, diagnose } from '../../../src/core/doctor/checks.ts';
import type { Finding } from '../../../src/core/doctor/findings.ts';
import { knowledgeOf } from '../../../src/core/doctor/knowledge.ts';
import type { NamespaceView, Observations, Observed, ProbeResult } from '../../../src/core/doctor/observations.ts';
import { calledAt, probePod } from '../../../src/core/doctor/probes.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import { nobodyAround } from '../../../src/core/wasm/delivery/store-pods.ts';

export const now = new Date('2026-11-21T12:00:00Z');
const dayMs = 86_400_000;

/** A certificate that is valid for these days around now. */
export async function certificate(from: number, to: number, host: string = serviceHost): Promise<string> {
  const { cert } = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() + from * dayMs),
    notAfterDate: new Date(now.getTime() + to * dayMs),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  });
  return cert;
}

const valid = await certificate(-1, 6);

export function seen<T>(value: T): Observed<T> {
  return { kind: 'seen', value };
}

export const forbidden: Observed<never> = { kind: 'hidden', why: 'forbidden', isForbidden: true };

export function namespace(name: string, labels: StringMap = {}): NamespaceView {
  const all = { ...labels, 'kubernetes.io/metadata.name': name };
  return { name, labels: all, annotations: {}, isTerminating: false };
}

function object(kind: string, name: string, fields: JsonObject, inNamespace = ownNamespace): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: inNamespace }, ...fields };
}

function deployment(name: string): KubeObject {
  return object('Deployment', name, { spec: { replicas: 2 }, status: { availableReplicas: 2 } });
}

export function configMap(name: string, data: JsonObject, inNamespace = 'istio-system'): Observed<KubeObject> {
  return seen(object('ConfigMap', name, { data }, inNamespace));
}

/** What control writes by the options. */
export function registered(options: JsonObject = {}, caBundle: string = valid): KubeObject {
  const read = readOptions(options);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return registration({ options: read.value, caBundle, hasMatchConditions: true });
}

/** The outcome of a probe that came back with its sidecar. */
function injected(place: string): ProbeResult {
  const pod = probePod('injection', { namespace: place, labels: {} });
  const spec = { ...(pod['spec'] as JsonObject), initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always' }] };
  return {
    purpose: 'injection',
    place: { namespace: place, labels: {} },
    called: [],
    outcome: { kind: 'created', pod: { ...pod, spec } },
  };
}

/** A cluster in which all is well, with one opted-in namespace, and these changes. */
export function observed(changes: Partial<Observations> = {}): Observations {
  const config = JSON.stringify(injectorConfigOfValues(defaultValues));
  const base: Observations = {
    server: 'https://cluster:6443',
    now,
    version: seen({ major: '1', minor: '34', gitVersion: 'v1.34.4' }),
    ownNamespace: seen(object('Namespace', ownNamespace, {})),
    deployments: seen([deployment(names.webhook), deployment(names.control)]),
    options: configMap(names.options, { 'options.yaml': '' }, ownNamespace),
    lease: seen(
      object('Lease', names.lease, {
        spec: { holderIdentity: 'control-1', leaseDurationSeconds: 15, renewTime: '2026-11-21T11:59:55.000000Z' },
      }),
    ),
    controlRole: seen(undefined),
    certificates: seen({ chain: valid, bundle: valid }),
    configurations: seen([registered()]),
    namespaces: seen([namespace('default'), namespace('shop', { 'istio-injection': 'enabled' })]),
    nodes: seen([{ name: 'node-1', labels: {}, kubeletVersion: 'v1.34.4' }]),
    quotas: seen([]),
    proxyConfigs: seen([]),
    mesh: configMap('istio', { mesh: '' }),
    injector: configMap('istio-sidecar-injector', { config, values: JSON.stringify(defaultValues) }),
    apiServer: 'keeps',
    restartPolicy: 'keeps',
    extensions: seen([]),
    stores: seen(nobodyAround),
    policies: seen([]),
    probes: [injected('shop'), restartable('shop')],
    asked: [],
    pods: seen({ examined: 0, withoutSidecar: [], plainJobs: [], withoutModules: [], held: [] }),
    replicas: [],
  };
  return { ...base, ...changes };
}

/** A probe pod with a native sidecar of its own, and what became of it. */
export function restartable(place: string, became: 'kept' | 'stripped' | 'refused' = 'kept'): ProbeResult {
  const pod = probePod('restartable', { namespace: place, labels: {} });
  const spec = pod['spec'] as JsonObject & { readonly initContainers: readonly JsonObject[] };
  const stripped = spec.initContainers.map(({ restartPolicy, ...rest }) => rest);
  const message =
    'Pod "x" is invalid: spec.initContainers[0].startupProbe: Forbidden: may not be set for init containers without restartPolicy=Always';
  return {
    purpose: 'restartable',
    place: { namespace: place, labels: {} },
    called: [],
    outcome:
      became === 'refused'
        ? { kind: 'refused', message }
        : { kind: 'created', pod: became === 'kept' ? pod : { ...pod, spec: { ...spec, initContainers: stripped } } },
  };
}

/** The same with each probe knowing whom it was sent to, as the gatherer says. */
export function withCalls(observations: Observations): Observations {
  const known = knowledgeOf(observations);
  const probes = observations.probes.map((probe) => ({ ...probe, called: calledAt(probe.place, observations, known) }));
  return { ...observations, probes };
}

/** The webhook of somebody else on new pods. */
export function foreign(
  configuration: string,
  selectors: { readonly namespaceSelector?: JsonObject; readonly objectSelector?: JsonObject } = {},
): KubeObject {
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
  const clientConfig = { service: { name: configuration, namespace: 'tools' } };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: configuration },
    webhooks: [{ name: `${configuration}.example.com`, rules, clientConfig, sideEffects: 'None', ...selectors }],
  };
}

export function findingsOf(observations: Observations): readonly Finding[] {
  return diagnose(observations).checks.flatMap((check) => (check.kind === 'checked' ? check.findings : []));
}

export function namesOf(observations: Observations): readonly string[] {
  return findingsOf(observations).map(({ finding }) => finding);
}

export function checkOf(observations: Observations, id: CheckId): CheckOutcome {
  const check = diagnose(observations).checks.find((one) => one.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return check;
}

/** Labels of a namespace. */
export const optedIn = { 'istio-injection': 'enabled' };

/** A webhook with it is called in one of the namespaces of `stateWith` only: `shop`. */
export const quiet = { namespaceSelector: { matchLabels: { team: 'quiet' } } };

/** A cluster with two namespaces that opted in, `shop` and `pets`; its probes know whom they were sent to. */
export function stateWith(changes: Partial<Observations>): Observations {
  const namespaces = seen([namespace('shop', { ...optedIn, team: 'quiet' }), namespace('pets', optedIn)]);
  return withCalls(observed({ namespaces, ...changes }));
}

/** What is found, a line each. */
export function textOf(observations: Observations): string {
  return findingsOf(observations)
    .map(({ what }) => what)
    .join('\n');
}
