// Answers: what can be wrong between the API server and webhooks, ours and those of others, and what the doctor says then.
import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { TestContext } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import {
  type Around,
  addForeign,
  addLabel,
  applySecret,
  emptyConfiguration,
  type Fault,
  finds,
  makePair,
  nothing,
  stripRestartPolicy,
} from './doctor-cluster.ts';
import { makeNamespace, withWebhook } from './webhook.ts';

const manager = { fieldManager: 'test' };

export const webhookFaults: readonly Fault[] = [
  [
    'finds that nothing is behind the Service',
    async (around) => {
      await leadTo(around, undefined);
      const { texts } = await finds(around, ['webhook-without-endpoints']);
      assert.match(texts['webhook-without-endpoints'] ?? '', /no endpoints available/);
    },
  ],
  [
    'finds that nobody listens behind the Service',
    async (around) => {
      await leadTo(around, 1);
      const { texts } = await finds(around, ['webhook-refused']);
      assert.match(texts['webhook-refused'] ?? '', /connection refused/);
    },
  ],
  [
    'finds that what is behind the Service does not answer, and names the firewall',
    async (around) => {
      await leadTo(around, await listenTcp(around.context, around.plane.hostAddress));
      const { texts } = await finds(around, ['webhook-timeout']);
      assert.match(texts['webhook-timeout'] ?? '', /(deadline exceeded|timeout).*TCP port 15017/s);
    },
  ],
  [
    'finds a caBundle of somebody else, by the certificate and by what the API server says',
    async (around) => {
      const { cert } = await makePair('pillion.pillion-system.svc');
      await trust(around, btoa(cert));
      const { texts } = await finds(around, ['webhook-untrusted', 'bundle-differs']);
      assert.match(texts['webhook-untrusted'] ?? '', /x509/);
    },
  ],
  [
    'finds a certificate that has expired, and that is served',
    async (around) => {
      const { context, plane, installed } = around;
      const pair = await makePair('pillion.pillion-system.svc', [-8, -1]);
      await applySecret(plane, pair.cert, pair.cert);
      context.after(() => applySecret(plane, installed.ca, installed.ca));
      await trust(around, btoa(pair.cert));
      await leadTo(around, await listenTcp(context, plane.hostAddress, pair));
      const { texts } = await finds(around, ['webhook-untrusted', 'certificate-expired']);
      assert.match(texts['webhook-untrusted'] ?? '', /expired/);
    },
  ],
  [
    "finds istiod's own webhook beside ours, and names the value that leaves it out",
    async (around) => {
      const { context, plane } = around;
      await plane.kube.apply(istiodConfiguration('istio-sidecar-injector', 'default'), manager);
      context.after(() => plane.kube.remove(resources.mutatingWebhooks, 'istio-sidecar-injector'));
      const { texts } = await finds(around, ['overlap', 'overlap', 'overlap', 'overlap']);
      assert.match(texts['overlap'] ?? '', /global\.operatorManageWebhooks=true/);
    },
  ],
  [
    'names the webhook before ours that strips restartPolicy, out of two that are called for the same pods',
    async (around) => {
      const { context, plane } = around;
      await addForeign(context, plane, { configuration: 'a-hostile', change: stripRestartPolicy });
      await addForeign(context, plane, { configuration: 'b-innocent', change: nothing });
      const { texts } = await finds(around, ['restart-policy-stripped']);
      assert.match(
        texts['restart-policy-stripped'] ?? '',
        /^Webhook "a-hostile\.example\.com" of configuration "a-hostile"/,
      );
      assert.doesNotMatch(texts['restart-policy-stripped'] ?? '', /b-innocent/);
    },
  ],
  [
    'names the webhook after ours that strips restartPolicy, by the pods that only others are called for',
    async (around) => {
      const { context, plane } = around;
      await makeNamespace(plane, 'quiet', { labels: { team: 'quiet' } });
      await addForeign(context, plane, {
        configuration: 'y-hostile',
        change: stripRestartPolicy,
        namespaceSelector: { matchLabels: withWebhook },
        isReinvoked: true, // else we come last, and put it right
      });
      await addForeign(context, plane, { configuration: 'z-innocent', change: nothing });
      const { texts } = await finds(around, ['restart-policy-stripped']);
      const text = texts['restart-policy-stripped'] ?? '';
      assert.match(text, /^Webhook "y-hostile\.example\.com" .* off the sidecars that are injected/);
      assert.match(text, /those that only others are called for do not/);
      assert.doesNotMatch(text, /z-innocent/);
    },
  ],
  [
    'names the webhook after ours that labels pods for injection',
    async (around) => {
      const { context, plane } = around;
      await addForeign(context, plane, {
        configuration: 'x-innocent',
        change: nothing,
        namespaceSelector: { matchLabels: { team: 'quiet' } },
      });
      await addForeign(context, plane, { configuration: 'y-labels', change: addLabel });
      const { texts } = await finds(around, ['label-added-late']);
      assert.match(texts['label-added-late'] ?? '', /^Webhook "y-labels\.example\.com"/);
      assert.doesNotMatch(texts['label-added-late'] ?? '', /x-innocent/);
    },
  ],
  [
    'finds a webhook of somebody else that cannot be called, and names it',
    async (around) => {
      const { context, plane } = around;
      await addForeign(context, plane, { configuration: 'a-broken', change: nothing });
      await plane.kube.call('DELETE', '/apis/discovery.k8s.io/v1/namespaces/plain/endpointslices/a-broken-test');
      const { texts } = await finds(around, ['other-webhook-failing']);
      assert.match(texts['other-webhook-failing'] ?? '', /"a-broken\.example\.com" of configuration "a-broken" fails/);
    },
  ],
];

