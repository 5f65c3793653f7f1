// Answers: how does a test get a cluster in which the doctor finds nothing: what an installation makes, with a webhook that
// really answers, and what Istio's control plane leaves. And webhooks of others, good and bad.
// Does not belong here: the faults (doctor.test.ts).
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { generate } from 'selfsigned';
import { startServer } from '../../scripts/server-process.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { injectorConfigOfValues } from '../../src/core/configuration/injector-config.ts';
import { defaultValues } from '../../src/core/configuration/values-defaults.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { Container, Pod } from '../../src/core/model/pod.ts';
import type { Operation } from '../../src/core/model/verdict.ts';
import { pillion } from '../cli/command-line.ts';
import { type ControlPlane, until } from './control-plane.ts';
import { makeNamespace, register, withWebhook } from './webhook.ts';

const manager = { fieldManager: 'test' };

/** What the doctor says, as its JSON has it. */
export interface Said {
  readonly exitCode: number;
  /** Names of the findings, in their order. */
  readonly findings: readonly string[];
  /** What was found and what to do, by the name of the finding. */
  readonly texts: Readonly<Record<string, string>>;
  readonly unchecked: readonly string[];
  readonly all: string;
}

interface CheckJson {
  readonly id: string;
  readonly kind: 'checked' | 'unchecked';
  readonly findings?: readonly { readonly finding: string; readonly what: string; readonly remedy: string }[];
}

export async function askDoctor(kubeconfig: string, args: readonly string[] = []): Promise<Said> {
  const { exitCode, stdout, stderr } = await pillion(['doctor', '-o', 'json', '--kubeconfig', kubeconfig, ...args]);
  if (stdout === '') throw new Error(stderr);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly CheckJson[] };
  const findings = checks.flatMap((check) => check.findings ?? []);
  return {
    exitCode,
    findings: findings.map(({ finding }) => finding),
    texts: Object.fromEntries(findings.map(({ finding, what, remedy }) => [finding, `${what} → ${remedy}`])),
    unchecked: checks.filter(({ kind }) => kind === 'unchecked').map(({ id }) => id),
    all: stdout,
  };
}

/** The namespace where pods are injected. */
export const optedIn = 'shop';

export interface InstalledCluster {
  /** Certificate of the webhook, its own authority. */
  readonly ca: string;
  /** Ends the connections that the API server keeps to the webhook: over them it would go on being reached. */
  cut(): void;
}

/** Everything that an installation makes as far as the doctor looks at it; Deployments say that they are available. */
export async function installInto(context: Pick<TestContext, 'after'>, plane: ControlPlane): Promise<InstalledCluster> {
  await makeNamespace(plane, 'default');
  await makeNamespace(plane, optedIn, { labels: withWebhook });
  await makeNamespace(plane, 'plain');
  await makeNamespace(plane, 'istio-system');
  await applyIstioMaps(plane);
  const server = await startServer();
  context.after(() => server.stop());
  const front = await startFront(context, plane.hostAddress, server.address);
  await register(plane, { address: front.address, ca: server.ca });
  await applySecret(plane, server.ca, server.ca);
  await plane.kube.apply(configMap(ownNamespace, names.options, { 'options.yaml': 'revision: default\n' }), manager);
  for (const name of [names.webhook, names.control]) await makeDeployment(plane, name);
  await renewLease(plane);
  await plane.kube.apply(node('node-1', 'v1.34.4'), manager);
  await setStatus(plane, '/api/v1/nodes/node-1/status', { nodeInfo: nodeInfo('v1.34.4') });
  return { ca: server.ca, cut: front.cut };
}

