// Does an API server take what we make of the conformance cases. Each pod is created by dry run in a namespace that the
// registration selects; the road over HTTPS and admit() are the webhook's own, only its settings change from case to
// case. The peer's pod of the same case is created beside it, where no webhook is called.
// Does not belong here: whether our pod is the peer's (../conformance).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { admit } from '../../src/core/admit.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import type { Facts } from '../../src/core/model/facts.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Review } from '../../src/core/model/review.ts';
import type { Verdict } from '../../src/core/model/verdict.ts';
import { printAnswer, readReview } from '../../src/core/review.ts';
import { createAnswerer } from '../../src/edge/answer.ts';
import { createListener } from '../../src/edge/http.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { listen } from '../../src/edge/listen-address.ts';
import { facts, patched } from '../builders.ts';
import { type Case, cases, deniedAnnotation, namespaceOf, skipReason } from '../conformance/cases.ts';
import { differenceLine, losses } from '../conformance/compare.ts';
import { namedDifferences } from '../conformance/differences.ts';
import { factsOf } from '../conformance/sources.ts';
import { countCases } from '../conformance/verify.ts';
import { makeCertificate } from '../edge/loopback.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { isInjected, makeNamespace, register, withoutWebhook, withWebhook } from './webhook.ts';

/** Pods that no API server takes: the peer's is as wrong as ours. */
const refused: ReadonlyMap<string, RegExp> = new Map([
  // its only container is the proxy, which becomes an init container: nothing is left
  ['039-only-proxy-container', /spec\.containers: Required value/],
  // the user's volume has an absolute path
  ['127-user-volume', /spec\.volumes\[\d+\]\.configMap\.items\[0\]\.path: Invalid value: "\/some-path"/],
]);

/** Where the peer's pods are created. */
const peerNamespace = 'without-webhook';

type Outcome =
  | { readonly kind: 'created'; readonly pod: KubeObject }
  | { readonly kind: 'refused'; readonly status: number | undefined; readonly message: string };

interface Decision {
  readonly review: Review;
  readonly verdict: Verdict;
}

interface Switched {
  readonly address: string;
  readonly ca: string;
  /** What was decided since the settings were changed last; the API server may ask again about what it has changed. */
  readonly decisions: readonly Decision[];
  use(next: Facts): void;
}

/** A listener as `pillion serve` has it, at an address that the API server can call. */
async function startSwitched(context: TestContext, host: string): Promise<Switched> {
  let current = facts();
  const decisions: Decision[] = [];
  const telemetry = {
    decided: (review: Review, verdict: Verdict) => void decisions.push({ review, verdict }),
    refused: (status: number, message: string) => assert.fail(`${status} ${message}`),
    failed: (error: unknown) => assert.fail(String(error)),
    handshakeFailed: () => {},
  };
  const certificate = await makeCertificate(context);
  const answer = createAnswerer({ facts: () => current, readReview, admit, printAnswer, telemetry });
  const { server } = createListener(answer, certificate, telemetry);
  const address = await listen(server, { host, port: 0 }, 'the webhook');
  assert.ok(address.ok);
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const use = (next: Facts): void => {
    current = next;
    decisions.length = 0;
  };
  return { address: address.value, ca: certificate.chain, decisions, use };
}

/** The namespaces of the cases and the one beside them, with every ServiceAccount that a pod names. */
async function makeNamespaces(plane: ControlPlane): Promise<void> {
  const pods = cases.flatMap(({ input, expected }) => [input, expected ?? {}]);
  const serviceAccounts = [...new Set(pods.map(serviceAccountOf).filter((name) => name !== 'default'))];
  for (const one of new Map(cases.map((found) => [namespaceOf(found), found])).values()) {
    const { labels, annotations = {} } = one.namespaceObject?.metadata ?? {};
    const options = { labels: { ...withWebhook, ...labels }, annotations, serviceAccounts };
    await makeNamespace(plane, namespaceOf(one), options);
  }
  await makeNamespace(plane, peerNamespace, { labels: withoutWebhook, serviceAccounts });
}

function serviceAccountOf({ spec }: JsonObject): string {
  return isObject(spec) && typeof spec['serviceAccountName'] === 'string' ? spec['serviceAccountName'] : 'default';
}

const ownerUid = '00000000-0000-4000-8000-000000000001';

