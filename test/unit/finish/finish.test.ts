import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../../src/core/admit.ts';
import { readFacts } from '../../../src/core/configuration/read-facts.ts';
import type { Container, Pod } from '../../../src/core/model/pod.ts';
import type { Verdict } from '../../../src/core/model/verdict.ts';
import { review } from '../../builders.ts';

interface Input {
  readonly annotations?: Record<string, string>;
  readonly app?: object;
  readonly init?: readonly object[];
  /** More fields of the pod. */
  readonly spec?: object;
  readonly values?: object;
  readonly config?: object;
  readonly native?: 'true' | 'false';
  readonly path?: string;
}

function verdictOn({
  annotations = {},
  app = {},
  init = [],
  spec: more = {},
  values = {},
  config,
  native = 'true',
  path = '/inject',
}: Input): Verdict {
  const document = (value: object) => ({ from: 'test', value });
  const facts = readFacts({ overrides: document(values), ...(config && { config: document(config) }) }, { native });
  assert.ok(facts.ok, JSON.stringify(facts));
  const spec = {
    containers: [{ name: 'app', image: 'app:1', ...app }],
    ...(init.length > 0 && { initContainers: init }),
    ...more,
  };
  const object = { metadata: { name: 'web', annotations }, spec };
  return admit(review(object, { namespace: 'shop', path }), facts.value);
}

function podOf(input: Input): Pod {
  const verdict = verdictOn(input);
  assert.equal(verdict.kind, 'inject', JSON.stringify(verdict));
  return (verdict as Extract<Verdict, { kind: 'inject' }>).pod;
}

function container(pod: Pod, name: string): Container {
  const found = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])].find((each) => each.name === name);
  assert.ok(found, name);
  return found;
}

function env(pod: Pod, name: string): string | undefined {
  return container(pod, 'istio-proxy').env?.find((each) => each.name === name)?.value;
}

const names = (list: readonly Container[] | undefined): string => (list ?? []).map(({ name }) => name).join(' ');

test('order: native, the proxy stands before the user’s init containers and behind istio-init', () => {
  const init = [
    { name: 'first', image: 'i' },
    { name: 'enable-core-dump', image: 'i' },
  ];
  assert.equal(names(podOf({ init }).spec.initContainers), 'istio-init istio-proxy enable-core-dump first');
});

test('order: plain, the redirection is set up after the user’s init containers', () => {
  const pod = podOf({ init: [{ name: 'first', image: 'i' }], native: 'false' });
  assert.equal(names(pod.spec.initContainers), 'first istio-init');
  assert.equal(names(pod.spec.containers), 'app istio-proxy');
});

test('order: an application that waits for its plain proxy stands behind it', () => {
  const hold = { 'proxy.istio.io/config': 'holdApplicationUntilProxyStarts: true' };
  const pod = podOf({ annotations: hold, native: 'false' });
  assert.equal(names(pod.spec.containers), 'istio-proxy app');
  assert.deepEqual(container(pod, 'istio-proxy').lifecycle, {
    postStart: { exec: { command: ['pilot-agent', 'wait'] } },
  });
});

const token = { name: 'kube-api-access-x', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
const mounted = { volumeMounts: [token] };
const volumes = [{ name: token.name }];

function withToken(pod: Pod): string {
  const all = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])];
  return names(all.filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === token.name)));
}

test('token: containers that are added mount it as the API server would, at the end', () => {
  const pod = podOf({ app: mounted, spec: { volumes } });
  assert.equal(withToken(pod), 'istio-init istio-proxy app');
  assert.deepEqual(container(pod, 'istio-proxy').volumeMounts?.at(-1), token);
  const plain = podOf({ app: mounted, spec: { volumes }, native: 'false' });
  assert.equal(withToken(plain), 'istio-init app istio-proxy');
});

test('token: it is not mounted where the API server would not do it', () => {
  const unwanted = { volumes, automountServiceAccountToken: false };
  assert.equal(withToken(podOf({ app: mounted, spec: unwanted })), 'app', 'the pod wants none');
  const init = [{ name: 'first', image: 'i' }];
  assert.equal(
    withToken(podOf({ app: mounted, init, spec: { volumes } })),
    'app',
    'not all have it: somebody else did it',
  );
  assert.equal(withToken(podOf({ app: mounted })), 'app', 'there is no such volume');
});

test('probes: every kind goes to the agent, which is told what it was', () => {
  const app = {
    ports: [{ name: 'web', containerPort: 8080 }],
    readinessProbe: {
      httpGet: { path: '/r', port: 'web', scheme: 'HTTPS', host: 'h' },
      timeoutSeconds: 5,
      periodSeconds: 2,
    },
    livenessProbe: { tcpSocket: { port: 8080 } },
    startupProbe: { grpc: { port: 9000, service: 's' } },
    lifecycle: { preStop: { httpGet: { path: '/bye', port: 8080 } }, postStart: { exec: { command: ['x'] } } },
  };
  const pod = podOf({ app });
  assert.deepEqual(JSON.parse(env(pod, 'ISTIO_KUBE_APP_PROBERS') ?? ''), {
    '/app-health/app/livez': { tcpSocket: { port: 8080 } },
    '/app-health/app/readyz': { httpGet: { path: '/r', port: 8080, host: 'h', scheme: 'HTTPS' }, timeoutSeconds: 5 },
    '/app-health/app/startupz': { grpc: { port: 9000, service: 's' } },
    '/app-lifecycle/app/prestopz': { httpGet: { path: '/bye', port: 8080 } },
  });
  const rewritten = container(pod, 'app');
  assert.deepEqual(rewritten.readinessProbe, {
    httpGet: { path: '/app-health/app/readyz', port: 15020, scheme: 'HTTP', host: 'h' },
    timeoutSeconds: 5,
    periodSeconds: 2,
  });
  assert.deepEqual(rewritten.livenessProbe, { httpGet: { path: '/app-health/app/livez', port: 15020 } });
  assert.deepEqual(rewritten.startupProbe, { httpGet: { path: '/app-health/app/startupz', port: 15020 } });
  assert.deepEqual(rewritten.lifecycle?.preStop, { httpGet: { path: '/app-lifecycle/app/prestopz', port: 15020 } });
  assert.deepEqual(rewritten.lifecycle?.postStart, { exec: { command: ['x'] } });
});

