// Answers: how does an API server under test get everything that runs in an installation: replicas of the webhook behind
// a Service, the certificate that is brought to them, and controllers.
// Does not belong here: the parts (balancer.ts, secret-volume.ts, pillion-process.ts), what happens to them (the tests).

import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import { readBundle } from '../../src/core/certificates/x509.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { registeredBundle } from '../../src/core/cluster/registration.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { type Backend, type Balancer, startBalancer } from './balancer.ts';
import { type ControlPlane, until } from './control-plane.ts';
import { writeSettings } from './live-server.ts';
import { type PillionProcess, startPillion } from './pillion-process.ts';
import { mountSecret } from './secret-volume.ts';
import type { TcpProxy } from './tcp-proxy.ts';
import { makeNamespace, serviceObjects, withWebhook } from './webhook.ts';

export interface InstallationOptions {
  /** As the ConfigMap has them. */
  readonly options?: JsonObject;
  /** How long the kubelet takes to bring a changed Secret. */
  readonly lagMs?: number;
  /** Replicas and controllers reach the API server through here. */
  readonly proxy?: TcpProxy;
}

export interface Replica extends Backend {
  readonly process: PillionProcess;
}

export interface Installation {
  readonly balancer: Balancer;
  /** Another replica; resolves when connections go to it. */
  startReplica(): Promise<Replica>;
  /** Ends it as Kubernetes does; resolves when it has ended. */
  stopReplica(replica: Replica): Promise<number | null>;
  /** Another controller, with the rights of its ServiceAccount. */
  startControl(kubeconfig?: string): Promise<PillionProcess>;
  /** The kubeconfig of a component's ServiceAccount. */
  readonly kubeconfigs: { readonly webhook: string; readonly control: string };
}

/** A namespace whose pods are injected. */
export const meshed = 'meshed';
const manager = { fieldManager: 'test' };

/** Everything that `pillion install` brings, but for the Deployments, which nobody could run here. */
export async function installHere(
  context: Pick<TestContext, 'after'>,
  plane: ControlPlane,
  { options = {}, lagMs = 500, proxy }: InstallationOptions = {},
): Promise<Installation> {
  const read = readOptions(options);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  await writeSettings(plane.kube, { options, values: undefined, mesh: undefined });
  await makeNamespace(plane, ownNamespace);
  await makeNamespace(plane, meshed, { labels: withWebhook });
  for (const object of accessObjects(read.value)) await plane.kube.apply(object, manager);
  const balancer = await startBalancer(context, plane.hostAddress);
  const port = Number(balancer.address.split(':').at(-1));
  for (const object of serviceObjects(plane.hostAddress, port)) await plane.kube.apply(object, manager);
  const kubeconfigOf = async (account: string): Promise<string> => {
    const file = await plane.kubeconfigOf(ownNamespace, account);
    return proxy === undefined ? file : rewritten(file, plane.kube.server, proxy.kube.server);
  };
  const kubeconfigs = {
    webhook: await kubeconfigOf(names.webhook),
    control: await kubeconfigOf(names.control),
  };
  return {
    balancer,
    kubeconfigs,
    startReplica: () => startReplica(context, plane, { balancer, lagMs, kubeconfig: kubeconfigs.webhook }),
    stopReplica: async (replica) => {
      const code = await replica.process.stop();
      balancer.remove(replica);
      return code;
    },
    startControl: async (kubeconfig = kubeconfigs.control) => {
      const address = ['--service-address', balancer.address, '--management-listen', '127.0.0.1:0'];
      const control = startPillion(context, ['control', '--kubeconfig', kubeconfig, ...address]);
      await control.waitFor('managementUrl');
      return control;
    },
  };
}

/** The same kubeconfig, for another address of the API server. */
function rewritten(file: string, from: string, to: string): string {
  const path = `${file}-through-proxy`;
  writeFileSync(path, readFileSync(file, 'utf8').replaceAll(from, to));
  return path;
}

interface ReplicaParts {
  readonly balancer: Balancer;
  readonly lagMs: number;
  readonly kubeconfig: string;
}

async function startReplica(
  context: Pick<TestContext, 'after'>,
  plane: ControlPlane,
  { balancer, lagMs, kubeconfig }: ReplicaParts,
): Promise<Replica> {
  const { directory, mounted } = mountSecret(context, plane, lagMs);
  await mounted;
  const process = startPillion(context, [
    ...['serve', '--from-cluster', '--kubeconfig', kubeconfig, '--drain-delay', '5s'],
    ...['--listen', `${plane.hostAddress}:0`, '--management-listen', '127.0.0.1:0'],
    ...['--tls-cert', join(directory, 'tls.crt'), '--tls-key', join(directory, 'tls.key')],
  ]);
  const managementUrl = await process.waitFor('managementUrl');
  const address = new URL(await process.waitFor('url')).host;
  const replica = { process, address, managementUrl };
  balancer.add(replica);
  await until('connections go to the replica', async () => balancer.ready.includes(replica));
  return replica;
}

/** SHA-256 of the certificate that a new connection is shown, and the name of its authority. */
export function shownAt(address: string): Promise<{ readonly fingerprint: string; readonly issuer: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ fingerprint: string; issuer: string }>();
  const [host = '', port] = address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) reject(new Error('no certificate was shown'));
    else resolve({ fingerprint: shown.fingerprint256, issuer: shown.issuer });
    socket.destroy();
  });
  socket.on('error', reject);
  return promise;
}

/** Names of the authorities that are registered, newest first; undefined where nothing is registered. */
export async function registeredAuthorities({ kube }: ControlPlane): Promise<readonly string[] | undefined> {
  const object = await kube.get(resources.mutatingWebhooks, names.registration);
  if (object === undefined) return undefined;
  return readBundle(registeredBundle(object) ?? '').authorities.map(({ certificate }) => certificate.subject);
}

/** The leaf in the Secret. */
export async function leafInSecret({ kube }: ControlPlane): Promise<X509Certificate | undefined> {
  const secret = await kube.get(resources.secrets, names.certificates, ownNamespace);
  const text = (secret?.['data'] as JsonObject | undefined)?.['tls.crt'];
  return typeof text === 'string' ? new X509Certificate(Buffer.from(text, 'base64')) : undefined;
}

/** A pod that asks for nothing. */
export function plainPod(name: string, namespace = meshed): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'app', image: 'example.com/app' }] },
  };
}
