// Answers: how much longer does the creation of a pod take because of injection: beside a webhook that only answers with a
// constant, which is what calling any webhook costs, and beside istiod's own.
// Does not belong here: what an answer costs the process that gives it (bench/).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { median, quantile } from '../../../bench/quantiles.ts';
import { names, ownNamespace } from '../../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../../src/core/cluster/resources.ts';
import { isObject, type JsonObject, parseJson } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { sharedCluster } from '../cluster.ts';
import { faultsOf, isInjectedOnce, openCreator, type PodCreator } from '../create-pods.ts';
import { registerIstiodWebhook } from '../istiod-webhook.ts';
import { injected, inNamespace, inNamespaces, type Namespace } from '../namespace.ts';
import { images, pod } from '../objects.ts';
import { deployTestWebhook } from '../test-webhook.ts';
import type { PatchStep } from '../test-webhook-server.ts';

/** Who is asked about the pods of a namespace. */
const roads = ['none', 'constant', 'pillion', 'istiod'] as const;
type Road = (typeof roads)[number];
type Places = Readonly<Record<Road, Namespace>>;
type Took = { readonly [R in Road]: number[] };

const rounds = 10;
const turnsPerRound = 40;
/** Something else on the machine can spoil a series, but not three of them. */
const mostSeries = 3;
/** Over the constant answer. */
const mostMoreMs = 1;
/** The first creates open connections, and find code in both servers that has not been compiled; they do not count. */
const warmUpTurns = 100;

/** Who is asked, is told by labels or by registrations of the test. */
const labels = { none: {}, constant: {}, pillion: injected, istiod: {} } as const;
const options = { timeout: 240_000 };

const cluster = sharedCluster();
const tokenVolume = 'kube-api-access-token';
/**
 * A pod as others are, but that the API server need not make up a name for the volume with its token: as the patch names
 * that volume, it could not be the same for two pods.
 */
