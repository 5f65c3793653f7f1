import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { guardBinding } from '../../../src/core/cluster/guard.ts';
import { registration } from '../../../src/core/cluster/registration.ts';
import { changesBetween } from '../../../src/core/install/change.ts';
import { fates, noneThere } from '../../../src/core/install/extensions-there.ts';
import { fitOf, type Survey } from '../../../src/core/install/fit.ts';
import { imageFor } from '../../../src/core/install/image.ts';
import { initialOptionsText, readOptionsText, withSettings } from '../../../src/core/install/options-text.ts';
import { deploymentStep, guardStep, registrationStep } from '../../../src/core/install/rollout.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';

function optionsOf(text: string) {
  const read = readOptionsText(text);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

suite('the document of options', () => {
  function set(text: string, ...settings: readonly string[]): string {
    const changed = withSettings(text, settings);
    if (!changed.ok) throw new Error(JSON.stringify(changed.error));
    return changed.value;
  }

  test('is all defaults at first', () => {
    assert.deepEqual(optionsOf(initialOptionsText), optionsOf(''));
    assert.equal(set(initialOptionsText), initialOptionsText);
  });

  test('keeps its comments when the first option is set', () => {
    const text = set(initialOptionsText, 'guard=deny');
    assert.equal(text, `${initialOptionsText}guard: deny\n`);
  });

  test('keeps what a person wrote when another option is set', () => {
    const text = '# ours\n\nguard: warn # for now\ntags: [blue]\n';
    assert.equal(
      set(text, 'guard=deny', 'native=true'),
      '# ours\n\nguard: deny # for now\ntags: [ blue ]\nnative: true\n',
    );
    assert.equal(set(text, 'guard=null'), '# ours\n\ntags: [ blue ]\n');
  });

  test('means the same when it is read again, whatever YAML makes of words', () => {
    for (const setting of ['guard=off', 'native=false', 'nativeMinimumKubelet=1.30', 'certificates.leafLifetime=24h']) {
      const [path = '', value] = setting.split('=');
      const read = optionsOf(set('', setting)) as unknown as Record<string, unknown>;
      const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], read);
      assert.equal(String(found), path === 'certificates.leafLifetime' ? '86400' : value, setting);
    }
    assert.equal(optionsOf('guard: off').guard, 'off');
  });

  test('does not ask for more signatures than there are keys', () => {
    const key = '{name: release, pem: "-----BEGIN PUBLIC KEY-----"}';
    assert.ok(readOptionsText(`wasm: {signatures: enforce, keys: [${key}]}`).ok);
    for (const group of ['{signatures: enforce}', `{signatures: warn, threshold: 2, keys: [${key}]}`]) {
      const read = readOptionsText(`wasm: ${group}`);
      assert.deepEqual(!read.ok && read.error.map(({ path }) => path), ['wasm.keys'], group);
    }
  });

  test('names what it cannot read', () => {
    assert.ok(!readOptionsText('a: [').ok);
    assert.ok(!withSettings('', ['guard']).ok);
  });
});

suite('whether a cluster can take it', () => {
  const fine: Survey = {
    ...{ minor: 34, hasIstioNamespace: true, hasCertManager: false, nodes: [], overlaps: [] },
    extensions: noneThere,
  };
  const look = (survey: Partial<Survey>, text = '', mayOverlap = false) =>
    fitOf({ ...fine, ...survey }, optionsOf(text), { mayOverlap });

  test('is yes, without a word, for a current one', () => {
    assert.deepEqual(look({}), { refusals: [], notes: [] });
    assert.deepEqual(look({ minor: 30 }), { refusals: [], notes: [] });
    assert.deepEqual(look({ minor: undefined }), { refusals: [], notes: [] });
  });

  test('comes with a note where it was said what becomes of extensions, and they stay', () => {
    for (const fate of fates) {
      const { refusals, notes } = fitOf(fine, optionsOf('wasm: {enabled: true}'), { fate });
      assert.deepEqual(refusals, []);
      assert.match(notes.join('\n'), /^--extensions changes nothing: wasm\.enabled is on; [^\n]+$/);
      assert.deepEqual(fitOf(fine, optionsOf(''), { fate }).notes, []);
    }
  });

  test('is no before Kubernetes 1.28, and comes with a note before 1.30', () => {
    assert.deepEqual(look({ minor: 27 }), {
      refusals: ['Cannot install: this is Kubernetes 1.27; upgrade it to 1.30 or later'],
      notes: [],
    });
    for (const minor of [28, 29]) {
      const { refusals, notes } = look({ minor });
      assert.deepEqual(refusals, []);
      assert.match(notes.join(), /there is no guard, and the webhook is called for mirror pods too$/);
      assert.match(
        look({ minor }, 'wasm: {enabled: true}').notes.join(),
        /nothing keeps the modules of the node store to/,
      );
    }
  });

  test('says everything that is missing at once', () => {
    const { refusals } = look(
      { minor: 27, hasIstioNamespace: false },
      '{istioNamespace: mesh, certificates: {source: cert-manager}}',
    );
    assert.equal(refusals.length, 3);
    assert.match(refusals[1] ?? '', /no namespace "mesh"/);
    assert.match(refusals[2] ?? '', /cert-manager, and it is not in this cluster/);
  });

  test('counts nodes as old by the option, and not at all where nothing is decided by them', () => {
    const nodes = ['v1.31.4', 'v1.34.0', 'v1.32.0'].map((kubeletVersion) => ({
      name: kubeletVersion,
      labels: {},
      kubeletVersion,
    }));
    assert.match(look({ nodes }).notes.join(), /^2 of 3 nodes run a kubelet older than 1\.33 \(v1\.31\.4, v1\.32\.0\)/);
    assert.match(look({ nodes }, 'nativeMinimumKubelet: "1.32"').notes.join(), /^1 of 3 nodes .* older than 1\.32/);
    assert.deepEqual(look({ nodes }, 'native: true').notes, []);
  });

  test('says how Jobs complete where nodes are old: what to set, or that it is set', () => {
    const nodes = [{ name: 'old', labels: {}, kubeletVersion: 'v1.31.4' }];
    assert.match(look({ nodes }).notes.join(), /with which Jobs do not complete; --set jobCompletion=true/);
    assert.match(look({ nodes }, 'jobCompletion: true').notes.join(), /which pillion control ends once/);
  });

  test('tells of overlaps either way, with each remedy once', () => {
    const overlap = { configuration: 'istio', webhook: 'w', because: 'both', remedy: 'Take it away' };
    const overlaps = [overlap, { ...overlap, webhook: 'v' }];
    assert.deepEqual(look({ overlaps }).refusals, [
      [
        'Cannot install: others would inject the same pods',
        'webhook "w" of MutatingWebhookConfiguration "istio": both',
        'webhook "v" of MutatingWebhookConfiguration "istio": both',
        'Take it away',
        'Or, for the time of a move: --allow-overlap',
      ].join('\n  '),
    ]);
    const allowed = look({ overlaps }, '', true);
    assert.deepEqual([allowed.refusals.length, allowed.notes.length], [0, 1]);
  });

  test('reminds of the Secret that somebody else brings', () => {
    assert.match(
      look({}, 'certificates: {source: external}').notes.join(),
      /Secret pillion-system\/pillion-certificates/,
    );
  });
});

