// Does an installation bring what rollouts of Wasm extensions need where they are switched on, no more than that, and
// nothing of it where they are not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterOptions, readOptions } from '../../../src/core/cluster/options.ts';
import { installObjects } from '../../../src/core/install/objects.ts';
import { kindsStep } from '../../../src/core/install/rollout.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { customResources } from '../../../src/core/wasm/declaration/custom-resources.ts';

function optionsOf(wasm: JsonObject): ClusterOptions {
  const read = readOptions({ wasm });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function objectsOf(wasm: JsonObject): readonly KubeObject[] {
  return installObjects({ options: optionsOf(wasm), optionsText: '', image: 'pillion:test', version: '0.0.0' });
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function rulesOf(objects: readonly KubeObject[]): readonly Rule[] {
  const ofControl = objects.filter(({ kind, metadata }) => /Role$/.test(kind) && metadata.name === 'pillion-control');
  return ofControl.flatMap(({ rules }) => rules as readonly Rule[]);
}

function controlMemory(objects: readonly KubeObject[]): string | undefined {
  const found = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'pillion-control');
  return /"limits":\{[^}]*"memory":"([^"]+)"/.exec(JSON.stringify(found))?.[1];
}

test('switched off, there are no kinds, no rights and no memory for it', () => {
  const objects = objectsOf({});
  assert.ok(objects.every(({ kind }) => kind !== 'CustomResourceDefinition'));
  assert.doesNotMatch(JSON.stringify(rulesOf(objects)), /wasm|envoyfilters|pods\/log/);
  assert.equal(controlMemory(objects), '256Mi');
});

test('switched on, the kinds come before everything that speaks of them; the old kind only where it is asked for', () => {
  const kindsIn = (wasm: JsonObject): readonly string[] =>
    objectsOf(wasm)
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ metadata }) => metadata.name);
  const ours = ['wasmextensions.pillion.dev', 'wasmstores.pillion.dev'];
  assert.deepEqual(kindsIn({ enabled: true }), ours);
  assert.deepEqual(kindsIn({ enabled: true, filterDeployments: true }), [...ours, 'filterdeployments.wasme.io']);
  assert.deepEqual(kindsIn({ filterDeployments: true }), []);
  const order = objectsOf({ enabled: true }).map(({ kind }) => kind);
  assert.ok(order.lastIndexOf('CustomResourceDefinition') < order.indexOf('ClusterRole'));
});

test('control gets no right to Secrets besides those that it always had', () => {
  const secretsIn = (wasm: JsonObject): readonly Rule[] =>
    rulesOf(objectsOf(wasm)).filter(({ resources }) => resources.includes('secrets'));
  assert.deepEqual(secretsIn({ enabled: true, filterDeployments: true }), secretsIn({}));
});

test('it creates extensions only for old objects', () => {
  const verbsFor = (wasm: JsonObject): readonly string[] =>
    rulesOf(objectsOf(wasm)).find(({ resources }) => resources.includes('wasmextensions'))?.verbs ?? [];
  assert.deepEqual(verbsFor({ enabled: true }), ['get', 'list', 'watch']);
  assert.deepEqual(verbsFor({ enabled: true, filterDeployments: true }), ['get', 'list', 'watch', 'create', 'patch']);
});

test('it has memory for the largest module that is taken', () => {
  assert.equal(controlMemory(objectsOf({ enabled: true })), '304Mi');
  assert.equal(controlMemory(objectsOf({ enabled: true, maxModuleMegabytes: 256 })), '1024Mi');
});

test('an installation is up once the API server serves every kind', () => {
  const wanted = customResources(optionsOf({ enabled: true }));
  const served = { ...wanted[0], status: { conditions: [{ type: 'Established', status: 'True' }] } } as KubeObject;
  assert.deepEqual(kindsStep(wanted, [served, undefined]), {
    what: 'Kinds',
    isDone: false,
    state: 'not served yet: wasmstores.pillion.dev',
  });
  assert.ok(kindsStep(wanted, [served, served]).isDone);
});
