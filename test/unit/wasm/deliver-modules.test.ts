// What a pod gets for the extensions that select it. Every case goes by admit(), the one road.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { admit } from '../../../src/core/admit.ts';
import type { Facts } from '../../../src/core/model/facts.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { findProxy, type Pod, type StringMap, type Volume } from '../../../src/core/model/pod.ts';
import type { Operation, Verdict } from '../../../src/core/model/verdict.ts';
import { deliverModules } from '../../../src/core/wasm/delivery/deliver-modules.ts';
import { planFor } from '../../../src/core/wasm/delivery/delivery-plan.ts';
import { extensionProblems, readDeliverable } from '../../../src/core/wasm/delivery/extension-table.ts';
import { deliveryLabel, extensionsAnnotation, modulesAnnotation } from '../../../src/core/wasm/names.ts';
import { facts, patched, pod, review, withAnnotations, withContainer, withLabels } from '../../builders.ts';
import { extension, knowing, tableOf } from './declared.ts';
import { revisionOf } from './revisions.ts';

const plain = facts();
const store = '/var/lib/pillion/wasm/modules';
const gate = (name: string): string => `/var/lib/pillion/wasm/extensions/${name}.wasm`;
const digest = `sha256:${'ab'.repeat(32)}` as const;

/** The pod as the API server goes on with it. */
function admitted(before: Pod, known: Facts, path = '/inject'): Pod {
  const verdict = admit(review(before, { path }), known);
  assert.ok('patch' in verdict, JSON.stringify(verdict));
  return patched(before, verdict.patch);
}

/** Volumes of the node that the proxy mounts, as `path type at mountPath`. */
function hostMounts(one: Pod): readonly string[] {
  const sources = new Map(one.spec.volumes?.map((volume) => [volume.name, volume['hostPath']]));
  return (findProxy(one)?.volumeMounts ?? []).flatMap(({ name, mountPath, readOnly }) => {
    const source = sources.get(name) as { path: string; type?: string } | undefined;
    return source === undefined
      ? []
      : [`${source.path} ${source.type} at ${mountPath}${readOnly ? ' for reading' : ''}`];
  });
}

const storeMount = `${store} Directory at ${store} for reading`;
const gateMount = (name: string): string => `${gate(name)} File at ${gate(name)} for reading`;

function recordOf({ metadata }: Pod): unknown {
  const text = metadata.annotations?.[extensionsAnnotation];
  return text === undefined ? undefined : JSON.parse(text);
}

function warningsOf(verdict: Verdict): string {
  return verdict.warnings.join('\n');
}