test('probes: a user’s native sidecar has its probes rewritten too, the proxy never', () => {
  const init = [{ name: 'helper', image: 'i', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 1 } } }];
  const pod = podOf({ init });
  assert.deepEqual(container(pod, 'helper').startupProbe, {
    httpGet: { path: '/app-health/helper/startupz', port: 15020 },
  });
  assert.equal(container(pod, 'istio-proxy').startupProbe?.httpGet?.['port'], 15021);
});

test('probes: the annotation switches the rewriting off, the values too, and the annotation wins', () => {
  const app = { livenessProbe: { tcpSocket: { port: 8080 } } };
  const off = { sidecarInjectorWebhook: { rewriteAppHTTPProbe: false } };
  const asked = { 'sidecar.istio.io/rewriteAppHTTPProbers': 'true' };
  assert.deepEqual(
    container(podOf({ app, annotations: { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' } }), 'app').livenessProbe,
    app.livenessProbe,
  );
  assert.deepEqual(container(podOf({ app, values: off }), 'app').livenessProbe, app.livenessProbe);
  assert.ok(container(podOf({ app, values: off, annotations: asked }), 'app').livenessProbe?.httpGet);
});

test('metrics: the user’s annotations move to the agent, in every spelling', () => {
  const pod = podOf({ annotations: { prometheus_io_port: '9090', 'prometheus.io/path': '/m' } });
  assert.deepEqual(JSON.parse(env(pod, 'ISTIO_PROMETHEUS_ANNOTATIONS') ?? ''), {
    scrape: '',
    path: '/m',
    port: '9090',
  });
  const kept = Object.entries(pod.metadata.annotations ?? {}).filter(([key]) => key.startsWith('prometheus'));
  assert.deepEqual(Object.fromEntries(kept), {
    'prometheus.io/port': '15020',
    'prometheus.io/path': '/stats/prometheus',
    'prometheus.io/scrape': 'true',
  });
});

test('metrics: a port of Istio’s own is denied with its use, each of several targets for itself', () => {
  const verdict = verdictOn({ annotations: { 'prometheus.istio.io/scrape-targets': '9090,15090:/x,15001' } });
  assert.equal(verdict.kind, 'deny');
  const expected = (verdict as Extract<Verdict, { kind: 'deny' }>).problems
    .map((problem) => problem.expected)
    .join('\n');
  assert.match(expected, /15090.*already merged/);
  assert.match(expected, /15001.*outbound traffic capture/);
});

test('metrics: scrape false leaves the annotations alone', () => {
  const pod = podOf({ annotations: { 'prometheus.io/scrape': 'false', 'prometheus.io/port': '15090' } });
  assert.equal(pod.metadata.annotations?.['prometheus.io/port'], '15090');
});

test('cluster: what the URL says comes last and beats the user', () => {
  const pod = podOf({ path: '/inject/cluster/c2/net/n2/foo/bar' });
  const last = container(pod, 'istio-proxy')
    .env?.slice(-3)
    .map(({ name, value }) => `${name}=${value}`);
  assert.deepEqual(last, ['FOO=bar', 'ISTIO_META_CLUSTER_ID=c2', 'ISTIO_META_NETWORK=n2']);
  assert.equal(pod.metadata.labels?.['topology.istio.io/network'], 'n2');
});

test('injector configuration: aliases, default templates and added annotations', () => {
  const config = {
    policy: 'enabled',
    defaultTemplates: ['both'],
    aliases: { both: ['sidecar', 'grpc-simple'] },
    injectedAnnotations: { 'istio.io/rev': 'forced' },
  };
  const pod = podOf({ config });
  assert.equal(names(pod.spec.initContainers), 'istio-init istio-proxy grpc-bootstrap-init');
  assert.equal(pod.metadata.annotations?.['istio.io/rev'], 'forced');
});

test('templates: an unknown one is denied with those that exist', () => {
  const verdict = verdictOn({ annotations: { 'inject.istio.io/templates': 'sidecar,nope' } });
  assert.equal(verdict.reason, 'unknown-template');
  assert.match(JSON.stringify(verdict), /must name templates that exist: sidecar, gateway, grpc-agent, grpc-simple/);
});

test('templates: an annotation that the chosen template does not read cannot spoil the pod', () => {
  const annotations = { 'inject.istio.io/templates': 'gateway', 'sidecar.istio.io/userVolume': 'nonsense' };
  assert.equal(verdictOn({ annotations }).kind, 'inject');
  assert.equal(verdictOn({ annotations: { 'sidecar.istio.io/userVolume': 'nonsense' } }).kind, 'deny');
});

test('verdict: tells native from plain by what became of the proxy', () => {
  const native = (input: Input): string => {
    const verdict = verdictOn(input);
    return verdict.kind === 'inject' ? `${verdict.native.native} ${verdict.native.reason}` : verdict.kind;
  };
  assert.equal(native({}), 'true forced');
  assert.equal(native({ native: 'false' }), 'false forced');
  assert.equal(native({ annotations: { 'inject.istio.io/templates': 'gateway' } }), 'false template-has-none');
});
