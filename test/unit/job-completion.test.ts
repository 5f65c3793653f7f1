// Which pods does job completion end, and when does it ask again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asked, askedAgain, decideQuit, readPlainPod } from '../../src/core/job-completion.ts';
import { attemptEvent, noPortEvent } from '../../src/core/job-completion-events.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';

const ended = (exitCode: number): JsonObject => ({ terminated: { exitCode } });
const running: JsonObject = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const backingOff: JsonObject = { waiting: { reason: 'CrashLoopBackOff' } };

interface Parts {
  /** State by container; those of the spec are these, in their order. */
  readonly states?: { readonly [container: string]: JsonObject | undefined };
  readonly restartPolicy?: string;
  readonly annotations?: StringMap;
  readonly deleted?: boolean;
  readonly proxyEnv?: JsonObject[];
  /** Further fields of containers of the spec. */
  readonly fields?: { readonly [container: string]: JsonObject };
  readonly proxyId?: string;
  readonly initContainers?: JsonObject[];
}

const status = { initContainers: ['istio-init'], containers: ['istio-proxy'], revision: 'default' };

function pod({ states = { app: ended(0), 'istio-proxy': running }, ...parts }: Parts = {}): KubeObject {
  const { restartPolicy = 'Never', annotations, deleted, fields = {}, proxyEnv = [], proxyId = 'first' } = parts;
  const containers = Object.keys(states).map((name) => ({
    name,
    ...(name === 'istio-proxy' && { env: proxyEnv }),
    ...fields[name],
  }));
  const containerStatuses = Object.entries(states).flatMap(([name, state]) =>
    state === undefined ? [] : [{ name, state, ...(name === 'istio-proxy' && { containerID: proxyId }) }],
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'job-x',
      namespace: 'team',
      uid: 'u1',
      annotations: { 'sidecar.istio.io/status': JSON.stringify(status), ...annotations },
      ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { restartPolicy, containers, ...(parts.initContainers && { initContainers: parts.initContainers }) },
    status: { phase: 'Running', containerStatuses },
  };
}

/** What is done about the pod when it is seen first: the port to ask, or why it is left alone. */
function decided(parts: Parts, asked?: Asked): string {
  const read = readPlainPod(pod(parts), 'default');
  if (read === undefined) return 'not ours';
  const decision = decideQuit(read, 0, asked);
  if (decision.kind === 'ask') return `ask ${decision.port}`;
  return decision.kind === 'leave' ? decision.why : `wait until ${decision.until}`;
}