suite('a pod that an extension selects', () => {
  for (const native of ['true', 'false'] as const) {
    test(`gets the store and the gate in its proxy, native ${native}`, () => {
      const after = admitted(pod('web'), knowing(facts({ native }), [extension('hello')]));
      assert.deepEqual(hostMounts(after), [storeMount, gateMount('default/hello')]);
      assert.equal(after.metadata.labels?.[deliveryLabel], 'node-store');
      assert.deepEqual(recordOf(after), [{ extension: 'default/hello', delivery: 'node-store', reason: 'usual' }]);
      assert.equal(
        after.spec.initContainers?.some(({ name }) => name === 'istio-proxy'),
        native === 'true',
      );
    });
  }

  test('waits for this very extension, and for none that had or will have its name', () => {
    const [first, second] = ['1a2b3c4d-0000-4000-8000-000000000001', '5e6f7a8b-0000-4000-8000-000000000002'];
    const gateOf = (uid: string): Pod => {
      const object = extension('hello');
      return admitted(pod('web'), knowing(plain, [{ ...object, metadata: { ...object.metadata, uid } }]));
    };
    assert.deepEqual(hostMounts(gateOf(first)), [storeMount, gateMount('default/hello_1a2b3c4d')]);
    assert.deepEqual(hostMounts(gateOf(second)), [storeMount, gateMount('default/hello_5e6f7a8b')]);
  });

  test('gets the store once, and a gate for each extension, those of the root namespace first', () => {
    const known = knowing(plain, [extension('b'), extension('a'), extension('istio-system/all'), extension('shop/c')]);
    const gates = ['istio-system/all', 'default/a', 'default/b'].map(gateMount);
    assert.deepEqual(hostMounts(admitted(pod('web'), known)), [storeMount, ...gates]);
  });

  test('is selected by the labels that the injection gives it, as Istio selects', () => {
    const selector = { matchLabels: { 'service.istio.io/canonical-name': 'web' } };
    const known = knowing(plain, [extension('hello', { selector })]);
    assert.equal(admitted(pod('web'), known).metadata.labels?.[deliveryLabel], 'node-store');
  });

  test('is every pod of the namespace where there is no selector, and no pod of another', () => {
    const all = extension('hello', { selector: undefined });
    assert.equal(hostMounts(admitted(pod('any'), knowing(plain, [all]))).length, 2);
    const elsewhere = { ...all, metadata: { name: 'hello', namespace: 'shop' } };
    assert.deepEqual(hostMounts(admitted(pod('any'), knowing(plain, [elsewhere]))), []);
  });

  test('gets a label and no volume where the istio-agent fetches', () => {
    const known = knowing(plain, [extension('hello', { onMissing: 'run-without' })]);
    const after = admitted(pod('web'), known);
    assert.deepEqual(hostMounts(after), []);
    assert.equal(after.metadata.labels?.[deliveryLabel], 'agent-pull');
    assert.deepEqual(recordOf(after), [{ extension: 'default/hello', delivery: 'agent-pull', reason: 'run-without' }]);
  });

  test('has the label of the store where one of its extensions comes from there', () => {
    const known = knowing(plain, [extension('a', { onMissing: 'run-without' }), extension('b')]);
    const after = admitted(pod('web'), known);
    assert.equal(after.metadata.labels?.[deliveryLabel], 'node-store');
    assert.deepEqual(hostMounts(after), [storeMount, gateMount('default/b')]);
  });

  for (const level of ['baseline', 'restricted']) {
    test(`gets no volume where its namespace enforces ${level}`, () => {
      const after = admitted(pod('web'), knowing(plain, [extension('hello')], { default: level }));
      assert.deepEqual(hostMounts(after), []);
      assert.deepEqual(recordOf(after), [
        { extension: 'default/hello', delivery: 'agent-pull', reason: 'pod-security' },
      ]);
    });
  }

  test('is told of an extension that cannot come to it, and gets nothing of it', () => {
    const known = knowing(plain, [extension('hello', { rawConfig: 'tomorrow' })], { default: 'baseline' });
    const verdict = admit(review(pod('web')), known);
    assert.match(warningsOf(verdict), /default\/hello is not delivered \(PodSecurityForbids\): .*enforces baseline/);
    const after = admitted(pod('web'), known);
    assert.equal(after.metadata.labels?.[deliveryLabel], undefined);
    assert.equal(recordOf(after), undefined);
  });

  test('gets what selects it, and not what another pod gets, which was asked for before', () => {
    const selector = { matchLabels: { tier: 'front' } };
    const known = knowing(plain, [extension('hello'), extension('front', { selector })]);
    const gatesOf = (labels: StringMap): readonly string[] =>
      hostMounts(admitted(pod('web', withLabels(labels)), known));
    const [hello, front] = [gateMount('default/hello'), gateMount('default/front')];
    assert.deepEqual(gatesOf({ app: 'web' }), [storeMount, hello]);
    assert.deepEqual(gatesOf({ app: 'other', tier: 'front' }), [storeMount, front]);
    assert.deepEqual(gatesOf({ app: 'web', tier: 'front' }), [storeMount, front, hello]);
    assert.deepEqual(gatesOf({ app: 'web' }), [storeMount, hello]);
  });

  test('gets what its own namespace allows, and not what another does, whose pods were asked for before', () => {
    const everywhere = extension('istio-system/all');
    const known = knowing(plain, [everywhere], { shop: 'baseline' });
    assert.equal(hostMounts(admitted(pod('web'), known)).length, 2);
    const hardened = deliverModules({ pod: admitted(pod('web'), plain), namespace: 'shop', named: [], facts: known });
    assert.deepEqual(hardened.ok && hardened.value.modules.map(({ delivery, reason }) => [delivery, reason]), [
      ['agent-pull', 'pod-security'],
    ]);
  });

  test("of Istio's root namespace gets each extension once", () => {
    const known = knowing(plain, [extension('istio-system/all')]);
    const before = { pod: admitted(pod('web'), plain), namespace: 'istio-system', named: [], facts: known };
    const given = deliverModules(before);
    assert.equal(given.ok && given.value.modules.length, 1);
  });

  test('gets no volume where the level of its namespace alone is known', () => {
    const known = knowing(plain, [extension('hello')]);
    const namespaces = new Map([['default', { labels: undefined, annotations: {}, hardened: 'baseline' as const }]]);
    const before = { pod: admitted(pod('web'), plain), namespace: 'default', named: [] };
    const given = deliverModules({ ...before, facts: { ...known, namespaces } });
    assert.deepEqual(given.ok && hostMounts(given.value.pod), []);
    assert.equal(given.ok && given.value.modules[0]?.delivery, 'agent-pull');
  });

  test('gets nothing where no container of it is the proxy', () => {
    const before = { pod: pod('web'), namespace: 'default', named: [digest] as const };
    const given = deliverModules({ ...before, facts: knowing(plain, [extension('hello')]) });
    assert.ok(given.ok);
    assert.equal(given.value.pod, before.pod);
    assert.match(given.value.warnings.join(), /wasm-modules.*the pod has no container istio-proxy/);
  });

  test('is explained in the trace, way and reason', () => {
    const verdict = admit(review(pod('web')), knowing(plain, [extension('hello')]));
    const entry = verdict.trace.find(({ gate: asked }) => asked === 'Wasm modules');
    assert.match(entry?.because ?? '', /^default\/hello: node-store, .*\(usual\)\. Nothing speaks against/);
  });
});

