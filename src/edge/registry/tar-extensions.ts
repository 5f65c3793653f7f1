// Answers: what do headers that precede an entry say about it: its name where it is long (GNU), or anything (pax).
import { quoted } from '../../core/model/problem.ts';
import { blockBytes, readLongName, readPaxRecords, type TarHeader } from '../../core/wasm/image/tar-header.ts';
import type { ByteReader } from './byte-reader.ts';
import { badArchive } from './refused.ts';

/** What an entry is called instead of what its header says. */
export interface Extension {
  readonly name?: string;
  readonly sizeBytes?: number;
}

const longestExtensionBytes = 64 * 1024;

/** True for headers that only describe the entry after them. */
export function isExtension({ kind }: TarHeader): boolean {
  return kind === 'extended' || kind === 'global' || kind === 'long-name' || kind === 'long-link';
}

/** Reads the content of such a header, after those that came before it for the same entry. Throws Refused. */
export async function readExtension(reader: ByteReader, header: TarHeader, before: Extension): Promise<Extension> {
  const { kind, sizeBytes } = header;
  if (sizeBytes > longestExtensionBytes)
    throw badArchive(`an extended header has more than ${longestExtensionBytes} bytes`);
  const content = await reader.take(sizeBytes);
  if (content === undefined || (await reader.take(paddingOf(sizeBytes))) === undefined) {
    throw badArchive('it is cut off in an extended header');
  }
  if (kind === 'long-link') return before;
  const said = kind === 'long-name' ? { name: readLongName(content) } : paxExtension(content);
  if (kind === 'global' && Object.keys(said).length > 0) throw badArchive('a global header renames all entries');
  if (said.name !== undefined && before.name !== undefined) throw badArchive('an entry has two long names');
  return { ...before, ...said };
}

function paxExtension(content: Uint8Array): Extension {
  const records = readPaxRecords(content);
  if (typeof records === 'string') throw badArchive(`in an extended header, ${records}`);
  const sparse = [...records.keys()].find((key) => key.startsWith('GNU.sparse'));
  if (sparse !== undefined) throw badArchive(`an entry is sparse (${quoted(sparse)})`);
  const name = records.get('path');
  const size = records.get('size');
  if (size !== undefined && !/^[0-9]{1,15}$/.test(size)) throw badArchive('the size of an entry is no number');
  return { ...(name !== undefined && { name }), ...(size !== undefined && { sizeBytes: Number(size) }) };
}

/** How many bytes follow content of this size until the next block begins. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}
