// Answers: what single values does protocol-buffer JSON know, and how is each read.
// Does not belong here: messages, lists and maps (proto-json.ts).
import { readDuration } from './duration.ts';

export type ScalarKind = 'string' | 'bool' | 'int32' | 'uint32' | 'int64' | 'double' | 'duration';

interface Scalar {
  /** The canonical value, or undefined where the written one cannot be read. */
  readonly read: (value: unknown) => string | number | boolean | undefined;
  /** What is allowed, as the end of a sentence. */
  readonly expected: string;
  readonly zero: string | number | boolean;
}

const wholeNumber = /^-?(0|[1-9][0-9]*)$/;
const jsonNumber = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const infinities = ['NaN', 'Infinity', '-Infinity'];

export const scalars: { readonly [K in ScalarKind]: Scalar } = {
  string: { read: readText, expected: 'must be text: put it in quotes', zero: '' },
  bool: { read: readBool, expected: 'must be true or false, without quotes', zero: false },
  int32: integer(-(2n ** 31n), 2n ** 31n - 1n),
  uint32: integer(0n, 2n ** 32n - 1n),
  // 64 bits do not fit a JSON number, so the canonical value is text.
  int64: { ...integer(-(2n ** 63n), 2n ** 63n - 1n), read: readInt64, zero: '0' },
  double: { read: readDouble, expected: 'must be a number', zero: 0 },
  duration: { read: readCanonicalDuration, expected: 'must be a duration, such as "5s" or "1m30s"', zero: '0s' },
};

/** Text with a lone surrogate is no Unicode; go-yaml refuses it too. */
function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value.isWellFormed() ? value : undefined;
}

function readBool(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function integer(smallest: bigint, largest: bigint): Scalar {
  return {
    read: (value) => {
      const whole = readWhole(value);
      return whole === undefined || whole < smallest || whole > largest ? undefined : Number(whole);
    },
    expected: `must be a whole number from ${smallest} to ${largest}`,
    zero: 0,
  };
}

function readInt64(value: unknown): string | undefined {
  const whole = readWhole(value);
  return whole === undefined || BigInt.asIntN(64, whole) !== whole ? undefined : String(whole);
}

function readWhole(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && wholeNumber.test(value.trim()) ? BigInt(value.trim()) : undefined;
}

function readDouble(value: unknown): string | number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  if (infinities.includes(value)) return value;
  const number = jsonNumber.test(value.trim()) ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

function readCanonicalDuration(value: unknown): string | undefined {
  const duration = typeof value === 'string' ? readDuration(value) : undefined;
  return duration?.canonical;
}
