// Answers: `pillion wasm push`: a packed image, or a module that is packed on the way, goes to its registry.
// Does not belong here: the calls (edge/registry/).
import { quoted } from '../../core/model/problem.ts';
import type { PackedImage } from '../../core/wasm/image/pack.ts';
import { pinnedText, referenceText } from '../../core/wasm/image/read-source.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { printFacts } from './facts.ts';
import { fileOf, isPath } from './look.ts';
import { registryOptions } from './options.ts';
import { digestsOf, packFile, packOptions, taggedImage } from './pack.ts';
import { progressBar } from './progress.ts';
import { tellRefusal } from './refused.ts';
import { shownImage, withRegistry } from './registry-access.ts';
import { sizeText } from './sizes.ts';

export const pushCommand: Command = {
  name: 'wasm push',
  summary: 'Send an image to its registry.',
  details: [
    'push REFERENCE sends what "pillion wasm pack" has kept under that name; push FILE REFERENCE packs the module and sends',
    'it at once. What the registry has already is not sent again. Credentials are those of "docker login".',
  ],
  examples: [
    'pillion wasm push registry.example.com/shop/hello:1',
    'pillion wasm push build/plugin.wasm registry.example.com/shop/hello:1',
    'pillion wasm push build/plugin.wasm localhost:5000/hello:1 --plain-http -o json | jq -r .pinned',
  ],
  arguments: [
    { name: 'source', completes: 'file', doc: 'The name of a packed image, or a .wasm file.' },
    { name: 'reference', isOptional: true, doc: 'Where a file goes: host/name:tag.' },
  ],
  options: [...packOptions, ...registryOptions, outputOption],
  run: push,
};

async function push(io: Io, options: OptionValues): Promise<number> {
  const source = textOf(options, 'source') ?? '';
  const reference = textOf(options, 'reference');
  if (reference === undefined && isPath(source)) throw namelessFile(source);
  const image = taggedImage(reference ?? source);
  if (reference === undefined) return send(io, options, image, await keptImage(io, options, image));
  const packed = await packFile(io, options, source);
  return typeof packed === 'number' ? packed : send(io, options, image, packed.image);
}

function namelessFile(file: string): UsageError {
  return new UsageError(`Cannot push the file ${quoted(file)}: nobody says where; add its name, host/name:tag`);
}

async function keptImage(io: Io, options: OptionValues, image: ImageReference): Promise<PackedImage> {
  const unused = packOptions.find(({ name }) => options.has(name));
  if (unused !== undefined)
    throw new UsageError(`Cannot use --${unused.name}: the image is packed already; give it to "pillion wasm pack"`);
  const { imageStore, listLayout, readLayout } = await import('../../edge/image-layout.ts');
  const place = imageStore(io.env);
  const name = shownImage(image);
  const entry = (place === undefined ? [] : await listLayout(place)).find((one) => one.reference === name);
  if (place === undefined || entry === undefined) {
    const source = textOf(options, 'source') ?? '';
    if (fileOf(source) !== undefined) throw namelessFile(source);
    throw new UsageError(
      `Cannot push ${quoted(name)}: no image of that name was packed; run "pillion wasm pack FILE -t ${name}", or push a file: "pillion wasm push FILE ${name}"`,
    );
  }
  const read = await readLayout(place, entry);
  if (read.ok) return read.value;
  throw new UsageError(`Cannot push ${quoted(name)}: ${read.error}; pack it again`);
}

async function send(io: Io, options: OptionValues, image: ImageReference, packed: PackedImage): Promise<number> {
  const { pushImage } = await import('../../edge/registry/push-image.ts');
  const bar = progressBar(io, options, `Pushing ${shownImage(image)}`);
  const pushed = await withRegistry(io, options, image.registry, async (registry) => {
    try {
      return await pushImage(registry, image, packed, bar.update);
    } finally {
      bar.end();
    }
  });
  if (!pushed.ok) return tellRefusal(io, options, pushed.error, { reference: referenceText(image) });
  const { manifestDigest, sentBytes } = pushed.value;
  const pinned = pinnedText(image, manifestDigest);
  if (isJson(options)) {
    const seen = { reference: referenceText(image), pinned, ...digestsOf(packed), sentBytes };
    io.stdout.write(`${JSON.stringify(seen, undefined, 2)}\n`);
    return exitCodes.done;
  }
  const sent = sentBytes === 0 ? 'was there' : `${sizeText(sentBytes)} sent`;
  const facts = [
    ['Manifest', manifestDigest, sent],
    ['Module', packed.moduleDigest],
    ['Pinned', pinned],
  ] as const;
  io.stdout.write(printFacts(`Pushed ${shownImage(image)}`, facts, terminalOf(io)));
  io.stdout.write(`\nSign it: cosign sign --key cosign.key ${pinned.replace(/^oci:\/\//, '')}\n`);
  return exitCodes.done;
}
