// Who is told of a verdict, and what.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { admit } from '../../../src/core/admit.ts';
import { eventOf } from '../../../src/core/decide/notice.ts';
import type { Facts } from '../../../src/core/model/facts.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { OwnerReference } from '../../../src/core/model/pod.ts';
import type { Review } from '../../../src/core/model/review.ts';
import { reasons, type Verdict } from '../../../src/core/model/verdict.ts';
import { printAnswer } from '../../../src/core/review.ts';
import { facts, type Part, pod, review, withAnnotations, withLabels } from '../../builders.ts';

const key = 'sidecar.istio.io/inject';
const onHostNetwork: Part = ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, hostNetwork: true } });
const replicaSet = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d', uid: 'b3c1', controller: true };

function ownedBy(...ownerReferences: readonly OwnerReference[]): Part {
  return ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, ownerReferences } });
}

/** Facts whose injector configuration says so, or whose webhook is called for all namespaces. */
function factsWith({ policy = 'enabled', namespacesByDefault = false }): Facts {
  const plain = facts();
  return {
    ...plain,
    injector: { ...plain.injector, policy: policy as Facts['injector']['policy'] },
    registration: { ...plain.registration, namespacesByDefault },
  };
}

/** The warnings in the response. */
function warnings(object: unknown, known = facts(), changes: Partial<Review> = {}): readonly string[] {
  const asked = review(object, changes);
  const { response } = JSON.parse(printAnswer(asked, admit(asked, known))) as { response: JsonObject };
  return (response['warnings'] ?? []) as readonly string[];
}

function event(object: unknown, known = facts(), changes: Partial<Review> = {}) {
  const asked = review(object, changes);
  return eventOf(asked, admit(asked, known));
}

suite('a warning', () => {
  test('says that a pod on the host network gets no sidecar, and what to do', () => {
    assert.deepEqual(warnings(pod('web', onHostNetwork)), [
      'No sidecar is injected (host-network): The pod uses the host network: redirection would change the routing of the node. Set spec.hostNetwork to false.',
    ]);
  });

  test('tells of a namespace that is never injected, and of a policy that cannot be read', () => {
    assert.match(warnings(pod('web'), facts(), { namespace: 'kube-public' }).join(), /\(ignored-namespace\)/);
    assert.match(warnings(pod('web'), factsWith({ policy: 'on' })).join(), /\(policy-unknown\)/);
  });

  test('is not for a pod that says no, by label or by annotation, nor for a policy that somebody chose', () => {
    assert.deepEqual(warnings(pod('web', withLabels({ [key]: 'false' }))), []);
    assert.deepEqual(warnings(pod('web', onHostNetwork, withAnnotations({ [key]: 'false' }))), []);
    assert.deepEqual(warnings(pod('web'), factsWith({ policy: 'disabled' })), []);
  });

  test('is not for a pod that did not ask where the webhook is called for all namespaces, but for one that did', () => {
    const everywhere = factsWith({ namespacesByDefault: true });
    assert.deepEqual(warnings(pod('agent', onHostNetwork), everywhere), []);
    assert.equal(warnings(pod('agent', onHostNetwork, withLabels({ [key]: 'true' })), everywhere).length, 1);
    assert.equal(warnings(pod('agent', onHostNetwork, withAnnotations({ [key]: 'true' })), everywhere).length, 1);
  });

  test('names an opt-in that is neither true nor false, also where the pod is injected all the same', () => {
    const line = (path: string): string =>
      `metadata.${path}["${key}"]: Cannot read "yes": must be "true" or "false"; as it stands it does not count`;
    assert.deepEqual(warnings(pod('web', withLabels({ [key]: 'yes' }))), [line('labels')]);
    assert.deepEqual(warnings(pod('web', withAnnotations({ [key]: 'yes' }))), [line('annotations')]);
    const [first, second] = warnings(pod('web', withLabels({ [key]: 'yes' })), factsWith({ policy: 'disabled' }));
    assert.match(first ?? '', /^No sidecar is injected \(policy-disabled\)/);
    assert.equal(second, line('labels'));
    for (const word of ['toString', '__proto__']) {
      assert.equal(warnings(pod('web', withLabels({ [key]: word }))).length, 1, word);
    }
    assert.deepEqual(warnings(pod('web', withLabels({ [key]: '' }))), []);
  });

  test('fits into what the API server passes on', () => {
    for (const [reason, { kind, doc, remedy }] of Object.entries(reasons)) {
      const line = `No sidecar is injected (${reason}): ${doc} ${remedy}`;
      assert.ok(kind !== 'skip' || line.length <= 240, `${reason}: ${line.length}`);
    }
  });
});

