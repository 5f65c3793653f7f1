// Answers: how does a test get a real API server with etcd, and, where it asks, the controllers, for itself alone.
// Does not belong here: what runs against it.
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { resources } from '../../src/core/cluster/resources.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { freePorts } from '../free-ports.ts';
import { type Output, runProgram } from '../program.ts';
import { until as untilWithin } from '../until.ts';
import { type Assets, assets as currentAssets } from './assets.ts';

export interface ControlPlaneOptions {
  readonly assets?: Assets;
  /** Runs kube-controller-manager too: Deployments and Jobs make pods, namespaces get their ServiceAccount. */
  readonly controllers?: boolean;
  /** More flags of the API server. */
  readonly flags?: readonly string[];
}

export interface ControlPlane {
  readonly directory: string;
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string;
  readonly kube: Kube;
  /** Address of this machine that the API server may call; endpoints cannot be on loopback. */
  readonly hostAddress: string;
  /** One line of JSON for each request that was complete: who, what, with which answer. */
  readonly auditLog: string;
  kubectl(args: readonly string[], input?: string): Promise<Output>;
  /**
   * Kubeconfig of somebody with a ServiceAccount's rights and no more; with a node, that of a pod there, whose token names
   * the node as the kubelet's tokens do.
   */
  kubeconfigOf(namespace: string, serviceAccount: string, node?: string): Promise<string>;
  /** Ends the API server, runs what is given while it is away, and starts it again on its port. */
  restartApiServer(meanwhile?: () => Promise<void>): Promise<void>;
  /** etcd answers nobody for so long. */
  pauseEtcd(milliseconds: number): Promise<void>;
  stop(): Promise<void>;
}

const patienceMs = 60_000;
const adminToken = 'administrator';

