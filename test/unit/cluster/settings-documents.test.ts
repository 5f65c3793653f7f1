// Answers: which facts follow from ConfigMaps, and is what is wrong in them told by one line with its exact place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Installation,
  optionsPlace,
  placeOfProblem,
  placesOf,
  readClusterFacts,
  readInjectorMap,
  readInstallation,
  readMeshMap,
  settingsPlaces,
} from '../../../src/core/cluster/settings-documents.ts';
import type { Checked } from '../../../src/core/configuration/injector-config.ts';
import type { Facts } from '../../../src/core/model/facts.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { shown } from '../../../src/core/model/plain-text.ts';
import { type Problem, problemLine, quoted } from '../../../src/core/model/problem.ts';
import {
  documentTitles,
  everyField,
  type FieldPlace,
  handWritten,
  mutated,
  stepsOf,
  valueAt,
  wrongValues,
} from '../../cluster/bad-documents.ts';
import { type Documents, usualDocuments } from '../../cluster/live-server.ts';

function map(namespace: string, name: string, keys: Record<string, unknown>): KubeObject {
  const data = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

function installationOf(options: unknown): ReturnType<typeof readInstallation> {
  return readInstallation(map(optionsPlace.namespace, optionsPlace.name, { 'options.yaml': options }));
}

function factsOf(changes: Partial<Documents>, over: Parameters<typeof readClusterFacts>[2] = {}): Checked<Facts> {
  const { options, values, config, mesh } = { ...usualDocuments, ...changes };
  const installation = installationOf(options);
  if (!installation.ok) return installation;
  const places = placesOf(installation.value, over);
  const documents = {
    ...readMeshMap(map('', '', { mesh }), places.mesh),
    ...readInjectorMap(map('', '', { values, config }), places.injector),
  };
  return readClusterFacts(installation.value, documents, over);
}

function problemsOf(changes: Partial<Documents>): readonly Problem[] {
  const read = factsOf(changes);
  return read.ok ? [] : read.error;
}

test('the ConfigMaps of the revision default have no suffix, those of every other one have it', () => {
  const istioNamespace = 'mesh';
  for (const revision of ['default', '']) {
    assert.deepEqual(settingsPlaces({ revision, istioNamespace }), {
      mesh: { namespace: 'mesh', name: 'istio' },
      injector: { namespace: 'mesh', name: 'istio-sidecar-injector' },
    });
  }
  const { mesh, injector } = settingsPlaces({ revision: 'canary', istioNamespace });
  assert.deepEqual([mesh.name, injector.name], ['istio-canary', 'istio-sidecar-injector-canary']);
});

test('the options of the installation become facts; options of the process are stronger', () => {
  const options = {
    revision: 'canary',
    tags: ['prod'],
    namespacesByDefault: true,
    native: false,
    platform: 'openshift',
    excludedNamespaces: ['batch'],
  };
  const read = factsOf({ options }, { options: { native: 'true' } });
  assert.ok(read.ok);
  const { revision, registration, native, platform } = read.value;
  assert.equal(revision, 'canary');
  assert.deepEqual([registration.revisions, registration.namespacesByDefault], [['canary', 'prod'], true]);
  assert.ok(registration.excludedNamespaces.includes('batch'));
  assert.equal(native.mode, 'true');
  assert.equal(platform, 'openshift');
  const installation = installationOf(options) as { readonly value: Installation };
  assert.equal(placesOf(installation.value, { options: { revision: 'other' } }).mesh.name, 'istio-other');
});

test('an option of the process that names another revision is answered in its place, beside the tags', () => {
  const revisionsWith = (options: object): readonly string[] => {
    const read = factsOf({ options }, { options: { revision: 'canary' } });
    assert.ok(read.ok && read.value.revision === 'canary');
    return read.value.registration.revisions;
  };
  assert.deepEqual(revisionsWith({}), ['canary']);
  assert.deepEqual(revisionsWith({ revision: 'stable', tags: ['prod'] }), ['canary', 'prod']);
  assert.deepEqual(revisionsWith({ tags: ['prod'], onlyTags: true }), ['prod']);
});

test('a document from a file takes the place of one of the cluster, which may be broken then', () => {
  const over = { documents: { mesh: { from: 'mesh.yaml', value: { trustDomain: 'file.example' } } } };
  const read = factsOf({ mesh: 'broken: [' }, over);
  assert.ok(read.ok);
  assert.equal(read.value.mesh.trustDomain, 'file.example');
});

test('ConfigMaps that are not there are named once each, with what to do', () => {
  const installation = installationOf({});
  assert.ok(installation.ok);
  const { mesh, injector } = placesOf(installation.value, {});
  const documents = { ...readMeshMap(undefined, mesh), ...readInjectorMap(undefined, injector) };
  const read = readClusterFacts(installation.value, documents);
  assert.ok(!read.ok);
  assert.deepEqual(
    read.error.map(({ path }) => path),
    ['configmap istio-system/istio-sidecar-injector', 'configmap istio-system/istio'],
  );
  for (const { expected } of read.error)
    assert.match(expected, /there is no such ConfigMap; install Istio's control plane/);
  const noOptions = readInstallation(undefined);
  assert.ok(!noOptions.ok);
  assert.match(
    problemLine(noOptions.error[0] as Problem),
    /^configmap pillion-system\/pillion-options: .*pillion install/,
  );
});

test('a key that is missing is named', () => {
  const { config, values } = readInjectorMap(map('', '', { values: '{}' }), { namespace: 'a', name: 'b' });
  assert.ok(values.ok && !config.ok);
  assert.match(problemLine(config.error[0] as Problem), /^configmap a\/b, key config: there is no such key/);
});

test('to answer to the tags alone there has to be one', () => {
  assert.deepEqual(problemsOf({ options: { onlyTags: true } }).map(problemLine), [
    'configmap pillion-system/pillion-options, key options.yaml: onlyTags: Cannot read "true": needs at least one tag in tags',
  ]);
  assert.deepEqual(problemsOf({ options: { onlyTags: true, tags: ['prod'] } }), []);
});

test('problems of several documents are told together, each with its own', () => {
  const problems = problemsOf({ values: { global: { logAsJson: 'x' } }, config: 'a: [', mesh: { proxyListenPort: 0 } });
  assert.deepEqual(problems.map((problem) => placeOfProblem(problem)?.name).sort(), [
    'istio',
    'istio-sidecar-injector',
    'istio-sidecar-injector',
  ]);
});

for (const { document, text, line } of handWritten) {
  test(`one line for ${document} ${JSON.stringify(text).slice(0, 80)}`, () => {
    const lines = problemsOf({ [document]: text }).map(problemLine);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.ok(lines[0]?.startsWith(documentTitles[document] + line), lines[0]);
    assert.doesNotMatch(lines[0] ?? '', /\n/);
  });
}

const fields = everyField();

test('fields of every document are mutated', () => {
  for (const name of ['values', 'config', 'mesh', 'options'] as const) {
    assert.ok(fields.filter(({ document }) => document === name).length > 15, name);
  }
});

/** True where the line names exactly the field, or what stands in it, with the value that stands there. */
function isExact(line: string, field: FieldPlace, text: unknown): boolean {
  const title = documentTitles[field.document];
  const path = /^(.*?): Cannot read "/.exec(line.slice(`${title}: `.length))?.[1] ?? '';
  const steps = stepsOf(path);
  if (!field.steps.every((step, at) => steps[at] === step)) return false;
  return line.startsWith(`${title}: ${path}: Cannot read ${quoted(shown(valueAt(text, steps)))}: must`);
}

test('every field: a value of another kind is told by one line with the exact path and value', () => {
  const missed: string[] = [];
  for (const field of fields) {
    const place = `${field.document} ${field.steps.join('.')}`;
    const refused = wrongValues.flatMap((wrong) => {
      const text = mutated(field, wrong);
      const lines = problemsOf({ [field.document]: text }).map(problemLine);
      return lines.length === 0 ? [] : [{ text, lines }];
    });
    if (!refused.some(({ text, lines }) => lines.length === 1 && isExact(lines[0] ?? '', field, text))) {
      missed.push(`${place}: ${JSON.stringify(refused)}`);
    }
    // what a value of the right kind lacks may stand beside it, but nowhere else
    const section = field.steps.slice(0, -1).filter((step) => typeof step === 'string');
    for (const line of refused.flatMap(({ lines }) => lines)) {
      const isNear = line.startsWith(documentTitles[field.document]) && section.every((step) => line.includes(step));
      if (!isNear || line.includes('\n')) missed.push(`${place}: ${line}`);
    }
  }
  assert.deepEqual(missed, []);
});
