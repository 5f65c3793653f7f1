// Answers: `pillion wasm pull`: the module of an image, checked by every digest, becomes a file.
import { existsSync, statSync } from 'node:fs';
import { quoted } from '../../core/model/problem.ts';
import { checkModule } from '../../core/wasm/bytes/module-check.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { printFacts } from './facts.ts';
import { lookAt } from './look.ts';
import { largestModuleOption, registryOptions, writing } from './options.ts';
import { tellRefusal } from './refused.ts';
import { sizeText } from './sizes.ts';

export const pullCommand: Command = {
  name: 'wasm pull',
  summary: 'Fetch the module of an image into a file.',
  details: [
    'Manifest, layer and module are checked by their digests, and a module that no proxy would load is refused (exit code',
    '4); the file is there whole or not at all. Credentials are those of "docker login". Takes https:// too.',
  ],
  examples: [
    'pillion wasm pull registry.example.com/shop/hello:1',
    'pillion wasm pull registry.example.com/shop/hello@sha256:… --to plugin.wasm',
  ],
  arguments: [{ name: 'reference', doc: 'The image: host/name:tag, or host/name@sha256:….' }],
  options: [
    {
      name: 'to',
      value: 'FILE',
      completes: 'file',
      fallback: 'the last part of the name, with .wasm',
      doc: 'Where to write it.',
    },
    { name: 'force', doc: 'Write over a file that is there.' },
    ...registryOptions,
    largestModuleOption,
    outputOption,
  ],
  run: pull,
};

async function pull(io: Io, options: OptionValues): Promise<number> {
  const reference = textOf(options, 'reference') ?? '';
  const file = textOf(options, 'to') ?? fileNameOf(reference);
  if (isDirectory(file)) throw new UsageError(`Cannot write ${quoted(file)}: it is a directory; name a file with --to`);
  if (existsSync(file) && !options.has('force'))
    throw new UsageError(`Cannot write ${quoted(file)}: it is there already; add --force, or name another with --to`);
  const looked = await lookAt(io, options, reference);
  if (!looked.ok) return tellRefusal(io, options, looked.error, { reference });
  const { bytes, fetched, warnings } = looked.value;
  const checked = checkModule(bytes);
  if (!checked.ok) return tellRefusal(io, options, checked.error, { reference });
  const { writeWhole } = await import('../../edge/image-layout.ts');
  await writing(file, () => writeWhole(file, bytes), 'name another with --to');
  for (const warning of warnings) io.stderr.write(`Warning: ${warning}\n`);
  if (isJson(options)) io.stdout.write(`${JSON.stringify({ ...fetched, file }, undefined, 2)}\n`);
  else {
    const { pinned, moduleDigest, sizeBytes } = fetched;
    const facts = [
      ['Module', moduleDigest, sizeText(sizeBytes)],
      ['Pinned', pinned],
    ] as const;
    io.stdout.write(printFacts(`Pulled ${file}`, facts, terminalOf(io)));
  }
  return exitCodes.done;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `oci://host/team/hello:1` → `hello.wasm`. */
function fileNameOf(reference: string): string {
  const [path = ''] = reference.replace(/^[a-z]+:\/\//, '').split(/[@?#]/);
  const last = path.split('/').at(-1) ?? '';
  return `${last.replace(/(:.*|\.wasm)$/, '') || 'plugin'}.wasm`;
}
