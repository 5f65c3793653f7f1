// Answers: how does a test get an extension at some point of its road: everything that the next step depends on, with what
// it wants to be different.
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { ok } from '../../../src/core/model/problem.ts';
import type { Extension, Revision, Standing } from '../../../src/core/wasm/extension.ts';
import { emittedObjects, type Way } from '../../../src/core/wasm/rollout/emitted.ts';
import { type FoundObject, readFound } from '../../../src/core/wasm/rollout/emitted-change.ts';
import type { ObservedStore } from '../../../src/core/wasm/rollout/observed-nodes.ts';
import { trialPrint } from '../../../src/core/wasm/rollout/prints.ts';
import { type Road, walk } from '../../../src/core/wasm/rollout/rollout.ts';
import type { RolloutInput } from '../../../src/core/wasm/rollout/rollout-input.ts';
import { nextStanding } from '../../../src/core/wasm/rollout/rollout-status.ts';
import { digestOf, extensionOf, pinnedTo, revisionOf } from './revisions.ts';

export const store: readonly Way[] = [{ delivery: 'node-store', pods: 'labelled' }];
export const pull: readonly Way[] = [{ delivery: 'agent-pull', pods: 'all' }];
export const proxyImage = 'istio/proxyv2:1';
export const now = '2026-01-01T00:00:00.000Z';
export const resolvedA = {
  source: pinnedTo('a').source,
  pinned: revisionOf('a').pinned,
  manifestDigest: digestOf('a'),
};
export const enforced = { mode: 'enforce' as const, keys: [{ name: 'release', pem: 'pem' }], threshold: 1 };

export function inputOf(changes: Partial<RolloutInput> = {}): RolloutInput {
  return {
    extension: extensionOf(),
    spec: {},
    standing: {},
    attempt: {},
    running: undefined,
    wasm: { signatures: 'off', keys: [], threshold: 1, deniedDigests: [] },
    proxyImage,
    others: { revisions: [], tried: [] },
    ways: ok(store),
    objects: [],
    nodes: { nodes: new Map([['one', { name: 'one', isReady: true }]]), stores: new Map() },
    nodesOfPods: new Set(),
    ...changes,
  };
}

/** Nodes of which each has these modules. */
export function nodesWith(stores: Readonly<Record<string, readonly string[]>>): RolloutInput['nodes'] {
  const modulesOf = (digests: readonly string[]): ObservedStore['modules'] =>
    Object.fromEntries(digests.map((digest) => [digest, { state: 'Ready' }]));
  return {
    nodes: new Map(Object.keys(stores).map((name) => [name, { name, isReady: true }])),
    stores: new Map(Object.entries(stores).map(([name, all]) => [name, { name, modules: modulesOf(all) }])),
  };
}

export const onOne = nodesWith({ one: [digestOf('a'), digestOf('b')] });

export function triedWith(revision: Revision, extension: Extension = extensionOf()): readonly string[] {
  return [trialPrint(extension, revision, proxyImage)];
}

/** What the API server has once these were written. */
export function written(extension: Extension, revision: Revision, ways = store): readonly FoundObject[] {
  return emittedObjects(extension, revision, ways).map((object: KubeObject) => readFound(object));
}

/** All that holds once the revision runs. */
export function running(revision: Revision, changes: Partial<RolloutInput> = {}): RolloutInput {
  const { extension = extensionOf() } = changes;
  return inputOf({
    standing: { active: revision, tried: triedWith(revision, extension), resolvedFor: '', ...changes.standing },
    objects: written(extension, revision),
    nodes: onOne,
    ...Object.fromEntries(Object.entries(changes).filter(([key]) => key !== 'standing')),
  });
}

export function standingAfter(input: RolloutInput, road: Road = walk(input)): Standing {
  return nextStanding({ rollout: input, road, pods: () => ({ selected: 0, delivered: 0 }), now });
}

export function reasonOf(standing: Standing, type: string): string | undefined {
  return standing.conditions?.find((one) => one.type === type)?.reason;
}
