// Answers: what can be wrong with an installation, its settings, namespaces and pods, and what the doctor says then.
import assert from 'node:assert/strict';
import { admit } from '../../src/core/admit.ts';
import { names } from '../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { defaultValues } from '../../src/core/configuration/values-defaults.ts';
import { violationsOf } from '../../src/core/doctor/pod-security.ts';
import { probePod } from '../../src/core/doctor/probes.ts';
import { reviewOf } from '../../src/core/doctor/reach.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { StringMap } from '../../src/core/model/pod.ts';
import { facts } from '../builders.ts';
import { pillion } from '../cli/command-line.ts';
import type { ControlPlane } from './control-plane.ts';
import {
  type Around,
  applyIstioMaps,
  applyOptions,
  askDoctor,
  type Fault,
  finds,
  node,
  nodeInfo,
  optedIn,
  renewLease,
  setAvailable,
  setStatus,
} from './doctor-cluster.ts';
import { makeNamespace, withWebhook } from './webhook.ts';

const manager = { fieldManager: 'test' };

/** A namespace with these labels during the test. */
async function labelled({ context, plane }: Around, name: string, labels: StringMap): Promise<void> {
  await makeNamespace(plane, name, { labels });
  context.after(() => makeNamespace(plane, name));
}

/** Other injector values of the control plane during the test. */
async function changeValues(
  { context, plane }: Around,
  change: (values: typeof defaultValues) => JsonObject,
): Promise<void> {
  await applyIstioMaps(plane, JSON.stringify({ ...defaultValues, ...change(defaultValues) }));
  context.after(() => applyIstioMaps(plane));
}

/** Other options of the installation during the test. */
async function changeOptions({ context, plane }: Around, text: string): Promise<void> {
  await applyOptions(plane, text);
  context.after(() => applyOptions(plane, 'revision: default\n'));
}