suite('a second pass', () => {
  const known = knowing(plain, [extension('hello'), extension('bye'), extension('c', { onMissing: 'run-without' })]);

  test('by us changes nothing', () => {
    const once = admitted(pod('web'), known);
    const again = admit(review(once), known);
    assert.deepEqual('patch' in again && again.patch, []);
  });

  test('over the path for other injectors changes nothing', () => {
    const once = admitted(pod('web'), known);
    const again = admit(review(once, { path: '/wasm' }), known);
    assert.deepEqual([again.kind, 'patch' in again && again.patch], ['deliver', []]);
  });

  test('with one more extension adds its gate alone', () => {
    const once = admitted(pod('web'), known);
    const more = knowing(plain, [
      extension('hello'),
      extension('bye'),
      extension('c', { onMissing: 'run-without' }),
      extension('z'),
    ]);
    const verdict = admit(review(once), more);
    assert.ok('patch' in verdict);
    const paths = verdict.patch.map(({ op, path }: Operation) => `${op} ${path.replace(/\/[0-9]+$/, '/N')}`);
    assert.deepEqual(paths, [
      'replace /metadata/annotations/pillion.dev~1wasm-extensions',
      'add /spec/initContainers/1/volumeMounts/N',
      'add /spec/volumes/N',
    ]);
  });
});

