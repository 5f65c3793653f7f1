// What the webhook leaves in the cluster for people to read: Events that the API server takes, and no flood of them.
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { admit } from '../../src/core/admit.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import type { EventDraft } from '../../src/core/model/event.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { createEventRecorder, type EventLimits, type EventRecorder } from '../../src/edge/kube/events.ts';
import { createVerdictEvents } from '../../src/edge/kube/verdict-events.ts';
import { facts, pod, review } from '../builders.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { startTcpProxy } from './tcp-proxy.ts';

interface Recording extends EventRecorder {
  readonly dropped: string[];
  readonly failed: string[];
}

function record(context: TestContext, kube: Kube, limits: Partial<EventLimits> = {}): Recording {
  const [dropped, failed]: [string[], string[]] = [[], []];
  const recorder = createEventRecorder(kube, {
    reportingController: 'pillion.dev/webhook',
    reportingInstance: 'pillion-webhook-5d-x2',
    dropped: (why) => dropped.push(why),
    failed: ({ code }) => failed.push(code),
    limits,
  });
  context.after(recorder.close);
  return { ...recorder, dropped, failed };
}

function draft(name: string, changes: Partial<EventDraft> = {}): EventDraft {
  const regarding = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, namespace: 'default', uid: `uid-of-${name}` };
  return { regarding, type: 'Warning', reason: 'SidecarDenied', action: 'Inject', note: 'denied', ...changes };
}

