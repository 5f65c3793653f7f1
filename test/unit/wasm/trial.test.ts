// Answers: what does a trial run, and what follows from a trial pod and the log of its proxy.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ownNamespace } from '../../../src/core/cluster/names.ts';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { networkObjects } from '../../../src/core/install/network.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { type TriedExtension, trialBootstrap } from '../../../src/core/wasm/trial/trial.ts';
import { filesUrlOf, type OwnPod, readOwnPod, trialPod, trialPort } from '../../../src/core/wasm/trial/trial-pod.ts';
import {
  decisiveLines,
  hasProxyLog,
  type TrialSight,
  trialVerdict,
} from '../../../src/core/wasm/trial/trial-verdict.ts';

const token = 'f00d';
const moduleDigest = `sha256:${'a'.repeat(64)}` as const;
const plain: TriedExtension = { namespace: 'shop', name: 'hello', traffic: 'inbound', vmEnv: [] };

suite('the bootstrap of a trial', () => {
  const filterOf = (extension: Partial<TriedExtension>): JsonObject => {
    const text = JSON.stringify(trialBootstrap({ extension: { ...plain, ...extension }, moduleDigest, token }));
    let found: JsonObject = {};
    JSON.parse(text, (key, value) => {
      if (key === 'config' && 'vm_config' in value) found = value;
      return value;
    });
    return found;
  };

  test('gives a configuration as the text of a JSON object, its root id, and the file that proxies load later', () => {
    const filter = filterOf({ pluginName: 'root', pluginConfig: { header: 'x' } });
    assert.equal(filter['name'], 'shop.hello');
    assert.equal(filter['root_id'], 'root');
    assert.deepEqual(filter['configuration'], {
      '@type': 'type.googleapis.com/google.protobuf.StringValue',
      value: '{"header":"x"}',
    });
    assert.deepEqual(filter['vm_config'], {
      runtime: 'envoy.wasm.runtime.v8',
      code: { local: { filename: `/var/lib/pillion/wasm/modules/sha256/${'a'.repeat(64)}.wasm` } },
    });
  });

  test('gives text that is no JSON as it is, and nothing for an empty object', () => {
    const raw = filterOf({ rawConfig: 'tomorrow' });
    assert.equal((raw['configuration'] as JsonObject)['value'], 'tomorrow');
    assert.equal('configuration' in filterOf({ pluginConfig: {} }), false);
    assert.equal('root_id' in filterOf({}), false);
  });

  test('gives the environment of the machine, values of the host by name alone', () => {
    const vmEnv = [
      { name: 'COLOUR', value: 'green' },
      { name: 'HOME', fromHost: true },
    ];
    assert.deepEqual((filterOf({ vmEnv })['vm_config'] as JsonObject)['environment_variables'], {
      key_values: { COLOUR: 'green' },
      host_env_keys: ['HOME'],
    });
  });
});

const own: OwnPod = { name: 'pillion-control-1', uid: 'u1', address: '10.0.0.7', image: 'example.com/pillion:1' };

