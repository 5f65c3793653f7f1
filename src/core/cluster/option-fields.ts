// Answers: what may stand in an option: durations, names, words of a list. Messages say what is allowed.
import { z } from 'zod';

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsIn(text: string): number {
  return Number(text.slice(0, -1)) * (secondsOf[text.at(-1) ?? ''] ?? 0);
}

/** A duration as text becomes seconds: 30s, 10m, 168h, 365d. */
export function duration(fallback: string, { least = '1s', most = '999999d' } = {}) {
  return z
    .string('must be a duration: 30s, 10m, 168h or 365d')
    .regex(/^[1-9][0-9]{0,5}[smhd]$/, { error: 'must be a duration: 30s, 10m, 168h or 365d', abort: true })
    .refine((text) => secondsIn(text) >= secondsIn(least), `must be at least ${least}`)
    .refine((text) => secondsIn(text) <= secondsIn(most), `must be at most ${most}`)
    .default(fallback)
    .transform(secondsIn);
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values, fallback: Values[number]) {
  return z.enum(values, `must be one of ${values.join(', ')}`).default(fallback as never);
}

export const dnsLabel = z
  .string('must be a text')
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and dashes');

export function dnsLabels(what: string) {
  return z
    .array(dnsLabel, `must be a list of ${what}`)
    .max(100, 'must have at most 100 entries')
    .default(() => []);
}

export const boolean = z.boolean('must be true or false');
