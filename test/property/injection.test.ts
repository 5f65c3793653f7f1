// Answers: what holds for every pod that is injected: twice is once, nothing foreign is touched, the patch is the verdict.
// Does not belong here: what is no pod at all (robustness.test.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admit } from '../../src/core/admit.ts';
import type { Container, Pod } from '../../src/core/model/pod.ts';
import type { Injected, Operation } from '../../src/core/model/verdict.ts';
import { annotations } from '../../src/core/settings/catalogue.ts';
import { patched, review } from '../builders.ts';
import { arbitraryPod, arbitrarySettings, asJson, factsNamed, probe, type SettingsName } from './arbitrary-pods.ts';
import { runs } from './runs.ts';

const usual = runs(400);
const probes: ReadonlySet<string> = new Set(['startupProbe', 'readinessProbe', 'livenessProbe', 'lifecycle']);
const ours: ReadonlySet<string> = new Set(['istio-init', 'istio-proxy', 'istio-validation', 'enable-core-dump']);

/** The verdict on a pod that is injected; pods that are denied are left out of the property. */
function inject(pod: Pod, settings: SettingsName): Injected {
  const verdict = admit(review(pod), factsNamed(settings));
  fc.pre(verdict.kind === 'inject');
  return verdict as Injected;
}

/** The pod as the API server goes on with it, after fast-json-patch has applied the patch. */
function injected(pod: Pod, settings: SettingsName): Pod {
  return patched(pod, inject(pod, settings).patch);
}

function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
}

function withoutProbes({ startupProbe, readinessProbe, livenessProbe, lifecycle, ...rest }: Container): object {
  return rest;
}

/** Templates for gRPC add to the containers of the application; that is what they are for. */
function leavesContainersAlone({ metadata }: Pod): boolean {
  return !metadata.annotations?.[annotations.templates.key]?.startsWith('grpc');
}

test('most random pods are injected', () => {
  const sample = fc.sample(fc.tuple(arbitraryPod, arbitrarySettings), usual);
  const kinds = sample.map(([pod, settings]) => admit(review(pod), factsNamed(settings)).kind);
  assert.ok(kinds.filter((kind) => kind === 'inject').length > kinds.length * 0.75, `${kinds}`);
});

test('fast-json-patch makes the pod of the verdict from the pod of the request', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, (pod, settings) => {
      const before = structuredClone(pod);
      const verdict = inject(pod, settings);
      assert.deepEqual(pod, before, 'the request is left as it is');
      assert.deepEqual(asJson(patched(pod, verdict.patch)), asJson(verdict.pod));
    }),
    usual,
  );
});

test('a second injection changes nothing', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, (pod, settings) => {
      const once = injected(pod, settings);
      const again = admit(review(once), factsNamed(settings));
      assert.equal(again.kind, 'inject');
      assert.deepEqual(again.kind === 'inject' && again.patch, []);
      assert.deepEqual(asJson(again.kind === 'inject' && again.pod), asJson(once));
    }),
    usual,
  );
});

test('containers of the user leave as they came, but for probes and hooks', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, (pod, settings) => {
      fc.pre(leavesContainersAlone(pod));
      const after = new Map(containersOf(injected(pod, settings)).map((container) => [container.name, container]));
      for (const container of containersOf(pod)) {
        if (ours.has(container.name)) continue;
        assert.deepEqual(withoutProbes(after.get(container.name) ?? { name: 'lost' }), withoutProbes(container));
      }
    }),
    usual,
  );
});

/** The containers that an operation changes, moves or removes; none for one that only adds a container. */
function reached({ spec }: Pod, { op, path }: Operation): readonly Container[] {
  const [, field, list = '', index, below] = path.split('/');
  if (field !== 'spec' || !(list === 'containers' || list === 'initContainers')) return [];
  const containers = spec[list] ?? [];
  if (index === undefined) return containers;
  const changes = op !== 'add' || below !== undefined;
  return changes && !probes.has(below ?? '') ? containers.slice(Number(index), Number(index) + 1) : [];
}

test('no operation reaches into a container of the user, but for probes and hooks', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, (pod, settings) => {
      fc.pre(leavesContainersAlone(pod));
      let current: Pod = pod;
      for (const operation of inject(pod, settings).patch) {
        const foreign = reached(current, operation).filter(({ name }) => !ours.has(name));
        assert.deepEqual(foreign, [], `${operation.op} ${operation.path}`);
        current = patched(current, [operation]);
      }
    }),
    usual,
  );
});

interface Foreign {
  readonly container: Container;
  readonly initContainer: Container;
  readonly env: { readonly name: string; readonly value: string };
}

const foreign: fc.Arbitrary<Foreign> = fc
  .record({ readinessProbe: probe, value: fc.string() })
  .map(({ readinessProbe, value }) => ({
    container: { name: 'foreign', image: 'example.com/f', readinessProbe },
    initContainer: { name: 'foreign-init', restartPolicy: 'Always' },
    env: { name: 'FOREIGN', value },
  }));

/** What another webhook does to a pod: it adds everywhere, in front and behind. */
function asAnotherWebhook(pod: Pod, { container, initContainer, env }: Foreign): Pod {
  const { metadata, spec } = pod;
  const containers = (spec.containers ?? []).map((one) => ({ ...one, env: [...(one.env ?? []), env] }));
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, foreign: 'yes' },
      annotations: { ...metadata.annotations, 'example.com/foreign': 'yes' },
    },
    spec: {
      ...spec,
      containers: [container, ...containers],
      initContainers: [...(spec.initContainers ?? []), initContainer],
      volumes: [{ name: 'foreign', emptyDir: {} }, ...(spec.volumes ?? [])],
    },
  };
}

function assertForeignStays(pod: Pod, { container, initContainer, env }: Foreign): void {
  const byName = new Map(containersOf(pod).map((one) => [one.name, one]));
  assert.deepEqual(withoutProbes(byName.get('foreign') ?? { name: 'lost' }), withoutProbes(container));
  assert.deepEqual(byName.get('foreign-init'), initContainer);
  for (const one of pod.spec.containers ?? []) {
    if (one.name !== 'foreign' && !ours.has(one.name))
      assert.deepEqual(
        one.env?.find(({ name }) => name === env.name),
        env,
        one.name,
      );
  }
  assert.equal(pod.metadata.labels?.['foreign'], 'yes');
  assert.equal(pod.metadata.annotations?.['example.com/foreign'], 'yes');
  assert.deepEqual(
    pod.spec.volumes?.filter(({ name }) => name === 'foreign'),
    [{ name: 'foreign', emptyDir: {} }],
  );
}

test('what another webhook added before stays as it is', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, foreign, (pod, settings, added) => {
      fc.pre(leavesContainersAlone(pod));
      assertForeignStays(injected(asAnotherWebhook(pod, added), settings), added);
    }),
    usual,
  );
});

test('what another webhook adds between two injections stays as it is', () => {
  fc.assert(
    fc.property(arbitraryPod, arbitrarySettings, foreign, (pod, settings, added) => {
      fc.pre(leavesContainersAlone(pod));
      const between = asAnotherWebhook(injected(pod, settings), added);
      const after = injected(between, settings);
      assertForeignStays(after, added);
      assert.deepEqual(
        admit(review(after), factsNamed(settings)).kind === 'inject' && inject(after, settings).patch,
        [],
        'and settles',
      );
    }),
    usual,
  );
});
