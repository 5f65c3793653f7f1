// What people read in the status of an extension: each condition in words, with a time of its own, and what is kept.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ok } from '../../../src/core/model/problem.ts';
import { type Condition, conditionTypes, type Standing } from '../../../src/core/wasm/extension.ts';
import { type Refusal, refusal } from '../../../src/core/wasm/refusals.ts';
import { trialPrint } from '../../../src/core/wasm/rollout/prints.ts';
import type { Road, Verdict } from '../../../src/core/wasm/rollout/rollout.ts';
import type { RolloutInput } from '../../../src/core/wasm/rollout/rollout-input.ts';
import { nextStanding, refusedStanding } from '../../../src/core/wasm/rollout/rollout-status.ts';
import { digestOf, extensionOf, revisionOf } from './revisions.ts';

const now = '2026-01-02T00:00:00.000Z';
const before = '2026-01-01T00:00:00.000Z';
const done: Verdict = { kind: 'done', isNeeded: true };
const revision = revisionOf('a', { signedBy: ['release', 'ops'] });

interface Case {
  readonly rollout?: Partial<RolloutInput>;
  readonly road?: Partial<Road>;
  /** Of the stages that are done; all, where nothing is said. */
  readonly upTo?: Condition['type'];
  /** Of the stage behind them. */
  readonly last?: Verdict;
}

function standingOf({ rollout, road, upTo = 'Ready', last }: Case): Standing {
  const stages = conditionTypes.slice(0, conditionTypes.indexOf(upTo) + 1);
  const next = conditionTypes[stages.length];
  const verdicts = new Map(stages.map((one) => [one, done] as const));
  if (last !== undefined && next !== undefined) verdicts.set(next, last);
  const input: RolloutInput = {
    extension: extensionOf(),
    standing: {},
    attempt: {},
    spec: {},
    running: undefined,
    wasm: { signatures: 'off', keys: [], threshold: 1, deniedDigests: [] },
    proxyImage: undefined,
    others: { revisions: [], tried: [] },
    ways: ok([{ delivery: 'node-store', pods: 'labelled' }]),
    objects: [],
    nodes: { nodes: new Map(), stores: new Map() },
    nodesOfPods: new Set(),
    ...rollout,
  };
  const whole: Road = {
    verdicts,
    step: { kind: 'rest' },
    revision,
    distribution: { nodes: { wanted: 3, ready: 2 }, missing: undefined },
    refused: undefined,
    ...road,
  };
  return nextStanding({ rollout: input, road: whole, pods: () => ({ selected: 5, delivered: 4 }), now });
}

function conditionOf(standing: Standing, type: Condition['type']): Condition {
  return standing.conditions?.find((one) => one.type === type) ?? assert.fail(`there is no condition ${type}`);
}

function messages(standing: Standing): readonly string[] {
  return (standing.conditions ?? []).map(({ type, message }) => `${type}: ${message}`);
}