suite('what stands on the pod already', () => {
  const known = knowing(plain, [extension('hello')]);
  const withVolumes =
    (...volumes: readonly Volume[]) =>
    (before: Pod): Pod => ({
      ...before,
      spec: { ...before.spec, volumes },
    });

  test('a volume under one of our names is left to its owner', () => {
    const theirs = { name: 'pillion-wasm-store', emptyDir: {} };
    const after = admitted(pod('web', withVolumes(theirs)), known);
    assert.deepEqual(hostMounts(after), [storeMount, gateMount('default/hello')]);
    assert.deepEqual(
      after.spec.volumes?.find(({ name }) => name === theirs.name),
      theirs,
    );
    assert.ok(after.spec.volumes?.some(({ name }) => name === 'pillion-wasm-store-2'));
    const again = admit(review(after), known);
    assert.deepEqual('patch' in again && again.patch, [], 'and found again the second time');
  });

  test("the store that the peer's annotations mount is taken as it is", () => {
    const annotated = pod(
      'web',
      withAnnotations({
        'sidecar.istio.io/userVolume': JSON.stringify({ modules: { hostPath: { path: store, type: 'Directory' } } }),
        'sidecar.istio.io/userVolumeMount': JSON.stringify({ modules: { mountPath: store, readOnly: true } }),
      }),
    );
    const alone = admitted(annotated, plain);
    assert.deepEqual(hostMounts(alone), [storeMount], 'without any extension too');
    const after = admitted(annotated, known);
    assert.deepEqual(hostMounts(after), [storeMount, gateMount('default/hello')]);
    assert.ok(!after.spec.volumes?.some(({ name }) => name === 'pillion-wasm-store'));
  });

  test('something else at the place of the store is left there: no label, and a warning', () => {
    const proxy = { name: 'istio-proxy', image: 'auto', volumeMounts: [{ name: 'mine', mountPath: `${store}/` }] };
    const before = pod('web', withVolumes({ name: 'mine', emptyDir: {} }), withContainer(proxy));
    assert.match(
      warningsOf(admit(review(before), known)),
      /default\/hello is not delivered: the proxy mounts something else/,
    );
    const after = admitted(before, known);
    assert.deepEqual(hostMounts(after), []);
    assert.equal(after.metadata.labels?.[deliveryLabel], undefined);
  });

  test('a label of ours that says something else is put right', () => {
    const after = admitted(pod('web', withLabels({ [deliveryLabel]: 'agent-pull' })), known);
    assert.equal(after.metadata.labels?.[deliveryLabel], 'node-store');
  });

  test('a file of the node without type File is no gate', () => {
    const mount = { name: 'mine', mountPath: gate('default/hello') };
    const proxy = { name: 'istio-proxy', image: 'auto', volumeMounts: [mount] };
    const before = pod(
      'web',
      withVolumes({ name: 'mine', hostPath: { path: gate('default/hello') } }),
      withContainer(proxy),
    );
    assert.match(warningsOf(admit(review(before), known)), /default\/hello is not delivered/);
  });
});

suite('modules that a pod names itself', () => {
  const known = knowing(plain, []);
  const naming = (value: string) => withAnnotations({ [modulesAnnotation]: value });

  test('are mounted with the store, and waited for', () => {
    const after = admitted(pod('web', naming(`${digest}, ${digest}`)), known);
    const hex = digest.slice('sha256:'.length);
    assert.deepEqual(hostMounts(after), [
      storeMount,
      `${store}/sha256/${hex}.wasm File at /var/lib/pillion/wasm/named/${hex}.wasm for reading`,
    ]);
    assert.equal(after.metadata.labels?.[deliveryLabel], 'node-store');
    assert.deepEqual(recordOf(after), [{ module: digest, delivery: 'node-store', reason: 'pod-annotation' }]);
    const again = admit(review(after), known);
    assert.deepEqual('patch' in again && again.patch, []);
  });

  test('come besides those of the extensions that select it', () => {
    const after = admitted(pod('web', naming(digest)), knowing(plain, [extension('hello')]));
    const own = `${store}/sha256/${digest.slice('sha256:'.length)}.wasm File`;
    assert.deepEqual(
      hostMounts(after).map((one) => one.replace(/ at .*/, '')),
      [`${store} Directory`, `${gate('default/hello')} File`, own],
    );
  });

  for (const wrong of ['', 'sha256:abc', `${digest};${digest}`, digest.toUpperCase(), Array(21).fill(digest).join()]) {
    test(`are refused where they are no digests: ${JSON.stringify(wrong.slice(0, 20))}`, () => {
      for (const path of ['/inject', '/wasm']) {
        const before = path === '/wasm' ? admitted(pod('web'), plain) : pod('web');
        const verdict = admit(review(naming(wrong)(before), { path }), known);
        assert.equal(verdict.reason, 'invalid-annotation');
      }
    });
  }

  test('are refused where the namespace forbids volumes of the node', () => {
    const verdict = admit(review(pod('web', naming(digest))), knowing(plain, [], { default: 'restricted' }));
    assert.ok(verdict.kind === 'deny');
    assert.match(verdict.problems[0]?.expected ?? '', /enforces restricted.*declare a WasmExtension/);
  });

  test('do nothing where no modules are delivered, and the pod is told so', () => {
    const before = pod('web', naming(digest));
    assert.match(warningsOf(admit(review(before), plain)), /wasm-modules.*set the option wasm\.enabled/);
    assert.deepEqual(hostMounts(admitted(before, plain)), []);
  });
});

