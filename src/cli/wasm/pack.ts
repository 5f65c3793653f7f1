// Answers: `pillion wasm pack`: a compiled module in, an image out that every proxy and container runtime can read.
// Does not belong here: the bytes of the image (core/wasm/image/pack.ts).
import { quoted } from '../../core/model/problem.ts';
import { checkModule } from '../../core/wasm/bytes/module-check.ts';
import { layoutArchive } from '../../core/wasm/image/oci-layout.ts';
import { type PackedImage, packModule } from '../../core/wasm/image/pack.ts';
import { referenceText } from '../../core/wasm/image/read-source.ts';
import type { ModuleFacts } from '../../core/wasm/module.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import {
  type Command,
  exitCodes,
  type Io,
  listOf,
  type OptionRow,
  type OptionValues,
  textOf,
  UsageError,
} from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { type Fact, printFacts, sentences } from './facts.ts';
import { readBytes, writing } from './options.ts';
import { tellRefusal } from './refused.ts';
import { imageOf, largestFileBytes, shownImage } from './registry-access.ts';
import { sizeText } from './sizes.ts';

export const packOptions: readonly OptionRow[] = [
  {
    name: 'root-id',
    value: 'NAME',
    repeatable: true,
    doc: 'Root id that the module answers to; written into the image for people and for older tools.',
  },
  {
    name: 'annotation',
    value: 'KEY=VALUE',
    repeatable: true,
    doc: 'Annotation of the image: org.opencontainers.image.source=https://….',
  },
];

export const packCommand: Command = {
  name: 'wasm pack',
  summary: 'Pack a compiled module into an image.',
  details: [
    'The module is checked first; one that no proxy would load is refused (exit code 4). The image is of the compat',
    'variant, as one manifest: Istio reads it, and container runtimes mount it as an image volume. The same module gives',
    'the same digests on every machine. It is kept in ~/.local/share/pillion/images until "pillion wasm push" sends it.',
  ],
  examples: [
    'pillion wasm pack build/plugin.wasm -t registry.example.com/shop/hello:1',
    'pillion wasm pack build/plugin.wasm -t registry.example.com/shop/hello:1 --to hello.tar',
  ],
  arguments: [{ name: 'file', completes: 'file', doc: 'The module: a .wasm file.' }],
  options: [
    { name: 'tag', short: 't', value: 'REFERENCE', doc: 'Name of the image: host/name:tag. Has to be given.' },
    {
      name: 'to',
      value: 'PATH',
      completes: 'file',
      doc: 'Write an OCI image layout there instead: a directory, or one archive where the path ends with .tar.',
    },
    ...packOptions,
    outputOption,
  ],
  run: pack,
};

async function pack(io: Io, options: OptionValues): Promise<number> {
  const tag = textOf(options, 'tag');
  if (tag === undefined) throw new UsageError('Cannot pack: the image has no name; give one with -t host/name:tag');
  const image = taggedImage(tag);
  const packed = await packFile(io, options);
  if (typeof packed === 'number') return packed;
  const { place, next } = await keep(io, options, image, packed.image);
  const seen = { reference: referenceText(image), ...digestsOf(packed.image), ...packed.facts, place };
  if (isJson(options)) io.stdout.write(`${JSON.stringify(seen, undefined, 2)}\n`);
  else {
    const facts: Fact[] = [
      ...packedFacts(packed.image, packed.facts),
      ['Kept in', place],
      ...sentences('Warning', packed.facts.warnings, terminalOf(io)),
    ];
    io.stdout.write(`${printFacts(`Packed ${shownImage(image)}`, facts, terminalOf(io))}${next}`);
  }
  return exitCodes.done;
}

/** Images are pushed under a tag: a digest is what comes out, and cannot be chosen. */
export function taggedImage(text: string): ImageReference {
  const image = imageOf(text);
  if (image.digest === undefined) return image;
  throw new UsageError(
    `Cannot name the image ${quoted(text)}: its digest follows from its content; leave out "@${image.digest}"`,
  );
}

export interface PackedFile {
  readonly image: PackedImage;
  readonly facts: ModuleFacts;
}

/** The image of the file that argument `file` names; an exit code where the module was refused, which is told then. */
export async function packFile(
  io: Io,
  options: OptionValues,
  file = textOf(options, 'file') ?? '',
): Promise<PackedFile | number> {
  const bytes = await readBytes(file, largestFileBytes);
  const facts = checkModule(bytes);
  if (!facts.ok) return tellRefusal(io, options, facts.error, { file });
  const annotations = Object.fromEntries(listOf(options, 'annotation').map(annotationOf));
  return { image: packModule(bytes, { rootIds: listOf(options, 'root-id'), annotations }), facts: facts.value };
}

function annotationOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`Cannot use --annotation ${quoted(text)}: it has no "="; write KEY=VALUE`);
}

const otherPlace = 'name another place with --to';

async function keep(io: Io, options: OptionValues, image: ImageReference, packed: PackedImage) {
  const { imageStore, writeLayout, writeWhole } = await import('../../edge/image-layout.ts');
  const to = textOf(options, 'to');
  const name = shownImage(image);
  if (to?.endsWith('.tar')) {
    await writing(to, () => writeWhole(to, layoutArchive(name, packed)), otherPlace);
    return { place: to, next: '' };
  }
  const place = to ?? imageStore(io.env);
  if (place === undefined) throw new UsageError('Cannot keep the image: HOME is not set; say where with --to');
  await writing(place, () => writeLayout(place, name, packed), otherPlace);
  return { place, next: to === undefined ? `\nSend it: pillion wasm push ${name}\n` : '' };
}

export function digestsOf({ manifest, layer, moduleDigest }: PackedImage) {
  return { manifestDigest: manifest.digest, layerDigest: layer.digest, moduleDigest };
}

function packedFacts({ manifest, layer, moduleDigest }: PackedImage, { sizeBytes, abi }: ModuleFacts): Fact[] {
  return [
    ['Manifest', manifest.digest, 'what is signed'],
    ['Layer', layer.digest, sizeText(layer.bytes.length)],
    ['Module', moduleDigest, sizeText(sizeBytes)],
    ['ABI', abi],
  ];
}
