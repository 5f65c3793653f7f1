// Does job completion end with the process that leads, and stand many pods. Here is an API server of a few lines, which
// lets nobody ask a pod; with a real one, test/cluster/job-completion.test.ts.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { readOptions } from '../../src/core/cluster/options.ts';
import type { EventDraft } from '../../src/core/model/event.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import { kubeOf } from '../../src/edge/kube/client.ts';
import { createJobCompletion } from '../../src/roles/job-completion.ts';
import { until } from '../cluster/control-plane.ts';
import { configOf } from './api-server.ts';

function heldPod(index: number): JsonObject {
  const status = JSON.stringify({ containers: ['istio-proxy'], revision: 'default' });
  const [app, proxy] = [{ name: 'app' }, { name: 'istio-proxy' }];
  const containerStatuses = [
    { ...app, state: { terminated: { exitCode: 0 } } },
    { ...proxy, state: { running: {} }, containerID: 'first' },
  ];
  return {
    metadata: {
      name: `job-${index}`,
      namespace: 'team',
      uid: `uid-${index}`,
      annotations: { 'sidecar.istio.io/status': status },
    },
    spec: { restartPolicy: 'Never', containers: [app, proxy] },
    status: { phase: 'Running', containerStatuses },
  };
}

/** An API server with these pods; it answers a port-forward with the status, or never. */
async function apiServer(context: TestContext, pods: readonly JsonObject[], answer: number | 'never') {
  const seen = { asks: 0 };
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://test');
    response.setHeader('content-type', 'application/json');
    if (searchParams.get('watch') === 'true') response.flushHeaders();
    else response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: pods }));
  });
  server.on('upgrade', (_request, socket) => {
    seen.asks += 1;
    socket.on('error', () => {});
    if (answer !== 'never') socket.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  });
  context.after(() => server.closeAllConnections());
  return { kube: kubeOf(await configOf(context, server)), seen };
}

async function followed(context: TestContext, pods: readonly JsonObject[], answer: number | 'never') {
  const { kube, seen } = await apiServer(context, pods, answer);
  const counts: number[] = [];
  const jobs = { pods: (count: number) => void counts.push(count), asked: () => {}, trouble: () => {} };
  const telemetry = { jobCompletion: jobs, failed: (error: unknown) => assert.fail(String(error)) };
  const events: EventDraft[] = [];
  const troubles: (string | undefined)[] = [];
  const jobCompletion = createJobCompletion({
    kube,
    telemetry,
    record: (event) => void events.push(event),
    trouble: (reason) => void troubles.push(reason),
  });
  context.after(() => jobCompletion.close());
  return { jobCompletion, seen, events, troubles, counts };
}

const [on, off] = [optionsOf(true), optionsOf(false)];

function optionsOf(jobCompletion: boolean) {
  const read = readOptions({ jobCompletion });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

test('once it is closed, whatever is under way is cut off, and a round that still runs does not begin it anew', async (context) => {
  const { jobCompletion, seen, counts } = await followed(context, [heldPod(1)], 'never');
  jobCompletion.follow(on);
  await until('a pod is being asked', async () => seen.asks === 1);
  const began = performance.now();
  await jobCompletion.close();
  assert.ok(performance.now() - began < 4_000, 'it does not wait for the answer');
  const before = counts.length; // it counts the pods when it begins
  jobCompletion.follow(on);
  assert.equal(counts.length, before);
});

test('that nobody may be asked is told once, however many pods there are, and by an Event on each', async (context) => {
  const pods = [0, 1, 2, 3, 4].map(heldPod);
  const { jobCompletion, events, troubles } = await followed(context, pods, 403);
  jobCompletion.follow(on);
  await until('every pod is told', async () => events.length === pods.length);
  assert.equal(troubles.length, 1);
  assert.match(String(troubles[0]), /port-forward.*"pillion install"/);
  jobCompletion.follow(off);
  assert.deepEqual(troubles.slice(1), [undefined]);
});
