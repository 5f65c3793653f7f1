// Does an extension go its road in order, does it stop where it is refused with nothing touched of what runs, and does it
// ask for nothing that is known.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { resources } from '../../../src/core/cluster/resources.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { fail, ok } from '../../../src/core/model/problem.ts';
import type { Extension } from '../../../src/core/wasm/extension.ts';
import { refusal } from '../../../src/core/wasm/refusals.ts';
import { readNode, readStore } from '../../../src/core/wasm/rollout/observed-nodes.ts';
import { trustPrint } from '../../../src/core/wasm/rollout/prints.ts';
import { walk } from '../../../src/core/wasm/rollout/rollout.ts';
import type { Attempt } from '../../../src/core/wasm/rollout/rollout-input.ts';
import { nextStanding } from '../../../src/core/wasm/rollout/rollout-status.ts';
import { othersOf } from '../../../src/roles/wasm-moment.ts';
import { digestOf, extensionOf, pinnedTo, revisionOf, tagged } from './revisions.ts';
import {
  enforced,
  inputOf,
  nodesWith,
  onOne,
  proxyImage,
  pull,
  reasonOf,
  resolvedA,
  running,
  standingAfter,
  store,
  triedWith,
  written,
} from './roads.ts';

suite('the road of an extension', () => {
  test('what nobody knows is resolved first', () => {
    assert.deepEqual(walk(inputOf()).step, { kind: 'resolve' });
  });

  test('what was resolved is fetched, once no signature is asked for', () => {
    assert.deepEqual(walk(inputOf({ attempt: { resolved: resolvedA } })).step, { kind: 'fetch', resolved: resolvedA });
  });

  test('what has to be signed is verified before it is fetched', () => {
    const input = inputOf({ extension: extensionOf({ trust: enforced }), attempt: { resolved: resolvedA } });
    const { step } = walk(input);
    assert.equal(step.kind, 'verify');
    if (step.kind !== 'verify') return;
    assert.deepEqual(step.trusts, [enforced]);
    const verified = { trusted: step.trusted, signedBy: ['release'] };
    const after = walk({ ...input, attempt: { ...input.attempt, verified } });
    assert.equal(after.step.kind, 'fetch');
  });

  test('who signed stands in the revision', () => {
    const extension = extensionOf({ trust: enforced });
    const input = inputOf({ extension, attempt: { resolved: resolvedA } });
    const { step } = walk(input);
    assert.ok(step.kind === 'verify');
    const verified = { trusted: step.trusted, signedBy: ['release'] };
    const road = walk({ ...input, attempt: { ...input.attempt, verified, fetched: revisionOf('a') } });
    assert.deepEqual([road.revision?.signedBy, road.revision?.trusted], [['release'], step.trusted]);
  });

  test('what was fetched is tried, with the proxy of the mesh', () => {
    const attempt: Attempt = { resolved: resolvedA, fetched: revisionOf('a') };
    const { step } = walk(inputOf({ attempt }));
    assert.ok(step.kind === 'try');
    assert.deepEqual([step.revision.moduleDigest, step.proxyImage], [digestOf('a'), proxyImage]);
  });

  test('what passed its trial becomes the candidate, and waits for the nodes', () => {
    const fetched = revisionOf('a');
    const [tried = ''] = triedWith(fetched);
    const input = inputOf({ attempt: { resolved: resolvedA, fetched, tried }, nodes: nodesWith({ one: [], two: [] }) });
    const standing = standingAfter(input);
    assert.equal(walk(input).step.kind, 'rest');
    assert.equal(standing.candidate?.moduleDigest, digestOf('a'));
    assert.equal(standing.active, undefined);
    assert.equal(reasonOf(standing, 'Ready'), 'NodesPending');
    assert.deepEqual(standing.tried, [tried]);
  });

  test('a trial that another extension held is kept, so that its end does not call for a second', () => {
    const fetched = revisionOf('a');
    const others = { revisions: [fetched], tried: triedWith(fetched) };
    const attempt: Attempt = { resolved: resolvedA };
    const standing = standingAfter(
      inputOf({ attempt, others, nodes: onOne, objects: written(extensionOf(), fetched) }),
    );
    assert.deepEqual(standing.tried, triedWith(fetched));
    assert.equal(reasonOf(standing, 'Ready'), 'Succeeded');
  });

  test('whoever leads next goes on with the candidate, without asking or trying anything', () => {
    const candidate = revisionOf('a');
    const standing = { candidate, resolvedFor: '', tried: triedWith(candidate) };
    const road = walk(inputOf({ standing, nodes: onOne }));
    assert.equal(road.step.kind, 'switch');
  });

  test('once every node has it, the object of Istio is written, and after that it is active', () => {
    const candidate = revisionOf('a');
    const input = inputOf({ standing: { candidate, resolvedFor: '', tried: triedWith(candidate) }, nodes: onOne });
    const { step } = walk(input);
    assert.ok(step.kind === 'switch');
    assert.deepEqual(
      step.write.map(({ kind, metadata }) => [kind, metadata.name]),
      [['WasmPlugin', 'hello']],
    );
    assert.equal(standingAfter(input).active, undefined);
    const after = { ...input, objects: written(extensionOf(), candidate) };
    assert.equal(walk(after).step.kind, 'rest');
    const standing = standingAfter(after);
    assert.deepEqual([standing.active, standing.candidate], [candidate, undefined]);
    assert.equal(reasonOf(standing, 'Ready'), 'Succeeded');
  });

  test('what every proxy pulls for itself waits for no node', () => {
    const candidate = revisionOf('a');
    const standing = { candidate, resolvedFor: '', tried: triedWith(candidate) };
    const input = inputOf({ standing, ways: ok(pull), nodes: nodesWith({ one: [] }) });
    assert.equal(walk(input).step.kind, 'switch');
    assert.equal(reasonOf(standingAfter(input), 'Distributed'), 'NotNeeded');
  });

  test('at rest nothing is to be done, and the status stays as it is', () => {
    const input = running(revisionOf('a'));
    assert.equal(walk(input).step.kind, 'rest');
    const once = standingAfter(input);
    const later = { ...input, standing: once };
    assert.deepEqual(
      nextStanding({ rollout: later, road: walk(later), pods: () => ({ selected: 0, delivered: 0 }), now: 'later' }),
      once,
    );
  });
});

