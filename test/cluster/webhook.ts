// Answers: how does an API server under test come to call a webhook: the Service, its endpoint on this machine and the
// registration that an installation writes.
// Does not belong here: the API server itself (control-plane.ts), what goes over the wire (recorder.ts).
import type { TestContext } from 'node:test';
import { type ServerProcess, startServer } from '../../scripts/server-process.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { type ClusterOptions, readOptions } from '../../src/core/cluster/options.ts';
import { registration } from '../../src/core/cluster/registration.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { type ControlPlane, until } from './control-plane.ts';
import { type Recorder, startRecorder } from './recorder.ts';

/** What an injected pod always has. */
export const statusAnnotation = 'sidecar.istio.io/status';

/** Never called for pods in here. */
export const withoutWebhook: StringMap = { 'istio-injection': 'disabled' };
/** Called for every pod in here that does not opt out. */
export const withWebhook: StringMap = { 'istio-injection': 'enabled' };

const manager = { fieldManager: 'test' };

export interface StartedWebhook {
  readonly server: ServerProcess;
  /** Undefined where nothing is recorded. */
  readonly recorder: Recorder | undefined;
}

export interface WebhookOptions {
  /** Options of the installation, as the ConfigMap has them. */
  readonly options?: JsonObject;
  /** Options of `pillion serve` besides addresses and certificates. */
  readonly serveArguments?: readonly string[];
  /** What the API server sends goes through a recorder. */
  readonly isRecorded?: boolean;
}

/** A process of `pillion serve` that the API server calls; ended after the test. */
export async function startWebhook(
  context: Pick<TestContext, 'after'>,
  plane: ControlPlane,
  { options = {}, serveArguments = [], isRecorded = false }: WebhookOptions = {},
): Promise<StartedWebhook> {
  // the last --listen counts
  const listen = isRecorded ? [] : ['--listen', `${plane.hostAddress}:0`];
  const server = await startServer({ flags: [...listen, ...serveArguments] });
  context.after(() => server.stop());
  const recorder = isRecorded ? await startRecorder(context, plane.hostAddress, server) : undefined;
  await register(plane, { ...server, ...recorder }, options);
  return { server, recorder };
}

/** Where a webhook listens at the address of this machine, and whom to trust. */
export interface Listening {
  readonly address: string;
  readonly ca: string;
}

/** Registers the webhook as an installation would; returns when the API server has called it. */
export async function register(
  plane: ControlPlane,
  { address, ca }: Listening,
  options: JsonObject = {},
): Promise<void> {
  const read = readOptions(options);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  await makeNamespace(plane, ownNamespace);
  for (const object of serviceObjects(plane.hostAddress, Number(address.split(':').at(-1)))) {
    await plane.kube.apply(object, manager);
  }
  await plane.kube.apply(registration({ options: read.value, caBundle: ca, hasMatchConditions: true }), manager);
  await untilCalled(plane, read.value);
}

/** A Service without selector and its one endpoint: what stands there instead of pods. */
export function serviceObjects(host: string, port: number): readonly KubeObject[] {
  const ports = [{ name: 'https', protocol: 'TCP', port }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: names.service, namespace: ownNamespace },
      spec: { ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${names.service}-test`,
        namespace: ownNamespace,
        labels: { 'kubernetes.io/service-name': names.service },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [host], conditions: { ready: true, serving: true, terminating: false } }],
      ports,
    },
  ];
}

const probeNamespace = 'webhook-probe';

async function untilCalled(plane: ControlPlane, { revision }: ClusterOptions): Promise<void> {
  await makeNamespace(plane, probeNamespace);
  const probe = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', namespace: probeNamespace, labels: { 'istio.io/rev': revision } },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  };
  await until(
    'the API server calls the webhook',
    async () => isInjected(await plane.kube.create(probe, { dryRun: true })),
    plane.directory,
  );
}

export function isInjected({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[statusAnnotation] !== undefined;
}

/** A namespace in which pods can be created: with the ServiceAccounts, which nobody makes where no controllers run. */
export async function makeNamespace(
  { kube }: ControlPlane,
  name: string,
  { labels = {}, annotations = {}, serviceAccounts = [] }: NamespaceOptions = {},
): Promise<void> {
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } }, manager);
  for (const account of ['default', ...serviceAccounts]) {
    try {
      await kube.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: name } });
    } catch (error) {
      if (!(error instanceof KubeError && error.code === 'conflict')) throw error;
    }
  }
}

export interface NamespaceOptions {
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  /** Besides `default`. */
  readonly serviceAccounts?: readonly string[];
}
