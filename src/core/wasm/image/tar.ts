// Answers: how are files put into a tar archive, the same bytes on every machine: ustar, nobody's user and group, no
// times, read-only files. Source: POSIX.1-1988 (ustar), as every reader of images knows it.

export interface TarFile {
  /** At most 100 characters of ASCII, without a directory. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const blockBytes = 512;
const readOnly = 0o444;
const plainFile = '0';

/** The archive: every file in its own blocks, then two empty blocks. */
export function tarOf(files: readonly TarFile[]): Uint8Array {
  const parts = files.flatMap(({ name, bytes }) => [
    header(name, bytes.length),
    bytes,
    new Uint8Array((blockBytes - (bytes.length % blockBytes)) % blockBytes),
  ]);
  return Buffer.concat([...parts, new Uint8Array(2 * blockBytes)]);
}

function header(name: string, sizeBytes: number): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  const put = (at: number, text: string) => block.write(text, at, 'latin1');
  const octal = (at: number, width: number, value: number) => put(at, value.toString(8).padStart(width - 1, '0'));
  put(0, name);
  octal(100, 8, readOnly);
  octal(108, 8, 0); // user
  octal(116, 8, 0); // group
  octal(124, 12, sizeBytes);
  octal(136, 12, 0); // time of change
  block.fill(' ', 148, 156); // the sum counts itself as blanks
  put(156, plainFile);
  put(257, 'ustar\u000000');
  octal(329, 8, 0);
  octal(337, 8, 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
