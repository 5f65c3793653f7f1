// Where the pod differs from the peer's on purpose. docs/differences.md has a section for each of these names.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { admit } from '../../src/core/admit.ts';
import { readFacts } from '../../src/core/configuration/read-facts.ts';
import type { Facts } from '../../src/core/model/facts.ts';
import type { Container, Pod } from '../../src/core/model/pod.ts';
import type { Verdict } from '../../src/core/model/verdict.ts';
import { review } from '../builders.ts';

type PodInput = { metadata?: object; spec?: object };

function factsWith(native: 'true' | 'false', overrides: object = {}, templates: object = {}): Facts {
  const facts = readFacts(
    { overrides: { from: 'test', value: overrides }, templates: { from: 'test', value: templates } },
    { native },
  );
  assert.ok(facts.ok, JSON.stringify(facts));
  return facts.value;
}

function verdictOn({ metadata = {}, spec = {} }: PodInput, facts: Facts): Verdict {
  const object = { metadata: { name: 'web', ...metadata }, spec: { containers: [app], ...spec } };
  return admit(review(object, { namespace: 'shop' }), facts);
}

function injected(pod: PodInput, facts: Facts): Pod {
  const verdict = verdictOn(pod, facts);
  assert.equal(verdict.kind, 'inject', JSON.stringify(verdict));
  return (verdict as Extract<Verdict, { kind: 'inject' }>).pod;
}

function proxies({ spec }: Pod): string[] {
  const named = (list: readonly Container[] | undefined): string[] =>
    (list ?? []).filter(({ name }) => name === 'istio-proxy').map(({ name }) => name);
  return [...named(spec.initContainers).map(() => 'init'), ...named(spec.containers).map(() => 'container')];
}

function proxyOf({ spec }: Pod): Container {
  const proxy = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].find(({ name }) => name === 'istio-proxy');
  assert.ok(proxy);
  return proxy;
}

function argument(pod: Pod, name: string): string | undefined {
  const args = pod.spec.initContainers?.find((container) => container.name === 'istio-init')?.args ?? [];
  return args[args.indexOf(name) + 1];
}

const app = { name: 'app', image: 'app:1' };
const userProxy = { name: 'istio-proxy', image: 'auto', resources: { requests: { cpu: '123m' } } };
const annotated = (annotations: Record<string, string>): PodInput => ({ metadata: { annotations } });