const created = pod({
  name: 'web',
  containers: [
    {
      name: 'app',
      image: images.sleep,
      ports: [{ name: 'http', containerPort: 8080 }],
      volumeMounts: [{ name: tokenVolume, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
    },
  ],
  spec: { volumes: [{ name: tokenVolume, projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] },
});

test(
  'creating a pod takes at most 1 ms more than with a constant answer, and injection adds less than two thirds of what istiod adds',
  options,
  (t) =>
    inNamespaces(t, cluster, labels, async (namespaces) => {
      const creator = await openCreator(cluster);
      await registerConstant(namespaces.constant, await patchFor(namespaces.pillion.name, creator));
      const remove = await registerIstiodWebhook(cluster, {
        name: 'latency-istiod',
        namespaces: [namespaces.istiod.name],
        selectedBy: 'name',
      });
      try {
        await compare(t, creator, namespaces);
      } finally {
        await remove();
        creator.close();
      }
    }),
);

test('the API server asks once about a pod', (t) =>
  inNamespace(t, cluster, injected, async ({ name }) => {
    const creator = await openCreator(cluster);
    const before = await callsSoFar();
    const creations = [await creator.create(name, pod({ name: 'web' })), await creator.create(name, created)];
    creator.close();
    assert.deepEqual(faultsOf(creations), []);
    assert.equal((await callsSoFar()) - before, creations.length);
  }));

/** Of the webhook for namespaces, as the API server counts them. */
async function callsSoFar(): Promise<number> {
  const metrics = await cluster.kubectl(['get', '--raw', '/metrics']);
  const lines = metrics.split('\n').filter((line) => /^apiserver_admission_webhook_request_total\{/.test(line));
  const ours = lines.filter((line) => line.includes('name="namespace.pillion.dev"'));
  assert.notEqual(lines.length, 0);
  return ours.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** A webhook that answers with this patch to every pod of the namespace. */
async function registerConstant(namespace: Namespace, patch: readonly PatchStep[]): Promise<void> {
  const { configuration } = await deployTestWebhook(cluster, namespace, {
    name: 'constant',
    answer: { kind: 'constant patch', patch },
    replicas: 2,
    reinvocationPolicy: 'IfNeeded',
  });
  await registerAlike(configuration);
}

/**
 * The constant is registered as Pillion is, so that it differs in what it answers alone. The condition about mirror pods
 * costs the API server some tenths of a millisecond, by whomever it is asked for.
 */
async function registerAlike(configuration: string): Promise<void> {
  const [{ matchConditions, reinvocationPolicy } = {}] = podWebhooksOf(
    await cluster.kube.get(resources.mutatingWebhooks, names.registration),
  );
  assert.equal(reinvocationPolicy, 'IfNeeded');
  await cluster.kube.call('PATCH', pathOf(resources.mutatingWebhooks, undefined, configuration), {
    body: [{ op: 'add', path: '/webhooks/0/matchConditions', value: matchConditions ?? [] }],
    contentType: 'application/json-patch+json',
  });
}

function podWebhooksOf(registration: KubeObject | undefined): readonly JsonObject[] {
  const webhooks = registration?.['webhooks'];
  assert.ok(Array.isArray(webhooks));
  return webhooks;
}

/** What Pillion itself answers for the pod, asked through the API server's proxy. */
async function patchFor(namespace: string, creator: PodCreator): Promise<readonly PatchStep[]> {
  const [kind, resource] = [
    { group: '', version: 'v1', kind: 'Pod' },
    { group: '', version: 'v1', resource: 'pods' },
  ];
  // with the defaults and the token's volume that a webhook finds on a pod
  const { pod: object } = await creator.create('default', created);
  const request = { uid: randomUUID(), kind, resource, namespace, operation: 'CREATE', dryRun: true, object };
  const path = `/api/v1/namespaces/${ownNamespace}/services/https:${names.service}:443/proxy/inject`;
  const { response } = await cluster.kube.call('POST', path, {
    body: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request },
  });
  const patch = isObject(response) ? parseJson(Buffer.from(String(response['patch']), 'base64').toString()) : undefined;
  assert.ok(Array.isArray(patch), `a patch is answered, not ${JSON.stringify(response)}`);
  return patch;
}

async function compare(t: TestContext, creator: PodCreator, places: Places): Promise<void> {
  await measure(creator, places, warmUpTurns);
  const said: string[] = [];
  for (let series = 1; series <= mostSeries; series += 1) {
    const { above, isLessThanIstiod, text } = await measureSeries(t, creator, places);
    if (above <= mostMoreMs && isLessThanIstiod) return;
    said.push(`${above.toFixed(2)} ms over the constant answer; added: ${text}`);
  }
  assert.fail(`in none of ${mostSeries} series at most ${mostMoreMs} ms and two thirds of istiod: ${said.join('; ')}`);
}

async function measureSeries(t: TestContext, creator: PodCreator, places: Places) {
  const all: Took[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const took = await measure(creator, places, turnsPerRound);
    all.push(took);
    t.diagnostic(`round ${round}: ${figures(took)}`);
  }
  const total = Object.fromEntries(roads.map((road) => [road, all.flatMap((took) => took[road])])) as Took;
  t.diagnostic(`all, ${total.none.length} creates each in turn: ${figures(total)}`);
  const p50 = (road: Road): number => median(total[road]);
  const aboveConstant = p50('pillion') - p50('constant');
  const added = { constant: p50('constant') - p50('none'), pillion: p50('pillion') - p50('none') };
  const istiodAdds = p50('istiod') - p50('none');
  const text = `constant ${added.constant.toFixed(2)}, Pillion ${added.pillion.toFixed(2)}, istiod ${istiodAdds.toFixed(2)} ms`;
  t.diagnostic(`added to the p50 without a webhook: ${text}`);
  t.diagnostic(`Pillion over the constant: ${aboveConstant.toFixed(2)} ms; ${pairsText(total)}`);
  const above = median(differencesOf(total, 'pillion', 'constant'));
  // the constant alone adds near half of what istiod adds: that is what it costs the API server to call anybody
  return { above, isLessThanIstiod: added.pillion < (istiodAdds * 2) / 3, text };
}

/** One create after the other, each road in its turn, so that whatever else goes on meets all of them alike. */
async function measure(creator: PodCreator, places: Places, turns: number): Promise<Took> {
  const took: Took = { none: [], constant: [], pillion: [], istiod: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (let place = 0; place < roads.length; place += 1) {
      const road = roads[(turn + place) % roads.length] ?? 'none'; // nobody is always behind the same one
      const creation = await creator.create(places[road].name, created);
      if (road === 'none') assert.equal(creation.failure ?? isInjectedOnce(creation.pod), false);
      else assert.deepEqual(faultsOf([creation]), [], road);
      took[road].push(creation.tookMs);
    }
  }
  return took;
}

function figures(took: Took): string {
  const of = (road: Road): string =>
    `${road} ${[0.5, 0.9, 0.99].map((share) => quantile(took[road], share).toFixed(1)).join('/')}`;
  return `p50/p90/p99 ${roads.map(of).join(', ')} ms`;
}

/** What a road took longer than another within each turn, in which both met the same machine. */
function differencesOf(took: Took, road: Road, than: Road): readonly number[] {
  return took[road].map((value, turn) => value - (took[than][turn] ?? 0));
}

function pairsText(took: Took): string {
  const pairs = (road: Road, than: Road): string => median(differencesOf(took, road, than)).toFixed(2);
  return `median of pairs: Pillion − constant ${pairs('pillion', 'constant')}, Pillion − none ${pairs('pillion', 'none')}, istiod − none ${pairs('istiod', 'none')} ms`;
}
