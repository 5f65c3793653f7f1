// Answers: `pillion wasm verify`: is an image signed by the keys that are trusted.
// Does not belong here: the checks (core/wasm/signature/signatures.ts), where signatures are found (edge/registry/).
import { ok, quoted } from '../../core/model/problem.ts';
import { usualLimits } from '../../core/wasm/limits.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { type Fact, printFacts } from './facts.ts';
import { isLocalFile } from './look.ts';
import { keyOption, readKeys, registryOptions, thresholdOf, thresholdOption } from './options.ts';
import { tellRefusal } from './refused.ts';
import { imageOf, shownImage, withRegistry } from './registry-access.ts';

export const verifyCommand: Command = {
  name: 'wasm verify',
  summary: 'Check the cosign signatures of an image against public keys.',
  details: [
    'Both forms of cosign are found: the tag sha256-….sig, and bundles that refer to the image. Nothing but the keys is',
    'trusted, and no other service is asked. Exit codes: 0 signed; 4 not signed, or not by these keys; 2 it could not be',
    'looked at.',
  ],
  examples: [
    'pillion wasm verify registry.example.com/shop/hello:1 --key cosign.pub',
    'pillion wasm verify registry.example.com/shop/hello:1 --key build.pub --key security.pub --threshold 2',
  ],
  arguments: [{ name: 'reference', doc: 'The image: host/name:tag, or host/name@sha256:….' }],
  options: [
    { ...keyOption, doc: `${keyOption.doc} Has to be given.` },
    thresholdOption,
    ...registryOptions,
    outputOption,
  ],
  run: verify,
};

async function verify(io: Io, options: OptionValues): Promise<number> {
  const text = textOf(options, 'reference') ?? '';
  if (isLocalFile(text) || /^https?:\/\//.test(text))
    throw new UsageError(`Cannot verify ${quoted(text)}: only images have signatures; name one, host/name:tag`);
  const image = imageOf(text);
  const keys = await readKeys(options);
  if (keys.length === 0)
    throw new UsageError('Cannot verify: no key is trusted; give the public key with --key cosign.pub');
  const threshold = thresholdOf(options, keys) ?? 1;
  const { resolveModule } = await import('../../edge/registry/fetch-module.ts');
  const { verifyResolved } = await import('../../edge/registry/verify-resolved.ts');
  const verified = await withRegistry(io, options, image.registry, async (registry) => {
    const resolved = await resolveModule({ kind: 'image', image }, { registry, limits: usualLimits });
    if (!resolved.ok) return resolved;
    const found = await verifyResolved(registry, resolved.value, [{ mode: 'enforce', keys, threshold }]);
    return found.ok ? ok({ ...found.value, ...resolved.value }) : found;
  });
  const reference = shownImage(image);
  if (!verified.ok) return tellRefusal(io, options, verified.error, { reference, isVerified: false });
  const { signedBy, manifestDigest, indexDigest, pinned } = verified.value;
  if (isJson(options)) {
    const seen = { reference, isVerified: true, indexDigest, manifestDigest, pinned, signedBy };
    io.stdout.write(`${JSON.stringify(seen, undefined, 2)}\n`);
    return exitCodes.done;
  }
  const facts: Fact[] = [
    ...(indexDigest === undefined ? [] : [['Index', indexDigest] as const]),
    ...(manifestDigest === undefined ? [] : [['Manifest', manifestDigest] as const]),
    ...signedBy.map(({ key, form }): Fact => ['Signed by', `${key} (${form} form)`]),
  ];
  io.stdout.write(printFacts(`Verified ${reference}`, facts, terminalOf(io)));
  return exitCodes.done;
}