/** The pod with what its table leaves out and an API server asks for, in the namespace; nothing else is changed. */
function madeValid(pod: JsonObject, namespace: string): JsonObject {
  const metadata = isObject(pod['metadata']) ? pod['metadata'] : {};
  const owners = Array.isArray(metadata['ownerReferences']) ? metadata['ownerReferences'] : [];
  const lowerCase = Object.entries(metadata)
    .filter(([key]) => key === 'name' || key === 'generateName')
    .map(([key, value]) => [key, String(value).toLowerCase()]);
  return {
    ...pod,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      ...Object.fromEntries(lowerCase),
      namespace,
      ...(owners.length === 0 ? {} : { ownerReferences: owners.map((owner) => ({ ...owner, uid: ownerUid })) }),
    },
  };
}

/** Creates the pod by dry run. Fields that the API server does not know are errors. */
async function create({ kube }: ControlPlane, pod: JsonObject, namespace: string): Promise<Outcome> {
  const query = { dryRun: 'All', fieldValidation: 'Strict' };
  try {
    const created = await kube.call('POST', pathOf(resources.pods, namespace), { query, body: pod });
    return { kind: 'created', pod: created as KubeObject };
  } catch (error) {
    if (!(error instanceof KubeError && error.code === 'refused')) throw error;
    return { kind: 'refused', status: error.status, message: error.message };
  }
}

interface Stage {
  readonly plane: ControlPlane;
  readonly webhook: Switched;
}

/** Creates the pod of the case where the webhook is called, with the settings of the case. */
async function createThroughWebhook({ plane, webhook }: Stage, one: Case): Promise<Outcome> {
  webhook.use(await factsOf(one));
  return create(plane, madeValid(one.input, namespaceOf(one)), namespaceOf(one));
}

async function checkDenial(stage: Stage, one: Case): Promise<void> {
  const outcome = await createThroughWebhook(stage, one);
  assert.ok(outcome.kind === 'refused');
  const { key, value } = deniedAnnotation(one);
  assert.equal(outcome.status, 422);
  assert.match(outcome.message, /^admission webhook "namespace\.pillion\.dev" denied the request: /);
  assert.ok(outcome.message.includes(key) && outcome.message.includes(value), outcome.message);
}

async function checkSkip(stage: Stage, one: Case): Promise<void> {
  const outcome = await createThroughWebhook(stage, one);
  assert.ok(outcome.kind === 'created', JSON.stringify(outcome));
  assert.equal(isInjected(outcome.pod), false);
}

async function checkPod(stage: Stage, one: Case): Promise<void> {
  const { plane, webhook } = stage;
  const ours = await createThroughWebhook(stage, one);
  const last = webhook.decisions.at(-1);
  assert.ok(last?.verdict.kind === 'inject', 'the API server asked the webhook, which injected');
  const sent = patched(last.review.object as JsonObject, last.verdict.patch);
  const peers = await create(plane, madeValid(one.expected ?? {}, peerNamespace), peerNamespace);
  const reason = refused.get(one.name);
  if (reason !== undefined) {
    for (const outcome of [ours, peers]) assert.match(messageOf(outcome), reason);
    return;
  }
  assert.ok(ours.kind === 'created', messageOf(ours));
  assert.ok(isInjected(ours.pod));
  assert.deepEqual(losses(sent, ours.pod).map(differenceLine), [], 'nothing of our pod is dropped');
  // what comes with a patch is read leniently; the same pod created by itself is not
  const directly = await create(plane, movedTo(sent, peerNamespace), peerNamespace);
  assert.equal(messageOf(directly), 'created');
  const isTakenToo = !namedDifferences.some((known) => known.case === one.name);
  assert.equal(peers.kind === 'created', isTakenToo, messageOf(peers));
}

function movedTo(pod: JsonObject, namespace: string): JsonObject {
  return { ...pod, metadata: { ...(pod['metadata'] as JsonObject), namespace } };
}

function messageOf(outcome: Outcome): string {
  return outcome.kind === 'created' ? outcome.kind : outcome.message;
}

const skip = skipReason || assets.skip;

test('an API server takes every pod that it takes of the peer', { skip }, async (context) => {
  assert.deepEqual(countCases(), { pods: 124, denials: 5, skips: 3 });
  const plane = await startControlPlane(context);
  const webhook = await startSwitched(context, plane.hostAddress);
  await makeNamespaces(plane);
  await register(plane, webhook);
  const stage: Stage = { plane, webhook };
  for (const one of cases) {
    if (one.expectedError !== undefined) {
      await context.test(`${one.name}: is refused with 422 and the annotation`, () => checkDenial(stage, one));
    } else if (one.skipped) {
      await context.test(`${one.name}: is created as it was`, () => checkSkip(stage, one));
    } else {
      const what = refused.has(one.name) ? "is refused, as the peer's is" : 'is created injected, and whole';
      await context.test(`${one.name}: ${what}`, () => checkPod(stage, one));
    }
  }
});
