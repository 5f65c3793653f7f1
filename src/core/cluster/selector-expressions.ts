// Answers: what does a label selector say in CEL, the language of admission policies. A text in JSON is one in CEL.
import type { V1LabelSelectorRequirement } from '@kubernetes/client-node';
import type { LabelSelector } from '../model/settings.ts';

type Requirement = Pick<V1LabelSelectorRequirement, 'key' | 'operator'> & { readonly values?: readonly string[] };

/** True where the labels, an expression for a map, meet every requirement. */
export function meetsAll(requirements: readonly Requirement[], labels: string): string {
  return requirements.map((requirement) => meets(requirement, labels)).join(' && ');
}

/** True where any of the expressions is; without one, never. */
export function anyOf(expressions: readonly string[]): string {
  return expressions.length === 0 ? 'false' : expressions.map((one) => `(${one})`).join(' || ');
}

/** True where any of the selectors matches. As for the webhook, an empty one matches nothing. */
export function matchesAny(selectors: readonly LabelSelector[], labels: string): string {
  const requirements = selectors.map(({ matchLabels, matchExpressions }): readonly Requirement[] => [
    ...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    ...matchExpressions,
  ]);
  return anyOf(requirements.filter((one) => one.length > 0).map((one) => meetsAll(one, labels)));
}

function meets({ key, operator, values = [] }: Requirement, labels: string): string {
  const isThere = `${JSON.stringify(key)} in ${labels}`;
  const isListed = `${labels}[${JSON.stringify(key)}] in [${values.map((value) => JSON.stringify(value)).join(', ')}]`;
  switch (operator) {
    case 'In':
      return `(${isThere} && ${isListed})`;
    case 'NotIn':
      return `!(${isThere} && ${isListed})`;
    case 'Exists':
      return `(${isThere})`;
    case 'DoesNotExist':
      return `!(${isThere})`;
    default:
      throw new Error(`Cannot write the operator ${operator} of a label selector in CEL: it is not one of the four`);
  }
}
