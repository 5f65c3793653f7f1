// Answers: how does a value that somebody wrote look in a message, and as text where text is wanted; and a list of many.

/** The value on one line, as a message shows it: text as it is, everything else as JSON. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value) ?? String(value);
}

/**
 * Text, or a number or boolean that stands where text is wanted (YAML without quotes); undefined for anything else.
 * Whole numbers print without exponent.
 */
export function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isSafeInteger(value) ? value.toFixed(0) : String(value);
}

const mostNamed = 3;

/** The first few of a list: `a, b, c and 4 more`. */
export function fewOf(elements: readonly string[], most: number = mostNamed): string {
  const named = elements.slice(0, most).join(', ');
  return elements.length <= most ? named : `${named} and ${elements.length - most} more`;
}