export const clusterFaults: readonly Fault[] = [
  [
    'finds namespaces whose labels contradict each other, say nothing, or ask nobody',
    async (around) => {
      await labelled(around, 'both', { ...withWebhook, 'istio.io/rev': 'canary' });
      await labelled(around, 'odd', { 'istio-injection': 'yes' });
      await labelled(around, 'nobody', { 'istio.io/rev': 'gone' });
      const { texts } = await finds(around, ['labels-contradict', 'injection-value-unknown', 'namespace-unserved']);
      assert.match(
        texts['labels-contradict'] ?? '',
        /^1 namespace: both \(istio-injection=enabled, istio.io\/rev=canary\)/,
      );
      assert.match(texts['injection-value-unknown'] ?? '', /^1 namespace: odd/);
      assert.match(texts['namespace-unserved'] ?? '', /^1 namespace: nobody \(istio.io\/rev=gone\)/);
    },
  ],
  [
    'finds a pod that came before the label of its namespace, and says what to restart',
    async (around) => {
      const { plane } = around;
      await makeNamespace(plane, 'late');
      await runPod(plane, 'late', {
        name: 'web-5d8c5d8c5d-x7k2p',
        generateName: 'web-5d8c5d8c5d-',
        labels: { 'pod-template-hash': '5d8c5d8c5d' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d8c5d8c5d', uid: 'u', controller: true },
        ],
      });
      await labelled(around, 'late', withWebhook);
      const { texts } = await finds(around, ['sidecar-missing']);
      assert.equal(
        texts['sidecar-missing'],
        '1 pod of 1 workload: late/Deployment/web → Restart it: kubectl -n late rollout restart deployment web.',
      );
      const elsewhere = await askDoctor(plane.kubeconfig, ['-n', optedIn]);
      assert.deepEqual(elsewhere.findings, [], 'with -n only that namespace is looked at');
    },
  ],
  [
    'finds a Job with a plain sidecar where a native one is possible',
    async (around) => {
      const { plane } = around;
      await makeNamespace(plane, 'jobs');
      const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'report', uid: 'u', controller: true }];
      await runPod(plane, 'jobs', { name: 'report-x7k2p', generateName: 'report-', ownerReferences }, [
        'app',
        'istio-proxy',
      ]);
      await labelled(around, 'jobs', withWebhook);
      const { texts } = await finds(around, ['job-with-plain-sidecar']);
      assert.match(texts['job-with-plain-sidecar'] ?? '', /^1 Job: jobs\/Job\/report →/);
    },
  ],
  [
    'finds a level of PodSecurity and a quota that refuse injected pods',
    async (around) => {
      const { plane } = around;
      await labelled(around, 'strict', { ...withWebhook, 'pod-security.kubernetes.io/enforce': 'baseline' });
      await labelled(around, 'counted', withWebhook);
      const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'cpu', namespace: 'counted' } };
      const path = '/api/v1/namespaces/counted/resourcequotas';
      await plane.kube.call('POST', path, { body: { ...quota, spec: { hard: { 'limits.cpu': '4' } } } });
      await changeValues(around, ({ global }) => ({
        global: { ...global, proxy: { ...global.proxy, resources: {} } },
      }));
      const { texts } = await finds(around, ['pod-security-refuses', 'quota-refuses']);
      assert.match(texts['pod-security-refuses'] ?? '', /strict\): istio-init adds NET_ADMIN, NET_RAW/);
      assert.match(texts['quota-refuses'] ?? '', /^cpu in counted: .*istio-proxy declares no limits.cpu/);
    },
  ],
  [
    'finds a broken ConfigMap of the control plane, with the path and the value',
    async (around) => {
      await changeValues(around, ({ global }) => ({ global: { ...global, logAsJson: 'perhaps' } }));
      const { texts } = await finds(around, ['settings-unreadable']);
      assert.match(
        texts['settings-unreadable'] ?? '',
        /configmap istio-system\/istio-sidecar-injector, key values: global\.logAsJson: Cannot read "perhaps"/,
      );
    },
  ],
  [
    'finds a control plane of another version',
    async (around) => {
      await changeValues(around, ({ global }) => ({ global: { ...global, tag: '1.27.3' } }));
      const { texts } = await finds(around, ['other-version']);
      assert.match(texts['other-version'] ?? '', /of 1\.27\.3, .* those of 1\.32/);
    },
  ],
  [
    'finds options that are none, with their path',
    async (around) => {
      await changeOptions(around, 'revison: default\ntimeoutSeconds: 60\n');
      const { texts, all } = await finds(around, ['options-unreadable', 'options-unreadable']);
      assert.match(all, /key options\.yaml: revison: there is no such option/);
      assert.match(texts['options-unreadable'] ?? '', /key options\.yaml/);
    },
  ],
  [
    'finds replicas that are missing, a leader that is silent and a node that is too old',
    async (around) => {
      const { context, plane } = around;
      context.after(async () => {
        await plane.kube.remove(resources.nodes, 'old');
        for (const name of [names.webhook, names.control]) await setAvailable(plane, name, 2);
      });
      await setAvailable(plane, names.webhook, 0);
      await setAvailable(plane, names.control, 1);
      await renewLease(plane, new Date(Date.now() - 600_000));
      await plane.kube.apply(node('old', 'v1.28.3'), manager);
      await setStatus(plane, '/api/v1/nodes/old/status', { nodeInfo: nodeInfo('v1.28.3') });
      const { texts } = await finds(around, ['no-replica', 'too-few-replicas', 'leader-silent', 'kubelets-too-old']);
      assert.match(texts['kubelets-too-old'] ?? '', /^1 of 2 nodes with a kubelet before 1\.33: old \(v1\.28\.3\)/);
    },
  ],
  [
    'finds that the registration is not as the options ask',
    async (around) => {
      await changeOptions(around, 'timeoutSeconds: 7\n');
      const { texts } = await finds(around, ['registration-differs']);
      assert.match(texts['registration-differs'] ?? '', /timeoutSeconds is 5, not 7/);
    },
  ],
  [
    'finds that the registration is gone',
    async (around) => {
      const { context, plane } = around;
      const registered = (await plane.kube.get(resources.mutatingWebhooks, names.registration)) as KubeObject;
      const { name, labels, annotations } = registered.metadata;
      await plane.kube.remove(resources.mutatingWebhooks, names.registration);
      context.after(() => plane.kube.create({ ...registered, metadata: { name, labels, annotations } }));
      await finds(around, ['not-registered', 'webhook-not-called']);
    },
  ],
  [
    'says what a user without rights may not read, and still what he may',
    async (around) => {
      const { plane } = around;
      const kubeconfig = await plane.kubeconfigOf('default', 'default');
      const { exitCode, findings, texts, unchecked } = await askDoctor(kubeconfig);
      assert.equal(exitCode, 1);
      assert.deepEqual([...new Set(findings)], ['not-allowed']);
      assert.match(texts['not-allowed'] ?? '', /You may not read .*Secret pillion-certificates.* Pods/s);
      assert.ok(!unchecked.includes('version'));
      assert.ok(unchecked.includes('certificate') && unchecked.includes('pods'), String(unchecked));
    },
  ],
  [
    'prints no secrets, and for a person every check with its mark',
    async (around) => {
      const { plane } = around;
      const { stdout, exitCode } = await pillion(['doctor', '--kubeconfig', plane.kubeconfig], { columns: 80 });
      assert.equal(exitCode, 0);
      assert.equal(stdout.match(/^ {2}✓ /gm)?.length, 20);
      assert.match(stdout, /\nNothing is wrong\n$/);
      const { all } = await askDoctor(plane.kubeconfig);
      assert.doesNotMatch(stdout + all, /secret key|BEGIN/);
    },
  ],
  [
    'knows of each level of PodSecurity what the API server would refuse',
    async (around) => {
      const { plane } = around;
      const cases = [
        {},
        { cni: { enabled: true } },
        { cni: { enabled: true }, seccompProfile: { type: 'RuntimeDefault' } },
      ];
      for (const level of ['baseline', 'restricted'] as const) {
        const labels = { 'istio-injection': 'disabled', 'pod-security.kubernetes.io/enforce': level };
        await makeNamespace(plane, `level-${level}`, { labels });
        for (const { cni, seccompProfile } of cases) {
          const values = {
            ...defaultValues,
            ...(cni && { pilot: { cni } }),
            global: {
              ...defaultValues.global,
              proxy: { ...defaultValues.global.proxy, ...(seccompProfile && { seccompProfile }) },
            },
          };
          const object = probePod('injection', { namespace: `level-${level}`, labels: {} });
          const verdict = admit(reviewOf(object, `level-${level}`), facts({}, { values }));
          assert.equal(verdict.kind, 'inject');
          const isRefused = await isRefusedBy(plane, verdict.kind === 'inject' ? verdict.pod : {});
          const violations = violationsOf(verdict.kind === 'inject' ? verdict.pod : undefined, level);
          assert.equal(
            violations.length > 0,
            isRefused,
            `${level} ${JSON.stringify({ cni, seccompProfile })}: ${violations}`,
          );
        }
      }
    },
  ],
];

async function isRefusedBy(plane: ControlPlane, pod: object): Promise<boolean> {
  try {
    await plane.kube.create(pod as JsonObject, { dryRun: true });
    return false;
  } catch (error) {
    assert.match(String(error), /violates PodSecurity/);
    return true;
  }
}

/** A pod that counts as running, in a namespace where nobody is called. */
async function runPod(
  plane: ControlPlane,
  namespace: string,
  metadata: JsonObject,
  containers = ['app'],
): Promise<void> {
  const { name } = metadata;
  await plane.kube.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, namespace },
    spec: { containers: containers.map((one) => ({ name: one, image: 'example.com/app' })) },
  });
  await setStatus(plane, `${pathOf(resources.pods, namespace, String(name))}/status`, { phase: 'Running' });
}