const proxy = { 'istio-proxy': running };
const cases: readonly (readonly [title: string, parts: Parts, outcome: string])[] = [
  ['with Never, an app that ended well lets the pod be ended', { states: { app: ended(0), ...proxy } }, 'ask 15020'],
  [
    'with Never, an app that failed does too: it is not started again',
    { states: { app: ended(3), ...proxy } },
    'ask 15020',
  ],
  ['an app that runs holds the pod', { states: { app: running, ...proxy } }, 'containers-run'],
  ['an app without a status has not started', { states: { app: undefined, ...proxy } }, 'containers-run'],
  [
    'an app that cannot start has not ended',
    { states: { app: { waiting: { reason: 'ErrImagePull' } }, ...proxy } },
    'containers-run',
  ],
  ['with OnFailure, an app that ended well lets the pod be ended', { restartPolicy: 'OnFailure' }, 'ask 15020'],
  [
    'with OnFailure, an app that failed is started again',
    { restartPolicy: 'OnFailure', states: { app: ended(1), ...proxy } },
    'containers-run',
  ],
  [
    'with OnFailure, an app that waits to be started again has not ended',
    { restartPolicy: 'OnFailure', states: { app: backingOff, ...proxy } },
    'containers-run',
  ],
  ['with Always a pod is never ended', { restartPolicy: 'Always' }, 'not ours'],
  [
    'one of several apps that runs holds the pod',
    { states: { one: ended(0), two: running, ...proxy } },
    'containers-run',
  ],
  ['several apps that all ended let it be ended', { states: { one: ended(0), two: ended(2), ...proxy } }, 'ask 15020'],
  [
    'another plain sidecar counts as an app',
    { states: { app: ended(0), ...proxy, logger: running } },
    'containers-run',
  ],
  [
    "a native sidecar of the user's own does not hold the pod: the kubelet ends it",
    { initContainers: [{ name: 'own', restartPolicy: 'Always' }] },
    'ask 15020',
  ],
  ['a pod without containers of its own is left alone', { states: proxy }, 'no-own-containers'],
  ['a pod that is being deleted is left alone', { deleted: true }, 'being-deleted'],
  ['a proxy that has ended is left alone', { states: { app: ended(0), 'istio-proxy': ended(0) } }, 'proxy-ended'],
  [
    'a proxy that has not started yet is asked once it runs',
    { states: { app: ended(0), 'istio-proxy': { waiting: { reason: 'ContainerCreating' } } } },
    'proxy-not-running',
  ],
  [
    'a proxy that crashed and waits is asked once it runs',
    { restartPolicy: 'OnFailure', states: { app: ended(0), 'istio-proxy': backingOff } },
    'proxy-not-running',
  ],
  [
    'a container with restartPolicy Always of its own never ends',
    { fields: { app: { restartPolicy: 'Always' } } },
    'containers-run',
  ],
  [
    'a container with restartPolicy Never of its own is not started again',
    { restartPolicy: 'OnFailure', states: { app: ended(1), ...proxy }, fields: { app: { restartPolicy: 'Never' } } },
    'ask 15020',
  ],
  [
    'a restart rule for the exit code starts it again',
    {
      states: { app: ended(42), ...proxy },
      fields: { app: { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] } },
    },
    'containers-run',
  ],
  [
    'a restart rule for other exit codes does not',
    {
      states: { app: ended(1), ...proxy },
      fields: { app: { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] } },
    },
    'ask 15020',
  ],
  [
    'a restart rule that nobody can read counts',
    { fields: { app: { restartPolicyRules: [{ action: 'New' }] } } },
    'containers-run',
  ],
  [
    'a native sidecar is not ours: there is no plain one',
    {
      states: { app: ended(0) },
      annotations: {
        'sidecar.istio.io/status': JSON.stringify({
          ...status,
          initContainers: ['istio-init', 'istio-proxy'],
          containers: [],
        }),
      },
    },
    'not ours',
  ],
  [
    "a container of the user's own that is called istio-proxy was not injected",
    { annotations: { 'sidecar.istio.io/status': JSON.stringify({ ...status, containers: [] }) } },
    'not ours',
  ],
  [
    'a pod of another revision is not ours',
    { annotations: { 'sidecar.istio.io/status': JSON.stringify({ ...status, revision: 'canary' }) } },
    'not ours',
  ],
  [
    'a status that cannot be read is no injection',
    { annotations: { 'sidecar.istio.io/status': 'injected' } },
    'not ours',
  ],
  [
    'the port comes from the proxy configuration',
    { proxyEnv: [{ name: 'PROXY_CONFIG', value: '{"statusPort":16020}\n' }] },
    'ask 16020',
  ],
  [
    'the annotation of the port goes before it',
    {
      annotations: { 'status.sidecar.istio.io/port': '17020' },
      proxyEnv: [{ name: 'PROXY_CONFIG', value: '{"statusPort":16020}' }],
    },
    'ask 17020',
  ],
  [
    'an agent without a status port cannot be asked',
    { annotations: { 'status.sidecar.istio.io/port': '0' } },
    'no-status-port',
  ],
];

for (const [title, parts, outcome] of cases) {
  test(title, () => {
    assert.equal(decided(parts), outcome);
  });
}

test('who injected the pod makes no difference: istiod writes the same status', () => {
  const imagePullSecrets = null; // istiod writes the field
  const annotations = {
    'sidecar.istio.io/status': JSON.stringify({ ...status, volumes: ['istio-envoy'], imagePullSecrets }),
  };
  assert.equal(decided({ annotations }), 'ask 15020');
});

