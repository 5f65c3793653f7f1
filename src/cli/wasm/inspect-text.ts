// Answers: how is what is known about a module laid out for people.
import type { Result } from '../../core/model/problem.ts';
import type { Variant } from '../../core/wasm/module.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import { paint, type Terminal, wrap } from '../terminal.ts';
import { type Fact, printFacts, sentences } from './facts.ts';
import type { Inspection } from './inspection.ts';
import { sayable } from './refused.ts';
import { sizeText } from './sizes.ts';

const green = 32;
const red = 31;

const variants: Readonly<Record<Variant, string>> = {
  'compat-oci': 'an image with plugin.wasm in its layer',
  'compat-docker': 'an image with plugin.wasm in its layer, in the older form of docker',
  oci: 'an artifact with the bare module, as wasme wrote it',
  http: 'behind a URL',
  file: 'on this machine',
};

/** Facts, warnings, and the verdict at last. */
export function printInspection(inspection: Inspection, terminal: Terminal): string {
  const { fetched, checked, verified } = inspection;
  const facts = [...originFacts(inspection), ...moduleFacts(inspection, terminal)];
  const verdicts = [
    ...verdictLines('A module that proxies take', checked, terminal),
    ...(verified === undefined ? [] : verdictLines(signedText(verified), verified, terminal)),
  ];
  return `${printFacts(fetched.reference, facts, terminal)}\n${verdicts.map((line) => `${line}\n`).join('')}`;
}

function originFacts({ fetched, indexDigest }: Inspection): Fact[] {
  const { variant, manifestDigest, layerDigest } = fetched;
  return [
    ['Variant', variant, variants[variant]],
    ...(indexDigest === undefined ? [] : [['Index', indexDigest, 'what was named, and may be signed'] as const]),
    ...(manifestDigest === undefined
      ? []
      : [
          [
            'Manifest',
            manifestDigest,
            indexDigest === undefined ? 'what is signed' : 'what is taken of it, and may be signed',
          ] as const,
        ]),
    ...(layerDigest === undefined ? [] : [['Layer', layerDigest] as const]),
    ['Module', fetched.moduleDigest, sizeText(fetched.sizeBytes)],
  ];
}

function moduleFacts({ checked, imports, fetched, verified, warnings }: Inspection, terminal: Terminal): Fact[] {
  const facts = checked.ok ? checked.value : undefined;
  const rootIds = fetched.rootIds.length === 0 ? [] : [['Root ids', fetched.rootIds.join(', ')] as const];
  const signed = verified?.ok ? verified.value.signedBy : [];
  return [
    ...(facts === undefined ? [] : [['ABI', facts.abi] as const]),
    ...(facts === undefined ? [] : [['Imports', `${imports.length} functions of the proxy`] as const]),
    ...rootIds,
    ...(facts?.producers ?? []).map((producer): Fact => ['Made by', producer]),
    ...signed.map(({ key, form }): Fact => ['Signed by', `${key} (${form === 'tag' ? 'tag' : 'bundle'} form)`]),
    ...sentences('Warning', [...warnings, ...(facts?.warnings ?? [])], terminal),
  ];
}

function signedText(verified: Result<{ readonly signedBy: readonly unknown[] }, Refusal>): string {
  return verified.ok ? 'Signed by a key that was given' : '';
}

function verdictLines(well: string, verdict: Result<unknown, Refusal>, terminal: Terminal): readonly string[] {
  if (verdict.ok) return [`${paint('✓', green, terminal)} ${well}`];
  const { reason, message, remedy } = sayable(verdict.error);
  const [first = '', ...rest] = wrap(`${message} (${reason})`, terminal.width - 2);
  return [
    `${paint('✗', red, terminal)} ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...wrap(remedy, terminal.width - 4).map((line, at) => `  ${at === 0 ? '→ ' : '  '}${line}`),
  ];
}
