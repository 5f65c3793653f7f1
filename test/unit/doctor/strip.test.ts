// Who is named for what became of probe pods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knowledgeOf } from '../../../src/core/doctor/knowledge.ts';
import { keyOf, planProbes } from '../../../src/core/doctor/probes.ts';
import { askAboutRestartPolicy } from '../../../src/core/doctor/strip.ts';
import {
  checkOf,
  foreign,
  namespace,
  observed,
  optedIn,
  quiet,
  registered,
  restartable,
  seen,
  stateWith,
  textOf,
} from './observed.ts';

test('a webhook that is called where pods lose it, and not where they keep it, is the one', () => {
  const configurations = seen([registered(), foreign('a-one'), foreign('b-two', quiet)]);
  const found = stateWith({ configurations, probes: [restartable('shop', 'refused'), restartable('pets')] });
  assert.match(
    textOf(found),
    /^Webhook "b-two\.example\.com" of configuration "b-two" \(Service b-two in tools\) takes/,
  );
  assert.deepEqual(askAboutRestartPolicy(found.probes), [], 'nobody has to be asked');
});

test('a pod that came back without it, and was not refused, counts as well', () => {
  const configurations = seen([registered(), foreign('a-one')]);
  assert.match(
    textOf(stateWith({ configurations, probes: [restartable('shop', 'stripped')] })),
    /"a-one\.example\.com"/,
  );
});

test('of two that are always called together both are asked, and the one that did it is named', () => {
  const configurations = seen([registered(), foreign('z-two'), foreign('a-one')]);
  const found = stateWith({ configurations, probes: [restartable('shop', 'refused'), restartable('pets', 'refused')] });
  const asked = askAboutRestartPolicy(found.probes);
  assert.deepEqual(
    asked.map(({ webhook }) => keyOf(webhook)),
    ['a-one/a-one.example.com', 'z-two/z-two.example.com'],
  );
  const [one, two] = asked;
  assert.ok(one && two);
  const caught = {
    ...found,
    asked: [
      { ...one, answer: 'keeps' as const },
      { ...two, answer: 'strips' as const },
    ],
  };
  assert.match(
    textOf(caught),
    /^Webhook "z-two\.example\.com".* asked with a pod that has it, its patch takes it away$/,
  );
  const left = { ...found, asked: [{ ...one, answer: 'keeps' as const }] };
  assert.match(textOf(left), /^Webhook "z-two\.example\.com"/);
});

test('where nobody answers, all are named in the order of their calls', () => {
  const configurations = seen([registered(), foreign('z-two'), foreign('a-one')]);
  const found = stateWith({ configurations, probes: [restartable('shop', 'refused')] });
  assert.match(
    textOf(found),
    /^One of these, in the order of their calls, takes .*: webhook "a-one\..*, webhook "z-two\./,
  );
});

test('a webhook that strips only some pods is not let off by one that it left alone', () => {
  const configurations = seen([registered(), foreign('a-one')]);
  const found = stateWith({ configurations, probes: [restartable('shop', 'refused'), restartable('pets')] });
  assert.match(textOf(found), /"a-one\.example\.com"/);
});

test('where nobody else is called, an old API server may have done it', () => {
  const version = seen({ major: '1', minor: '32', gitVersion: 'v1.32.2' });
  assert.match(
    textOf(stateWith({ version, probes: [restartable('shop', 'refused')] })),
    /leaves the API server itself/,
  );
});

test('the injected sidecar is told from native sidecars of pods themselves', () => {
  const configurations = seen([registered(), foreign('a-one')]);
  const own = restartable('shop', 'refused');
  const injection = { ...own, purpose: 'injection' as const };
  assert.match(textOf(stateWith({ configurations, probes: [own] })), /off native sidecars of pods themselves/);
  assert.match(textOf(stateWith({ configurations, probes: [injection, own] })), /off the sidecars that are injected/);
});

function labelledBy(place: string, labels: object) {
  const pod = { metadata: { labels }, spec: { containers: [] } };
  return {
    purpose: 'plain' as const,
    place: { namespace: place, labels: {} },
    called: [],
    outcome: { kind: 'created' as const, pod },
  };
}