suite('another version', () => {
  test('a new tag is resolved, and what runs is left alone meanwhile', () => {
    const input = running(revisionOf('a'), { extension: extensionOf(tagged('2')) });
    assert.deepEqual(walk(input).step, { kind: 'resolve' });
    const standing = standingAfter(input);
    assert.deepEqual([standing.active?.moduleDigest, standing.candidate], [digestOf('a'), undefined]);
  });

  test('switched to, the one before becomes the previous one', () => {
    const extension = extensionOf(tagged('2'));
    const candidate = revisionOf('b', { reference: extension.reference });
    const standing = { active: revisionOf('a'), candidate, resolvedFor: '', tried: triedWith(candidate) };
    const input = inputOf({ extension, standing, nodes: onOne, objects: written(extension, candidate) });
    const after = standingAfter(input);
    assert.deepEqual([after.active?.moduleDigest, after.previous?.moduleDigest], [digestOf('b'), digestOf('a')]);
  });

  test('going back to the previous one by its digest asks no registry and tries nothing again', () => {
    const [active, previous] = [revisionOf('b'), revisionOf('a')];
    const extension = extensionOf(pinnedTo('a'));
    const standing = { active, previous, resolvedFor: '', tried: triedWith(previous) };
    const input = inputOf({ extension, standing, nodes: onOne, objects: written(extension, active) });
    assert.equal(walk(input).step.kind, 'switch');
    const after = standingAfter({ ...input, objects: written(extension, previous) });
    assert.deepEqual([after.active?.moduleDigest, after.previous?.moduleDigest], [digestOf('a'), digestOf('b')]);
  });

  test('a proxy that is newer than the trial does not keep anybody from going back', () => {
    const [active, previous] = [revisionOf('b'), revisionOf('a')];
    const extension = extensionOf(pinnedTo('a'));
    const standing = { active, previous, tried: triedWith(previous) };
    const input = inputOf({ extension, standing, nodes: onOne, proxyImage: 'istio/proxyv2:2' });
    assert.equal(walk(input).step.kind, 'switch');
  });

  test('another tag of the same manifest needs no second fetch', () => {
    const extension = extensionOf(tagged('2'));
    const input = running(revisionOf('a'), { extension, attempt: { resolved: resolvedA } });
    assert.equal(walk(input).step.kind, 'rest');
    assert.equal(standingAfter(input).active?.reference, extension.reference);
    assert.equal(standingAfter(input).previous, undefined);
  });

  test('asked to resolve anew, the tag is looked at again though it is the same', () => {
    const input = running(revisionOf('a'), { extension: extensionOf({ resolveAsked: 'now' }) });
    assert.deepEqual(walk(input).step, { kind: 'resolve' });
    const after = standingAfter({ ...input, attempt: { resolved: resolvedA } });
    assert.equal(after.resolvedFor, 'now');
  });

  test('a tag that moved is told, and nothing else', () => {
    const input = running(revisionOf('a'), { attempt: { tagNow: digestOf('c') } });
    assert.equal(walk(input).step.kind, 'rest');
    const after = standingAfter(input);
    assert.equal(after.moved?.manifestDigest, digestOf('c'));
    assert.equal(reasonOf(after, 'Resolved'), 'TagMoved');
    assert.equal(reasonOf(after, 'Ready'), 'Succeeded');
    const back = standingAfter({ ...input, standing: after, attempt: { tagNow: digestOf('a') } });
    assert.equal(back.moved, undefined);
  });

  test('a tag of an index has not moved while it names that index', () => {
    const active = revisionOf('a', { indexDigest: digestOf('f') });
    const after = standingAfter(running(active, { attempt: { tagNow: digestOf('f') } }));
    assert.equal(after.moved, undefined);
  });

  test('the index of the tag counts, also where the module is known from another one', () => {
    const resolved = { ...resolvedA, indexDigest: digestOf('f') };
    const other = revisionOf('a', { indexDigest: digestOf('e') });
    const [tried = ''] = triedWith(other);
    const others = { revisions: [other], tried: [tried] };
    assert.equal(standingAfter(inputOf({ attempt: { resolved }, others })).candidate?.indexDigest, digestOf('f'));
    const input = running(other, { attempt: { resolved, tagNow: digestOf('f') } });
    const after = standingAfter(input);
    assert.deepEqual([after.active?.indexDigest, after.moved, after.previous], [digestOf('f'), undefined, undefined]);
    const { indexDigest: _, ...plain } = other;
    const unlisted = standingAfter(running(other, { attempt: { resolved: resolvedA } }));
    assert.deepEqual(unlisted.active, plain);
  });

  test('what was verified in one index is verified again in another', () => {
    const trusted = trustPrint([enforced]);
    const active = revisionOf('a', { indexDigest: digestOf('e'), trusted });
    const extension = extensionOf({ trust: enforced });
    assert.equal(walk(running(active, { extension })).step.kind, 'rest');
    const resolved = { ...resolvedA, indexDigest: digestOf('f') };
    const { step } = walk(running(active, { extension, attempt: { resolved } }));
    assert.deepEqual(step.kind === 'verify' && step.resolved, resolved);
  });

  test('a url with another sha256 is another module', () => {
    const url = 'https://example.com/filter.wasm';
    const of = (letter: string): Partial<Extension> => ({
      reference: url,
      source: { kind: 'http', url, moduleDigest: digestOf(letter) },
    });
    const { manifestDigest: _, ...plain } = revisionOf('a');
    const active = { ...plain, variant: 'http' as const, reference: url, pinned: url };
    assert.equal(walk(running(active, { extension: extensionOf(of('a')) })).step.kind, 'rest');
    assert.equal(walk(running(active, { extension: extensionOf(of('b')) })).step.kind, 'resolve');
  });
});

