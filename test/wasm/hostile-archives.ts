// Answers: which archives must never give a module, though each is whole and compressed as it has to be.
import { gzipSync } from 'node:zlib';
import { paxHeader, type TarEntry, tar } from './archive-builder.ts';
import type { HostileBlob, HostileFixture } from './hostile-fixtures.ts';
import { validModule } from './module-builder.ts';

export type Blob = Omit<HostileBlob, 'kind'>;

export type BlobRow = readonly [name: string, reason: HostileFixture['reason'], says: string, make: () => Blob];

export const content = validModule('hostile');
/** The entry that has to be there. */
export const plugin: TarEntry = { name: 'plugin.wasm', content };

/** A gzipped archive of these entries. */
export function layer(...entries: readonly TarEntry[]): Blob {
  return { variant: 'compat-oci', blob: gzipSync(tar(...entries)) };
}

/** The rows as fixtures, each named after the area and its row. */
export function fixturesOf(area: string, rows: readonly BlobRow[]): readonly HostileFixture[] {
  return rows.map(([name, reason, says, make]) => ({
    name: `${area}: ${name}`,
    reason,
    says,
    make: () => ({ kind: 'blob', ...make() }),
  }));
}

const rows: readonly BlobRow[] = [
  [
    'a module that says it has 8 GiB',
    'TooLarge',
    'the module has more than 16777216 bytes',
    () => layer({ ...plugin, sizeField: '77777777777\0' }),
  ],
  [
    'a module that says it has 2^62 bytes',
    'BadArchive',
    'the size of an entry is no number',
    () => layer({ ...plugin, sizeField: `\x80\0\0\0\x40${'\0'.repeat(7)}` }),
  ],
  [
    'a module that says it has 17 MiB, in binary',
    'TooLarge',
    'the module has more than 16777216 bytes',
    () => layer({ ...plugin, sizeField: `\x80${'\0'.repeat(7)}\x01\x10\0\0` }),
  ],
  [
    'a size in binary that is small but for its first byte',
    'BadArchive',
    'the size of an entry is no number',
    () => layer({ ...plugin, sizeField: `\x81${'\0'.repeat(10)}\x08` }),
  ],
  [
    'a module of negative size',
    'BadArchive',
    'the size of an entry is no number',
    () => layer({ ...plugin, sizeField: '\xff'.repeat(12) }),
  ],
  [
    'a size that is no number',
    'BadArchive',
    'the size of an entry is no number',
    () => layer({ ...plugin, sizeField: '-0000000001\0' }),
  ],
  [
    'a symbolic link',
    'BadArchive',
    '"plugin.wasm" is no plain file',
    () => layer({ name: 'plugin.wasm', type: '2', linkName: '/etc/passwd' }),
  ],
  [
    'a hard link',
    'BadArchive',
    '"plugin.wasm" is no plain file',
    () => layer({ name: 'a', content }, { name: 'plugin.wasm', type: '1', linkName: 'a' }),
  ],
  ['a device', 'BadArchive', '"plugin.wasm" is no plain file', () => layer({ name: 'plugin.wasm', type: '3' })],
  ['a pipe', 'BadArchive', '"plugin.wasm" is no plain file', () => layer({ name: 'plugin.wasm', type: '6' })],
  ['a directory', 'BadArchive', '"plugin.wasm/" is no plain file', () => layer({ name: 'plugin.wasm/', type: '5' })],
  [
    'a directory of type file',
    'BadArchive',
    'an entry without content has a size',
    () => layer({ name: 'plugin.wasm/', type: '5', sizeBytes: 5 }),
  ],
  [
    'a link with content',
    'BadArchive',
    'an entry without content has a size',
    () => layer({ name: 'a', type: '2', linkName: 'b', content }, plugin),
  ],
  [
    'a path that leads out of the archive',
    'BadArchive',
    '"../plugin.wasm" leads out of the archive',
    () => layer({ ...plugin, name: '../plugin.wasm' }),
  ],
  [
    'a path that leads out by a prefix',
    'BadArchive',
    '"a/../../../plugin.wasm" leads out of the archive',
    () => layer({ ...plugin, prefix: 'a/../../..' }),
  ],
  ['two modules', 'BadArchive', 'it holds plugin.wasm twice', () => layer(plugin, plugin)],
  [
    'two modules under two directories',
    'BadArchive',
    'it holds plugin.wasm twice',
    () => layer(plugin, { ...plugin, name: 'a/plugin.wasm' }),
  ],
  [
    'a module that was removed',
    'BadArchive',
    '".wh.plugin.wasm" says that plugin.wasm was removed',
    () => layer(plugin, { name: '.wh.plugin.wasm' }),
  ],
  [
    'another name in a pax header',
    'BadArchive',
    'an entry is "README" and "plugin.wasm"',
    () => layer(paxHeader({ path: 'plugin.wasm' }), { name: 'README', content }),
  ],
  [
    'a pax header that hides the module',
    'BadArchive',
    'an entry is "plugin.wasm" and "README"',
    () => layer(paxHeader({ path: 'README' }), plugin),
  ],
  [
    'another size in a pax header',
    'BadArchive',
    'an entry has two sizes',
    () => layer(paxHeader({ size: '8' }), plugin),
  ],
  [
    'a pax header of 8 GiB',
    'BadArchive',
    'an extended header has more than 65536 bytes',
    () => layer({ name: 'x', type: 'x', sizeField: '77777777777\0' }, plugin),
  ],
  [
    'a pax record that is longer than its header',
    'BadArchive',
    'in an extended header, a record is cut off or broken',
    () => layer({ name: 'x', type: 'x', content: '999 path=plugin.wasm\n' }, plugin),
  ],
  [
    'a pax record of negative length',
    'BadArchive',
    'in an extended header, a record is cut off or broken',
    () => layer({ name: 'x', type: 'x', content: '-5 a=b\n' }, plugin),
  ],
  [
    'a pax record with a path that ends early',
    'BadArchive',
    'in an extended header, a record is broken',
    () => layer(paxHeader({ path: 'plugin.wasm\0x' }), plugin),
  ],
  [
    'two paths in a pax header',
    'BadArchive',
    'in an extended header, the record "path" stands twice',
    () => layer({ name: 'x', type: 'x', content: '10 path=a\n10 path=b\n' }, plugin),
  ],
  [
    'a sparse file in a pax header',
    'BadArchive',
    'an entry is sparse ("GNU.sparse.name")',
    () => layer(paxHeader({ 'GNU.sparse.name': 'plugin.wasm', 'GNU.sparse.major': '1' }), { name: 'a', content }),
  ],
  [
    'a sparse file of GNU tar',
    'BadArchive',
    'an entry is of a kind that not every reader knows (sparse, multi-volum',
    () => layer({ ...plugin, type: 'S' }),
  ],
  [
    'a pax header that renames all',
    'BadArchive',
    'a global header renames all entries',
    () => layer(paxHeader({ path: 'plugin.wasm' }, 'g'), { name: 'a', content }),
  ],
  [
    'a long name of GNU tar',
    'BadArchive',
    'an entry is "a" and "plugin.wasm"',
    () => layer({ name: '././@LongLink', type: 'L', content: 'plugin.wasm\0' }, { name: 'a', content }),
  ],
  [
    'a long name of 8 GiB',
    'BadArchive',
    'an extended header has more than 65536 bytes',
    () => layer({ name: '././@LongLink', type: 'L', sizeField: '77777777777\0' }, plugin),
  ],
  [
    'two long names of two kinds',
    'BadArchive',
    'an entry has two long names',
    () => layer({ name: 'L', type: 'L', content: 'b\0' }, paxHeader({ path: 'c' }), { name: 'a' }, plugin),
  ],
  [
    'an extended header at the end',
    'BadArchive',
    'it ends after an extended header',
    () => layer(plugin, paxHeader({ path: 'a' })),
  ],
  ['a wrong sum', 'BadArchive', 'the sum of a header is wrong', () => layer({ ...plugin, checksum: 1 })],
  [
    'a header of before 1988',
    'BadArchive',
    'a header is neither of ustar nor of GNU tar',
    () => layer({ ...plugin, magic: '\0\0\0\0\0\0\0\0' }),
  ],
  [
    'a module whose name is that of a directory',
    'BadArchive',
    '"plugin.wasm/" is no plain file',
    () => layer({ ...plugin, name: 'plugin.wasm/' }),
  ],
  [
    'a module whose name is all prefix',
    'BadArchive',
    '"plugin.wasm/" is no plain file',
    () => layer({ ...plugin, name: '', prefix: 'plugin.wasm' }),
  ],
  [
    'a pax size in another notation',
    'BadArchive',
    'the size of an entry is no number',
    () => layer(paxHeader({ size: `0x${content.length.toString(16)}` }), plugin),
  ],
  [
    'a long name of the module that does not begin as its header',
    'BadArchive',
    'and "',
    () => layer(paxHeader({ path: `${'d/'.repeat(60)}plugin.wasm` }), { ...plugin, name: 'e/'.repeat(50) }),
  ],
  [
    'an entry of another kind',
    'BadArchive',
    'an entry is of a kind that not every reader knows (sparse, multi-volum',
    () => layer({ name: 'a', type: 'M' }, plugin),
  ],
  [
    'no module',
    'BadArchive',
    'it holds no plugin.wasm; found "filter.wasm"',
    () => layer({ name: 'filter.wasm', content }),
  ],
  ['nothing', 'BadArchive', 'it holds no plugin.wasm; found nothing', () => layer()],
];

export const hostileArchives = fixturesOf('archive', rows);