test('an agent that said yes is asked again after 10 s, then half as often each time, up to every 5 min', () => {
  const waits: number[] = [];
  let asked: Asked | undefined;
  for (let times = 0; times < 8; times += 1) {
    asked = askedAgain(asked, 'first', true, 0);
    const decision = decideQuit(seen(pod()), 0, asked);
    waits.push(decision.kind === 'wait' ? decision.until / 1000 : -1);
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
});

test('one that cannot be reached is asked again after 1 s, then half as often each time, up to every 5 min', () => {
  const waits: number[] = [];
  let asked: Asked | undefined;
  for (let times = 0; times < 11; times += 1) {
    asked = askedAgain(asked, 'first', false, 0);
    const decision = decideQuit(seen(pod()), 0, asked);
    waits.push(decision.kind === 'wait' ? decision.until / 1000 : -1);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

test('it is asked when the time has come, and not before', () => {
  const asked = askedAgain(undefined, 'first', true, 5_000);
  assert.deepEqual(decideQuit(seen(pod()), 14_999, asked), { kind: 'wait', until: 15_000 });
  assert.deepEqual(decideQuit(seen(pod()), 15_000, asked), { kind: 'ask', port: 15_020 });
});

test('a proxy that was started again is another one, and is asked at once', () => {
  const asked = askedAgain(undefined, 'first', true, 0);
  assert.deepEqual(decideQuit(seen(pod({ proxyId: 'second' })), 0, asked), { kind: 'ask', port: 15_020 });
  assert.deepEqual(askedAgain(asked, 'second', true, 7), { proxy: 'second', accepted: 1, failures: 0, lastAt: 7 });
});

test('the pod is told once that it was asked, and once, with what to do, that it runs on', () => {
  const told = eventsOf((times) => ({ accepted: times, failures: 0 }), undefined);
  assert.deepEqual(
    told.map(({ times, reason }) => [times, reason]),
    [
      [1, 'ProxyAskedToQuit'],
      [3, 'ProxyRunsOn'],
    ],
  );
  assert.match(told[1]?.note ?? '', /kubectl -n team logs job-x -c istio-proxy/);
});

test('the pod is told once that it cannot be asked, and what to do, when that is no matter of the moment', () => {
  const told = eventsOf((times) => ({ accepted: 0, failures: times }), 'nobody listens there');
  assert.deepEqual(
    told.map(({ times, reason }) => [times, reason]),
    [[3, 'ProxyNotAsked']],
  );
  assert.match(told[0]?.note ?? '', /nobody listens there.* pilot-agent request --debug-port=15020 POST quitquitquit/);
});

test('a right that is missing is told at once, with the command that gives it', () => {
  const told = eventsOf((times) => ({ accepted: 0, failures: times }), 'the API server answers 403', true);
  assert.deepEqual(
    told.map(({ times, reason }) => [times, reason]),
    [[1, 'ProxyNotAsked']],
  );
  assert.match(told[0]?.note ?? '', /"pillion install"/);
});

test('a pod whose agent has no port is told so about itself', () => {
  const { regarding, type, note } = noPortEvent(seen(pod()));
  assert.deepEqual(regarding, { apiVersion: 'v1', kind: 'Pod', namespace: 'team', name: 'job-x', uid: 'u1' });
  assert.equal(type, 'Warning');
  assert.match(note, /status\.sidecar\.istio\.io\/port/);
});

function seen(object: KubeObject) {
  const read = readPlainPod(object, 'default');
  if (read === undefined) throw new Error('the pod is not ours');
  return read;
}

/** What is told of attempts 1 to 10. */
function eventsOf(
  counts: (times: number) => Pick<Asked, 'accepted' | 'failures'>,
  trouble: string | undefined,
  isForbidden = false,
) {
  return Array.from({ length: 10 }, (_, at) => at + 1).flatMap((times) => {
    const asked = { proxy: 'first', lastAt: 0, ...counts(times) };
    const event = attemptEvent({ pod: seen(pod()), port: 15_020, asked, trouble, isForbidden });
    return event === undefined ? [] : [{ times, ...event }];
  });
}
