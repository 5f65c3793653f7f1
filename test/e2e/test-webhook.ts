// Answers: how does a test get a mutating webhook of somebody else, which runs in the cluster and is called for the
// namespaces that it chooses.
// Does not belong here: what it answers (test-webhook-server.ts).
import { readFileSync } from 'node:fs';
import { resources } from '../../src/core/cluster/resources.ts';
import { isCalledFor, podWebhooks } from '../../src/core/cluster/webhooks.ts';
import { namespaceNameLabel } from '../../src/core/cluster/well-known.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { type IssuedPair, issueLeaf } from '../../src/edge/issue-certificate.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import type { Cluster } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import { images } from './objects.ts';
import { statusNumber } from './pods.ts';
import { probeLabel, type TestAnswer } from './test-webhook-server.ts';
import { until } from './until.ts';

export interface TestWebhook {
  /** The API server calls configurations in the order of their names: this one before `pillion` or after it. */
  readonly name: string;
  readonly answer: TestAnswer;
  /** Selector of the namespaces that it is called for; the one that it runs in where absent. */
  readonly selector?: JsonObject;
  /** `IfNeeded`: it is called again where others changed the pod after it; `Never` where absent. */
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
  readonly replicas?: number;
}

export interface DeployedWebhook {
  /** Name of its configuration. */
  readonly configuration: string;
  /** Name of the webhook in it. */
  readonly webhook: string;
  /** It is no longer called afterwards. */
  remove(): Promise<void>;
}

const port = 8443;
const dayMs = 86_400_000;
const mountPath = '/webhook';

/**
 * Brings the webhook into the namespace and returns when the API server has called it; throws where that takes too
 * long. It ends with the namespace at the latest. A name is used once in a namespace.
 */
export async function deployTestWebhook(
  cluster: Cluster,
  { name: place }: Namespace,
  wanted: TestWebhook,
): Promise<DeployedWebhook> {
  const { kube } = cluster;
  const now = new Date();
  const host = `${wanted.name}.${place}.svc`;
  const lifetime = { now, notAfter: new Date(now.getTime() + dayMs) };
  const pair = await issueLeaf({ commonName: wanted.name, dnsNames: [host] }, lifetime);
  for (const object of workloadObjects(wanted, place, pair)) await kube.create(object);
  await until(`test webhook ${wanted.name} is ready`, async () => {
    const deployment = await kube.get(resources.deployments, wanted.name, place);
    return deployment !== undefined && statusNumber(deployment, 'availableReplicas') === (wanted.replicas ?? 1);
  });
  const owner = await kube.get(resources.namespaces, place);
  if (owner === undefined) throw new Error(`Cannot register a test webhook: there is no namespace ${place}`);
  const object = configurationOf(wanted, owner.metadata, pair.cert);
  const { name: configuration } = object.metadata;
  const remove = async (): Promise<void> => {
    await kube.remove(resources.mutatingWebhooks, configuration);
  };
  await kube.create(object);
  try {
    await until(`test webhook ${wanted.name} is called`, () => isCalled(cluster, wanted.name, object));
  } catch (error) {
    await remove();
    throw error;
  }
  return { configuration, webhook: webhookName(wanted), remove };
}

function webhookName({ name }: TestWebhook): string {
  return `${name}.webhook.example.com`;
}

/** Pods of the webhook itself have it: nobody needs a webhook to start one. */
const ownLabel = 'test-webhook';

function workloadObjects(wanted: TestWebhook, namespace: string, pair: IssuedPair): readonly KubeObject[] {
  const { name, answer, replicas = 1 } = wanted;
  const metadata = { name, namespace };
  const labels = { [ownLabel]: name, 'sidecar.istio.io/inject': 'false' };
  const data = {
    // the suffix says to Node that it is a module, and has types
    'server.mts': readFileSync(new URL('test-webhook-server.ts', import.meta.url), 'utf8'),
    'answer.json': JSON.stringify({ name, answer }),
  };
  const container = {
    name: 'webhook',
    image: images.node,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', `${mountPath}/server.mts`, mountPath, String(port)],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    volumeMounts: [{ name: 'files', mountPath }],
  };
  const files = { name: 'files', projected: { sources: [{ configMap: { name } }, { secret: { name } }] } };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'tls.crt': pair.cert, 'tls.key': pair.key } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { [ownLabel]: name }, ports: [{ name: 'https', port: 443, targetPort: port }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels: { [ownLabel]: name } },
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes: [files] },
        },
      },
    },
  ];
}

function configurationOf(wanted: TestWebhook, { name, uid = '' }: KubeObject['metadata'], ca: string): KubeObject {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Namespace', name, uid }];
  const webhook = {
    name: webhookName(wanted),
    admissionReviewVersions: ['v1'],
    clientConfig: {
      service: { name: wanted.name, namespace: name, path: '/mutate', port: 443 },
      caBundle: Buffer.from(ca).toString('base64'),
    },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
    namespaceSelector: wanted.selector ?? { matchLabels: { [namespaceNameLabel]: name } },
    objectSelector: { matchExpressions: [{ key: ownLabel, operator: 'DoesNotExist' }] },
    sideEffects: 'None',
    failurePolicy: 'Fail',
    reinvocationPolicy: wanted.reinvocationPolicy ?? 'Never',
    timeoutSeconds: 5,
  };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: `${wanted.name}-${name}`, ownerReferences },
    webhooks: [webhook],
  };
}

/** True when it has refused a pod that it is to refuse, in a namespace that is selected. */
async function isCalled({ kube }: Cluster, name: string, configuration: KubeObject): Promise<boolean> {
  const [webhook] = podWebhooks(configuration);
  const labels = { [probeLabel]: name };
  const { items } = await kube.list(resources.namespaces);
  const selected = items.find(
    ({ metadata }) => webhook !== undefined && isCalledFor(webhook, metadata.labels ?? {}, labels),
  );
  if (selected === undefined) return false;
  const metadata = { generateName: 'probe-', namespace: selected.metadata.name, labels };
  const spec = { containers: [{ name: 'app', image: images.node }] };
  try {
    await kube.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec }, { dryRun: true });
    return false;
  } catch (error) {
    if (error instanceof KubeError) return error.message.endsWith(probeLabel);
    throw error;
  }
}
