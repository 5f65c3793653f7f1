// Answers: which blobs are larger than they look, and must be left before they fill memory, disk or time.
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { paxHeader, repeatedGzip, tarEntry, tarHeader } from './archive-builder.ts';
import { type Blob, type BlobRow, fixturesOf } from './hostile-archives.ts';
import { validModule } from './module-builder.ts';

const content = validModule('bomb');
const mebibyte = 1024 * 1024;

/** As much as may be ordered; what comes does not have this digest, and nobody gets so far. */
const large = { digest: `sha256:${'b'.repeat(64)}`, sizeBytes: 60 * mebibyte } as const;

const zeros = (): Uint8Array => new Uint8Array(mebibyte);

/** 10 GB of zeros in a gzip of some MB; `piece` is what it is made of. */
function bomb(fileBytes: number, piece = zeros()): Blob {
  const head = tarHeader({ name: 'a', sizeBytes: fileBytes });
  return { variant: 'compat-oci', blob: repeatedGzip({ head, piece, times: 10_000 }), ...large };
}

const rows: readonly BlobRow[] = [
  ['10 GB of zeros in a gzip', 'TooLarge', 'the entry "a" has more than 16777216 bytes', () => bomb(8_000_000_000)],
  [
    '10 GB of zeros after a file that is allowed',
    'TooLarge',
    'what it unpacks to is more than 200 times as large as it is, and has m',
    () => bomb(16 * mebibyte),
  ],
  [
    '10 GB that stay under the ratio by padding',
    'TooLarge',
    'what it unpacks to has more than 17825792 bytes',
    () => bomb(17 * mebibyte, Buffer.concat([zeros(), randomBytes(8_000)])),
  ],
  [
    '10 GB of zeros by HTTP',
    'TooLarge',
    'what it unpacks to is more than 200 times as large as it is, and has m',
    () => ({ variant: 'http', blob: repeatedGzip({ head: content, piece: zeros(), times: 10_000 }) }),
  ],
  [
    'a million empty gzip members',
    'BadArchive',
    'it holds no plugin.wasm; found nothing',
    () => repeated(Buffer.concat(Array.from({ length: 1_000 }, () => emptyGzip)), 1_000),
  ],
  ['10000 entries', 'BadArchive', 'it has more than 1000 entries', () => manyEntries(tarEntry({ name: 'f' }))],
  [
    '10000 extended headers',
    'BadArchive',
    'it has more than 1000 entries',
    () => manyEntries(tarEntry(paxHeader({ mtime: '1' }))),
  ],
  [
    'a module without an end by HTTP',
    'TooLarge',
    'the module has more than 16777216 bytes',
    () => ({ variant: 'http', blob: endless(content) }),
  ],
  [
    'a module without an end',
    'TooLarge',
    'the module has more than 16777216 bytes',
    () => ({ variant: 'oci', blob: endless(content), ...large }),
  ],
  [
    'a layer of 65 MiB',
    'TooLarge',
    'it has more than 67108864 bytes',
    () => ({ variant: 'compat-oci', blob: endless(emptyGzip), ...large, sizeBytes: 65 * mebibyte }),
  ],
];

/** Ordered as it comes, so that the number of entries is all that is wrong. */
function manyEntries(entry: Uint8Array): Blob {
  const piece = Buffer.concat(Array.from({ length: 100 }, () => entry));
  return repeated(gzipSync(piece), 100);
}

const emptyGzip = gzipSync('');

/** The bytes again and again, ordered as they come. */
function repeated(bytes: Uint8Array, times: number): Blob {
  const hash = createHash('sha256');
  for (let count = 0; count < times; count += 1) hash.update(bytes);
  const blob = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (let count = 0; count < times; count += 1) yield bytes;
  };
  return {
    variant: 'compat-oci',
    blob: blob(),
    digest: `sha256:${hash.digest('hex')}`,
    sizeBytes: times * bytes.length,
  };
}

async function* endless(head: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  const zeros = new Uint8Array(64 * 1024);
  for (;;) yield zeros;
}

export const hostileBombs = fixturesOf('bomb', rows);
