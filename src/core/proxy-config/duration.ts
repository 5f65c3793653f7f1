// Answers: what does a text of Go's time.ParseDuration mean, and how does protocol-buffer JSON print it.
// Does not belong here: which durations a setting allows (proxy-config-check.ts).

/** Nanoseconds of each unit. */
const units: { readonly [unit: string]: bigint } = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5
  μs: 1_000n, // U+03BC
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const part = /^(\d*)(?:\.(\d*))?([^\d.]+)/;
/** Go holds a duration in 63 bits of nanoseconds, about 292 years. */
const longest = 2n ** 63n - 1n;
/** Longer texts are no durations that anybody means; reading their digits would take time. */
const longestText = 64;

export interface Duration {
  readonly nanoseconds: bigint;
  /** Seconds with 0, 3, 6 or 9 decimals: `5s`, `5.500s`. */
  readonly canonical: string;
}

/** Reads `5s`, `1m30s`, `-1.5h`, `0`; undefined for anything else. */
export function readDuration(text: string): Duration | undefined {
  const nanoseconds = text.length > longestText ? undefined : readNanoseconds(text);
  return nanoseconds === undefined ? undefined : { nanoseconds, canonical: print(nanoseconds) };
}

function readNanoseconds(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0n;
  if (rest === '') return undefined;
  let total = 0n;
  while (rest !== '') {
    const match = part.exec(rest);
    if (match === null) return undefined;
    const [whole, digits = '', fraction = '', name = ''] = match;
    const unit = Object.hasOwn(units, name) ? units[name] : undefined;
    if (unit === undefined || digits + fraction === '') return undefined;
    total += BigInt(digits || '0') * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length);
    rest = rest.slice(whole.length);
  }
  if (total > longest) return undefined;
  return negative ? -total : total;
}

function print(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % 1_000_000_000n).padStart(9, '0');
  const decimals = fraction.replace(/(000)+$/, '');
  return `${nanoseconds < 0n ? '-' : ''}${size / 1_000_000_000n}${decimals === '' ? '' : `.${decimals}`}s`;
}
