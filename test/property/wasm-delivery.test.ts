// Answers: what holds for every pod and every set of extensions: twice is once, nothing foreign is touched, and a proxy
// that has the label of the node store has the store.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admit } from '../../src/core/admit.ts';
import type { Facts } from '../../src/core/model/facts.ts';
import { type Container, findProxy, type Pod, type Volume } from '../../src/core/model/pod.ts';
import type { Operation } from '../../src/core/model/verdict.ts';
import { deliveryLabel, extensionsAnnotation, modulesDirectory } from '../../src/core/wasm/names.ts';
import { patched, review } from '../builders.ts';
import { extension, knowing } from '../unit/wasm/declared.ts';
import { arbitraryPod, arbitrarySettings, asJson, factsNamed, type SettingsName } from './arbitrary-pods.ts';
import { runs } from './runs.ts';

const usual = runs(300);

const arbitraryExtension = fc.record(
  {
    selector: fc.constantFrom({ matchLabels: { app: 'a' } }, { matchLabels: {} }, { matchLabels: { version: 'v1' } }),
    onMissing: fc.constantFrom('block', 'run-without'),
    delivery: fc.constantFrom('auto', 'node-store', 'agent-pull'),
    rawConfig: fc.constant('tomorrow'),
  },
  { requiredKeys: [] },
);
const arbitraryAround = fc.record({
  specs: fc.array(arbitraryExtension, { maxLength: 5 }),
  level: fc.constantFrom('privileged', 'baseline', 'restricted'),
});
type Around = typeof arbitraryAround extends fc.Arbitrary<infer T> ? T : never;

/** Volumes that a user has: of our names, of our paths, or at our places. */
const arbitraryClash = fc.constantFrom<readonly Volume[]>(
  [],
  [{ name: 'pillion-wasm-store', emptyDir: {} }],
  [{ name: 'modules', hostPath: { path: modulesDirectory, type: '' } }],
);

function factsIn(settings: SettingsName, { specs, level }: Around): Facts {
  const objects = specs.map((spec, index) =>
    extension(`${index % 2 === 0 ? 'default' : 'istio-system'}/e${index}`, spec),
  );
  return knowing(factsNamed(settings), objects, { default: level });
}

function withVolumes(pod: Pod, more: readonly Volume[]): Pod {
  return { ...pod, spec: { ...pod.spec, volumes: [...(pod.spec.volumes ?? []), ...more] } };
}

/** The patch, of pods that get one. */
function patchFor(pod: Pod, known: Facts, path = '/inject'): readonly Operation[] {
  const verdict = admit(review(pod, { path }), known);
  fc.pre('patch' in verdict);
  return 'patch' in verdict ? verdict.patch : [];
}

function others({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])].filter(({ name }) => name !== 'istio-proxy');
}

test('a second pass over a pod with modules changes nothing, by either path', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, arbitraryAround, arbitraryClash, (pod, settings, around, clash) => {
      const known = factsIn(settings, around);
      const before = withVolumes(pod, clash);
      const once = patched(before, patchFor(before, known));
      assert.deepEqual(patchFor(once, known), []);
      const again = admit(review(once, { path: '/wasm' }), known);
      assert.deepEqual('patch' in again ? again.patch : [], []);
    }),
    usual,
  );
});

test('modules add to a pod that another injector injected, and change nothing of it', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, arbitraryAround, arbitraryClash, (pod, settings, around, clash) => {
      const own = withVolumes(pod, clash);
      const before = patched(own, patchFor(own, factsNamed(settings)));
      const patch = patchFor(before, factsIn(settings, around), '/wasm');
      for (const { op, path } of patch) {
        // the record is ours, whoever has written into it
        if (path !== `/metadata/annotations/${extensionsAnnotation.replace('/', '~1')}`) assert.equal(op, 'add', path);
      }
      const after = patched(before, patch);
      assert.deepEqual(others(after), others(before));
      const { volumeMounts: mounts = [], ...proxy } = findProxy(after) as Container;
      const { volumeMounts: mountsBefore = [], ...proxyBefore } = findProxy(before) as Container;
      assert.deepEqual(proxy, proxyBefore);
      assert.deepEqual(mounts.slice(0, mountsBefore.length), mountsBefore);
      const volumesBefore = before.spec.volumes ?? [];
      assert.deepEqual((after.spec.volumes ?? []).slice(0, volumesBefore.length), volumesBefore);
    }),
    usual,
  );
});

test('the label of the node store is on those pods alone whose proxy mounts the store and every gate', () => {
  let stored = 0;
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, arbitraryAround, (pod, settings, around) => {
      const after = patched(pod, patchFor(pod, factsIn(settings, around)));
      const mounted = (findProxy(after)?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
      const isStored = after.metadata.labels?.[deliveryLabel] === 'node-store';
      assert.equal(mounted.includes(modulesDirectory), isStored);
      if (!isStored) return;
      stored += 1;
      const record = JSON.parse(after.metadata.annotations?.[extensionsAnnotation] ?? '') as {
        extension: string;
        delivery: string;
      }[];
      for (const { extension: name, delivery } of record) {
        assert.equal(mounted.includes(`/var/lib/pillion/wasm/extensions/${name}.wasm`), delivery === 'node-store');
      }
      assert.equal(new Set(mounted).size, mounted.length, 'no place is taken twice');
      const names = after.spec.volumes?.map(({ name }) => name) ?? [];
      assert.equal(new Set(names).size, names.length, 'no name is taken twice');
    }),
    usual,
  );
  assert.ok(stored > 20, `${stored} pods had the store`);
});

test('facts without extensions and facts with none give the same patch', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, (pod, settings) => {
      const none = { ...factsNamed(settings), extensions: new Map() };
      assert.equal(
        JSON.stringify(asJson(patchFor(pod, none))),
        JSON.stringify(asJson(patchFor(pod, factsNamed(settings)))),
      );
    }),
    usual,
  );
});