suite('an Event', () => {
  const secret = 'hunter2';
  const owned = (...parts: readonly Part[]) =>
    pod('web', ownedBy({ ...replicaSet, controller: false }, replicaSet), ...parts);
  const regarding = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d', namespace: 'default', uid: 'b3c1' };

  test('of a skip is on the object that controls the pod and says what the warning says', () => {
    assert.deepEqual(event(owned(onHostNetwork)), {
      regarding,
      type: 'Warning',
      reason: 'SidecarSkipped',
      action: 'Inject',
      note: warnings(owned(onHostNetwork))[0],
    });
  });

  test('of a denial names every place and the reason, and no value', () => {
    const wrong = { 'sidecar.istio.io/proxyCPU': secret, 'inject.istio.io/templates': secret };
    const found = event(owned(withAnnotations(wrong)));
    assert.deepEqual([found?.regarding, found?.reason], [regarding, 'SidecarDenied']);
    assert.match(found?.note ?? '', /\(invalid-annotation\).*sidecar\.istio\.io\/proxyCPU.*Mend/);
    assert.doesNotMatch(found?.note ?? '', new RegExp(secret));
  });

  test('is not left on a dry run, for a pod without an owner, nor for a verdict that is worth none', () => {
    assert.equal(event(owned(onHostNetwork), facts(), { dryRun: true }), undefined);
    assert.equal(event(pod('web', onHostNetwork)), undefined);
    assert.equal(event(pod('web', onHostNetwork, ownedBy({ ...replicaSet, controller: false }))), undefined);
    assert.equal(event(owned()), undefined, 'injected');
    assert.equal(event(owned(withLabels({ [key]: 'false' }))), undefined, 'as asked');
    assert.equal(event(owned(withLabels({ [key]: 'yes' }))), undefined, 'injected all the same');
  });

  test('is not made of what is no owner: nothing unbounded is kept, and nodes have no namespace', () => {
    const bad: readonly unknown[] = [
      { ...replicaSet, name: 'x'.repeat(254) },
      { ...replicaSet, kind: 'Node' },
      { ...replicaSet, uid: 7 },
      { controller: true },
      null,
      'owner',
    ];
    const verdict: Verdict = { kind: 'skip', reason: 'host-network', trace: [], warnings: [], notice: 'left alone' };
    for (const one of bad) assert.equal(eventOf(review({ metadata: { ownerReferences: [one] } }), verdict), undefined);
    for (const object of [null, 'pod', {}, { metadata: { ownerReferences: {} } }]) {
      assert.equal(eventOf(review(object), verdict), undefined);
    }
  });
});

suite('of a pod that is to end', () => {
  const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly', uid: 'c4d2', controller: true };
  const ending =
    (restartPolicy: string): Part =>
    ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, restartPolicy } });
  const plain = withAnnotations({ 'sidecar.istio.io/nativeSidecar': 'false' });
  const off: Facts = { ...facts(), jobCompletion: false };

  test('whoever creates it is warned that it never completes, and the Job has an Event, where its sidecar is plain', () => {
    for (const restartPolicy of ['Never', 'OnFailure']) {
      const object = pod('nightly', ending(restartPolicy), plain, ownedBy(job));
      assert.match(
        warnings(object, off).join(),
        /^The pod never completes by itself: .*unless one of them asks it.*option jobCompletion/,
      );
      const told = event(object, off);
      assert.deepEqual([told?.reason, told?.regarding.kind], ['SidecarNeverEnds', 'Job']);
    }
  });

  test('nothing is told where the sidecar is native, the pod runs for ever, or job completion is on', () => {
    assert.deepEqual(warnings(pod('nightly', ending('Never')), off), []);
    assert.deepEqual(warnings(pod('web', plain), off), []);
    assert.deepEqual(warnings(pod('web', ending('Always'), plain), off), []);
    assert.deepEqual(warnings(pod('nightly', ending('Never'), plain), { ...off, jobCompletion: true }), []);
  });

  test('nothing is told where nobody knows the options', () => {
    assert.deepEqual(warnings(pod('nightly', ending('Never'), plain), facts()), []);
    assert.equal(event(pod('nightly', ending('Never'), plain, ownedBy(job)), facts()), undefined);
  });

  test('nothing is told of one that gets no sidecar', () => {
    assert.deepEqual(warnings(pod('nightly', ending('Never'), withLabels({ [key]: 'false' })), off), []);
  });
});
