// Is what runs a whole thing: kept as it was switched on while another declaration is refused, waits or cannot be read,
// and tried with each proxy of the mesh, without ever being taken away.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { fail, ok } from '../../../src/core/model/problem.ts';
import { bounds } from '../../../src/core/wasm/declaration/bounds.ts';
import { readExtension } from '../../../src/core/wasm/declaration/read-extension.ts';
import { readRunning } from '../../../src/core/wasm/declaration/running.ts';
import { standingOf } from '../../../src/core/wasm/declaration/standing.ts';
import type { Standing } from '../../../src/core/wasm/extension.ts';
import { refusal } from '../../../src/core/wasm/refusals.ts';
import { emittedObjects, type Way } from '../../../src/core/wasm/rollout/emitted.ts';
import { trialPrint } from '../../../src/core/wasm/rollout/prints.ts';
import { type Road, walk } from '../../../src/core/wasm/rollout/rollout.ts';
import type { Attempt, RolloutInput, Running } from '../../../src/core/wasm/rollout/rollout-input.ts';
import { refusedStanding } from '../../../src/core/wasm/rollout/rollout-status.ts';
import { declaredModules } from '../../../src/core/wasm/store/wanted.ts';
import { digestOf, extensionOf, revisionOf, tagged } from './revisions.ts';
import { inputOf, nodesWith, now, onOne, pull, reasonOf, running, standingAfter, store, triedWith } from './roads.ts';

const old = extensionOf({ matchLabels: { app: 'web' }, pluginConfig: { greeting: 'old' } });
const active = revisionOf('a');
const refused = { stage: 'TrialLoaded' as const, refusal: refusal('TrialRefused', 'Cannot load it: no') };

function runningBy(ways: readonly Way[]): Running {
  return { extension: old, ways: ok(ways), nodesOfPods: new Set() };
}

/** Version a runs; version b, with another configuration and for other pods, is declared and gets no further. */
function stuck(changes: Partial<RolloutInput> = {}): RolloutInput {
  const extension = extensionOf({ ...tagged('2'), matchLabels: { app: 'api' }, pluginConfig: { greeting: 'new' } });
  const attempt: Attempt = { refused: { stage: 'Resolved', refusal: refusal('NotFound', 'Cannot find it') } };
  return inputOf({
    extension,
    attempt,
    standing: { active, running: {}, resolvedFor: '', tried: triedWith(active, old) },
    running: runningBy(store),
    nodes: onOne,
    ...changes,
  });
}

function restoredBy({ step }: Road): readonly KubeObject[] {
  assert.ok(step.kind === 'restore', step.kind);
  return step.write;
}

