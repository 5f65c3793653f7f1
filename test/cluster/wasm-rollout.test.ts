// Are Wasm extensions rolled out in their order, from the tag to Istio's object, against a real API server and a real
// registry, with the rights of an installation. Trials and node agents are played; each has tests of its own.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { isObject, type JsonObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { fail, ok } from '../../src/core/model/problem.ts';
import { packModule } from '../../src/core/wasm/image/pack.ts';
import { resolveAnnotation } from '../../src/core/wasm/names.ts';
import { refusal } from '../../src/core/wasm/refusals.ts';
import { agentOptionsMap } from '../../src/core/wasm/store/agent-options.ts';
import type { WasmRollout } from '../../src/roles/wasm-rollout.ts';
import { until } from '../until.ts';
import { skipWithoutRegistry } from '../wasm/distribution.ts';
import { validModule } from '../wasm/module-builder.ts';
import { assets } from './assets.ts';
import { writeSettings } from './live-server.ts';
import { metric } from './management.ts';
import { startPillion } from './pillion-process.ts';
import { makePod, namespace, patience, setPodSecurity, specOf, startWasmWorld, type WasmWorld } from './wasm-world.ts';

function stateOf(workload: unknown): unknown {
  return isObject(workload) ? workload['state'] : undefined;
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const [first, second] = ['first', 'second'].map((label) => validModule(label)) as [Uint8Array, Uint8Array];
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();

suite('rollouts of Wasm extensions', { skip: assets.skip || skipWithoutRegistry }, () => {
  let world: WasmWorld;
  let rollout: WasmRollout;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    world = await startWasmWorld(context, { filterDeployments: true });
    rollout = await world.start();
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const image = (tag: string, repository = 'team/filter'): string =>
    `oci://${world.registry.host}/${repository}:${tag}`;
  const versionOf = async (name: string): Promise<string | undefined> =>
    (await world.extension(name)).metadata.resourceVersion;

  test('an extension goes the whole road, and waits on it for every node', async () => {
    const manifestDigest = await world.push(first, '1');
    await world.report('one', []);
    await world.report('two', []);
    await world.declare('hello', {
      source: { image: image('1') },
      selector: { matchLabels: { app: 'web' } },
      phase: 'AUTHN',
      priority: 7,
      pluginConfig: { greeting: 'hello' },
    });
    await world.untilReady('hello', 'NodesPending', /one, two/);
    const { candidate, active, nodes } = await world.standing('hello');
    assert.equal(candidate?.moduleDigest, digestOf(first));
    assert.equal(candidate.manifestDigest, manifestDigest);
    assert.equal(candidate.pinned, `oci://${world.registry.host}/team/filter@${manifestDigest}`);
    assert.equal(active, undefined);
    assert.deepEqual(nodes, { wanted: 2, ready: 0 });
    assert.equal(await world.plugin('hello'), undefined);
    await world.report('one', [digestOf(first)]);
    await world.untilReady('hello', 'NodesPending', /on two/);
    assert.equal(await world.plugin('hello'), undefined);
    await world.report('two', [digestOf(first)]);
    await world.untilReady('hello', 'Succeeded');
    const plugin = await world.plugin('hello');
    assert.deepEqual(specOf(plugin), {
      selector: { matchLabels: { app: 'web', 'pillion.dev/wasm-delivery': 'node-store' } },
      url: `file:///var/lib/pillion/wasm/modules/sha256/${digestOf(first).slice(7)}.wasm`,
      type: 'HTTP',
      phase: 'AUTHN',
      priority: 7,
      failStrategy: 'FAIL_CLOSE',
      match: [{ mode: 'SERVER' }],
      pluginConfig: { greeting: 'hello' },
    });
    const { uid } = (await world.extension('hello')).metadata;
    assert.deepEqual(plugin?.metadata.ownerReferences, [
      {
        apiVersion: 'pillion.dev/v1alpha1',
        blockOwnerDeletion: false,
        controller: true,
        kind: 'WasmExtension',
        name: 'hello',
        uid,
      },
    ]);
    const after = await world.standing('hello');
    assert.equal(after.active?.moduleDigest, digestOf(first));
    assert.equal(after.candidate, undefined);
  });

  test('the layer was fetched once, and tried once with the proxy of the mesh', () => {
    assert.equal(world.blobGets(packModule(first).layer.digest), 1);
    assert.equal(world.trials.length, 1);
    assert.match(world.trials[0]?.proxyImage ?? '', /proxyv2/);
    assert.equal(digestOf(world.trials[0]?.bytes ?? new Uint8Array()), digestOf(first));
  });

  test('a second extension with the same module is tried with its own configuration, and not fetched again', async () => {
    await world.declare('again', { source: { image: image('1') }, pluginConfig: { greeting: 'again' } });
    await world.untilReady('again', 'Succeeded');
    assert.equal(world.trials.length, 2);
    assert.equal(world.blobGets(packModule(first).layer.digest), 1);
    assert.deepEqual(world.trials[1]?.extension.pluginConfig, { greeting: 'again' });
  });

  test('what is as it should be is not written again, by the next process neither', async () => {
    const versions = [await versionOf('hello'), (await world.plugin('hello'))?.metadata.resourceVersion];
    await rollout.close();
    rollout = await world.start();
    // something that is looked at after it: its status shows that everything was looked at
    await world.declare('witness', { source: { image: 'not an image' } });
    await world.untilReady('witness', 'InvalidReference');
    assert.deepEqual([await versionOf('hello'), (await world.plugin('hello'))?.metadata.resourceVersion], versions);
    assert.equal(world.blobGets(packModule(first).layer.digest), 1);
    assert.equal(world.trials.length, 2);
  });

  test('a configuration that the trial refuses changes nothing of what runs', async () => {
    const { spec } = (await world.plugin('hello')) as KubeObject;
    world.verdict = () => fail(refusal('TrialRefused', 'Cannot load it: the proxy says no'));
    const declared = specOf(await world.extension('hello'));
    await world.declare('hello', { ...declared, pluginConfig: { greeting: 'wrong' } });
    const { message } = await world.untilReady('hello', 'TrialRefused');
    assert.match(message, /the proxy says no.*goes on/);
    assert.deepEqual(specOf(await world.plugin('hello')), spec);
    assert.equal((await world.standing('hello')).active?.moduleDigest, digestOf(first));
    world.verdict = () => ok(undefined);
    const held = world.trials.length;
    await world.declare('hello', declared);
    await world.untilReady('hello', 'Succeeded');
    assert.equal(world.trials.length, held); // it was tried before
  });

  test('a new version is switched to in place, and the one before is kept', async () => {
    await world.push(second, '2');
    const declared = specOf(await world.extension('hello'));
    await world.declare('hello', { ...declared, source: { image: image('2') } });
    await world.untilReady('hello', 'NodesPending');
    assert.match(String(specOf(await world.plugin('hello'))['url']), new RegExp(digestOf(first).slice(7)));
    // whoever leads next goes on from there
    await rollout.close();
    rollout = await world.start();
    const held = world.trials.length;
    for (const node of ['one', 'two']) await world.report(node, [digestOf(first), digestOf(second)]);
    await world.untilReady('hello', 'Succeeded');
    assert.match(String(specOf(await world.plugin('hello'))['url']), new RegExp(digestOf(second).slice(7)));
    assert.deepEqual([world.blobGets(packModule(second).layer.digest), world.trials.length], [1, held]);
    const { active, previous, candidate } = await world.standing('hello');
    assert.deepEqual([active?.moduleDigest, previous?.moduleDigest], [digestOf(second), digestOf(first)]);
    assert.equal(candidate, undefined);
  });

  test('a node that cannot get a module is named with its reason, and holds the switch', async () => {
    const third = validModule('third');
    await world.push(third, '3');
    await world.declare('again', { source: { image: image('3') } });
    await world.untilReady('again', 'NodesPending');
    await world.report('one', [digestOf(third)], 'Failed');
    const { message } = await world.untilReady('again', 'NodesFailed');
    assert.match(message, /one: DiskFull: no room/);
    const { nodes } = await world.standing('again');
    assert.deepEqual(nodes?.failed, [{ node: 'one', reason: 'DiskFull', message: 'no room' }]);
    await world.plane.kube.remove(resources.wasmExtensions, 'again', namespace);
    for (const node of ['one', 'two']) await world.report(node, [digestOf(first), digestOf(second)]);
  });

  test('an image that is not there, one that is no module and a taken name are refused with their reasons', async () => {
    await world.declare('absent', { source: { image: image('absent') } });
    await world.untilReady('absent', 'NotFound');
    await world.push(new TextEncoder().encode('no module at all'), 'text', 'team/text');
    await world.declare('text', { source: { image: image('text', 'team/text') } });
    await world.untilReady('text', 'NotWasm');
    const metadata = { name: 'taken', namespace };
    const { apiVersion, kind } = resources.wasmPlugins;
    await world.plane.kube.create({ apiVersion, kind, metadata, spec: { url: 'oci://of/somebody:1' } });
    await world.declare('taken', { source: { image: image('1') } });
    await world.untilReady('taken', 'NameTaken');
    assert.deepEqual(specOf(await world.plugin('taken')), { url: 'oci://of/somebody:1' });
    // an Event follows the status that it is of
    for (const reason of ['NotFound', 'NotWasm', 'NameTaken', 'TrialRefused']) {
      const isTold = async () => world.events.some((event) => event.type === 'Warning' && event.reason === reason);
      await until(`an Event tells ${reason}`, isTold, patience);
    }
    // what passes by itself is tried again
    await world.push(first, 'absent');
    await world.untilReady('absent', 'Succeeded');
  });

  test('an object of another extension is not taken from it, and they do not write in turns', async () => {
    const { kube } = world.plane;
    const labels = { app: 'pulls', 'pillion.dev/wasm-delivery': 'agent-pull' };
    await makePod(world.plane, 'pulls', { node: 'one', labels, started: true });
    const source = { image: image('1') };
    const selector = { matchLabels: { app: 'pulls' } };
    await world.declare('both', { source, selector });
    await world.untilReady('both', 'Succeeded', /node-store and agent-pull/);
    const plugin = await world.plugin('both-agent-pull');
    await world.declare('both-agent-pull', { source });
    const taken = await world.untilReady('both-agent-pull', 'NameTaken');
    assert.match(taken.message, /WasmPlugin shop\/both-agent-pull: .*is not of this extension/);
    assert.deepEqual(await world.plugin('both-agent-pull'), plugin);
    for (const name of ['both', 'both-agent-pull']) await kube.remove(resources.wasmExtensions, name, namespace);
    await kube.remove(resources.pods, 'pulls', namespace);
  });

  test('the options of the agents are written again when somebody has removed them', async () => {
    const { name, namespace: within } = agentOptionsMap(world.options).metadata;
    await world.plane.kube.remove(resources.configMaps, name, within);
    const isThere = async () => (await world.plane.kube.get(resources.configMaps, name, within)) !== undefined;
    await until('they are there again', isThere, patience);
  });

  test('an image that nobody signed is refused where signatures are asked for', async () => {
    const keys = [{ name: 'release', pem }];
    await world.declare('unsigned', { source: { image: image('1') }, trust: { keys } });
    await world.untilReady('unsigned', 'SignatureMissing');
    assert.equal(await world.plugin('unsigned'), undefined);
    await world.declare('unsigned', { source: { image: image('1') }, trust: { keys, signatures: 'warn' } });
    await world.untilReady('unsigned', 'Succeeded');
    const verified = (await world.standing('unsigned')).conditions?.find(({ type }) => type === 'Verified');
    assert.match(verified?.message ?? '', /SignatureMissing/);
  });

  test('where the namespace forbids volumes of the node, agents pull by digest, and a text is refused', async () => {
    await setPodSecurity(world.plane, 'restricted');
    await world.declare('strict', { source: { image: image('1') } });
    await world.untilReady('strict', 'Succeeded', /agent-pull/);
    const manifestDigest = (await world.standing('strict')).active?.manifestDigest ?? '';
    const { url, sha256 } = specOf(await world.plugin('strict'));
    assert.deepEqual(
      [url, sha256],
      [`oci://${world.registry.host}/team/filter@${manifestDigest}`, manifestDigest.slice('sha256:'.length)],
    );
    await world.declare('text', { source: { image: image('1') }, rawConfig: 'tomorrow' });
    await world.untilReady('text', 'PodSecurityForbids');
    await setPodSecurity(world.plane, null);
    await world.untilReady('text', 'Succeeded');
    await world.untilReady('strict', 'Succeeded', /node-store/);
    assert.match(String(specOf(await world.plugin('strict'))['url']), /^file:/);
    await world.untilReady('hello', 'Succeeded', /node-store/);
  });

  test('what somebody changes or deletes of it is put right', async () => {
    const { kube } = world.plane;
    const spec = specOf(await world.plugin('strict'));
    await kube.call('PATCH', pathOf(resources.wasmPlugins, namespace, 'strict'), {
      body: { spec: { url: 'file:///etc/passwd' } },
      contentType: 'application/merge-patch+json',
    });
    const isRight = async (): Promise<boolean> => isDeepStrictEqual(specOf(await world.plugin('strict')), spec);
    await until('it is put right', isRight, patience);
    await kube.remove(resources.wasmPlugins, 'strict', namespace);
    await until('it is written again', isRight, patience);
  });

  test('what the API server will not have is told with its words, and written once it will', async () => {
    const { kube } = world.plane;
    const name = 'no-plugins';
    const policy = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name } };
    const rules = [{ apiGroups: ['extensions.istio.io'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }];
    await kube.create({
      ...{ ...policy, kind: 'ValidatingAdmissionPolicy' },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: rules },
        validations: [{ expression: "object.metadata.name != 'unwanted'", message: 'not on my watch' }],
      },
    });
    await kube.create({
      ...{ ...policy, kind: 'ValidatingAdmissionPolicyBinding' },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    const { apiVersion, kind } = resources.wasmPlugins;
    const plain = { apiVersion, kind, metadata: { name: 'unwanted', namespace }, spec: {} };
    await until(
      'the policy is in force',
      () =>
        kube.create(plain, { dryRun: true }).then(
          () => false,
          (error: Error) => /my watch/.test(error.message),
        ),
      patience,
    );
    await world.declare('unwanted', { source: { image: image('1') } });
    const { message } = await world.untilReady('unwanted', 'SwitchImpossible');
    assert.match(message, /not on my watch/);
    await kube.remove(resources.admissionPolicyBindings, name);
    await world.untilReady('unwanted', 'Succeeded');
  });

  test('a pull secret that may not be read is refused with the commands that let us', async () => {
    await world.declare('secretive', { source: { image: image('1') }, pullSecret: 'regcred' });
    const { message } = await world.untilReady('secretive', 'PullSecretUnreadable');
    assert.match(message, /kubectl -n shop create role pillion-pull .*--resource-name=regcred/);
  });

  test('pods are told of by name: those that run it, those that wait, those without the mount', async () => {
    const labels = { app: 'web', 'pillion.dev/wasm-delivery': 'node-store' };
    await makePod(world.plane, 'runs', { node: 'one', labels, started: true });
    await makePod(world.plane, 'held', { node: 'two', labels, started: false });
    await makePod(world.plane, 'old', { node: 'two', labels: { app: 'web' }, started: true });
    const pods = await until(
      'the pods are told of',
      async () => {
        const { pods: found } = await world.standing('hello');
        return found?.['selected'] === 3 && found['delivered'] === 1 && found;
      },
      patience,
    );
    assert.deepEqual(pods, {
      selected: 3,
      delivered: 1,
      waiting: 1,
      without: 1,
      list: [
        {
          pod: 'shop/old',
          reason:
            'created before the extension, without the mount; create it anew, or label it pillion.dev/wasm-delivery=agent-pull',
        },
        { pod: 'shop/held', reason: 'its proxy has not started yet' },
        { pod: 'shop/runs', digest: digestOf(second) },
      ],
    });
  });

  test('a tag that moved is reported, and rolled out only when that is asked', async () => {
    await rollout.close();
    rollout = await world.start({ tagCheckMs: 200 });
    const moved = validModule('moved');
    const manifestDigest = await world.push(moved, '2');
    const resolved = await until(
      'it is reported',
      async () => {
        const { conditions = [] } = await world.standing('hello');
        return conditions.find(({ reason }) => reason === 'TagMoved');
      },
      patience,
    );
    assert.equal(resolved.status, 'True');
    assert.match(resolved.message, new RegExp(manifestDigest));
    assert.equal((await world.standing('hello')).moved?.manifestDigest, manifestDigest);
    assert.equal((await world.standing('hello')).active?.moduleDigest, digestOf(second));
    await world.untilReady('hello', 'Succeeded');
    await world.declare('hello', specOf(await world.extension('hello')), { [resolveAnnotation]: '1' });
    await world.untilReady('hello', 'NodesPending');
    for (const node of ['one', 'two']) await world.report(node, [digestOf(first), digestOf(second), digestOf(moved)]);
    await world.untilReady('hello', 'Succeeded');
    const { active, moved: left, resolvedFor } = await world.standing('hello');
    assert.deepEqual([active?.moduleDigest, left, resolvedFor], [digestOf(moved), undefined, '1']);
  });

  test('a FilterDeployment becomes an extension of its own, with its text as it is, and gets its status back', async () => {
    const { apiVersion, kind } = resources.filterDeployments;
    const config = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'world' };
    const filter = { image: `${world.registry.host}/team/filter:1`, rootID: 'root', config };
    const spec = { filter, deployment: { istio: { kind: 'Deployment', labels: { app: 'web' } } } };
    const object = await world.plane.kube.create({ apiVersion, kind, metadata: { name: 'old', namespace }, spec });
    await world.untilReady('old', 'Succeeded');
    const { metadata, spec: made } = await world.extension('old');
    assert.equal(metadata.ownerReferences?.[0]?.uid, object.metadata.uid);
    assert.equal((made as JsonObject)['rawConfig'], 'world');
    const [patch] = specOf(await world.plugin('old', resources.envoyFilters))['configPatches'] as readonly JsonObject[];
    const text = JSON.stringify(patch);
    assert.match(text, /"root_id":"root"/);
    assert.match(text, /"configuration":{"@type":"type.googleapis.com\/google.protobuf.StringValue","value":"world"}/);
    const status = await until(
      'its status is there',
      async () => {
        const found = await world.plane.kube.get(resources.filterDeployments, 'old', namespace);
        const read = found?.['status'];
        return (
          isObject(read) && isObject(read['workloads']) && stateOf(read['workloads']['runs']) === 'Succeeded' && read
        );
      },
      patience,
    );
    assert.deepEqual((status['workloads'] as JsonObject)['runs'], { state: 'Succeeded' });
    assert.equal(status['observedGeneration'], 1);
    // a bare text means the same, so that nothing has to be tried or written anew
    const held = world.trials.length;
    const version = (await world.plugin('old', resources.envoyFilters))?.metadata.resourceVersion;
    await world.plane.kube.apply(
      {
        apiVersion,
        kind,
        metadata: { name: 'old', namespace },
        spec: { ...spec, filter: { ...filter, config: 'world' } },
      },
      { fieldManager: 'test' },
    );
    await until(
      'it was looked at',
      async () => {
        const found = await world.plane.kube.get(resources.filterDeployments, 'old', namespace);
        return isObject(found?.['status']) && found['status']['observedGeneration'] === found.metadata.generation;
      },
      patience,
    );
    await world.untilReady('old', 'Succeeded');
    assert.equal(world.trials.length, held);
    assert.equal((await world.plugin('old', resources.envoyFilters))?.metadata.resourceVersion, version);
  });

  test('the report of a node that is gone is taken away', async () => {
    await world.report('three', []);
    await until(
      'it is gone',
      async () => (await world.plane.kube.get(resources.wasmStores, 'three')) === undefined,
      patience,
    );
  });

  test('pillion control rolls out while its options say so, and hands them on to the node agents', async () => {
    await rollout.close();
    const { kube, kubeconfigOf } = world.plane;
    const wasm = { enabled: true, plainHttpRegistries: [world.registry.host], maxModuleMegabytes: 7 };
    await writeSettings(kube, { options: { wasm } });
    const kubeconfig = await kubeconfigOf(ownNamespace, names.control);
    const address = ['--service-address', '127.0.0.1:1', '--management-listen', '127.0.0.1:0'];
    const control = startPillion(context, ['control', '--kubeconfig', kubeconfig, ...address]);
    await control.waitFor('managementUrl');
    const version = await versionOf('hello');
    await world.declare('really', { source: { image: image('1') }, pluginConfig: { greeting: 'really' } });
    // it is no pod of a cluster, so that it can offer the module to nobody
    await world.untilReady('really', 'TrialImpossible', /this process is no pod/);
    const counts = async (): Promise<boolean> =>
      (await metric(control, 'pillion_wasm_rollout_refusals_total{reason="TrialImpossible"}')) >= 1 &&
      (await metric(control, 'pillion_wasm_extensions{state="ready"}')) >= 2;
    await until('it counts them', counts, patience);
    assert.equal(await versionOf('hello'), version);
    const handedOn = async (): Promise<boolean> => {
      const { name, namespace: within } = agentOptionsMap(world.options).metadata;
      const map = await kube.get(resources.configMaps, name, within);
      return JSON.stringify(map?.['data']).includes('\\"maxModuleMegabytes\\":7');
    };
    await until('the agents are told', handedOn, patience);
    await writeSettings(kube, { options: {} });
    await until(
      'it looks at none any more',
      async () => (await metric(control, 'pillion_wasm_extensions{state="ready"}')) === 0,
      patience,
    );
    assert.equal(await control.stop(), 0);
  });

  test('going back to the previous revision needs no registry, a restart does not either', async () => {
    await rollout.close();
    const { previous } = await world.standing('hello');
    assert.equal(previous?.moduleDigest, digestOf(second));
    const held = world.trials.length;
    await world.registry.stop();
    rollout = await world.start();
    const declared = specOf(await world.extension('hello'));
    const annotations = { [resolveAnnotation]: '1' };
    await world.declare('hello', { ...declared, source: { image: previous.pinned } }, annotations);
    await world.untilReady('hello', 'Succeeded');
    assert.match(String(specOf(await world.plugin('hello'))['url']), new RegExp(digestOf(second).slice(7)));
    assert.equal(world.trials.length, held);
    assert.equal(world.troubles(), undefined);
  });
});
