// Answers: what does an error of the file system mean for a module.
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';

const full: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const remedies: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only',
  EACCES: 'access is denied',
  EPERM: 'access is denied',
  EIO: 'the disk does not read or write',
  ENOTDIR: 'something that is no directory is in the way',
  ELOOP: 'a symbolic link is in the way',
  EMFILE: 'too many files are open',
};

/** `DiskFull` or `StoreBroken`; throws what is no error of the file system, which is a defect. */
export function diskFault(error: unknown, action: string): Refusal {
  const code = codeOf(error);
  if (code === undefined) throw error;
  if (full.has(code)) return refusal('DiskFull', `Cannot ${action}: no space is left on the disk of the node`);
  return refusal('StoreBroken', `Cannot ${action}: ${remedies[code] ?? code}`);
}

/** `ENOENT`, `ENOSPC`; undefined where the error is none of the system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What the call gives, or undefined where there is no such file. */
export async function whereNone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
