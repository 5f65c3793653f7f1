// Answers: how does a test get a cluster of thousands of namespaces and nodes within seconds.
// Does not belong here: what is measured in it (scale.test.ts).
import { Agent, request } from 'node:https';
import { pathOf, type Resource, resources } from '../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { ControlPlane } from './control-plane.ts';

/** Connections that are kept; an API server answers a write in a millisecond or two. */
const connections = 16;

/** One write. The client of the sources makes a connection for each call, which is most of the time here. */
export interface Write {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly body: object;
}

export function creation(resource: Resource, object: KubeObject): Write {
  return { method: 'POST', path: pathOf(resource, object.metadata.namespace), body: object };
}

/** Writes all of them, some at a time; throws at the first that is refused. */
export async function writeAll({ kube }: ControlPlane, writes: readonly Write[]): Promise<void> {
  const options = { headers: {} as Record<string, string> };
  await kube.config.applyToHTTPSOptions(options);
  const { headers, ...rest } = options;
  const agent = new Agent({ ...rest, keepAlive: true, maxSockets: connections });
  const waiting = writes.values();
  const work = async (): Promise<void> => {
    for (const write of waiting) await send(agent, kube.server, write, headers);
  };
  try {
    await Promise.all(Array.from({ length: connections }, work));
  } finally {
    agent.destroy();
  }
}

const contentTypes = { POST: 'application/json', PATCH: 'application/merge-patch+json' } as const;

function send(agent: Agent, server: string, write: Write, headers: Record<string, string>): Promise<void> {
  const { method, path, body } = write;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const outgoing = request(
    `${server}${path}`,
    { method, agent, headers: { ...headers, 'Content-Type': contentTypes[method] } },
    (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if ((answer.statusCode ?? 500) < 300) resolve();
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.end(JSON.stringify(body));
  return promise;
}

/** A namespace with the labels and annotations that namespaces of a platform have. */
export function namespaceObject(name: string, index: number): KubeObject {
  const range = `${1_000_000_000 + index * 10_000}/10000`;
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: {
        'istio-injection': 'enabled',
        'app.kubernetes.io/managed-by': 'platform',
        'pod-security.kubernetes.io/enforce': 'baseline',
        team: `team-${index % 200}`,
        stage: ['production', 'staging', 'test'][index % 3] ?? '',
      },
      annotations: {
        'openshift.io/sa.scc.uid-range': range,
        'openshift.io/sa.scc.supplemental-groups': range,
        'openshift.io/sa.scc.mcs': `s0:c${index % 1000},c${(index * 7) % 1000}`,
        'openshift.io/description': `Workloads of team ${index % 200}, see https://wiki.example.com/teams/${index % 200}`,
      },
    },
  };
}

const zones = ['a', 'b', 'c'];

/** A node as a kubelet of a cloud reports it, some 10 kB. */
export function nodeObject(index: number, kubeletVersion: string): KubeObject {
  const name = nodeName(index);
  const zone = `eu-central-1${zones[index % zones.length]}`;
  const labels = {
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/hostname': name,
    'node.kubernetes.io/instance-type': `m7i.${1 + (index % 8)}xlarge`,
    'topology.kubernetes.io/region': 'eu-central-1',
    'topology.kubernetes.io/zone': zone,
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'example.com/pool': poolOf(index),
    'example.com/capacity-type': index % 4 === 0 ? 'spot' : 'on-demand',
    'example.com/cpu': String(4 << (index % 3)),
    'example.com/image': 'linux-2026-11',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels,
      annotations: {
        'node.alpha.kubernetes.io/ttl': '300',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
        'csi.volume.kubernetes.io/nodeid': JSON.stringify({ 'ebs.csi.example.com': `i-${index}` }),
      },
    },
    spec: { providerID: `cloud:///${zone}/i-${index}`, podCIDR: `10.${index >> 8}.${index & 255}.0/24` },
    status: nodeStatus(name, index, kubeletVersion),
  };
}

export function nodeName(index: number): string {
  return `node-${String(index).padStart(4, '0')}.eu-central-1.compute.internal`;
}

/** Half of the nodes are in a pool that is upgraded last. */
export function poolOf(index: number): 'old' | 'new' {
  return index % 2 === 0 ? 'old' : 'new';
}

/** The write that makes a node report another kubelet. */
export function kubeletOf(index: number, kubeletVersion: string): Write {
  const path = `${pathOf(resources.nodes, undefined, nodeName(index))}/status`;
  return { method: 'PATCH', path, body: { status: { nodeInfo: { kubeletVersion } } } };
}

const conditionTypes = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];
const imagesOfNode = 50;

function nodeStatus(name: string, index: number, kubeletVersion: string): object {
  const time = '2026-11-21T07:00:00Z';
  const size = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' };
  return {
    capacity: size,
    allocatable: size,
    addresses: [
      { type: 'InternalIP', address: `10.200.${index >> 8}.${index & 255}` },
      { type: 'Hostname', address: name },
    ],
    conditions: conditionTypes.map((type) => ({
      type,
      status: type === 'Ready' ? 'True' : 'False',
      reason: `Kubelet${type}`,
      message: `kubelet has reported ${type}`,
      lastHeartbeatTime: time,
      lastTransitionTime: time,
    })),
    nodeInfo: {
      architecture: 'amd64',
      bootID: `boot-${index}`,
      containerRuntimeVersion: 'containerd://2.2.9',
      kernelVersion: '6.12.0',
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: `machine-${index}`,
      operatingSystem: 'linux',
      osImage: 'Linux 2026.11',
      systemUUID: `system-${index}`,
    },
    images: Array.from({ length: imagesOfNode }, (_, image) => ({
      names: [
        `registry.example.com/team-${image}/service@sha256:${String(image).padStart(64, '0')}`,
        `registry.example.com/team-${image}/service:v${index}`,
      ],
      sizeBytes: 100_000_000 + image,
    })),
  };
}