suite('a status', () => {
  test('says in words what each stage found, in the order of the road', () => {
    const standing = standingOf({ rollout: { attempt: { warnings: ['It is old', 'It is large'] } } });
    assert.deepEqual(messages(standing), [
      `Resolved: ${revision.pinned}`,
      'Verified: Signed by release, ops',
      `Validated: Proxy-Wasm ABI 0.2.1, 1000 bytes, ${digestOf('a')}; It is old; It is large`,
      "TrialLoaded: The mesh's proxy loads it with this configuration and answers through it",
      'Distributed: On 2 of 3 nodes',
      'Ready: Switched on by node-store',
    ]);
    for (const one of standing.conditions ?? [])
      assert.deepEqual([one.status, one.reason, one.observedGeneration], ['True', 'Succeeded', 3]);
    assert.deepEqual(standing.shown, { digest: 'a'.repeat(12), nodes: '2/3', pods: '4/5' });
    assert.deepEqual([standing.observedGeneration, standing.nodes], [3, { wanted: 3, ready: 2 }]);
  });

  test('says of signatures that none is asked for, or why what is there would not do', () => {
    const unsigned = standingOf({ road: { revision: revisionOf('a') } });
    assert.equal(conditionOf(unsigned, 'Verified').message, 'No signature is asked for');
    const verified = { trusted: 'print', signedBy: [], warning: 'KeyUnknown: nobody knows it' };
    const warned = standingOf({ rollout: { attempt: { verified } } });
    assert.equal(conditionOf(warned, 'Verified').message, 'KeyUnknown: nobody knows it');
  });

  test('names both ways where pods go either, and no node where every proxy pulls', () => {
    const ways = ok([
      { delivery: 'node-store', pods: 'labelled' },
      { delivery: 'agent-pull', pods: 'labelled' },
    ] as const);
    assert.equal(
      conditionOf(standingOf({ rollout: { ways } }), 'Ready').message,
      'Switched on by node-store and agent-pull',
    );
    const pulled = standingOf({ road: { distribution: undefined } });
    assert.equal(conditionOf(pulled, 'Distributed').message, 'Every proxy pulls it for itself, by digest');
    assert.deepEqual([pulled.nodes, pulled.shown?.nodes], [undefined, '']);
  });

  test('tells what is under way from what waits for it', () => {
    const standing = standingOf({ upTo: 'Verified', last: { kind: 'next', step: { kind: 'resolve' } } });
    const states = (standing.conditions ?? []).map(({ status, reason, message }) => `${status} ${reason} ${message}`);
    assert.deepEqual(states.slice(2), [
      'Unknown Waiting Under way',
      ...Array<string>(3).fill('Unknown Waiting Waits for what comes before'),
    ]);
  });

  test('names what was resolved before anything of it was fetched', () => {
    const resolved = { source: extensionOf().source, pinned: 'oci://registry.example.com/team/filter@sha256:…' };
    const standing = standingOf({
      upTo: 'Resolved',
      rollout: { attempt: { resolved } },
      road: { revision: undefined },
    });
    assert.equal(conditionOf(standing, 'Resolved').message, resolved.pinned);
  });

  test('has a time for each condition, which changes with that one alone', () => {
    const old = (type: Condition['type'], status: Condition['status']): Condition => ({
      ...{ type, status, reason: 'Succeeded', message: '', observedGeneration: 1 },
      lastTransitionTime: before,
    });
    const conditions = [old('Resolved', 'True'), old('Ready', 'False')];
    const standing = standingOf({ rollout: { standing: { conditions } } });
    assert.equal(conditionOf(standing, 'Resolved').lastTransitionTime, before);
    assert.equal(conditionOf(standing, 'Ready').lastTransitionTime, now);
    assert.equal(conditionOf(standing, 'Verified').lastTransitionTime, now);
  });

  test('cuts a message that somebody made long', () => {
    const long = refusal('TrialRefused', `Cannot load it: ${'x'.repeat(10_000)}`);
    const standing = standingOf({
      upTo: 'Validated',
      last: { kind: 'refused', refusal: long },
      road: { refused: long },
    });
    for (const type of ['TrialLoaded', 'Ready'] as const)
      assert.equal(conditionOf(standing, type).message.length, 2_001);
    const verified = { trusted: 'print', signedBy: [], warning: 'x'.repeat(10_000) };
    const warned = standingOf({ rollout: { attempt: { verified } } });
    assert.equal(conditionOf(warned, 'Verified').message.length, 2_001);
  });

  test('has no half of a character, which would be another text once it is written', () => {
    const cutBefore = refusal('TrialRefused', `A line of its log: ${'🦀'.slice(0, 1)}`);
    const cutHere = refusal('TrialRefused', `a${'🦀'.repeat(2_000)}`);
    for (const refused of [cutBefore, cutHere]) {
      const last = { kind: 'refused', refusal: refused } as const;
      const standing = standingOf({ upTo: 'Validated', last, road: { refused } });
      assert.ok(conditionOf(standing, 'TrialLoaded').message.isWellFormed());
    }
  });
});