test('a webhook after ours that labels a pod for injection is named, one before ours is not', () => {
  const late = { 'sidecar.istio.io/inject': 'true' };
  const at = (configuration: string, labels: object) =>
    stateWith({
      configurations: seen([registered(), foreign(configuration)]),
      namespaces: seen([namespace('shop', optedIn), namespace('plain')]),
      probes: [...observed().probes, labelledBy('plain', labels)],
    });
  assert.match(
    textOf(at('z-late', late)),
    /^Webhook "z-late\.example\.com" .* labels pods for injection after our turn$/,
  );
  assert.equal(textOf(at('z-late', { team: 'a' })), '');
  const early = checkOf(at('a-early', late), 'late-labels');
  assert.deepEqual(early.kind === 'checked' && early.saw, 'no webhook is called after ours');
});

test('a webhook after ours is not blamed for a label that one before ours put there in time', () => {
  const pod = {
    metadata: { labels: { 'sidecar.istio.io/inject': 'true' } },
    spec: { containers: [{ name: 'istio-proxy' }] },
  };
  const found = stateWith({
    configurations: seen([registered(), foreign('a-early'), foreign('z-late')]),
    namespaces: seen([namespace('shop', optedIn), namespace('plain')]),
    probes: [...observed().probes, { ...labelledBy('plain', {}), outcome: { kind: 'created', pod } }],
  });
  assert.equal(textOf(found), '');
});

test('a webhook before ours is not among those that may label a pod too late', () => {
  const found = stateWith({
    configurations: seen([registered(), foreign('a-early'), foreign('z-late')]),
    namespaces: seen([namespace('shop', optedIn), namespace('plain')]),
    probes: [...observed().probes, labelledBy('plain', { 'sidecar.istio.io/inject': 'true' })],
  });
  assert.match(textOf(found), /^Webhook "z-late\.example\.com"/);
});

test('for each webhook a pod is sent that it meets with as few others as can be', () => {
  const configurations = seen([
    registered(),
    foreign('a-all'),
    foreign('b-quiet', quiet),
    foreign('c-labelled', { objectSelector: { matchLabels: { app: 'db' } } }),
  ]);
  const observations = stateWith({ configurations });
  const known = knowledgeOf(observations);
  const plans = planProbes(observations, known).map(({ purpose, places }) => [purpose, places[0]]);
  assert.deepEqual(plans, [
    ['injection', { namespace: 'shop', labels: {} }],
    ['restartable', { namespace: 'shop', labels: {} }],
    ['restartable', { namespace: 'pets', labels: {} }],
    ['restartable', { namespace: 'pets', labels: { app: 'db' } }],
  ]);
});

test('where no namespace is opted in, a pod asks for itself', () => {
  const observations = observed({
    namespaces: seen([namespace('kube-system'), namespace('pets'), namespace('default')]),
  });
  assert.deepEqual(planProbes(observations, knowledgeOf(observations))[0], {
    purpose: 'injection',
    places: [{ namespace: 'default', labels: { 'sidecar.istio.io/inject': 'true' } }],
  });
});

test('nothing is planned in namespaces that end, or that nobody is ever called for', () => {
  const ending = { ...namespace('shop', optedIn), isTerminating: true };
  const observations = observed({ namespaces: seen([namespace('kube-system', optedIn), ending]) });
  assert.deepEqual(planProbes(observations, knowledgeOf(observations)), []);
});

test('the plan stays small and quick with 5,000 namespaces', () => {
  const many = Array.from({ length: 5000 }, (_, at) =>
    namespace(`ns-${at}`, { team: `t${at % 50}`, ...(at % 3 ? optedIn : {}) }),
  );
  const configurations = seen([
    registered(),
    ...Array.from({ length: 30 }, (_, at) =>
      foreign(`x-${at}`, { namespaceSelector: { matchLabels: { team: `t${at}` } } }),
    ),
  ]);
  const observations = observed({ namespaces: seen(many), configurations });
  const plans = planProbes(observations, knowledgeOf(observations));
  assert.ok(plans.length <= 34, String(plans.length));
  assert.ok(plans.every(({ places }) => places.length <= 3));
});