suite('another configuration', () => {
  test('is tried with the same module, fetched no second time, and switched to without waiting', () => {
    const changed = extensionOf({ pluginConfig: { a: 2 } });
    const input = running(revisionOf('a'), { nodes: nodesWith({ one: [digestOf('a')], two: [] }) });
    const asked = walk({ ...input, extension: changed });
    assert.equal(asked.step.kind, 'try');
    assert.ok(asked.step.kind === 'try');
    const tried = walk({ ...input, extension: changed, attempt: { tried: asked.step.print } });
    assert.equal(tried.step.kind, 'switch');
  });

  test('refused by its trial, it is not written, and what runs goes on', () => {
    const changed = extensionOf({ pluginConfig: { a: 2 } });
    const refused = { stage: 'TrialLoaded' as const, refusal: refusal('TrialRefused', 'Cannot load it: no') };
    const input = { ...running(revisionOf('a')), extension: changed, attempt: { refused } };
    assert.equal(walk(input).step.kind, 'rest');
    const after = standingAfter(input);
    assert.equal(after.active?.moduleDigest, digestOf('a'));
    assert.equal(reasonOf(after, 'Ready'), 'TrialRefused');
    const ready = after.conditions?.find(({ type }) => type === 'Ready');
    assert.match(ready?.message ?? '', /aaaaaaaaaaaa goes on/);
  });

  test('only another priority is no reason for a trial', () => {
    const input = { ...running(revisionOf('a')), extension: extensionOf({ priority: 5 }) };
    assert.equal(walk(input).step.kind, 'switch');
  });

  test('that another extension has tried is not tried again', () => {
    const attempt: Attempt = { resolved: resolvedA, fetched: revisionOf('a') };
    const others = { revisions: [], tried: triedWith(revisionOf('a')) };
    assert.equal(walk(inputOf({ attempt, others, nodes: onOne })).step.kind, 'switch');
  });
});

