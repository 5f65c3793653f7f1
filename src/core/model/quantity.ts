// Answers: is a text a Kubernetes resource quantity, and how does the API server print it.
// Source: k8s.io/apimachinery/pkg/api/resource (the grammar of Quantity and its canonical form).

/** `<sign>digits[.digits]<suffix>`; at least one digit. */
const grammar = /^([+-]?)(\d*)(?:\.(\d*))?((?:[KMGTPE]i)|[numkMGTPE]|(?:[eE][+-]?\d+))?$/;

const binaryPowers: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const decimalPowers: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** The smallest step that a quantity can hold: one nano, as a power of ten. */
const nanoDigits = 9;
/** Beyond this an exponent is no quantity that anything could have. */
const largestExponent = 60;

interface Amount {
  readonly nanos: bigint;
  readonly notation: 'binary' | 'decimal' | 'exponent';
}

/** True when the API server would take the text as a quantity. */
export function isQuantity(text: string): boolean {
  return readAmount(text) !== undefined;
}

/**
 * The text as the API server would print it: `2000m` → `2`, `1024Mi` → `1Gi`, `0.5` → `500m`.
 * A text that is no quantity comes back unchanged.
 */
export function canonicalQuantity(text: string): string {
  const amount = readAmount(text);
  if (amount === undefined) return text;
  const { nanos } = amount;
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  if (amount.notation === 'binary' && size % 10n ** 9n === 0n && size >= 1024n * 10n ** 9n) {
    return sign + printBinary(size / 10n ** 9n);
  }
  return sign + printDecimal(size, amount.notation === 'exponent');
}

function readAmount(text: string): Amount | undefined {
  const match = grammar.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`);
  const binary = binaryPowers[suffix];
  let nanos: bigint | undefined;
  if (binary !== undefined) nanos = scaled(digits * 2n ** binary, nanoDigits - fraction.length);
  else nanos = decimalNanos(digits, suffix, fraction.length);
  if (nanos === undefined) return undefined;
  const notation = binary !== undefined ? 'binary' : /^[eE][+-]?\d/.test(suffix) ? 'exponent' : 'decimal';
  return { nanos: sign === '-' ? -nanos : nanos, notation };
}

function decimalNanos(digits: bigint, suffix: string, fractionDigits: number): bigint | undefined {
  const power = decimalPowers[suffix] ?? Number(suffix.slice(1));
  if (Math.abs(power) > largestExponent) return undefined;
  return scaled(digits, nanoDigits + power - fractionDigits);
}

/** digits × 10^power, rounded up: a quantity finer than a nano is rounded away from zero, as the API server does. */
function scaled(digits: bigint, power: number): bigint {
  if (power >= 0) return digits * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (digits + divisor - 1n) / divisor;
}

function printBinary(units: bigint): string {
  let rest = units;
  let step = 0;
  while (step < binarySuffixes.length - 1 && rest % 1024n === 0n) {
    rest /= 1024n;
    step += 1;
  }
  return `${rest}${binarySuffixes[step]}`;
}

function printDecimal(nanos: bigint, exponent: boolean): string {
  let rest = nanos;
  let step = 0;
  while (step < decimalSuffixes.length - 1 && rest % 1000n === 0n) {
    rest /= 1000n;
    step += 1;
  }
  if (!exponent) return `${rest}${decimalSuffixes[step]}`;
  const power = step * 3 - nanoDigits;
  return power === 0 ? `${rest}` : `${rest}e${power}`;
}
