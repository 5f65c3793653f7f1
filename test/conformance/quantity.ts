// Answers: which number does a Kubernetes quantity stand for, exactly. Written apart from the one in the core, so that
// the comparison does not share its faults.
// Source: the grammar in k8s.io/apimachinery/pkg/api/resource/quantity.go.
const binary: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** `quantity <mantissa>e<exponent>` with the shortest mantissa; a value that is no quantity as it is. */
export function quantityValue(value: unknown): unknown {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d+))?$/.exec(String(value));
  if (match === null) return value;
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent = '0'] = match;
  if (whole + fraction === '') return value;
  const scaled = BigInt(whole + fraction) << (binary[suffix] ?? 0n);
  if (scaled === 0n) return 'quantity 0';
  const digits = scaled.toString();
  const shortest = digits.replace(/0+$/, '');
  const power = Number(exponent) + (decimal[suffix] ?? 0) - fraction.length + digits.length - shortest.length;
  return `quantity ${sign === '-' ? '-' : ''}${shortest}e${power}`;
}
