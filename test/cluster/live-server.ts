// Answers: how does a test get a server that follows the settings of a cluster, and the ConfigMaps that it follows.
// Does not belong here: the cluster (control-plane.ts), settings in files (test/edge/serving.ts).
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { defaultValues } from '../../src/core/configuration/values-defaults.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { Kube } from '../../src/edge/kube/client.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { type Ready, serve } from '../../src/roles/serve.ts';
import { agentFor, reviewBody, send } from '../edge/loopback.ts';
import { type Options, optionsFor } from '../edge/serving.ts';
import type { ControlPlane } from './control-plane.ts';

export interface LiveServer {
  readonly managementUrl: string;
  readonly lines: readonly string[];
  /** Where it listens and whom to trust; throws while it does not serve. */
  listening(): { readonly address: string; readonly ca: string };
  /** The JSON Patch for a review, as text; throws while it does not serve. */
  patch(context: TestContext, object?: unknown): Promise<string>;
  stop(): Promise<number>;
}

/** Starts a server that follows the cluster; returns as soon as its management port is open. */
export async function startLiveServer(
  context: Pick<TestContext, 'after'>,
  { kubeconfig }: Pick<ControlPlane, 'kubeconfig'>,
  changes: Partial<Options> = {},
): Promise<LiveServer> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-live-'));
  const signals = new EventEmitter();
  const lines: string[] = [];
  const { promise: managementUrl, resolve: opened } = Promise.withResolvers<string>();
  const write = (line: string): void => {
    lines.push(line);
    const { msg, managementUrl: url } = JSON.parse(line);
    if (msg === 'management port is open') opened(url);
  };
  const output = { stream: { write }, close: async () => {} };
  const io = { stderr: { write: (text: string) => assert.fail(text) } };
  let up: Ready | undefined;
  const onReady = (ready: Ready): void => {
    up = ready;
  };
  const options = optionsFor(directory, { cluster: { kubeconfig }, ...changes });
  const ended = serve(options, io, { signals, output, onReady });
  const stop = async (): Promise<number> => {
    signals.emit('SIGTERM');
    signals.emit('SIGTERM');
    const code = await ended;
    await rm(directory, { recursive: true, force: true });
    return code;
  };
  context.after(stop);
  const listening = (): { readonly address: string; readonly ca: string } => {
    if (up === undefined) throw new Error('the server does not serve yet');
    return { address: up.url.replace('https://', ''), ca: up.caCertificate };
  };
  return {
    managementUrl: await managementUrl,
    lines,
    stop,
    listening,
    patch: async (test, object) => {
      const { address, ca } = listening();
      const { text } = await send(agentFor(test, ca), address, { body: reviewBody(object) });
      return Buffer.from(JSON.parse(text).response.patch ?? '', 'base64').toString();
    },
  };
}

export interface Documents {
  /** Text, or an object that becomes JSON. */
  readonly options: unknown;
  readonly values: unknown;
  readonly config: unknown;
  readonly mesh: unknown;
}

/** What an installation of Istio and of ours says where nobody has changed anything. */
export const usualDocuments: Documents = {
  options: {},
  values: defaultValues,
  config: { policy: 'enabled', defaultTemplates: ['sidecar'] },
  mesh: { defaultConfig: { discoveryAddress: 'istiod.istio-system.svc:15012' } },
};

/** Values of the chart with a few changed: `{ hub: 'example.com/one' }` is `global.hub`. */
export function valuesWith(global: JsonObject): JsonObject {
  return { ...defaultValues, global: { ...(defaultValues['global'] as JsonObject), ...global } };
}

/** Writes the ConfigMaps of the documents that are named; undefined stands for the usual one. */
export async function writeSettings(
  kube: Kube,
  documents: Partial<Documents>,
  { suffix = '', istioNamespace = 'istio-system' } = {},
): Promise<void> {
  const given = Object.entries(documents).filter(([, value]) => value !== undefined);
  const { options, values, config, mesh } = { ...usualDocuments, ...(Object.fromEntries(given) as Partial<Documents>) };
  if ('options' in documents) await writeConfigMap(kube, ownNamespace, names.options, { 'options.yaml': options });
  if ('mesh' in documents) await writeConfigMap(kube, istioNamespace, `istio${suffix}`, { mesh });
  if ('values' in documents || 'config' in documents) {
    await writeConfigMap(kube, istioNamespace, `istio-sidecar-injector${suffix}`, { config, values });
  }
}

export async function writeConfigMap(kube: Kube, namespace: string, name: string, keys: JsonObject): Promise<void> {
  await ensureNamespace(kube, namespace);
  const data = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
  const there = await kube.get(resources.configMaps, name, namespace);
  await (there === undefined ? kube.create(object) : kube.replace(object));
}

export async function ensureNamespace(kube: Kube, name: string): Promise<void> {
  try {
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  } catch (error) {
    if (!(error instanceof KubeError && error.code === 'conflict')) throw error;
  }
}

/** A node as its kubelet would report it. */
export async function makeNode(kube: Kube, name: string, kubeletVersion: string, labels = {}): Promise<void> {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  };
  await kube.create(node);
  const status = { nodeInfo: { ...noNodeInfo, kubeletVersion } };
  await kube.call('PATCH', `/api/v1/nodes/${name}/status`, {
    body: { status },
    contentType: 'application/merge-patch+json',
  });
}

const noNodeInfo = {
  architecture: 'amd64',
  bootID: '',
  containerRuntimeVersion: '',
  kernelVersion: '',
  kubeProxyVersion: '',
  machineID: '',
  operatingSystem: 'linux',
  osImage: '',
  systemUUID: '',
};
