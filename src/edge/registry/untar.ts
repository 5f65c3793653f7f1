// Answers: where in a tar archive is the module. Headers alone are kept, one at a time; nothing is ever made of a size
// that is only declared, and nothing is written under a name of the archive.
import { quoted } from '../../core/model/problem.ts';
import { rootIdsOf } from '../../core/wasm/image/image-config.ts';
import { blockBytes, isEmptyBlock, readTarHeader, type TarHeader } from '../../core/wasm/image/tar-header.ts';
import type { ByteReader } from './byte-reader.ts';
import { badArchive, tooLarge } from './refused.ts';
import { type Extension, isExtension, paddingOf, readExtension } from './tar-extensions.ts';

export interface Untarring {
  /** `plugin.wasm` under any directory, as proxies look for it; or the first entry, as they do for HTTP sources. */
  readonly find: 'plugin.wasm' | 'first entry';
  readonly maxEntries: number;
  readonly maxModuleBytes: number;
  /** Gets the bytes of the module. */
  readonly write: (chunk: Uint8Array) => void | Promise<void>;
}

const target = 'plugin.wasm';
const configName = 'runtime-config.json';
/** A larger one is passed over: root ids are a hint. */
const largestRuntimeConfigBytes = 64 * 1024;
/** What an archive may hold besides the module. */
export const besidesModuleBytes = 1024 * 1024;
const mostNames = 5;
const someBytes = 64 * 1024;

interface Walk extends Untarring {
  readonly reader: ByteReader;
  /** Names of other entries, for a message. */
  readonly names: string[];
  hasModule: boolean;
  rootIds: readonly string[];
}

/** Reads the archive to its end; the answer is the root ids of its runtime-config.json. Throws Refused. */
export async function untarModule(reader: ByteReader, untarring: Untarring): Promise<readonly string[]> {
  const walk: Walk = { ...untarring, reader, names: [], hasModule: false, rootIds: [] };
  let extension: Extension = {};
  for (let entries = 1; ; entries += 1) {
    const header = await nextHeader(reader);
    if (header === undefined) break;
    if (entries > walk.maxEntries) throw badArchive(`it has more than ${walk.maxEntries} entries`);
    if (isExtension(header)) extension = await readExtension(reader, header, extension);
    else {
      await readEntry(walk, extended(header, extension));
      extension = {};
    }
  }
  if (Object.keys(extension).length > 0) throw badArchive('it ends after an extended header');
  if (!walk.hasModule)
    throw badArchive(`it holds no ${target}; found ${walk.names.map(quoted).join(', ') || 'nothing'}`);
  return walk.rootIds;
}

/** The next header; undefined at the end, after which nothing but zeros may come. */
async function nextHeader(reader: ByteReader): Promise<TarHeader | undefined> {
  const block = await reader.take(blockBytes);
  if (block === undefined) {
    if ((await reader.peek(1)).length > 0) throw badArchive('it is cut off in a header');
    return undefined;
  }
  if (isEmptyBlock(block)) {
    await expectZeros(reader);
    return undefined;
  }
  const header = readTarHeader(block);
  if (typeof header === 'string') throw badArchive(header);
  return header;
}

async function expectZeros(reader: ByteReader): Promise<void> {
  for (let rest = await reader.some(someBytes); rest !== undefined; rest = await reader.some(someBytes)) {
    if (!isEmptyBlock(rest)) throw badArchive('something follows after its end');
  }
}

/** As much of a longer name as the header has room for, as tar and images' builders leave it there. */
const cutNameCharacters = 90;

/**
 * The module must be called by its header: readers differ in which of two names counts. Where the header holds the start
 * of a name that is too long for it, no reader finds another module.
 */
function extended(header: TarHeader, { name = header.name, sizeBytes = header.sizeBytes }: Extension): TarHeader {
  if (sizeBytes !== header.sizeBytes) throw badArchive('an entry has two sizes');
  const isCut = header.name.length > cutNameCharacters && name.startsWith(header.name);
  if (name !== header.name && ((lastPart(name) === target && !isCut) || lastPart(header.name) === target)) {
    throw badArchive(`an entry is ${quoted(header.name)} and ${quoted(name)}`);
  }
  return { ...header, name };
}

function lastPart(name: string): string {
  return name.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

async function readEntry(walk: Walk, header: TarHeader): Promise<void> {
  const { name, kind, sizeBytes } = header;
  const part = lastPart(name);
  if (part === `.wh.${target}`) throw badArchive(`${quoted(name)} says that ${target} was removed`);
  if (walk.find === 'first entry' ? !walk.hasModule : part === target) {
    checkTarget(walk, header);
    walk.hasModule = true;
    await passOn(walk.reader, sizeBytes, walk.write);
  } else if (part === configName && kind === 'file' && sizeBytes <= largestRuntimeConfigBytes) {
    walk.rootIds = rootIdsOf(await contentOf(walk.reader, sizeBytes));
  } else {
    if (walk.names.length < mostNames) walk.names.push(name);
    if (sizeBytes > walk.maxModuleBytes + besidesModuleBytes)
      throw tooLarge(`the entry ${quoted(name)}`, walk.maxModuleBytes);
    await passOn(walk.reader, sizeBytes, () => undefined);
  }
  if ((await walk.reader.take(paddingOf(sizeBytes))) === undefined)
    throw badArchive(`it is cut off in ${quoted(name)}`);
}

function checkTarget(walk: Walk, { name, kind, sizeBytes }: TarHeader): void {
  if (walk.hasModule) throw badArchive(`it holds ${target} twice`);
  if (kind !== 'file' || name.endsWith('/')) throw badArchive(`${quoted(name)} is no plain file`);
  if (name.split('/').includes('..')) throw badArchive(`${quoted(name)} leads out of the archive`);
  if (sizeBytes > walk.maxModuleBytes) throw tooLarge('the module', walk.maxModuleBytes);
}

async function contentOf(reader: ByteReader, sizeBytes: number): Promise<Uint8Array> {
  const content = await reader.take(sizeBytes);
  if (content === undefined) throw badArchive(`it is cut off in ${configName}`);
  return content;
}

async function passOn(reader: ByteReader, sizeBytes: number, write: Untarring['write']): Promise<void> {
  for (let left = sizeBytes; left > 0; ) {
    const chunk = await reader.some(left);
    if (chunk === undefined) throw badArchive('it is cut off in a file');
    left -= chunk.byteLength;
    await write(chunk);
  }
}