suite('a pod that another injector injects', () => {
  const known = knowing(plain, [extension('hello')]);
  const theirs = admitted(pod('web'), facts({ native: 'false' }));

  test('gets modules and nothing else', () => {
    const verdict = admit(review(theirs, { path: '/wasm' }), known);
    assert.ok(verdict.kind === 'deliver');
    assert.equal(verdict.reason, 'modules-delivered');
    assert.ok(verdict.patch.every(({ op }) => op === 'add'));
    const after = patched(theirs, verdict.patch);
    assert.deepEqual(hostMounts(after), [storeMount, gateMount('default/hello')]);
    assert.equal(after.spec.containers?.length, theirs.spec.containers?.length);
  });

  test('is left alone before it has its proxy', () => {
    assert.equal(admit(review(pod('web'), { path: '/wasm' }), known).reason, 'no-proxy');
  });

  test('is left alone where no extension selects it, or none is delivered at all', () => {
    const other = withLabels({ app: 'other' })(theirs);
    for (const none of [knowing(plain, []), plain])
      assert.equal(admit(review(other, { path: '/wasm' }), none).reason, 'no-modules');
    assert.equal(admit(review(other, { path: '/wasm' }), known).reason, 'no-modules');
  });

  test('is told why where an extension selects it and cannot come', () => {
    const hard = knowing(plain, [extension('hello', { delivery: 'node-store' })], { default: 'baseline' });
    const verdict = admit(review(theirs, { path: '/wasm' }), hard);
    assert.deepEqual([verdict.kind, verdict.reason], ['skip', 'no-modules']);
    assert.match(warningsOf(verdict), /PodSecurityForbids/);
  });
});