suite('a file of a URL', () => {
  const url = 'https://example.com/filter.wasm';
  const source = { kind: 'http' as const, url, moduleDigest: digestOf('b') };
  const extension = extensionOf({ reference: url, source });
  const { manifestDigest: _, ...bare } = revisionOf('a', { reference: url, pinned: url, variant: 'http' });
  const attempt = { resolved: { source, pinned: url } };

  test('with another digest in the declaration is another module, which is fetched', () => {
    assert.equal(walk(inputOf({ extension, attempt, standing: { active: bare, resolvedFor: '' } })).step.kind, 'fetch');
  });

  test('that somebody else had with another digest is not taken in its place', () => {
    assert.equal(walk(inputOf({ extension, attempt, others: { revisions: [bare], tried: [] } })).step.kind, 'fetch');
    const same = { ...bare, moduleDigest: digestOf('b') };
    const road = walk(inputOf({ extension, attempt, others: { revisions: [bare, same], tried: [] } }));
    assert.equal(road.revision?.moduleDigest, digestOf('b'));
  });
});

suite('what others know', () => {
  test('their status tells within their namespace alone, and this process what it found itself', () => {
    const objectIn = (namespace: string, letter: string): KubeObject => ({
      apiVersion: 'pillion.dev/v1alpha1',
      kind: 'WasmExtension',
      metadata: { name: 'other', namespace, uid: `uid-in-${namespace}` },
      status: { active: revisionOf(letter), tried: [`print-${letter}`] },
    });
    const objects = new Map([objectIn('shop', 'a'), objectIn('bank', 'b')].map((one) => [one.metadata.uid ?? '', one]));
    const memories = new Map([['bank/other', { attempt: { fetched: revisionOf('c'), tried: 'print-c' } }]]);
    const { revisions, tried } = othersOf({ extensions: () => objects }, memories, extensionOf());
    assert.deepEqual(
      revisions.map(({ moduleDigest }) => moduleDigest),
      [digestOf('a'), digestOf('c')],
    );
    assert.deepEqual(tried, ['print-a', 'print-c']);
  });

  test('a module that another extension has is not fetched, but verified with trust of our own', () => {
    const others = { revisions: [revisionOf('a', { trusted: 'somebody', signedBy: ['else'] })], tried: [] };
    const plain = walk(inputOf({ attempt: { resolved: resolvedA }, others }));
    assert.equal(plain.step.kind, 'try');
    assert.deepEqual(plain.revision?.signedBy, []);
    const strict = inputOf({ extension: extensionOf({ trust: enforced }), attempt: { resolved: resolvedA }, others });
    assert.equal(walk(strict).step.kind, 'verify');
  });

  test('it has to be resolved all the same, which shows that it may be pulled', () => {
    const others = { revisions: [revisionOf('a')], tried: [] };
    assert.equal(walk(inputOf({ extension: extensionOf(pinnedTo('a')), others })).step.kind, 'resolve');
  });
});