/** Passes connections on to the webhook on loopback, and can end them. */
async function startFront(context: Pick<TestContext, 'after'>, host: string, webhook: string) {
  const sockets = new Set<Socket>();
  const server = createTcpServer((client) => {
    const upstream = connect(Number(webhook.split(':').at(-1)), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  context.after(() => {
    server.close();
    cut();
  });
  return { address: `${host}:${(server.address() as AddressInfo).port}`, cut };
}

export async function applyIstioMaps(
  plane: ControlPlane,
  values: string = JSON.stringify(defaultValues),
): Promise<void> {
  const config = JSON.stringify(injectorConfigOfValues(defaultValues));
  await plane.kube.apply(configMap('istio-system', 'istio', { mesh: 'accessLogFile: /dev/stdout\n' }), manager);
  await plane.kube.apply(configMap('istio-system', 'istio-sidecar-injector', { config, values }), manager);
}

function configMap(namespace: string, name: string, data: JsonObject): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

export async function applyOptions(plane: ControlPlane, text: string): Promise<void> {
  await plane.kube.apply(configMap(ownNamespace, names.options, { 'options.yaml': text }), manager);
}

export async function applySecret(plane: ControlPlane, chain: string, bundle: string): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const metadata = { name: names.certificates, namespace: ownNamespace };
  const data = { 'tls.crt': base64(chain), 'tls.key': base64('a secret key'), 'ca.crt': base64(bundle) };
  await plane.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata, data }, manager);
}

async function makeDeployment(plane: ControlPlane, name: string): Promise<void> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'example.com/app' }] } };
  await plane.kube.apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: ownNamespace },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    manager,
  );
  await setAvailable(plane, name, 2);
}

/** What the controllers would write. */
export async function setAvailable(plane: ControlPlane, name: string, replicas: number): Promise<void> {
  const path = `${pathOf(resources.deployments, ownNamespace, name)}/status`;
  await setStatus(plane, path, {
    replicas: 2,
    updatedReplicas: 2,
    readyReplicas: replicas,
    availableReplicas: replicas,
  });
}

export async function setStatus(plane: ControlPlane, path: string, status: JsonObject): Promise<void> {
  await plane.kube.call('PATCH', path, { body: { status }, contentType: 'application/merge-patch+json' });
}

export async function renewLease(plane: ControlPlane, at: Date = new Date()): Promise<void> {
  const time = at.toISOString().replace('Z', '000Z');
  await plane.kube.apply(
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: names.lease, namespace: ownNamespace },
      spec: { holderIdentity: 'pillion-control-1', leaseDurationSeconds: 15, acquireTime: time, renewTime: time },
    },
    manager,
  );
}

export function nodeInfo(kubeletVersion: string): JsonObject {
  const unknown = [
    ...['architecture', 'bootID', 'containerRuntimeVersion', 'kernelVersion', 'kubeProxyVersion'],
    ...['machineID', 'operatingSystem', 'osImage', 'systemUUID'],
  ];
  return { ...Object.fromEntries(unknown.map((field) => [field, 'unknown'])), kubeletVersion };
}

export function node(name: string, kubeletVersion: string): JsonObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { nodeInfo: nodeInfo(kubeletVersion) } };
}

/** A certificate for a Service, its own authority. */
export async function makePair(host: string, validDays: readonly [from: number, to: number] = [-1, 30]) {
  const [from, to] = validDays.map((days) => new Date(Date.now() + days * 86_400_000));
  const { cert, private: key } = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...(from && { notBeforeDate: from }),
    ...(to && { notAfterDate: to }),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  });
  return { cert, key };
}

/** What a webhook of somebody else does with a pod. */
export type Change = (pod: Pod) => readonly Operation[];

export const nothing: Change = () => [];

/** As one that was built before the field: it reads the pod into its own types and prints it. */
export const stripRestartPolicy: Change = ({ spec }) =>
  (spec.initContainers ?? []).flatMap((container: Container, at) =>
    container.restartPolicy === undefined ? [] : [{ op: 'remove', path: `/spec/initContainers/${at}/restartPolicy` }],
  );