const differences: Record<string, () => void> = {
  'proxy-has-one-place': () => {
    const spire = { spec: { containers: [{ name: 'istio-proxy', env: [{ name: 'SPIRE', value: '1' }] }] } };
    const pod = injected(annotated({ 'inject.istio.io/templates': 'sidecar,spire' }), factsWith('true', {}, { spire }));
    assert.deepEqual(proxies(pod), ['init']);
    assert.ok(proxyOf(pod).env?.some(({ name }) => name === 'SPIRE'));
  },
  'user-proxy-follows-mode': () => {
    const pod = injected({ spec: { initContainers: [{ ...userProxy, restartPolicy: 'Always' }] } }, factsWith('false'));
    assert.deepEqual(proxies(pod), ['container']);
    assert.equal(proxyOf(pod).restartPolicy, undefined, 'only init containers have one');
    assert.deepEqual(proxyOf(pod).resources?.['requests'], { cpu: '123m', memory: '128Mi' });
  },
  'overrides-survive-reinjection': () => {
    const first = injected({ spec: { containers: [app, userProxy] } }, factsWith('true'));
    const second = injected(first, factsWith('true'));
    assert.deepEqual(proxyOf(second).resources, proxyOf(first).resources);
    const plain = injected(first, factsWith('false'));
    assert.deepEqual(proxyOf(plain).resources, proxyOf(first).resources, 'also when the sidecar becomes plain');
  },
  'rewritten-probes-are-not-registered-again': () => {
    const port = { 'status.sidecar.istio.io/port': '15099' };
    const probed = { ...app, readinessProbe: { httpGet: { path: '/', port: 15020 } } };
    const first = injected({ ...annotated(port), spec: { containers: [probed] } }, factsWith('true'));
    assert.deepEqual(injected(first, factsWith('true')), first);
  },
  'reinjection-keeps-env-order': () => {
    const facts = factsWith('true', { global: { network: 'n1' } });
    const first = injected(annotated({ 'prometheus.io/port': '9090' }), facts);
    assert.deepEqual(injected(first, facts), first);
  },
  'native-to-plain-leaves-one-proxy': () => {
    const pod = injected(injected({}, factsWith('true')), factsWith('false'));
    assert.deepEqual(proxies(pod), ['container']);
    assert.equal(proxyOf(pod).lifecycle, undefined, 'the native drain hook is gone');
  },
  'one-reading-of-native-sidecar': () => {
    const pod = { ...annotated({ 'sidecar.istio.io/nativeSidecar': 'yes' }), spec: { containers: [app, userProxy] } };
    assert.deepEqual(proxies(injected(pod, factsWith('false'))), ['init']);
  },
  'text-is-literal': () => {
    const pod = injected(
      annotated({
        'sidecar.istio.io/logLevel': 'a"b\\n',
        'readiness.status.sidecar.istio.io/periodSeconds': '010',
        'status.sidecar.istio.io/port': ' 15030 ',
      }),
      factsWith('true'),
    );
    assert.ok(proxyOf(pod).args?.includes('--proxyLogLevel=a"b\\n'));
    assert.equal(proxyOf(pod).readinessProbe?.periodSeconds, 10);
    assert.deepEqual(proxyOf(pod).lifecycle?.preStop?.exec?.['command'], [
      'pilot-agent',
      'request',
      '--debug-port= 15030 ',
      'POST',
      'drain',
    ]);
    assert.equal(argument(pod, '-d'), '15090,15021,15030');
  },
  'grpc-agent-keeps-user-mounts': () => {
    const mount = {
      'sidecar.istio.io/userVolumeMount': '{"v":{"mountPath":"/v"}}',
      'inject.istio.io/templates': 'grpc-agent',
      'status.sidecar.istio.io/port': '0',
    };
    const proxy = proxyOf(injected(annotated(mount), factsWith('true')));
    assert.deepEqual(proxy.volumeMounts, [{ name: 'v', mountPath: '/v' }]);
  },
  'multus-list-stays-json': () => {
    const facts = factsWith('true', { pilot: { cni: { enabled: true, provider: 'multus' } } });
    const pod = injected(annotated({ 'k8s.v1.cni.cncf.io/networks': '[]' }), facts);
    assert.deepEqual(JSON.parse(pod.metadata.annotations?.['k8s.v1.cni.cncf.io/networks'] ?? ''), [
      { name: 'istio-cni', namespace: 'default' },
    ]);
  },
  'mirror-pods-are-skipped': () => {
    assert.equal(verdictOn(annotated({ 'kubernetes.io/config.mirror': 'x' }), factsWith('true')).reason, 'mirror-pod');
  },
  'container-names-are-checked': () => {
    for (const spec of [
      { containers: [app, app] },
      { containers: [{ image: 'x' }] },
      { containers: [app], initContainers: [app] },
    ]) {
      assert.equal(verdictOn({ spec }, factsWith('true')).reason, 'invalid-pod');
    }
  },
  'yaml-in-annotations-is-bounded': () => {
    const long = (text: string): PodInput => annotated({ 'proxy.istio.io/config': `${text}${' '.repeat(40_000)}` });
    assert.equal(verdictOn(long('concurrency: 2'), factsWith('true')).reason, 'invalid-annotation');
    assert.equal(verdictOn(long('{"concurrency":2}'), factsWith('true')).kind, 'inject', 'JSON has no such limit');
  },
  'json-is-read-to-its-end': () => {
    const verdict = verdictOn(annotated({ 'proxy.istio.io/config': '{"concurrency":2} and more' }), factsWith('true'));
    assert.equal(verdict.reason, 'invalid-annotation');
  },
  'whole-numbers-print-plainly': () => {
    const pod = injected({}, factsWith('true', { global: { sts: { servicePort: 0 }, tag: 12_345_678 } }));
    assert.equal(proxyOf(pod).image, 'registry.istio.io/testing/proxyv2:12345678');
  },
  'token-is-mounted-at-once': () => {
    const token = { name: 'kube-api-access-x', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    const containers = [{ ...app, volumeMounts: [token] }];
    const pod = injected({ spec: { containers, volumes: [{ name: token.name }] } }, factsWith('true'));
    assert.deepEqual(proxyOf(pod).volumeMounts?.at(-1), { ...token, readOnly: true });
  },
  'numbers-fit-kubernetes': () => {
    const verdict = verdictOn(
      annotated({ 'readiness.status.sidecar.istio.io/periodSeconds': '2147483648' }),
      factsWith('true'),
    );
    assert.equal(verdict.reason, 'invalid-annotation');
  },
};

for (const [name, check] of Object.entries(differences)) test(`difference: ${name}`, check);

test('differences: docs/differences.md has a section for each, and no other', () => {
  const text = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8');
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  assert.deepEqual(sections.toSorted(), Object.keys(differences).toSorted());
});
