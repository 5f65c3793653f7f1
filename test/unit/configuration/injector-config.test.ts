import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { injectorConfigOfValues, readInjectorConfig } from '../../../src/core/configuration/injector-config.ts';
import { defaultValues } from '../../../src/core/configuration/values-defaults.ts';
import { problemLine } from '../../../src/core/model/problem.ts';

const plain = {
  policy: 'enabled',
  defaultTemplates: ['sidecar'],
  aliases: new Map(),
  neverInjectSelector: [],
  alwaysInjectSelector: [],
  injectedAnnotations: {},
};

function config(document: unknown) {
  const read = readInjectorConfig(document);
  if (!read.ok) assert.fail(read.error.map(problemLine).join('\n'));
  return { value: read.value, warnings: read.warnings.map(problemLine) };
}

function problems(document: object): readonly string[] {
  const read = readInjectorConfig({ policy: 'enabled', ...document });
  return read.ok ? [] : read.error.map(problemLine);
}

describe('readInjectorConfig()', () => {
  test('what the chart writes for its own values is read', () => {
    assert.deepEqual(config(injectorConfigOfValues(defaultValues)), { value: plain, warnings: [] });
  });

  test("the values' choices reach the configuration", () => {
    const values = {
      global: { proxy: { autoInject: 'disabled' } },
      sidecarInjectorWebhook: {
        defaultTemplates: ['sidecar', 'mine'],
        neverInjectSelector: [{ matchLabels: { a: 'b' } }],
        alwaysInjectSelector: [{ matchExpressions: [{ key: 'x', operator: 'Exists' }] }],
        injectedAnnotations: { 'example.com/a': 1, b: true, c: 'text' },
      },
    };
    assert.deepEqual(config(injectorConfigOfValues(values)).value, {
      policy: 'disabled',
      defaultTemplates: ['sidecar', 'mine'],
      aliases: new Map(),
      neverInjectSelector: [{ matchLabels: { a: 'b' }, matchExpressions: [] }],
      alwaysInjectSelector: [{ matchLabels: {}, matchExpressions: [{ key: 'x', operator: 'Exists', values: [] }] }],
      injectedAnnotations: { 'example.com/a': '1', b: 'true', c: 'text' },
    });
  });

  test('templates are none of its business; aliases and annotations are', () => {
    const document = {
      ...plain,
      aliases: { both: ['sidecar', 'mine'] },
      templates: { sidecar: '{{ x }}' },
      template: 'x',
    };
    assert.deepEqual(config(document).value.aliases, new Map([['both', ['sidecar', 'mine']]]));
  });

  test('a policy that injects nothing is warned about', () => {
    const line = 'must be enabled or disabled: as it is, nothing is injected';
    assert.deepEqual(config({}).warnings, [`policy: ${line}`]);
    assert.deepEqual(config({ policy: true }), {
      value: { ...plain, policy: 'true' },
      warnings: [`policy: Cannot read "true": ${line}`],
    });
  });

  const warnings: readonly (readonly [selector: object, line: string])[] = [
    [{}, 'neverInjectSelector[0]: must ask for a label: an empty selector is passed over'],
    [
      { matchLabels: { 'a b': 'c' } },
      'neverInjectSelector[0].matchLabels["a b"]: Cannot read "a b": must be the key of a label',
    ],
    [
      { matchLabels: { a: '-' } },
      'neverInjectSelector[0].matchLabels["a"]: Cannot read "-": must be a value that a label can have',
    ],
    [
      { matchExpressions: [{ key: 'a', operator: 'Is' }] },
      'neverInjectSelector[0].matchExpressions[0].operator: Cannot read "Is": must be In, NotIn, Exists, DoesNotExist',
    ],
    [
      { matchExpressions: [{ key: 'a', operator: 'In' }] },
      'neverInjectSelector[0].matchExpressions[0].values: Cannot read "[]": must not be empty for operator In',
    ],
    [
      { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
      'neverInjectSelector[0].matchExpressions[0].values: Cannot read "[\\"b\\"]": must be empty for operator Exists',
    ],
  ];
  for (const [selector, line] of warnings) {
    test(`the selector ${JSON.stringify(selector)} is passed over with a warning`, () => {
      const sound = { matchLabels: { 'example.com/a': 1 } };
      const read = config({ policy: 'enabled', neverInjectSelector: [selector, sound] });
      assert.deepEqual(read.value.neverInjectSelector, [
        { matchLabels: { 'example.com/a': '1' }, matchExpressions: [] },
      ]);
      assert.deepEqual(read.warnings, [line]);
    });
  }

  const refusals: readonly (readonly [document: object, ...lines: readonly string[]])[] = [
    [{ policy: [] }, 'policy: Cannot read "[]": must be text'],
    [{ defaultTemplates: 'sidecar' }, 'defaultTemplates: Cannot read "sidecar": must be a list'],
    [{ defaultTemplates: [{}] }, 'defaultTemplates[0]: Cannot read "{}": must be text'],
    [{ aliases: { a: 'b' } }, 'aliases.a: Cannot read "b": must be a list'],
    [
      { neverInjectSelector: { matchLabels: {} } },
      'neverInjectSelector: Cannot read "{\\"matchLabels\\":{}}": must be a list',
    ],
    [{ alwaysInjectSelector: ['x'] }, 'alwaysInjectSelector[0]: Cannot read "x": must be a label selector'],
    [
      { alwaysInjectSelector: [{ matchLabels: 'x' }] },
      'alwaysInjectSelector[0].matchLabels: Cannot read "x": must be a mapping of labels',
    ],
    [
      { alwaysInjectSelector: [{ matchExpressions: [{ values: 'x' }] }] },
      'alwaysInjectSelector[0].matchExpressions[0].values: Cannot read "x": must be a list',
    ],
    [
      { injectedAnnotations: { 'a b': 'c', d: [] } },
      'injectedAnnotations["a b"]: Cannot read "a b": must be the key of an annotation: [prefix/]name, of letters, digits, "-", "_" and "."',
      'injectedAnnotations["d"]: Cannot read "[]": must be text',
    ],
  ];
  for (const [document, ...lines] of refusals) {
    test(`${JSON.stringify(document)} is refused`, () => assert.deepEqual(problems(document), lines));
  }
});