export const addLabel: Change = ({ metadata }) => [
  metadata.labels === undefined
    ? { op: 'add', path: '/metadata/labels', value: { 'sidecar.istio.io/inject': 'true' } }
    : { op: 'add', path: '/metadata/labels/sidecar.istio.io~1inject', value: 'true' },
];

export interface Foreign {
  /** Of the configuration; its place in the order of calls. */
  readonly configuration: string;
  readonly change: Change;
  readonly namespaceSelector?: JsonObject;
  readonly objectSelector?: JsonObject;
  /** Is called again when others have changed the pod after it. */
  readonly isReinvoked?: boolean;
}

/** Starts and registers one; gone after the test. */
export async function addForeign(context: TestContext, plane: ControlPlane, foreign: Foreign): Promise<void> {
  const { configuration, change, namespaceSelector = {}, objectSelector = {}, isReinvoked = false } = foreign;
  const host = `${configuration}.plain.svc`;
  const { cert, key } = await makePair(host);
  const server = createServer({ cert, key }, async (incoming, response) => {
    const { apiVersion, kind, request } = JSON.parse(await text(incoming));
    const patch = change(request.object);
    const patched = patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: btoa(JSON.stringify(patch)) };
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ apiVersion, kind, response: { uid: request.uid, allowed: true, ...patched } }));
  });
  await new Promise<void>((resolve) => server.listen(0, plane.hostAddress, resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await makeService(plane, configuration, (server.address() as AddressInfo).port);
  const webhook = {
    name: `${configuration}.example.com`,
    admissionReviewVersions: ['v1'],
    clientConfig: { service: { name: configuration, namespace: 'plain', path: '/mutate' }, caBundle: btoa(cert) },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    reinvocationPolicy: isReinvoked ? 'IfNeeded' : 'Never',
    namespaceSelector,
    objectSelector,
  };
  await plane.kube.apply({ ...emptyConfiguration(configuration), webhooks: [webhook] }, manager);
  context.after(() => plane.kube.remove(resources.mutatingWebhooks, configuration));
}

export function emptyConfiguration(name: string): JsonObject {
  return { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name } };
}

/** A Service with a pod behind it: the API server passes requests on to pods only. */
async function makeService(plane: ControlPlane, name: string, port: number): Promise<void> {
  const { kube, hostAddress } = plane;
  const namespace = 'plain';
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  const targetRef = { kind: 'Pod', name, namespace };
  await kube.apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }] },
    },
    manager,
  );
  await kube.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  });
  const address = { podIP: hostAddress, podIPs: [{ ip: hostAddress }], phase: 'Running' };
  await setStatus(plane, `${pathOf(resources.pods, namespace, name)}/status`, address);
  await kube.apply(
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-test`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [hostAddress], targetRef, conditions: { ready: true } }],
      ports,
    },
    manager,
  );
  // what the proxy of the API server goes by, and what controllers would make
  await kube.call('POST', `/api/v1/namespaces/${namespace}/endpoints`, {
    body: {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace },
      subsets: [{ addresses: [{ ip: hostAddress, targetRef }], ports }],
    },
  });
}

/** One fault is made in these surroundings; what it changes is put back after the test. */
export interface Around {
  readonly context: TestContext;
  readonly plane: ControlPlane;
  readonly installed: InstalledCluster;
}

export type Fault = readonly [title: string, make: (around: Around) => Promise<void>];

/** Waits until the doctor finds exactly these: the API server hears of changes a moment later. */
export async function finds({ plane, installed }: Around, expected: readonly string[]): Promise<Said> {
  let said: Said | undefined;
  try {
    await until(`the doctor finds ${expected}`, async () => {
      if (!expected.includes('leader-silent')) await renewLease(plane);
      installed.cut();
      said = await askDoctor(plane.kubeconfig);
      return said.findings.join() === expected.join();
    });
  } catch {
    assert.deepEqual(said?.findings, expected, said?.all);
  }
  assert.ok(said !== undefined);
  assert.equal(said.exitCode, 1);
  return said;
}