suite('the table of extensions', () => {
  const problemOf = (object: KubeObject) => extensionProblems([readDeliverable(object)])[0];

  test('leaves out what cannot be read, and says what is wrong with it', () => {
    const wrong = extension('shop/bad', { onMissing: 'deny' });
    assert.deepEqual([...tableOf(wrong, extension('good')).keys()], ['default']);
    const problem = problemOf(wrong);
    assert.equal(problem?.path, 'WasmExtension shop/bad');
    assert.match(problem?.expected ?? '', /Unsupported/);
  });

  test('goes on with what runs where a change of the declaration cannot be read', () => {
    const status = { active: revisionOf('a') };
    const labels = [['app', 'web']];
    for (const change of [{ source: { image: 'a b' } }, { onMissing: 'deny' }, { rawConfig: 'x', phase: 'AUTHZ' }]) {
      const wrong = { ...extension('shop/bad', change), status };
      assert.ok(problemOf(wrong), JSON.stringify(change));
      const [kept] = tableOf(wrong).get('shop') ?? [];
      assert.deepEqual([kept?.labels, kept?.decisions.other.delivery], [labels, 'node-store']);
      assert.match(problemOf(wrong)?.expected ?? '', /pods get what runs already/);
    }
    const keptOf = (spec: JsonObject, pinned = status.active.pinned) => {
      const object = { ...extension('shop/bad', spec), status: { active: revisionOf('a', { pinned }) } };
      assert.ok(problemOf(object), JSON.stringify(spec));
      const [kept] = tableOf(object).get('shop') ?? [];
      return [kept?.decisions.other.delivery, kept?.decisions.baseline.delivery];
    };
    // what still says how the module comes is kept, as far as it can be read
    const other = { phase: 'LATE' };
    assert.deepEqual(keptOf(other), ['node-store', 'agent-pull']);
    assert.deepEqual(keptOf({ ...other, rawConfig: 'x' }), ['node-store', 'none']);
    assert.deepEqual(keptOf({ ...other, onMissing: 'run-without' }), ['agent-pull', 'agent-pull']);
    assert.deepEqual(keptOf({ ...other, delivery: 'node-store' }), ['node-store', 'none']);
    assert.deepEqual(keptOf({ rawConfig: 'x', onMissing: 'deny' }), ['node-store', 'none']);
    assert.deepEqual(keptOf({ rawConfig: 7 }), ['node-store', 'agent-pull']);
    for (const pinned of ['https://example.com/f.wasm', 'http://example.com/f.wasm'])
      assert.deepEqual(keptOf(other, pinned), ['node-store', 'agent-pull']);
    assert.equal(tableOf({ ...extension('shop/bad'), spec: 'x', status }).size, 0);
    const unclear = { ...extension('shop/bad', { selector: { matchLabels: 'web' } }), status };
    assert.equal(tableOf(unclear).size, 0);
  });

  test('has what runs beside what is declared, so that new pods get what runs until the switch', () => {
    const running = { selector: { matchLabels: { app: 'web' } }, delivery: 'agent-pull' };
    const changed = (spec: JsonObject): KubeObject => ({
      ...extension('hello', spec),
      status: { active: revisionOf('a'), running },
    });
    const waiting = knowing(plain, [changed({ selector: { matchLabels: { tier: 'front' } } })]);
    const deliveryTo = (labels: StringMap): unknown => {
      const after = admitted(pod('web', withLabels(labels)), waiting);
      return [after.metadata.labels?.[deliveryLabel], hostMounts(after).length];
    };
    // in this order: what the webhook remembers of the one is not taken for the other
    assert.deepEqual(deliveryTo({ app: 'other', tier: 'front' }), ['node-store', 2]);
    assert.deepEqual(deliveryTo({ app: 'web' }), ['agent-pull', 0]);
    assert.deepEqual(deliveryTo({ app: 'web', tier: 'front' }), ['agent-pull', 0]);
    assert.equal(tableOf(changed(running)).get('default')?.length, 1);
    const [kept] = tableOf(changed({ onMissing: 'deny' })).get('default') ?? [];
    assert.equal(kept?.decisions.other.delivery, 'agent-pull');
  });

  test('is in the order of the names, whatever the order in which they come', () => {
    for (const names of ['a b c', 'a c b', 'b a c', 'b c a', 'c a b', 'c b a']) {
      const all = tableOf(...names.split(' ').map((name) => extension(name))).get('default') ?? [];
      assert.deepEqual(all.map(({ name }) => name).join(' '), 'a b c');
    }
  });

  test('has one plan for all pods that the same extensions select, and keeps so many plans at most', () => {
    const extensions = tableOf(extension('hello'));
    const [hello] = extensions.get('default') ?? [];
    assert.ok(hello !== undefined);
    const first = planFor([hello], 'other', extensions);
    assert.equal(planFor([hello], 'other', extensions), first);
    assert.notEqual(planFor([hello], 'baseline', extensions), first);
    for (let at = 0; at < 1_000; at += 1) planFor([{ ...hello, name: `hello-${at}` }], 'other', extensions);
    assert.notEqual(planFor([hello], 'other', extensions), first, 'what was known is forgotten');
  });

  test('changes nothing where it is empty, byte for byte', () => {
    const one = pod('web', withAnnotations({ 'sidecar.istio.io/proxyCPU': '100m' }));
    const patchOf = (known: Facts): string => JSON.stringify((admit(review(one), known) as { patch: unknown }).patch);
    assert.equal(patchOf(knowing(plain, [])), patchOf(plain));
    assert.equal(
      patchOf(knowing(plain, [extension('other', { selector: { matchLabels: { app: 'x' } } })])),
      patchOf(plain),
    );
  });
});
