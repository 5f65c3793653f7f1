// Answers: `pillion wasm inspect`: what is an image, a file or a URL, and would proxies take it.
// Does not belong here: fetching (look.ts), the checks (core/wasm/bytes/module-check.ts).
import type { Result } from '../../core/model/problem.ts';
import { checkModule } from '../../core/wasm/bytes/module-check.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { TrustedKey, Verification } from '../../core/wasm/trust.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf } from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { printInspection } from './inspect-text.ts';
import { type Inspection, importsOf } from './inspection.ts';
import { type Looked, lookAt } from './look.ts';
import { keyOption, largestModuleOption, readKeys, registryOptions } from './options.ts';
import { exitCodeOf, sayable, tellRefusal } from './refused.ts';
import { withRegistry } from './registry-access.ts';

export const inspectCommand: Command = {
  name: 'wasm inspect',
  summary: 'Show what an image, a file or a URL holds: digests, ABI, signatures, and whether proxies would take it.',
  details: [
    'Everything is fetched and checked as the controller does it, without a cluster. Exit code 4: it was refused, and the',
    'last lines say why. With --key its cosign signatures are looked for too.',
  ],
  examples: [
    'pillion wasm inspect registry.example.com/shop/hello:1',
    'pillion wasm inspect build/plugin.wasm',
    "pillion wasm inspect https://example.com/plugin.wasm -o json | jq -r '.moduleDigest'",
  ],
  arguments: [{ name: 'what', completes: 'file', doc: 'host/name:tag, a .wasm file, file:///path, or https://….' }],
  options: [keyOption, ...registryOptions, largestModuleOption, outputOption],
  run: inspect,
};

async function inspect(io: Io, options: OptionValues): Promise<number> {
  const text = textOf(options, 'what') ?? '';
  const keys = await readKeys(options);
  const looked = await lookAt(io, options, text);
  if (!looked.ok) return tellRefusals(io, options, looked.error, text);
  const found = looked.value;
  const verified = await signaturesOf(io, options, found, keys);
  const inspection: Inspection = {
    ...found,
    checked: checkModule(found.bytes),
    imports: importsOf(found.bytes),
    ...(verified !== undefined && { verified }),
  };
  io.stdout.write(isJson(options) ? inspectionJson(inspection) : printInspection(inspection, terminalOf(io)));
  const refused = [inspection.checked, inspection.verified].find((one) => one?.ok === false);
  return refused?.ok === false ? exitCodeOf(refused.error) : exitCodes.done;
}

/** Here JSON has a list of refusals, since bytes and signatures are judged both. */
function tellRefusals(io: Io, options: OptionValues, refused: Refusal, reference: string): number {
  if (!isJson(options)) return tellRefusal(io, options, refused);
  io.stdout.write(`${JSON.stringify({ reference, refused: [sayable(refused)] }, undefined, 2)}\n`);
  return exitCodeOf(refused);
}

async function signaturesOf(
  io: Io,
  options: OptionValues,
  { image, fetched: { manifestDigest }, indexDigest }: Looked,
  keys: readonly TrustedKey[],
): Promise<Result<Verification, Refusal> | undefined> {
  if (keys.length === 0 || image === undefined || manifestDigest === undefined) return undefined;
  const { verifyResolved } = await import('../../edge/registry/verify-resolved.ts');
  const source = { kind: 'image', image } as const;
  const resolved = { source, manifestDigest, ...(indexDigest !== undefined && { indexDigest }) };
  return withRegistry(io, options, image.registry, (registry) =>
    verifyResolved(registry, resolved, [{ mode: 'enforce', keys, threshold: 1 }]),
  );
}

function inspectionJson({ fetched, indexDigest, checked, verified, imports, warnings }: Inspection): string {
  const facts = checked.ok ? checked.value : {};
  const said = [...warnings, ...(checked.ok ? checked.value.warnings : [])];
  const seen = {
    ...fetched,
    ...(indexDigest !== undefined && { indexDigest }),
    ...facts,
    imports,
    ...(verified?.ok && { signedBy: verified.value.signedBy }),
    warnings: said,
    refused: [checked, verified].flatMap((one) => (one?.ok === false ? [sayable(one.error)] : [])),
  };
  return `${JSON.stringify(seen, undefined, 2)}\n`;
}