suite('the image', () => {
  function running(image: string, version: string): KubeObject {
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'pillion-webhook', labels: { 'app.kubernetes.io/version': version } },
      spec: { template: { spec: { containers: [{ image }] } } },
    };
  }

  test('is that of this version, from the registry that the installation uses', () => {
    assert.equal(imageFor('2.0.0'), 'pillion:2.0.0');
    assert.equal(imageFor('2.0.0', running('pillion:1.0.0', '1.0.0')), 'pillion:2.0.0');
    assert.equal(imageFor('2.0.0', running('example.com:5000/p:1.0.0', '1.0.0')), 'example.com:5000/p:2.0.0');
  });

  test('stays where somebody chose a tag or a digest', () => {
    for (const image of ['example.com/p:latest', 'example.com/p@sha256:00', 'example.com/p:x-1.0.0']) {
      assert.equal(imageFor('2.0.0', running(image, '1.0.0')), image);
    }
  });
});

test('a change is told by its path, and what the API server keeps is none', () => {
  const before = {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'a', resourceVersion: '1' },
    spec: { list: [{ a: 1 }], 'x/y': 1 },
  };
  const after = {
    ...before,
    metadata: { name: 'a', resourceVersion: '2', uid: 'u' },
    spec: { list: [{ a: 2 }], b: true },
    status: {},
  };
  assert.deepEqual(changesBetween(before, after), [
    { path: 'spec.list[0].a', before: 1, after: 2 },
    { path: 'spec["x/y"]', before: 1, after: undefined },
    { path: 'spec.b', before: undefined, after: true },
  ]);
  assert.deepEqual(changesBetween(before, { ...before, metadata: { name: 'a', resourceVersion: '9' } }), []);
});

suite('an installation is up', () => {
  function deployment(status: object, generation = 2): KubeObject {
    const metadata = { name: 'd', generation } as KubeObject['metadata'];
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2 }, status };
  }
  const whole = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

  test('when every replica of the newest version is available, and no other is left', () => {
    assert.ok(deploymentStep('d', deployment(whole)).isDone);
    assert.ok(!deploymentStep('d', undefined).isDone);
    for (const other of [
      { observedGeneration: 1 },
      { updatedReplicas: 1 },
      { availableReplicas: 1 },
      { replicas: 3 },
    ]) {
      assert.ok(!deploymentStep('d', deployment({ ...whole, ...other })).isDone, JSON.stringify(other));
    }
    const { state } = deploymentStep('d', deployment({ ...whole, replicas: 3 }));
    assert.equal(state, '2 of 2 replicas available, 1 of the old version left');
  });

  test('when the registration is as the options ask, and trusts an authority', () => {
    const options = optionsOf('');
    const registered = (caBundle: string | undefined, text = '', hasMatchConditions = true) =>
      registrationStep(registration({ options: optionsOf(text), caBundle, hasMatchConditions }), options);
    assert.ok(!registrationStep(undefined, options).isDone);
    assert.ok(!registered(undefined).isDone);
    assert.ok(registered('CERTIFICATE').isDone);
    assert.ok(registered('CERTIFICATE', '', false).isDone, 'before Kubernetes 1.30');
    const other = registered('CERTIFICATE', '{tags: [blue], onlyTags: true}');
    assert.deepEqual([other.isDone, other.state], [false, 'not yet as the options ask']);
  });

  test('when the guard is in force as the options ask, or gone where it is off', () => {
    const step = (asked: string, there = 'off') =>
      guardStep(guardBinding(optionsOf(`guard: ${there}`)), optionsOf(`guard: ${asked}`));
    assert.deepEqual(
      [step('deny').isDone, step('deny', 'warn').isDone, step('deny', 'deny').isDone],
      [false, false, true],
    );
    assert.deepEqual([step('off').isDone, step('off', 'warn').isDone], [true, false]);
    assert.equal(step('warn', 'warn').state, 'in force (warn)');
  });
});
