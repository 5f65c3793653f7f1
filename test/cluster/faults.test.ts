// Answers: does everything heal by itself when the cluster is in trouble, how long does it take, and do pods come out
// injected meanwhile wherever the API server can still call.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { secretKeys } from '../../src/core/certificates/secret.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { registeredBundle } from '../../src/core/cluster/registration.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { probeService } from '../../src/roles/service-probe.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { valuesWith, writeSettings } from './live-server.ts';
import {
  type Installation,
  installHere,
  leafInSecret,
  plainPod,
  type Replica,
  registeredAuthorities,
  shownAt,
} from './replicas.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { isInjected } from './webhook.ts';

suite('faults', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let proxy: TcpProxy;
  let installation: Installation;
  let replicas: readonly Replica[];
  let bundle = '';
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    plane = await startControlPlane(context);
    proxy = await startTcpProxy(context, plane);
    installation = await installHere(context, plane, {
      options: { certificates: { settle: '3s' } },
      lagMs: 1_000,
      proxy,
    });
    await installation.startControl();
    replicas = await Promise.all([installation.startReplica(), installation.startReplica()]);
    await until('pods are injected', injects);
    bundle = registeredBundle((await registration()) as KubeObject) ?? '';
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const registration = (): Promise<KubeObject | undefined> =>
    plane.kube.get(resources.mutatingWebhooks, names.registration);
  const injects = async (): Promise<boolean> =>
    isInjected(await plane.kube.create(plainPod('probe'), { dryRun: true }));
  const merge = (path: string, body: JsonObject): Promise<JsonObject> =>
    plane.kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json' });
  const timed = async (test: TestContext, what: string, condition: () => Promise<boolean>): Promise<void> => {
    const started = performance.now();
    await until(what, condition, plane.directory);
    test.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms`);
  };
  /** The image that a new pod's sidecar comes from. */
  const sidecarImage = async (): Promise<string> => {
    const { spec } = await plane.kube.create(plainPod('probe'), { dryRun: true });
    const containers = [
      ...((spec as JsonObject)['initContainers'] as JsonObject[]),
      ...((spec as JsonObject)['containers'] as JsonObject[]),
    ];
    return String(containers.find(({ name }) => name === 'istio-proxy')?.['image']);
  };
  let round = 0;
  /** Every replica uses what a ConfigMap says that is changed now, and control puts right what is changed now. */
  const heals = async (test: TestContext): Promise<void> => {
    round += 1;
    const hub = `example.com/round-${round}`;
    await until('the API server takes writes', async () =>
      writeSettings(plane.kube, { values: valuesWith({ hub }) }).then(() => true),
    );
    const started = performance.now();
    const since = (): number => Math.round(performance.now() - started);
    await Promise.all([
      until('settings are followed', async () => {
        const pages = replicas.map(async ({ managementUrl }) => (await fetch(`${managementUrl}/settings`)).text());
        return (await Promise.all(pages)).every((page) => page.includes(hub));
      }).then(() => test.diagnostic(`replicas follow the settings again after ${since()} ms`)),
      emptyBundle()
        .then(() => until('the registration is kept', async () => (await registeredAuthorities(plane))?.length === 1))
        .then(() => test.diagnostic(`control keeps the registration again after ${since()} ms`)),
    ]);
    await until('pods are injected', injects);
  };
  const emptyBundle = async (): Promise<void> => {
    const there = (await registration()) as KubeObject;
    const webhooks = (there['webhooks'] as JsonObject[]).map((webhook) => ({
      ...webhook,
      clientConfig: { ...(webhook['clientConfig'] as JsonObject), caBundle: '' },
    }));
    await merge(registrationPath, { webhooks });
  };
  const registrationPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pillion';
  /** Asks every replica for itself, as an API server that can reach them would, until the work is done. */
  const answersDuring = async (work: Promise<unknown>): Promise<number> => {
    let isDone = false;
    const finished = work.finally(() => {
      isDone = true;
    });
    let asked = 0;
    while (!isDone) {
      for (const { address } of replicas) {
        assert.equal(await probeService(address, bundle, AbortSignal.timeout(10_000)), undefined);
        asked += 1;
      }
      await wait(100);
    }
    await finished;
    return asked;
  };
  /** Creates pods one after the other until the work is done; each has to be injected. */
  const injectsDuring = async (work: Promise<unknown>): Promise<number> => {
    let isDone = false;
    const finished = work.finally(() => {
      isDone = true;
    });
    let created = 0;
    while (!isDone) {
      assert.ok(await injects(), 'a pod came without its sidecar');
      created += 1;
      await wait(50);
    }
    await finished;
    return created;
  };

  test('the API server is restarted', async (test) => {
    const asked = await answersDuring(plane.restartApiServer(() => wait(5_000)));
    test.diagnostic(`${asked} reviews answered meanwhile`);
    await heals(test);
  });

  test('connections to the API server are cut, and then lead nowhere for a while', async (test) => {
    proxy.cut();
    await heals(test);
    const open = proxy.refuse();
    const asked = await answersDuring(wait(12_000)); // longer than a Lease may stay without renewal
    test.diagnostic(`${asked} reviews answered meanwhile`);
    open();
    await heals(test);
  });

  test('etcd is paused for 10 s', async (test) => {
    const asked = await answersDuring(plane.pauseEtcd(10_000));
    test.diagnostic(`${asked} reviews answered meanwhile`);
    await heals(test);
  });

  test('the caBundle is emptied by hand', async (test) => {
    await emptyBundle();
    await timed(test, 'pods are injected again', injects);
  });

  test('the Secret is deleted: replicas go on with the certificate that they have, until they get one of a new authority', async (test) => {
    const [before] = (await registeredAuthorities(plane)) ?? [];
    await plane.kube.remove(resources.secrets, names.certificates, ownNamespace);
    const renewed = timed(test, 'a certificate of a new authority is served', async () => {
      const shown = await Promise.all(replicas.map(({ address }) => shownAt(address)));
      return shown.every(({ issuer }) => issuer !== before);
    });
    const created = await injectsDuring(renewed);
    test.diagnostic(`${created} pods injected meanwhile`);
    const authorities = (await registeredAuthorities(plane)) ?? [];
    assert.equal(authorities.length, 2);
    assert.ok(authorities.includes(before ?? ''), 'the one before is still trusted');
  });

  test('the key in the Secret is overwritten: replicas go on, and it is made anew', async (test) => {
    const before = (await leafInSecret(plane))?.fingerprint256;
    const path = `/api/v1/namespaces/${ownNamespace}/secrets/${names.certificates}`;
    await merge(path, { data: { [secretKeys.leafKey]: Buffer.from('broken').toString('base64') } });
    const renewed = timed(test, 'another leaf is in the Secret', async () => {
      const now = (await leafInSecret(plane))?.fingerprint256;
      return now !== undefined && now !== before;
    });
    const created = await injectsDuring(renewed);
    test.diagnostic(`${created} pods injected meanwhile`);
    await until('an Event says so', async () => {
      const { items } = await plane.kube.list(resources.events, { namespace: ownNamespace });
      return items.some(
        ({ type, note }) => type === 'Warning' && /tls.crt and tls.key are no certificate/.test(String(note)),
      );
    });
  });

  test('the settings are broken and mended: the last good ones are used meanwhile', async (test) => {
    const image = await sidecarImage();
    await writeSettings(plane.kube, { values: 'global: [' });
    const isToldBy = async ({ managementUrl }: Replica): Promise<boolean> => {
      const response = await fetch(`${managementUrl}/readyz`);
      return response.status === 200 && /last good ones/.test(await response.text());
    };
    const told = timed(test, 'every replica says that it uses the last good ones', async () =>
      (await Promise.all(replicas.map(isToldBy))).every(Boolean),
    );
    const created = await injectsDuring(told);
    assert.equal(await sidecarImage(), image);
    await writeSettings(plane.kube, { values: valuesWith({ hub: 'example.com/mended' }) });
    await timed(test, 'the mended ones are used', async () => (await sidecarImage()).startsWith('example.com/mended'));
    test.diagnostic(`${created} pods injected meanwhile`);
  });
});