suite('the pod of a trial', () => {
  test('belongs to the pod of control, so that it goes with it, and takes over how that one is pulled and placed', () => {
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: own.name, uid: own.uid },
      spec: {
        containers: [{ name: 'control', image: own.image, securityContext: { runAsUser: 1_000_650_000 } }],
        imagePullSecrets: [{ name: 'regcred' }],
        nodeSelector: { pool: 'system' },
      },
      status: { podIP: own.address },
    };
    const read = readOwnPod(pod);
    assert.deepEqual(read, {
      ...own,
      imagePullSecrets: [{ name: 'regcred' }],
      nodeSelector: { pool: 'system' },
      user: 1_000_650_000,
    });
    assert.ok(read !== undefined);
    const made = podOf(read);
    const spec = made['spec'] as JsonObject;
    assert.deepEqual(made.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: own.name, uid: own.uid }]);
    assert.deepEqual(spec['imagePullSecrets'], [{ name: 'regcred' }]);
    assert.deepEqual(spec['nodeSelector'], { pool: 'system' });
    assert.equal((spec['securityContext'] as JsonObject)['runAsUser'], 1_000_650_000);
  });

  test('may do nothing, has no token and no time without end, and takes its files from control alone', () => {
    const made = podOf({ ...own, user: 7, group: 8, imagePullPolicy: 'Always', tolerations: [{ operator: 'Exists' }] });
    const { labels, name, namespace, annotations } = made.metadata;
    assert.deepEqual([name, namespace], ['pillion-trial-1', ownNamespace]);
    assert.equal(labels?.['sidecar.istio.io/inject'], 'false');
    assert.equal(labels?.['app.kubernetes.io/part-of'], 'pillion');
    assert.deepEqual(Object.keys(annotations ?? {}), ['pillion.dev/tries']);
    const { containers, initContainers, ...pod } = made['spec'] as JsonObject;
    assert.deepEqual(pod, {
      restartPolicy: 'Never',
      activeDeadlineSeconds: pod['activeDeadlineSeconds'],
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 7, fsGroup: 8, seccompProfile: { type: 'RuntimeDefault' } },
      tolerations: [{ operator: 'Exists' }],
      volumes: [{ name: 'files', emptyDir: { sizeLimit: '300Mi' } }],
    });
    assert.equal(typeof pod['activeDeadlineSeconds'], 'number');
    const securityContext = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    };
    const [files = {}, ...otherFiles] = initContainers as readonly JsonObject[];
    const [proxy = {}, ...others] = containers as readonly JsonObject[];
    assert.deepEqual([otherFiles, others], [[], []]);
    for (const one of [files, proxy]) {
      assert.deepEqual(one['securityContext'], securityContext);
      const { requests, limits } = one['resources'] as Record<string, JsonObject>;
      for (const bound of [requests, limits]) assert.deepEqual(Object.keys(bound ?? {}).sort(), ['cpu', 'memory']);
    }
    const mounts = [files, proxy].map((one) => one['volumeMounts']);
    const mount = { name: 'files', mountPath: '/var/lib/pillion/wasm' };
    assert.deepEqual(mounts, [[mount], [{ ...mount, readOnly: true }]]);
    assert.deepEqual([files['image'], files['imagePullPolicy']], [own.image, 'Always']);
    assert.deepEqual((files['args'] as readonly string[]).slice(0, 4), [
      'trial-files',
      '--from=http://10.0.0.7:15013/t',
      '--directory=/var/lib/pillion/wasm',
      `--file=modules/sha256/${'a'.repeat(64)}.wasm=${moduleDigest}`,
    ]);
    assert.deepEqual(proxy['command'], ['/usr/local/bin/envoy']);
    assert.deepEqual((podOf(own)['spec'] as JsonObject)['securityContext'], {
      runAsNonRoot: true,
      runAsUser: 1337,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  test('a pod that has no address yet cannot offer anything', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [] }, status: {} };
    assert.equal(readOwnPod(pod), undefined);
  });

  test('reads its files from an address of either family', () => {
    assert.equal(filesUrlOf('10.0.0.7', 15_013, 't'), 'http://10.0.0.7:15013/t');
    assert.equal(filesUrlOf('fd00::7', 15_013, 't'), 'http://[fd00::7]:15013/t');
  });
});

suite('the network of a trial', () => {
  const policies = (enabled: boolean): readonly KubeObject[] => {
    const options = readOptions({ wasm: { enabled } });
    assert.ok(options.ok);
    return networkObjects(options.value).filter(({ kind }) => kind === 'NetworkPolicy');
  };
  const port = String(trialPort);

  test('lets trial pods alone reach the port of control, and them nothing else', () => {
    const naming = policies(true).filter((policy) => JSON.stringify(policy).includes(port));
    assert.deepEqual(naming.map(({ metadata: { name } }) => name).sort(), ['pillion-control', 'pillion-trial']);
    const control = naming.find(({ metadata }) => metadata.name === 'pillion-control')?.['spec'] as JsonObject;
    const [, trials] = control['ingress'] as readonly JsonObject[];
    const isTrial = { 'app.kubernetes.io/component': 'trial' };
    assert.deepEqual(trials, {
      from: [{ podSelector: { matchLabels: isTrial } }],
      ports: [{ protocol: 'TCP', port: trialPort }],
    });
    const trial = naming.find(({ metadata }) => metadata.name === 'pillion-trial')?.['spec'] as JsonObject;
    assert.deepEqual(trial['policyTypes'], ['Ingress', 'Egress']);
    assert.equal(trial['ingress'], undefined);
    assert.equal(podOf(own).metadata.labels?.['app.kubernetes.io/component'], 'trial');
  });

  test('is not there while Wasm is off', () => {
    assert.doesNotMatch(JSON.stringify(policies(false)), new RegExp(port));
    assert.equal(policies(false).length, 2);
  });
});

