import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCustomTemplates, shippedTemplates } from '../../../src/core/configuration/custom-templates.ts';
import { problemLine } from '../../../src/core/model/problem.ts';

const overlay = { spec: { containers: [{ name: '*', env: [{ name: 'A', value: 'b' }] }] } };

function problems(value: unknown): readonly string[] {
  const read = readCustomTemplates([{ from: 'templates', value }]);
  return read.ok ? [] : read.error.map(problemLine);
}

describe('readCustomTemplates()', () => {
  test('an overlay may be a mapping or a text that holds one', () => {
    const text = 'spec:\n  containers:\n  - name: "*"\n    env:\n    - {name: A, value: b}\n';
    const read = readCustomTemplates([{ from: 'templates', value: { one: overlay, two: text } }]);
    assert.deepEqual(
      read.ok && read.value,
      new Map([
        ['one', overlay],
        ['two', overlay],
      ]),
    );
  });

  test('no templates are none', () => {
    const read = readCustomTemplates([
      { from: 'a', value: undefined },
      { from: 'b', value: null },
      { from: 'c', value: {} },
    ]);
    assert.deepEqual(read.ok && read.value, new Map());
  });

  test('a later source takes the place of a Go template', () => {
    const read = readCustomTemplates([
      { from: 'values', value: { mine: 'metadata: {{ toYaml . }}', other: { metadata: {} } } },
      { from: 'templates', value: { mine: overlay } },
    ]);
    assert.deepEqual(
      read.ok && read.value,
      new Map<string, object>([
        ['mine', overlay],
        ['other', { metadata: {} }],
      ]),
    );
  });

  test('a Go template is refused with its place and the remedy', () => {
    const read = readCustomTemplates([{ from: 'values', at: 'templates', value: { mine: 'spec:\n  {{ if .X }}\n' } }]);
    assert.deepEqual(read.ok ? [] : read.error.map(problemLine), [
      'values: templates.mine (line 2, column 3): Cannot read "{{ if .X }}": must not hold Go template actions: write it as a pod overlay in YAML and pass that with --templates',
    ]);
  });

  test('names that a source shares with shipped templates are passed over', () => {
    const value = { sidecar: '{{ x }}', waypoint: '{{ y }}', mine: overlay };
    const read = readCustomTemplates([{ from: 'config', at: 'templates', value, except: shippedTemplates }]);
    assert.deepEqual(read.ok && [...read.value.keys()], ['mine']);
  });

  test('directives of the strategic merge and nulls are allowed', () => {
    const value = {
      mine: {
        metadata: { labels: { $patch: 'replace', a: 'b' }, annotations: { c: null } },
        spec: {
          $retainKeys: ['containers'],
          containers: [{ $patch: 'replace' }, { name: 'a', $patch: 'delete' }],
          initContainers: null,
          '$setElementOrder/volumes': [{ name: 'v' }],
          volumes: [{ name: 'v', emptyDir: {} }],
        },
      },
    };
    assert.deepEqual(problems(value), []);
  });

  const refusals: readonly (readonly [value: unknown, ...lines: readonly string[]])[] = [
    [[], 'templates: Cannot read "[]": must be a mapping of names to pod overlays'],
    [{ a: '' }, 'templates: a: must be a pod overlay: it is empty'],
    [{ a: 'just text' }, 'templates: a: Cannot read "just text": must be a mapping'],
    [{ a: 5 }, 'templates: a: Cannot read "5": must be a mapping'],
    [{ a: { metdata: {} } }, 'templates: a.metdata: must not stand here: an overlay holds metadata and spec of a pod'],
    [
      { a: { metadata: { labels: { b: 1 } } } },
      'templates: a.metadata.labels["b"]: Cannot read "1": must be text: put it in quotes',
    ],
    [
      { a: { metadata: { annotations: [] } } },
      'templates: a.metadata.annotations: Cannot read "[]": must be a mapping',
    ],
    [{ a: { spec: [] } }, 'templates: a.spec: Cannot read "[]": must be a mapping'],
    [{ a: { spec: { containers: {} } } }, 'templates: a.spec.containers: Cannot read "{}": must be a list'],
    [
      { a: { spec: { containers: ['x'] } } },
      'templates: a.spec.containers[0]: Cannot read "x": must be a mapping with name',
    ],
    [{ a: { spec: { initContainers: [{ image: 'x' }] } } }, 'templates: a.spec.initContainers[0].name: must be set'],
    [
      { a: { spec: { volumes: [{ name: 1 }] } } },
      'templates: a.spec.volumes[0].name: Cannot read "1": must be text: put it in quotes',
    ],
    [
      { a: { spec: { containers: [{ name: 'c', args: ['a', 1] }] } } },
      'templates: a.spec.containers[0].args[1]: Cannot read "1": must be text: put it in quotes',
    ],
    [
      { a: { spec: { containers: [{ name: 'c', env: { A: 'b' } }] } } },
      'templates: a.spec.containers[0].env: Cannot read "{\\"A\\":\\"b\\"}": must be a list',
    ],
    [
      { a: { spec: { containers: [{ name: 'c', ports: [{ containerPort: '80' }] }] } } },
      'templates: a.spec.containers[0].ports[0].containerPort: Cannot read "80": must be a port, without quotes',
    ],
    [
      { a: { spec: { containers: [{ name: 'c', volumeMounts: [{ name: 'v' }] }] } } },
      'templates: a.spec.containers[0].volumeMounts[0].mountPath: must be set',
    ],
    [
      { a: { metadata: { annotations: { b: '{{ .X }}' } } } },
      'templates: a.metadata.annotations.b: Cannot read "{{ .X }}": must not hold Go template actions: write it as a pod overlay in YAML and pass that with --templates',
    ],
  ];
  for (const [value, ...lines] of refusals) {
    test(`${JSON.stringify(value)} is refused`, () => assert.deepEqual(problems(value), lines));
  }

  test('a text that is no YAML is refused with its place', () => {
    assert.match(
      problems({ a: 'spec:\n  b: [' })[0] ?? '',
      /^templates: a: Cannot read the template as YAML: .* \(line 2, column \d+\)$/,
    );
  });
});