suite('Events', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane({ after: () => {} });
  });
  after(() => plane?.stop());

  /** Those on the object of that name. */
  const eventsOn = async (name: string, namespace = 'default'): Promise<readonly KubeObject[]> => {
    const { items } = await plane.kube.list(resources.events, { namespace });
    return items.filter(({ regarding }) => (regarding as JsonObject)['name'] === name);
  };
  const countOf = (event: KubeObject | undefined): unknown => (event?.['series'] as JsonObject | undefined)?.['count'];

  test('of a skip are found by kubectl on the object that controls the pod', async (context) => {
    const { kubectl } = plane;
    const recorder = record(context, plane.kube);
    const made = await kubectl(['create', 'deployment', 'web', '--image=example.com/web', '-o', 'json']);
    const { uid } = (JSON.parse(made.stdout) as KubeObject).metadata;
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: uid ?? '', controller: true };
    const object = pod('web', ({ metadata, spec }) => ({
      metadata: { ...metadata, ownerReferences: [owner] },
      spec: { ...spec, hostNetwork: true },
    }));
    const tell = createVerdictEvents(recorder);
    for (const dryRun of [true, false]) {
      const asked = review(object, { dryRun });
      tell(asked, admit(asked, facts()));
    }
    await until('it is there', async () => (await eventsOn('web')).length > 0, plane.directory);
    const [event] = await eventsOn('web');
    assert.deepEqual(
      [
        event?.['type'],
        event?.['reason'],
        event?.['action'],
        event?.['reportingController'],
        event?.['reportingInstance'],
      ],
      ['Warning', 'SidecarSkipped', 'Inject', 'pillion.dev/webhook', 'pillion-webhook-5d-x2'],
    );
    const { stdout } = await kubectl(['events', '--for=deployment/web']);
    assert.match(stdout, /Warning +SidecarSkipped +Deployment\/web +No sidecar is injected \(host-network\)/);
    assert.equal((await eventsOn('web')).length, 1, 'none of the dry run');
  });

  test('of the same object and reason become one with a count, brought up to date once in the interval', async (context) => {
    const recorder = record(context, plane.kube, { intervalMs: 1_000 });
    for (let count = 0; count < 500; count += 1) recorder.record(draft('often'));
    recorder.record(draft('often', { reason: 'SidecarSkipped' }));
    await until('the count is there', async () => (await eventsOn('often')).some((one) => countOf(one) === 500));
    const found = await eventsOn('often');
    assert.deepEqual(found.map((one) => [one['reason'], countOf(one)]).sort(), [
      ['SidecarDenied', 500],
      ['SidecarSkipped', undefined],
    ]);
    recorder.record(draft('often'));
    recorder.record(draft('often'));
    await until('the count goes on', async () => (await eventsOn('often')).some((one) => countOf(one) === 502));
    assert.deepEqual([recorder.dropped, recorder.failed], [[], []]);
  });

  test('of a flood are dropped and counted beyond the burst', async (context) => {
    const recorder = record(context, plane.kube, { burst: 5, refillMs: 60_000 });
    for (let index = 0; index < 100; index += 1) recorder.record(draft(`flood-${index}`));
    await recorder.close();
    assert.deepEqual(
      recorder.dropped,
      Array.from({ length: 95 }, () => 'rate'),
    );
    assert.equal((await eventsOn('flood-4')).length, 1);
    assert.equal((await eventsOn('flood-5')).length, 0);
  });

  test('are kept within what the API server takes, whatever is in them', async (context) => {
    const recorder = record(context, plane.kube);
    recorder.record(draft('long', { note: '€'.repeat(2_000) }));
    recorder.record(draft(`${'x'.repeat(199)}.${'y'.repeat(53)}`));
    recorder.record(
      draft('of-the-cluster', { regarding: { apiVersion: 'v1', kind: 'Namespace', name: 'of-the-cluster' } }),
    );
    await recorder.close();
    assert.deepEqual(recorder.failed, []);
    assert.match(String((await eventsOn('long'))[0]?.['note']), /^€{330,}…$/);
    assert.equal((await eventsOn('of-the-cluster')).length, 1);
  });

  test('that the API server does not take are dropped and told once, and tried again with the next', async (context) => {
    const proxy = await startTcpProxy(context, plane);
    const open = proxy.refuse();
    const recorder = record(context, proxy.kube);
    for (const name of ['lost-1', 'lost-2']) recorder.record(draft(name));
    await until('both are dropped', async () => recorder.dropped.length === 2);
    assert.deepEqual([recorder.dropped, recorder.failed], [['failed', 'failed'], ['unreachable']]);
    open();
    recorder.record(draft('lost-1'));
    await until('it is there', async () => (await eventsOn('lost-1')).length === 1);
  });

  test('need the rights to create and to patch them, and no other', async (context) => {
    const { kubectl } = plane;
    await kubectl(['create', 'serviceaccount', 'speaker']);
    await kubectl(['create', 'clusterrole', 'speaker', '--verb=create,patch', '--resource=events.events.k8s.io']);
    await kubectl([
      'create',
      'clusterrolebinding',
      'speaker',
      '--clusterrole=speaker',
      '--serviceaccount=default:speaker',
    ]);
    const speaker = connect({ kubeconfig: await plane.kubeconfigOf('default', 'speaker') });
    const recorder = record(context, speaker, { intervalMs: 500 });
    for (let count = 0; count < 3; count += 1) recorder.record(draft('allowed'));
    await until('the count is there', async () => (await eventsOn('allowed')).some((one) => countOf(one) === 3));
    assert.deepEqual(recorder.failed, []);
  });

  test('cost an admission next to nothing, however many there are', (context) => {
    const recorder = record(context, { ...plane.kube, call: () => new Promise(() => {}) });
    const tell = createVerdictEvents(recorder);
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'storm', uid: 'storm', controller: true };
    const object = pod('storm', ({ metadata, spec }) => ({
      metadata: { ...metadata, ownerReferences: [owner], annotations: { 'sidecar.istio.io/proxyCPU': 'much' } },
      spec,
    }));
    const [asked, known] = [review(object), facts()];
    const verdict = admit(asked, known);
    assert.equal(verdict.kind, 'deny');
    const time = (work: () => void): number => {
      const times = Array.from({ length: 7 }, () => {
        const started = performance.now();
        for (let count = 0; count < 2_000; count += 1) work();
        return (performance.now() - started) / 2;
      });
      return times.sort((one, other) => one - other)[3] ?? Number.NaN;
    };
    const [admission, telling] = [time(() => admit(asked, known)), time(() => tell(asked, verdict))];
    context.diagnostic(`a denial takes ${admission.toFixed(1)} µs to decide, ${telling.toFixed(2)} µs to tell`);
    assert.ok(telling < admission, 'telling costs less than deciding');
  });
});
