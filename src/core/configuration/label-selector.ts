// Answers: what does a Kubernetes label selector say, and can it be evaluated.
// Source: metav1.LabelSelectorAsSelector and the syntax of labels (Kubernetes, labels and selectors).
// Does not belong here: whether a pod matches (decide/).
import { isObject } from '../model/json.ts';
import { plainText, shown } from '../model/plain-text.ts';
import type { StringMap } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { LabelSelector } from '../model/settings.ts';

type Expression = LabelSelector['matchExpressions'][number];

export interface ReadSelector {
  /** Undefined where nothing can be evaluated. */
  readonly selector: LabelSelector | undefined;
  /** Of the wrong type: Istio refuses the whole configuration. */
  readonly problems: readonly Problem[];
  /** Of the right type, but not evaluable: Istio logs a line and passes over the selector. */
  readonly warnings: readonly Problem[];
}

const namePart = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefixPart = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const longestPrefix = 253;
const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** True for the key of a label or an annotation: a name of at most 63 characters, with a DNS prefix if any. */
export function isQualifiedName(text: string): boolean {
  const [name = '', prefix, ...more] = text.split('/').reverse();
  if (more.length > 0 || !namePart.test(name)) return false;
  return prefix === undefined || (prefix.length <= longestPrefix && prefixPart.test(prefix));
}

/** Reads one selector; everything that is wrong with it is told, with the path it stands at. */
export function readSelector(value: unknown, path: string): ReadSelector {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  if (!isObject(value)) {
    problems.push({ path, value: shown(value), expected: 'must be a label selector' });
    return { selector: undefined, problems, warnings };
  }
  const matchLabels = readLabels(value['matchLabels'] ?? {}, `${path}.matchLabels`, problems);
  const matchExpressions = readExpressions(value['matchExpressions'] ?? [], `${path}.matchExpressions`, problems);
  if (problems.length === 0) {
    warnings.push(
      ...labelWarnings(matchLabels, path),
      ...matchExpressions.flatMap((one, at) => warningsOf(one, at, path)),
    );
    if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
      warnings.push({ path, value: undefined, expected: 'must ask for a label: an empty selector is passed over' });
    }
  }
  const sound = problems.length + warnings.length === 0;
  return { selector: sound ? { matchLabels, matchExpressions } : undefined, problems, warnings };
}

function readLabels(value: unknown, path: string, problems: Problem[]): StringMap {
  if (!isObject(value)) {
    problems.push({ path, value: shown(value), expected: 'must be a mapping of labels' });
    return {};
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, readText(member, `${path}["${key}"]`, problems)]),
  );
}

function readExpressions(value: unknown, path: string, problems: Problem[]): readonly Expression[] {
  if (!Array.isArray(value)) {
    problems.push({ path, value: shown(value), expected: 'must be a list of expressions' });
    return [];
  }
  return value.map((member: unknown, at) => readExpression(member, `${path}[${at}]`, problems));
}

function readExpression(value: unknown, path: string, problems: Problem[]): Expression {
  const fields = isObject(value) ? value : {};
  if (!isObject(value)) problems.push({ path, value: shown(value), expected: 'must be {key, operator, values}' });
  const values = fields['values'] ?? [];
  if (!Array.isArray(values))
    problems.push({ path: `${path}.values`, value: shown(values), expected: 'must be a list' });
  return {
    key: readText(fields['key'] ?? '', `${path}.key`, problems),
    // A text that is no operator is a warning, below.
    operator: readText(fields['operator'] ?? '', `${path}.operator`, problems) as Expression['operator'],
    values: (Array.isArray(values) ? values : []).map((member: unknown, at) =>
      readText(member, `${path}.values[${at}]`, problems),
    ),
  };
}

function readText(value: unknown, path: string, problems: Problem[]): string {
  const read = plainText(value ?? '');
  if (read === undefined) problems.push({ path, value: shown(value), expected: 'must be text' });
  return read ?? '';
}

function labelWarnings(labels: StringMap, path: string): readonly Problem[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...keyWarning(key, `${path}.matchLabels["${key}"]`),
    ...valueWarning(value, `${path}.matchLabels["${key}"]`),
  ]);
}

function warningsOf(expression: Expression, at: number, selectorPath: string): readonly Problem[] {
  const path = `${selectorPath}.matchExpressions[${at}]`;
  const { key, operator, values } = expression;
  const found = [
    ...keyWarning(key, `${path}.key`),
    ...values.flatMap((value, n) => valueWarning(value, `${path}.values[${n}]`)),
  ];
  if (!operators.includes(operator)) {
    return [...found, { path: `${path}.operator`, value: operator, expected: `must be ${operators.join(', ')}` }];
  }
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues === values.length > 0) return found;
  const expected = needsValues
    ? `must not be empty for operator ${operator}`
    : `must be empty for operator ${operator}`;
  return [...found, { path: `${path}.values`, value: shown(values), expected }];
}

function keyWarning(key: string, path: string): readonly Problem[] {
  return isQualifiedName(key) ? [] : [{ path, value: key, expected: 'must be the key of a label' }];
}

function valueWarning(value: string, path: string): readonly Problem[] {
  const sound = value === '' || namePart.test(value);
  return sound ? [] : [{ path, value, expected: 'must be a value that a label can have' }];
}