suite('while another declaration is refused or waits', () => {
  test('what is gone of what runs is written again, byte for byte as it was', () => {
    const wanted = emittedObjects(old, active, store);
    assert.equal(JSON.stringify(restoredBy(walk(stuck()))), JSON.stringify(wanted));
  });

  test('wherever on its road the other one is', () => {
    const resolved = { source: tagged('2').source, pinned: revisionOf('b').pinned };
    const candidate = revisionOf('b', { reference: tagged('2').reference });
    const { extension } = stuck();
    const waiting: Standing = { ...stuck().standing, candidate, tried: triedWith(candidate, extension) };
    const stages: Record<string, Partial<RolloutInput>> = {
      'to be resolved': { attempt: {} },
      'to be fetched': { attempt: { resolved } },
      'to be tried': { attempt: { resolved, fetched: revisionOf('b') } },
      'refused by its trial': { attempt: { resolved, fetched: revisionOf('b'), refused } },
      'not to be delivered': {
        attempt: { resolved, fetched: revisionOf('b') },
        ways: fail(refusal('PodSecurityForbids', 'Cannot deliver it')),
      },
      'waiting for nodes': { attempt: {}, standing: waiting, nodes: nodesWith({ one: [digestOf('a')] }) },
    };
    for (const [stage, changes] of Object.entries(stages)) {
      assert.deepEqual(restoredBy(walk(stuck(changes))), emittedObjects(old, active, store), stage);
    }
  });

  test('once it is switched to, the old one is not written any more', () => {
    const candidate = revisionOf('b', { reference: tagged('2').reference });
    const { extension, standing } = stuck();
    const tried = triedWith(candidate, extension);
    const { step } = walk(stuck({ attempt: {}, standing: { ...standing, candidate, tried } }));
    assert.ok(step.kind === 'switch');
    assert.deepEqual(step.write, emittedObjects(extension, candidate, store));
  });

  test('what runs follows its namespace from one way to the other', () => {
    const { objects } = running(active, { extension: old });
    assert.equal(walk(stuck({ objects })).step.kind, 'rest');
    const pulled = restoredBy(walk(stuck({ objects, running: runningBy(pull) })));
    assert.deepEqual(pulled, emittedObjects(old, active, pull));
  });

  test('nothing is written where no way is left, where it is denied by now, and where the status does not tell it', () => {
    const ways = fail(refusal('PodSecurityForbids', 'Cannot deliver it'));
    assert.equal(walk(stuck({ running: { ...runningBy(store), ways } })).step.kind, 'rest');
    const wasm = { signatures: 'off' as const, keys: [], threshold: 1, deniedDigests: [digestOf('a')] };
    assert.equal(walk(stuck({ wasm })).step.kind, 'rest');
    assert.equal(walk(stuck({ running: undefined })).step.kind, 'rest');
  });

  test('where it cannot be written, that is told as the reason, is not tried at once, and the other goes on', () => {
    const notRestored = refusal('SwitchImpossible', 'Cannot write it: no');
    const input = stuck({ attempt: { notRestored } });
    assert.equal(walk(input).step.kind, 'resolve');
    const after = standingAfter(input);
    assert.deepEqual([reasonOf(after, 'Ready'), reasonOf(after, 'Resolved')], ['SwitchImpossible', 'Waiting']);
    const { objects } = running(active, { extension: old });
    assert.equal(reasonOf(standingAfter({ ...input, objects }), 'Ready'), 'Waiting');
  });

  test('counts are those of what runs', () => {
    const after = standingAfter(stuck({ nodes: nodesWith({ one: [digestOf('a')], two: [] }) }));
    assert.deepEqual([after.nodes, after.shown?.nodes], [{ wanted: 2, ready: 1 }, '1/2']);
  });

  test('the status keeps the declaration that runs until another one does', () => {
    const spec = { pluginConfig: { greeting: 'new' } };
    const before = stuck({ spec, standing: { ...stuck().standing, running: { pluginConfig: { greeting: 'old' } } } });
    assert.deepEqual(standingAfter(before).running, { pluginConfig: { greeting: 'old' } });
    // the same module with another configuration, told right before it is written, and once it is
    const kept = before.standing.running;
    const extension = extensionOf({ pluginConfig: { greeting: 'new' } });
    const standing = { ...(kept && { running: kept }), tried: triedWith(active, extension) };
    const told = { ...running(active, { extension, standing }), spec };
    const about = { ...told, objects: running(active, { extension: old }).objects };
    assert.equal(walk(about).step.kind, 'switch');
    assert.deepEqual([standingAfter(about).running, standingAfter(told).running], [kept, spec]);
  });
});

suite('a declaration that cannot be read', () => {
  const object = {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'WasmExtension',
    metadata: { name: 'hello', namespace: 'shop', uid: 'uid-of-hello', generation: 4 },
    spec: { source: { image: 'no image' }, pullSecret: 'new' },
    status: { active, running: { pullSecret: 'old', selector: { matchLabels: { app: 'web' } }, priority: 7 } },
  };

  test('leaves what runs as it was declared, with the module that runs', () => {
    const read = readRunning(object);
    assert.deepEqual([read?.matchLabels, read?.priority, read?.pullSecret], [{ app: 'web' }, 7, 'old']);
    assert.equal(read?.reference, active.pinned);
  });

  test('leaves nodes the pull secret that what runs was fetched with', () => {
    assert.deepEqual(declaredModules(object).access, ok({ pullSecret: 'old' }));
    const { running: _, ...status } = object.status;
    assert.equal(declaredModules({ ...object, status }).access.ok, false);
  });

  test('what the status keeps is read with the care of a declaration', () => {
    for (const wrong of [{ phase: 'NONE' }, { vmConfig: { env: 'A' } }, { selector: { matchLabels: { a: '../' } } }]) {
      assert.equal(readRunning({ ...object, status: { active, running: wrong } }), undefined);
    }
    assert.equal(standingOf({ ...object, status: { active, running: 'text' } }).running, undefined);
    assert.equal(readRunning({ ...object, status: { running: {} } }), undefined);
  });

  test('is told, with counts of what runs, and with what it came to that could not be put right', () => {
    const standing = standingOf(object);
    const told = { standing, generation: 4, refused: refusal('InvalidSpec', 'wrong'), now };
    const pods = { selected: 2, delivered: 1 };
    const after = refusedStanding({ ...told, counts: { pods, distribution: undefined } });
    assert.deepEqual([after.pods, after.shown?.pods, reasonOf(after, 'Ready')], [pods, '1/2', 'InvalidSpec']);
    assert.deepEqual(after.running, standing.running);
    const notRestored = refusal('SwitchImpossible', 'no');
    const failed = refusedStanding({ ...told, counts: { pods, distribution: undefined, notRestored } });
    assert.deepEqual([reasonOf(failed, 'Resolved'), reasonOf(failed, 'Ready')], ['InvalidSpec', 'SwitchImpossible']);
  });

  test('is what is larger than the status can keep of it', () => {
    const sized = (bytes: number) => {
      const room = bytes - JSON.stringify({ pluginConfig: { a: '' } }).length;
      const spec = { source: { image: 'registry.example.com/filter:1' }, pluginConfig: { a: 'x'.repeat(room) } };
      return readExtension({ ...object, spec }, { httpSources: false });
    };
    assert.equal(sized(bounds.specBytes).ok, true);
    const read = sized(bounds.specBytes + 1);
    assert.ok(!read.ok);
    assert.deepEqual(read.error.reason, 'InvalidSpec');
    assert.match(read.error.message, /spec: .*at most 262144 bytes/);
  });
});