suite('refusals', () => {
  const refusedAt = (stage: 'Resolved' | 'Validated', reason: 'NotFound' | 'NotWasm', attempt: Attempt): Attempt => ({
    ...attempt,
    refused: { stage, refusal: refusal(reason, 'Cannot: because') },
  });

  test('what was refused is not done again, and everything behind it waits', () => {
    const input = inputOf({ attempt: refusedAt('Resolved', 'NotFound', {}) });
    assert.equal(walk(input).step.kind, 'rest');
    const after = standingAfter(input);
    assert.equal(reasonOf(after, 'Resolved'), 'NotFound');
    assert.equal(reasonOf(after, 'TrialLoaded'), 'Waiting');
    assert.equal(reasonOf(after, 'Ready'), 'NotFound');
  });

  test('what is no module is refused where its bytes are looked at', () => {
    const after = standingAfter(inputOf({ attempt: refusedAt('Validated', 'NotWasm', { resolved: resolvedA }) }));
    assert.deepEqual([reasonOf(after, 'Resolved'), reasonOf(after, 'Validated')], ['Succeeded', 'NotWasm']);
  });

  test('a denied digest is never taken, whichever of its digests it is', () => {
    const wasm = { signatures: 'off' as const, keys: [], threshold: 1, deniedDigests: [digestOf('a')] };
    assert.equal(walk(inputOf({ wasm, attempt: { resolved: resolvedA } })).refused?.reason, 'DigestDenied');
    const active = running(revisionOf('a', { manifestDigest: digestOf('c') }), { wasm });
    assert.equal(walk(active).refused?.reason, 'DigestDenied');
    assert.equal(standingAfter(active).active?.moduleDigest, digestOf('a'));
  });

  test('a url is refused where signatures are enforced, because it can have none', () => {
    const source = { kind: 'http' as const, url: 'https://example.com/f', moduleDigest: digestOf('a') };
    const attempt = { resolved: { source, pinned: 'https://example.com/f' } };
    const extension = extensionOf({ source, trust: enforced });
    assert.equal(walk(inputOf({ extension, attempt })).refused?.reason, 'SignatureMissing');
  });

  test('where the module cannot be delivered, no trial is held', () => {
    const attempt: Attempt = { resolved: resolvedA, fetched: revisionOf('a') };
    const ways = fail(refusal('PodSecurityForbids', 'Cannot deliver it: the namespace says no'));
    const input = inputOf({ attempt, ways });
    assert.equal(walk(input).step.kind, 'rest');
    assert.equal(reasonOf(standingAfter(input), 'Distributed'), 'PodSecurityForbids');
  });

  test('without a known proxy there is no trial, and it says so', () => {
    const attempt: Attempt = { resolved: resolvedA, fetched: revisionOf('a') };
    assert.equal(walk(inputOf({ attempt, proxyImage: undefined })).refused?.reason, 'TrialImpossible');
  });

  test('another trust has what runs verified anew; refused, it runs on', () => {
    const input = { ...running(revisionOf('a')), extension: extensionOf({ trust: enforced }) };
    assert.equal(walk(input).step.kind, 'verify');
    const refused = { stage: 'Verified' as const, refusal: refusal('SignatureMissing', 'Cannot: none') };
    const after = standingAfter({ ...input, attempt: { refused } });
    assert.deepEqual([reasonOf(after, 'Ready'), after.active?.moduleDigest], ['SignatureMissing', digestOf('a')]);
  });

  test('a name that somebody else has is left to them', () => {
    const candidate = revisionOf('a');
    const objects = written(extensionOf(), candidate).map((one) => ({ ...one, owner: 'somebody', spec: {} }));
    const standing = { candidate, resolvedFor: '', tried: triedWith(candidate) };
    const road = walk(inputOf({ standing, objects, nodes: onOne }));
    assert.deepEqual([road.step.kind, road.refused?.reason], ['rest', 'NameTaken']);
  });
});

