// Answers: which blobs must never be unpacked: not the ones that were ordered, not compressed as they have to be, or cut.
import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compatLayer, sha256, storedGzip, tar, tarEntry } from './archive-builder.ts';
import { type Blob, type BlobRow, content, fixturesOf, layer, plugin } from './hostile-archives.ts';
import type { HostileBlob } from './hostile-fixtures.ts';
import { validModule } from './module-builder.ts';

function compat(blob: HostileBlob['blob']): Blob {
  return { variant: 'compat-oci', blob };
}

const rows: readonly BlobRow[] = [
  ['an archive that is not compressed', 'BadArchive', 'it is a plain tar, not gzip', () => compat(tar(plugin))],
  ['zstd', 'BadArchive', 'it is zstd, not gzip', () => compat(zstdCompressSync(tar(plugin)))],
  ['the module itself', 'BadArchive', 'it is a module, not gzip', () => compat(content)],
  ['gzip of the module itself', 'BadArchive', 'it is cut off in a header', () => compat(gzipSync(content))],
  [
    'an archive cut in a header',
    'BadArchive',
    'it is cut off in a header',
    () => compat(gzipSync(tarEntry(plugin).subarray(0, 100))),
  ],
  [
    'an archive cut in the module',
    'BadArchive',
    'it is cut off in a file',
    () => compat(gzipSync(tarEntry(plugin).subarray(0, 600))),
  ],
  [
    'a second archive after the end',
    'BadArchive',
    'something follows after its end',
    () => compat(gzipSync(Buffer.concat([tar({ name: 'a' }), tar(plugin)]))),
  ],
  [
    'a second archive in a second gzip member',
    'BadArchive',
    'something follows after its end',
    () => compat(Buffer.concat([compatLayer(content), compatLayer(validModule('b'))])),
  ],
  [
    'gzip that is cut off',
    'BadArchive',
    'it is no whole gzip (unexpected end of file)',
    () => compat(compatLayer(content).subarray(0, -9)),
  ],
  [
    'gzip with a wrong sum',
    'BadArchive',
    'it is no whole gzip (incorrect data check)',
    () => compat(altered(storedGzip(tar(plugin)), -6)),
  ],
  [
    'zeros after the gzip',
    'BadArchive',
    'something follows after the end of gzip',
    () => compat(Buffer.concat([compatLayer(content), new Uint8Array(100_000)])),
  ],
  [
    'something after the gzip',
    'BadArchive',
    'it is no whole gzip (incorrect header check)',
    () => compat(Buffer.concat([compatLayer(content), Buffer.from('PK\x03\x04')])),
  ],
  [
    'ten zeros after the gzip',
    'BadArchive',
    'something follows after the end of gzip',
    () => compat(Buffer.concat([compatLayer(content), new Uint8Array(10)])),
  ],
  [
    'another diff_id',
    'BadArchive',
    'its archive has digest',
    () => ({ ...layer(plugin), diffId: `sha256:${'c'.repeat(64)}` }),
  ],
  [
    'another digest',
    'DigestMismatch',
    'it has digest',
    () => ({ ...layer(plugin), digest: `sha256:${'d'.repeat(64)}` }),
  ],
  [
    'a byte that was altered on its way',
    'DigestMismatch',
    'it has digest',
    () => alteredOnItsWay(compatLayer(noise())),
  ],
  ['an altered raw module', 'DigestMismatch', 'it has digest', () => ({ ...alteredOnItsWay(content), variant: 'oci' })],
  [
    'fewer bytes than were ordered',
    'DigestMismatch',
    'it has 198 bytes',
    () => ({ ...layer(plugin), sizeBytes: compatLayer(content).length + 1 }),
  ],
  [
    'more bytes than were ordered',
    'DigestMismatch',
    'it has more than the 197 bytes of its manifest',
    () => ({ ...layer(plugin), sizeBytes: compatLayer(content).length - 1 }),
  ],
  [
    'HTML by HTTP',
    'NotWasm',
    'it is HTML or XML, not a module, gzip or tar',
    () => ({ variant: 'http', blob: Buffer.from('<!DOCTYPE html><title>Sign in</title>') }),
  ],
  [
    'gzip in gzip by HTTP',
    'NotWasm',
    'it is gzip, not a module, gzip or tar',
    () => ({ variant: 'http', blob: gzipSync(gzipSync(content)) }),
  ],
  [
    'an archive that begins with a link by HTTP',
    'BadArchive',
    '"a" is no plain file',
    () => ({ variant: 'http', blob: tar({ name: 'a', type: '2', linkName: '/etc/passwd' }, plugin) }),
  ],
  [
    'a connection that breaks off',
    'RegistryUnreachable',
    'the transfer broke off (ECONNRESET)',
    () => compat(brokenOff(compatLayer(content))),
  ],
];

/** Larger than what is read ahead. */
function noise(): Uint8Array {
  return randomBytes(500_000);
}

function altered(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Buffer.from(bytes);
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ 0xff;
  return copy;
}

/** What was ordered had the digest of the right bytes. */
function alteredOnItsWay(bytes: Uint8Array): Blob {
  return { variant: 'compat-oci', blob: altered(bytes, 20), digest: sha256(bytes), sizeBytes: bytes.length };
}

async function* brokenOff(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes.subarray(0, 20);
  throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

export const hostileBlobs = fixturesOf('blob', rows);