/** Starts everything and waits until it is ready; ended after the test. */
export async function startControlPlane(
  context: Pick<TestContext, 'after'>,
  { assets = currentAssets, controllers = false, flags = [] }: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-cluster-'));
  const program = (name: string): string => join(assets.directory, name);
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3);
  const running = new Map<string, ChildProcess>();
  const start = (name: string, args: readonly string[]): void => {
    const child = spawn(program(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(join(directory, `${name}.log`), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.on('error', () => {});
    running.set(name, child);
  };
  const stopAll = async (): Promise<void> => {
    for (const name of [...running.keys()].reverse()) await end(running.get(name));
    running.clear();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  context.after(stopAll);

  const files = writeFiles(directory);
  const hostAddress = findHostAddress();
  const startApiServer = (): void =>
    start('kube-apiserver', apiServerFlags({ directory, port, etcdPort, hostAddress, flags, ...files }));
  start('etcd', [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync', // what is in it is gone after the test
    '--log-level=warn',
  ]);
  startApiServer();
  const authority = join(directory, 'apiserver.crt');
  const writeKubeconfig = (name: string, token: string): string => {
    const path = join(directory, `${name}.kubeconfig`);
    writeFileSync(path, JSON.stringify(kubeconfigFor(`https://${hostAddress}:${port}`, authority, token)));
    return path;
  };
  await until('the API server writes its certificate', async () => existsSync(authority), directory);
  const kubeconfig = writeKubeconfig('admin', adminToken);
  const kube = connect({ kubeconfig });
  const ready = (): Promise<void> => until('the API server is ready', () => isReady(kube), directory);
  await ready();
  if (controllers) start('kube-controller-manager', controllerFlags(kubeconfig, authority, files));

  const kubectl = (args: readonly string[], input?: string): Promise<Output> =>
    runProgram(program('kubectl'), ['--kubeconfig', kubeconfig, ...args], { stdin: input ?? '' });
  return {
    directory,
    kubeconfig,
    kube,
    hostAddress,
    auditLog: files.auditLog,
    kubectl,
    kubeconfigOf: async (namespace, serviceAccount, node) => {
      const boundObjectRef =
        node === undefined ? {} : { boundObjectRef: await podOf(kube, { namespace, serviceAccount, node }) };
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 7200, ...boundObjectRef },
      };
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
      const { status } = await kube.call('POST', path, { body: request });
      return writeKubeconfig([namespace, serviceAccount, node].join('-'), (status as { token: string }).token);
    },
    restartApiServer: async (meanwhile = async () => {}) => {
      await end(running.get('kube-apiserver'));
      await meanwhile();
      startApiServer();
      await ready();
    },
    pauseEtcd: async (milliseconds) => {
      running.get('etcd')?.kill('SIGSTOP');
      try {
        await wait(milliseconds);
      } finally {
        running.get('etcd')?.kill('SIGCONT');
      }
    },
    stop: stopAll,
  };
}

interface PodPlace {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly node: string;
}

/** A pod that nobody runs, made where it is not there yet, as what a token is bound to. */
async function podOf(kube: Kube, { namespace, serviceAccount, node }: PodPlace): Promise<object> {
  const { apiVersion, kind } = resources.pods;
  const name = `${serviceAccount}-${node}`;
  const spec = {
    serviceAccountName: serviceAccount,
    nodeName: node,
    containers: [{ name: 'app', image: 'example.com/app' }],
  };
  const pod = await kube.apply({ apiVersion, kind, metadata: { name, namespace }, spec }, { fieldManager: 'test' });
  return { apiVersion, kind, name, uid: pod.metadata.uid };
}

/** Waits for the condition, asking every 100 ms; a thrown error counts as no. Throws with what went on where time is up. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  logs?: string,
  within = patienceMs,
): Promise<void> {
  try {
    await untilWithin(what, condition, { timeoutMs: within, pauseMs: 100 });
  } catch (error) {
    const log = logs === undefined ? '' : tail(join(logs, 'kube-apiserver.log'));
    throw new Error(`${error instanceof Error ? error.message : error}\n${log}`, { cause: error });
  }
}

async function isReady(kube: Kube): Promise<boolean> {
  // not /readyz, which is true before the first namespaces are there
  return (
    (await kube.get({ apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', isNamespaced: false }, 'default')) !==
    undefined
  );
}

interface Files {
  readonly tokens: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
}

function writeFiles(directory: string): Files {
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    tokens: write('tokens.csv', `${adminToken},administrator,${randomUUID()},"system:masters"\n`),
    serviceAccountKey: write('sa.key', privateKey.export({ format: 'pem', type: 'sec1' }).toString()),
    serviceAccountPublicKey: write('sa.pub', publicKey.export({ format: 'pem', type: 'spki' }).toString()),
    auditPolicy: write(
      'audit.json',
      JSON.stringify({
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        omitStages: ['RequestReceived'],
        rules: [{ level: 'Metadata' }],
      }),
    ),
    auditLog: join(directory, 'audit.log'),
  };
}

interface ApiServer extends Files {
  readonly directory: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly hostAddress: string;
  readonly flags: readonly string[];
}

function apiServerFlags(server: ApiServer): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${server.etcdPort}`,
    `--secure-port=${server.port}`,
    `--bind-address=${server.hostAddress}`,
    `--advertise-address=${server.hostAddress}`,
    `--cert-dir=${server.directory}`,
    `--token-auth-file=${server.tokens}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${server.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${server.serviceAccountKey}`,
    '--enable-aggregator-routing=true', // there is no kube-proxy: webhooks are called at their endpoints
    `--audit-policy-file=${server.auditPolicy}`,
    `--audit-log-path=${server.auditLog}`,
    '--shutdown-delay-duration=0s',
    ...server.flags,
  ];
}

function controllerFlags(kubeconfig: string, authority: string, files: Files): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--root-ca-file=${authority}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
  ];
}

function kubeconfigFor(server: string, authority: string, token: string): object {
  const name = 'test';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}

function findHostAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal);
  if (found === undefined) throw new Error('Cannot find an IPv4 address of this machine besides loopback');
  return found.address;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
}

function tail(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-15).join('\n') : '';
}