suite('another proxy of the mesh', () => {
  const proxyImage = 'istio/proxyv2:2';
  const print = trialPrint(old, active, proxyImage);
  const upgraded = running(active, { extension: old, proxyImage });

  test('is tried with what runs, which stays switched on meanwhile', () => {
    const { step } = walk(upgraded);
    assert.ok(step.kind === 'try');
    assert.deepEqual([step.print, step.proxyImage], [print, proxyImage]);
    const after = standingAfter(upgraded);
    assert.deepEqual([reasonOf(after, 'TrialLoaded'), reasonOf(after, 'Ready')], ['Waiting', 'Succeeded']);
    assert.deepEqual(after.active, active);
  });

  test('that loads it is noted in place of the one before, and not tried again', () => {
    const input = { ...upgraded, attempt: { tried: print } };
    assert.equal(walk(input).step.kind, 'rest');
    const after = standingAfter(input);
    assert.deepEqual([after.tried, reasonOf(after, 'TrialLoaded')], [[print], 'Succeeded']);
    assert.equal(walk({ ...upgraded, standing: after }).step.kind, 'rest');
  });

  test('that refuses it is told of, and nothing is taken away', () => {
    const input = { ...upgraded, attempt: { refused: { ...refused, print } } };
    const road = walk(input);
    assert.deepEqual([road.step.kind, road.refused], ['rest', undefined]);
    const after = standingAfter(input);
    assert.deepEqual([reasonOf(after, 'TrialLoaded'), reasonOf(after, 'Ready')], ['TrialRefused', 'Succeeded']);
    assert.deepEqual([after.active, after.tried], [active, triedWith(active, old)]);
  });

  test('is not waited for by a node that lacks the module, nor by what has to be put right', () => {
    assert.equal(walk({ ...upgraded, nodes: nodesWith({ one: [digestOf('a')], two: [] }) }).step.kind, 'try');
    assert.equal(walk({ ...upgraded, objects: [] }).step.kind, 'switch');
    assert.equal(walk({ ...upgraded, proxyImage: undefined }).step.kind, 'rest');
  });

  test('tries anew what the one before has refused, and what it refused itself it does not', () => {
    const resolved = { source: tagged('1').source, pinned: active.pinned };
    const attempt = { resolved, fetched: active, refused: { ...refused, print } };
    const input = inputOf({ extension: old, attempt, proxyImage });
    assert.equal(walk(input).step.kind, 'rest');
    assert.equal(reasonOf(standingAfter(input), 'Ready'), 'TrialRefused');
    assert.equal(walk({ ...input, proxyImage: 'istio/proxyv2:3' }).step.kind, 'try');
  });

  test('is tried with a candidate that waits, which nodes keep meanwhile', () => {
    const standing = { candidate: active, resolvedFor: '', tried: triedWith(active, old) };
    const input = inputOf({ extension: old, standing, proxyImage, nodes: nodesWith({ one: [] }) });
    assert.equal(walk(input).step.kind, 'try');
    assert.deepEqual(standingAfter(input).candidate, active);
    const failed = { ...input, attempt: { refused: { ...refused, print } } };
    assert.equal(standingAfter(failed).candidate, undefined);
  });
});