suite('what is put right', () => {
  test('an object that was changed or deleted is written again', () => {
    const input = running(revisionOf('a'));
    assert.equal(walk({ ...input, objects: [] }).step.kind, 'switch');
    const changed = input.objects.map((one) => ({ ...one, spec: { url: 'file:///etc/passwd' } }));
    assert.equal(walk({ ...input, objects: changed }).step.kind, 'switch');
  });

  test('an object of a way that is no longer taken is removed', () => {
    const twice = written(extensionOf(), revisionOf('a'), [...store, { delivery: 'agent-pull', pods: 'labelled' }]);
    const { step } = walk({ ...running(revisionOf('a')), objects: twice });
    assert.ok(step.kind === 'switch');
    assert.deepEqual([step.write.length, step.remove.map(({ name }) => name)], [0, ['hello-agent-pull']]);
  });

  test('a node that comes later is told of, and is no reason to call what runs not ready', () => {
    const input = running(revisionOf('a'), { nodes: nodesWith({ one: [digestOf('a')], two: [] }) });
    const after = standingAfter(input);
    assert.deepEqual([reasonOf(after, 'Distributed'), reasonOf(after, 'Ready')], ['NodesPending', 'Succeeded']);
    assert.deepEqual(after.nodes, { wanted: 2, ready: 1 });
  });

  test('a node whose kubelet is not ready is not waited for, unless a pod of the extension is on it', () => {
    const candidate = revisionOf('a');
    const standing = { candidate, resolvedFor: '', tried: triedWith(candidate) };
    const { nodes, stores } = nodesWith({ one: [digestOf('a')], two: [] });
    const down = { nodes: new Map([...nodes, ['two', { name: 'two', isReady: false }]]), stores };
    assert.equal(walk(inputOf({ standing, nodes: down })).step.kind, 'switch');
    const road = walk(inputOf({ standing, nodes: down, nodesOfPods: new Set(['two']) }));
    assert.match(road.refused?.message ?? '', /Not there yet on two \(its kubelet is not ready, and a pod/);
    const without = { nodes, stores: new Map([...stores].filter(([name]) => name === 'one')) };
    const silent = walk(inputOf({ standing, nodes: without, nodesOfPods: new Set(['two', 'three']) }));
    assert.match(silent.refused?.message ?? '', /three \(the node is gone, .*, two \(no node agent has reported/);
  });

  test('what was reported from the node that had the name before counts for nothing', () => {
    const candidate = revisionOf('a');
    const standing = { candidate, resolvedFor: '', tried: triedWith(candidate) };
    const conditions = [{ type: 'Ready', status: 'True' }];
    const node = readNode({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'one', uid: 'new' },
      status: { conditions },
    });
    const modules = [{ digest: candidate.moduleDigest, state: 'Ready' }];
    const { apiVersion, kind } = resources.wasmStores;
    const stepOf = (nodeUID: string) => {
      const store = readStore({ apiVersion, kind, metadata: { name: 'one' }, status: { nodeUID, modules } });
      const nodes = { nodes: new Map([['one', node]]), stores: new Map([['one', store]]) };
      return walk(inputOf({ standing, nodes, nodesOfPods: new Set(['one']) }));
    };
    assert.equal(stepOf('new').step.kind, 'switch');
    assert.match(stepOf('old').refused?.message ?? '', /^Not there yet on one \(no node agent has reported from it\)$/);
  });
});
