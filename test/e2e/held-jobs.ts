// Answers: how does a test see a Job that only a plain sidecar holds back, and how long its end took.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { isObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { proxyContainerName } from '../../src/core/model/pod.ts';
import { podsOf, untilEnd, untilPod } from './jobs.ts';
import type { Namespace } from './namespace.ts';
import { type JobParts, job, shell } from './objects.ts';
import { isPlainInjected, isRunning, terminatedOf } from './pods.ts';

/** The pod of the Job, once its app has ended and its plain sidecar runs. */
export function untilHeld(namespace: Namespace, name: string): Promise<KubeObject> {
  return untilPod(
    namespace,
    name,
    'has an app that has ended and a proxy that runs',
    (pod) => terminatedOf(pod, 'app') !== undefined && isRunning(pod, proxyContainerName),
  );
}

/** It asks for so much: from the app's exit to the Job's condition. Both are told in whole seconds. */
const longestEndMs = 10_000;

/**
 * Ten Jobs, five at a time, whose pods have plain sidecars: all complete, each within 10 s of its app's exit. Prints how
 * long. An app ends once its proxy is ready: how long proxies take to start on a small machine is another matter.
 */
export async function tenComplete(t: TestContext, namespace: Namespace, parts: Partial<JobParts> = {}): Promise<void> {
  const app = shell('app', 'until curl -fs -o /dev/null localhost:15021/healthz/ready; do sleep 1; done');
  const seconds: number[] = [];
  for (const wave of ['first', 'second']) {
    const names = [1, 2, 3, 4, 5].map((number) => `${wave}-${number}`);
    await Promise.all(names.map((name) => namespace.create(job({ containers: [app], ...parts, name }))));
    for (const name of names) seconds.push((await endOf(namespace, name)) / 1000);
  }
  const sorted = seconds.toSorted((one, other) => one - other).join(' ');
  t.diagnostic(`10 of 10 Jobs complete; seconds from the app's exit to Complete: ${sorted}`);
  assert.ok(Math.max(...seconds) * 1000 <= longestEndMs, `seconds from the app's exit to Complete: ${sorted}`);
}

/** Milliseconds from the exit of its app to the end of the Job, which has to be complete. */
async function endOf(namespace: Namespace, name: string): Promise<number> {
  const { status } = await untilEnd(namespace, name, 'Complete');
  const [pod] = await podsOf(namespace, name);
  assert.ok(pod !== undefined && isPlainInjected(pod));
  assert.equal(terminatedOf(pod, proxyContainerName)?.exitCode, 0);
  return timeOf(isObject(status) ? status['completionTime'] : '') - exitOf(pod);
}

function exitOf(pod: KubeObject): number {
  return timeOf(terminatedOf(pod, 'app')?.finishedAt);
}

function timeOf(text: unknown): number {
  const time = Date.parse(String(text));
  assert.ok(!Number.isNaN(time), `no time: ${text}`);
  return time;
}