const slicePath = pathOf(resources.endpointSlices, ownNamespace, `${names.service}-test`);

/** Lets the Service lead to another port of this machine during the test, or nowhere. */
async function leadTo({ context, plane, installed }: Around, port: number | undefined): Promise<void> {
  const { metadata, ...slice } = (await plane.kube.call('GET', slicePath)) as KubeObject;
  const fresh = { ...slice, metadata: { name: metadata.name, namespace: ownNamespace, labels: metadata.labels } };
  await plane.kube.call('DELETE', slicePath);
  if (port !== undefined) await plane.kube.create({ ...fresh, ports: [{ name: 'https', port, protocol: 'TCP' }] });
  installed.cut();
  context.after(async () => {
    if (port !== undefined) await plane.kube.call('DELETE', slicePath);
    await plane.kube.create(fresh);
  });
}

/** Gives all entries of the registration this caBundle during the test. */
async function trust({ context, plane }: Around, caBundle: string): Promise<void> {
  const write = async (bundle: unknown): Promise<unknown> => {
    const object = (await plane.kube.get(resources.mutatingWebhooks, names.registration)) as KubeObject;
    const webhooks = object['webhooks'] as readonly (JsonObject & { readonly clientConfig: JsonObject })[];
    const changed = webhooks.map((one) => ({ ...one, clientConfig: { ...one.clientConfig, caBundle: bundle } }));
    await plane.kube.replace({ ...object, webhooks: changed });
    return webhooks[0]?.clientConfig['caBundle'];
  };
  const before = await write(caBundle);
  context.after(() => write(before));
}

async function listenTcp(context: TestContext, host: string, isTls?: { cert: string; key: string }): Promise<number> {
  const server = isTls === undefined ? createTcpServer(() => {}) : createServer(isTls, () => {});
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** As istiod's chart registers it: a revision, or a tag, and whether it is the default one. */
function istiodConfiguration(name: string, revision: string): JsonObject {
  const expression = (key: string, operator: string, ...values: string[]) =>
    values.length === 0 ? { key, operator } : { key, operator, values };
  const noInjection = expression('istio-injection', 'DoesNotExist');
  const noRevision = expression('istio.io/rev', 'DoesNotExist');
  const notOut = expression('sidecar.istio.io/inject', 'NotIn', 'false');
  const isRevision = expression('istio.io/rev', 'In', revision);
  const entries: readonly (readonly [string, readonly JsonObject[], readonly JsonObject[]])[] = [
    ['rev.namespace.', [isRevision, noInjection], [notOut]],
    ['rev.object.', [noRevision, noInjection], [notOut, isRevision]],
    ...(revision === 'default'
      ? ([
          ['namespace.', [expression('istio-injection', 'In', 'enabled')], [notOut]],
          ['object.', [noInjection, noRevision], [expression('sidecar.istio.io/inject', 'In', 'true'), noRevision]],
        ] as const)
      : []),
  ];
  const webhooks = entries.map(([prefix, namespace, object]) => ({
    name: `${prefix}sidecar-injector.istio.io`,
    admissionReviewVersions: ['v1'],
    clientConfig: { service: { name: 'istiod', namespace: 'istio-system', path: '/inject' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    sideEffects: 'None',
    failurePolicy: 'Ignore', // there is no istiod; the real one fails
    namespaceSelector: { matchExpressions: namespace },
    objectSelector: { matchExpressions: object },
  }));
  return { ...emptyConfiguration(name), webhooks };
}
