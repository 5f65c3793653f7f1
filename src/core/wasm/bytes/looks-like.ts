// Answers: what is it that somebody took for a module. For messages: the usual mistakes have names.

/** First bytes, as characters of Latin-1, and what begins with them. */
const beginnings: readonly (readonly [begin: string, what: string])[] = [
  ['\x7fELF', 'it is a native library or program (ELF)'],
  ['MZ', 'it is a native library or program (PE)'],
  ['\xcf\xfa\xed\xfe', 'it is a native library or program (Mach-O)'],
  ['\xca\xfe\xba\xbe', 'it is a native library or Java class'],
  ['!<arch>', 'it is an archive of object files'],
  ['BC\xc0\xde', 'it is LLVM bitcode'],
  ['\x1f\x8b', 'it is gzip'],
  ['\x28\xb5\x2f\xfd', 'it is zstd'],
  ['(', 'it is WebAssembly text'],
  ['\0asm', 'it is a module'],
  ['PK', 'it is a ZIP archive'],
  ['#!', 'it is a script'],
  ['<', 'it is HTML or XML'],
  ['{', 'it is JSON'],
  ['version https://git-lfs', 'it is a pointer of Git LFS'],
];

/** `it is gzip`; `it is empty`; `it is something else`. */
export function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart();
  return beginnings.find(([begin]) => head.startsWith(begin))?.[1] ?? 'it is something else';
}