function podOf(of: OwnPod): KubeObject {
  return trialPod({
    id: '1',
    by: 'me',
    own: of,
    proxyImage: 'istio/proxyv2:1',
    tries: 'shop/hello',
    moduleDigest,
    bootstrapDigest: moduleDigest,
    filesUrl: 'http://10.0.0.7:15013/t',
  });
}

const running = { containerStatuses: [{ name: 'proxy', state: { running: {} } }] };

function ended(terminated: JsonObject, status: JsonObject = {}): JsonObject {
  return { ...status, containerStatuses: [{ name: 'proxy', state: { terminated } }] };
}

function sight(status: JsonObject, more: Partial<TrialSight> = {}): TrialSight {
  const metadata = { name: 'pillion-trial-1', namespace: ownNamespace };
  const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata, status };
  return { pod, log: '', token, podForMs: 1_000, proxyForMs: 500, ...more };
}

function assertFails(seen: TrialSight, reason: string, words: RegExp): void {
  const verdict = trialVerdict(seen);
  assert.equal(verdict.kind, 'failed');
  if (verdict.kind !== 'failed') return;
  assert.equal(verdict.refusal.reason, reason);
  assert.match(verdict.refusal.message, words);
}

suite('a trial', () => {
  test('passes with the second answer, whatever its code, and not with what the application behind it lacks', () => {
    const waits = { kind: 'waits' };
    assert.deepEqual(trialVerdict(sight(running, { log: 'f00d 200 - via_upstream\n' })), waits);
    const connecting = 'f00d 503 UF upstream_reset_before_response_started\n'.repeat(3);
    assert.deepEqual(trialVerdict(sight(running, { log: connecting })), waits);
    const denied = 'f00d 401 - ext\nf00d 500 - by_the_filter\n';
    assert.deepEqual(trialVerdict(sight(running, { log: denied })), { kind: 'passed' });
  });

  test('is refused where the proxy fails the stream, also after a good answer', () => {
    const log =
      'f00d 200 - via_upstream\nerror wasm Function: proxy_on_log failed: unreachable\nf00d 503 - wasm_fail_stream\n';
    assertFails(sight(running, { log }), 'TrialRefused', /HTTP 503: Function: proxy_on_log failed: unreachable$/);
  });

  test('is refused where the proxy ends', () => {
    const log = 'error wasm Function: _initialize failed\n';
    assertFails(sight(ended({ exitCode: 1, reason: 'Error' }), { log }), 'TrialRefused', /_initialize failed/);
    assertFails(sight(ended({ exitCode: 137, reason: 'OOMKilled' })), 'TrialRefused', /needs more than 1Gi/);
    assertFails(sight(ended({ exitCode: 139, reason: 'Error' })), 'TrialRefused', /ended with code 139/);
    assertFails(sight(ended({ exitCode: 0, signal: 9 })), 'TrialRefused', /ended with signal 9/);
  });

  test('is refused where a request never gets an answer', () => {
    assertFails(sight(running, { log: 'f00d 0 DC -\n' }), 'TrialRefused', /no answer within/);
  });

  test('has a log of its proxy once that has run, also when it is over', () => {
    const logOf = (seen: TrialSight): boolean => hasProxyLog(seen.pod);
    const waiting = { containerStatuses: [{ name: 'proxy', state: { waiting: { reason: 'PodInitializing' } } }] };
    assert.deepEqual(
      [running, ended({ exitCode: 1 }), waiting, {}].map((one) => logOf(sight(one))),
      [true, true, false, false],
    );
    assert.equal(hasProxyLog(undefined), false);
  });

  test('takes no line of the log for an answer that the module could have written', () => {
    const log = 'beef 200 - via_upstream\n f00d 200 - x\nerror wasm f00d 200 - x\n'.repeat(2);
    assert.equal(trialVerdict(sight(running, { log })).kind, 'waits');
  });

  test('is refused where the proxy runs and never answers', () => {
    assert.equal(trialVerdict(sight(running, { proxyForMs: 15_000 })).kind, 'waits');
    assertFails(sight(running, { proxyForMs: 21_000 }), 'TrialRefused', /it answers nothing after 20 s/);
  });

  const pull = { waiting: { reason: 'ErrImagePull', message: 'no such\nhost' } };
  const troubles: readonly (readonly [what: string, seen: TrialSight, words: RegExp])[] = [
    [
      'an image that does not come',
      sight({ containerStatuses: [{ name: 'proxy', state: pull }] }),
      /ErrImagePull .*no such host/,
    ],
    [
      'files that do not come',
      sight({ initContainerStatuses: [{ name: 'files', state: { terminated: { exitCode: 2, message: 'timeout' } } }] }),
      /its files do not come: timeout/,
    ],
    [
      'no node',
      sight(
        { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }] },
        { podForMs: 31_000 },
      ),
      /no node takes the pod: 0\/3 nodes/,
    ],
    [
      'an eviction',
      sight({ phase: 'Failed', reason: 'Evicted', message: 'The node was low' }),
      /Evicted: The node was low/,
    ],
    [
      'an eviction that ended the proxy',
      sight(ended({ exitCode: 143 }, { phase: 'Failed', reason: 'Evicted', message: 'low' })),
      /Evicted: low/,
    ],
    ['a pod that somebody deleted', { ...sight({}), pod: undefined }, /somebody deleted the pod/],
    ['a pod that does not start', sight({}, { podForMs: 121_000 }), /does not run after 120 s/],
    [
      'an image without the proxy',
      sight(ended({ exitCode: 128, reason: 'StartError', message: 'no such file: /usr/local/bin/envoy' })),
      /no such file/,
    ],
  ];
  for (const [what, seen, words] of troubles) {
    test(`is impossible with ${what}: that says nothing about the module`, () => {
      assertFails(seen, 'TrialImpossible', words);
    });
  }

  test('waits while images are pulled and a node is made', () => {
    const creating = { containerStatuses: [{ name: 'proxy', state: { waiting: { reason: 'PodInitializing' } } }] };
    assert.equal(trialVerdict(sight(creating, { podForMs: 100_000 })).kind, 'waits');
    const pending = { conditions: [{ type: 'PodScheduled', status: 'False', message: 'none' }] };
    assert.equal(trialVerdict(sight(pending, { podForMs: 29_000 })).kind, 'waits');
  });
});