suite('a tag that has moved', () => {
  const attempt = { tagNow: digestOf('f') };

  test('is told in its condition, with what runs and what to do', () => {
    const standing = standingOf({ rollout: { attempt } });
    const { reason, status, message } = conditionOf(standing, 'Resolved');
    assert.deepEqual([reason, status], ['TagMoved', 'True']);
    assert.ok(
      message.startsWith(`${extensionOf().reference} names ${digestOf('f')} now, and ${revision.pinned} runs; `),
    );
    assert.equal(conditionOf(standing, 'Ready').reason, 'Succeeded');
  });

  test('stays told until it is looked at again, also while something else is on its way', () => {
    const moved = { manifestDigest: digestOf('f') };
    assert.deepEqual(standingOf({ rollout: { standing: { moved } } }).moved, moved);
    const waits = standingOf({
      upTo: 'Resolved',
      rollout: { standing: { moved, active: revision, resolvedFor: 'once' } },
      road: { revision: undefined },
    });
    assert.deepEqual([waits.moved, waits.resolvedFor], [moved, 'once']);
    assert.equal(standingOf({ rollout: { standing: { moved }, attempt: { tagNow: digestOf('a') } } }).moved, undefined);
    assert.equal(
      standingOf({ upTo: 'Resolved', rollout: { attempt }, road: { revision: undefined } }).moved,
      undefined,
    );
  });
});

suite('of what was there', () => {
  const [active, previous] = [revisionOf('b'), revisionOf('c')];

  test('everything stays while something new is on its way, which becomes a candidate by its trial alone', () => {
    const rollout = { standing: { active, previous, resolvedFor: 'once' } };
    const untried = standingOf({ upTo: 'Validated', rollout });
    assert.deepEqual([untried.active, untried.previous, untried.candidate], [active, previous, undefined]);
    assert.equal(untried.resolvedFor, 'once');
    const tried = standingOf({ upTo: 'TrialLoaded', rollout });
    assert.deepEqual([tried.active, tried.previous, tried.candidate], [active, previous, revision]);
    const first = standingOf({ upTo: 'Validated' });
    assert.ok(['active', 'previous', 'candidate', 'resolvedFor', 'tried'].every((key) => !(key in first)));
  });

  test('what ran becomes the previous one, and the one before it is forgotten', () => {
    const { active: runs, previous: old } = standingOf({ rollout: { standing: { active, previous } } });
    assert.deepEqual([runs, old], [revision, active]);
  });

  test('the last eight trials are remembered, each once, and of a pair that of the last proxy', () => {
    const others = Array.from({ length: 7 }, (_, at) => `pair-${at}.proxy`);
    const own = (proxy: string): string => trialPrint(extensionOf(), revision, proxy);
    const after = (tried: readonly string[], proxyImage: string): Standing['tried'] =>
      standingOf({ rollout: { standing: { tried }, attempt: { tried: own(proxyImage) }, proxyImage } }).tried;
    const full = [own('one'), ...others];
    assert.deepEqual(after(full, 'one'), full);
    assert.deepEqual(after(full, 'two'), [...others, own('two')]);
    assert.deepEqual(after(['oldest.proxy', ...others], 'one'), [...others, own('one')]);
  });
});

suite('a declaration that cannot be read', () => {
  const refused: Refusal = refusal('InvalidSpec', 'Cannot read the extension: no');
  const active = revisionOf('b');

  test('is told in every condition that it decides, and what runs goes on', () => {
    const standing: Standing = { active, previous: revisionOf('c'), candidate: revision, observedGeneration: 1 };
    const after = refusedStanding({ standing, generation: 4, refused, counts: undefined, now });
    assert.deepEqual([after.active, after.previous, after.candidate], [active, revisionOf('c'), undefined]);
    assert.equal(after.observedGeneration, 4);
    assert.deepEqual(
      after.conditions?.map(({ type, status, reason, observedGeneration }) => [
        type,
        status,
        reason,
        observedGeneration,
      ]),
      conditionTypes.map((type) =>
        ['Resolved', 'Ready'].includes(type) ? [type, 'False', 'InvalidSpec', 4] : [type, 'Unknown', 'Waiting', 4],
      ),
    );
    assert.match(conditionOf(after, 'Ready').message, /^Cannot read the extension: no; .*; bbbbbbbbbbbb goes on$/);
    assert.doesNotMatch(conditionOf(after, 'Resolved').message, /goes on/);
  });

  test('keeps the time of what was wrong before', () => {
    const first = refusedStanding({ standing: {}, generation: 4, refused, counts: undefined, now: before });
    const again = refusedStanding({ standing: first, generation: 5, refused, counts: undefined, now });
    assert.ok(again.conditions?.every(({ lastTransitionTime }) => lastTransitionTime === before));
    assert.doesNotMatch(conditionOf(first, 'Ready').message, /goes on/);
  });
});