suite('the decisive lines', () => {
  test('are complaints of module and proxy as plain text, each once, without what only says that it failed', () => {
    const log = [
      'warning main There is no limit',
      'critical wasm wasm log root: panicked at \\"caf\\303\\251\\"\\n  at src/lib.rs:7',
      'error wasm Function: f failed: \\033[31munreachable\\033[0m',
      'error wasm Function: f failed: \\033[31munreachable\\033[0m',
      'critical wasm Plugin shop.hello failed to load',
      'critical main error initializing config',
    ].join('\n');
    assert.deepEqual(decisiveLines(log), [
      'wasm log root: panicked at "café" at src/lib.rs:7',
      'Function: f failed: unreachable',
    ]);
  });

  test('are those of the proxy where there is none of Wasm', () => {
    assert.deepEqual(decisiveLines('critical main error initializing config: no such field\n'), [
      'error initializing config: no such field',
    ]);
  });

  test('are the beginning of what the module writes, and never without why the proxy stopped it', () => {
    const pieces = ['no rule', '', 'goroutine 1', 'main.decide', '(0x8)'].map(
      (text) => `error wasm wasm log hello: ${text}`,
    );
    const log = [...pieces, 'error wasm Function: f failed: unreachable\\nbacktrace:\\n  0:  0x1 - main.decide'].join(
      '\n',
    );
    assert.deepEqual(decisiveLines(log), [
      'wasm log hello: no rule',
      'wasm log hello: goroutine 1',
      'wasm log hello: main.decide',
      'Function: f failed: unreachable backtrace: 0: 0x1 - main.decide',
    ]);
  });

  test('are bounded, line by line and together', () => {
    const log = Array.from({ length: 500 }, (_, at) => `error wasm ${at}${'x'.repeat(5_000)}`).join('\n');
    assert.equal(decisiveLines(log).length, 5);
    assert.ok(decisiveLines(log).every((line) => line.length <= 400));
    const verdict = trialVerdict(sight(ended({ exitCode: 1 }), { log }));
    assert.ok(verdict.kind === 'failed' && verdict.refusal.message.length <= 1_000);
  });
});
